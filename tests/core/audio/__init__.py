"""Sound, pure: formats, gate, end-pointing, playout."""
