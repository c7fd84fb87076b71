"""What the bundled processors use: mail, HTTP, a database, builds."""
