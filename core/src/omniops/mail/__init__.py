"""Mail to people: what waits to be sent, who must not be written to, and the words around each mail."""
