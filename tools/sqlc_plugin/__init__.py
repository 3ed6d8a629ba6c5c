"""sqlc process plugin: psycopg 3 code from SQL, with the options and surface of sqlc-gen-python.

`reader` turns sqlc's request into models and queries, `writer` turns those into Python; `names` and
`postgres` know the rules of the two languages. Needs only the standard library. See README.md here.
"""
