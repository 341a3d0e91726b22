"""The Realtime protocol, pinned without a socket."""
