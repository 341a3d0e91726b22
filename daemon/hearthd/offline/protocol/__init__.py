"""The server's side of the Realtime protocol without a socket: one client's messages in, events and work out. Pure."""
