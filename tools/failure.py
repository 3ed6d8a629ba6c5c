"""Failure of a command."""


class Failure(SystemExit):
    """Message for the user. Uncaught, Python prints it and exits with 1."""
