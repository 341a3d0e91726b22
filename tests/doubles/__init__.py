"""Stand-ins for the outside world: Realtime server, virtual sound card, memory ports."""
