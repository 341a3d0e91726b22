"""The embedded Realtime-compatible server: speech in, speech out, without any cloud."""
