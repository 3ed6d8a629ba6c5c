"""Failure of a tool."""


class Failure(SystemExit):
    """Says what is wrong in one line. Uncaught, Python prints that line and exits with 1."""
