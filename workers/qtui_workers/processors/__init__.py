"""The bundled processors, one file each: a module dropped in here is found by itself."""
