"""Moved to tools.databases."""

from tools.databases import Database, clone, dump, named, template

__all__ = ["Database", "clone", "dump", "named", "template"]
