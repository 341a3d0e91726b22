"""Sockets, processes and time: the shell around the sessions, and the worker that hears and speaks for them."""
