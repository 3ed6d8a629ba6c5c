"""Benchmark of the service over HTTP, and of the same SQL by pgbench."""
