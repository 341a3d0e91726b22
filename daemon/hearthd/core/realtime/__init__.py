"""The Realtime protocol without a socket: wire messages, client protocol, prices, backoff."""
