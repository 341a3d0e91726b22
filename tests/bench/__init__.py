"""Benchmarks of the whole daemon, each figure beside its budget. `scripts/bench` runs them."""
