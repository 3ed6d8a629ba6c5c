"""Makefile commands that only developers need. Installations have none of them."""
