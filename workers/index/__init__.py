"""Search index: access, rebuild, and comparison with the tables."""
