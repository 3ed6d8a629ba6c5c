"""How a tool gives up."""


class Failure(SystemExit):
    """Says what is wrong in one line. Uncaught, Python prints that line and exits with 1."""
