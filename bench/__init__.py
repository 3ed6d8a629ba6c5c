"""Measures the service over HTTP, and the same SQL by pgbench beside it."""
