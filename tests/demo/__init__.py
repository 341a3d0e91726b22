"""The demo: one spoken command from wake word to lamp, told as it happens. `scripts/demo` runs it."""
