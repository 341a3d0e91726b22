"""Formats and blocks, pre-roll, gate and end-pointing, playout ledger, jitter buffer."""
