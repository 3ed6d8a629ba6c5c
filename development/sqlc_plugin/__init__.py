"""sqlc process plugin that writes psycopg 3 code. See README.md in this folder."""
