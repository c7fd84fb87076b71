"""What the bundled processors stand on: mail, HTTP, a database, builds."""
