"""Verbs of the Makefile that only developers need. Installations have none of them."""
