"""The commands, as people and systemd call them."""
