"""One suite a port, run on the double and on the real adapter."""
