"""What carries events on from the outbox, and keeps house: each `python -m workers.<name>`."""
