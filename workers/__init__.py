"""Workers: consumers of the outbox, and the sweeper. Each is a `python -m workers.<name>`."""
