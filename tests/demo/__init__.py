"""The demo: spoken wishes from wake word to lamp and answer, told as they happen. `scripts/demo` runs it."""
