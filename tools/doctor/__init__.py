"""Checks of `communities doctor`: one module a topic, each a generator of findings.

A check starts and changes nothing. It only creates a file in DATA_DIR, a key in Redis and two
objects in the bucket, and deletes them.
"""
