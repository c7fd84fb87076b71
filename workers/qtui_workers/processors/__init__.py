"""The bundled processors, one file each: a module that is added here is found by itself."""
