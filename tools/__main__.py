"""`python -m tools`: see cli.py."""

from tools.cli import main

main()
