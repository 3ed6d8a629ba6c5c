"""Types of PostgreSQL as psycopg 3 loads them, and statements with psycopg's placeholders."""

import re

# Spelling of a type, as sqlc reports it -> PostgreSQL's own name.
ALIASES = {
    **dict.fromkeys(("bigserial", "bigint"), "int8"),
    **dict.fromkeys(("serial", "integer", "int"), "int4"),
    "smallint": "int2",
    **dict.fromkeys(("float", "double precision"), "float8"),
    "boolean": "bool",
    "string": "text",
    "timestamp with time zone": "timestamptz",
}
# Types that `api` uses. Any other type is typing.Any.
PYTHON = {
    **dict.fromkeys(("int2", "int4", "int8"), "int"),
    "float8": "float",
    "text": "str",
    "timestamptz": "datetime.datetime",
    "interval": "datetime.timedelta",
    "bool": "bool",
    "uuid": "uuid.UUID",
}
# psycopg sends a dict or a list as JSON only in a wrapper.
JSON_WRAPPERS = {"json": "psycopg.types.json.Json", "jsonb": "psycopg.types.json.Jsonb"}
# Pseudo-types, and types whose bare name in a cast means a length of one.
NOT_CAST = {"", "any", "anyarray", "anyelement", "anynonarray", "bit", "char", "record", "unknown"}

TOKEN = re.compile(
    r"""
    (?P<verbatim> \b[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
      | --[^\n]* | /\*(?:(?!/\*|\*/).|/\*(?:(?!\*/).)*\*/)*\*/
      | (?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$ )
  | (?<![\w$])\$(?P<number>\d+)(?:(?P<cast>\s*::)|(?P<member>\s*[\[.]))?
  | (?P<trailing>[ \t\r]+$)
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


def type_name(schema: str, name: str) -> str:
    """Returns PostgreSQL's own name of a type."""
    name = f"{schema}.{name}" if schema else name
    name = name.removeprefix("pg_catalog.")
    return ALIASES.get(name, name)


def cast(name: str, *, array: bool) -> str:
    """Returns a cast such as `::text[]`, empty for a type that needs none."""
    if name in NOT_CAST:
        return ""
    parts = [
        part if re.fullmatch(r"[a-z_][a-z0-9_]*", part) else '"' + part.replace('"', '""') + '"'
        for part in name.split(".")
    ]
    return f"::{'.'.join(parts)}{'[]' if array else ''}"


def bind(sql: str, placeholders: dict[int, tuple[str, str]]) -> str:
    """Returns the statement with `%(name)s::cast` for each `$1` outside literals and comments.

    A parameter that the statement casts keeps only that cast.
    """

    def replace(token: re.Match[str]) -> str:
        if not token["number"]:
            return "" if token["trailing"] else token[0].rstrip()
        name, cast = placeholders[int(token["number"])]
        if token["cast"]:
            return f"%({name})s{token['cast']}"
        return f"(%({name})s{cast}){token['member']}" if token["member"] else f"%({name})s{cast}"

    if placeholders:  # psycopg looks for `%` only in a statement that is given parameters
        sql = sql.replace("%", "%%")
    return TOKEN.sub(replace, sql)
