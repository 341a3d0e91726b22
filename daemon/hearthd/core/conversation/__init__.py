"""The conversation: events in, commands out, one state machine between them."""
