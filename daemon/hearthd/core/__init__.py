"""What the daemon knows and decides: pure code, without loop, thread, clock, log or I/O."""
