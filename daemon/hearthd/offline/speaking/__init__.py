"""Words to speech, by synthesisers that Debian carries."""
