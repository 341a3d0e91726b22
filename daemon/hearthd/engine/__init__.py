"""The running daemon: asyncio against ports, and nothing else."""
