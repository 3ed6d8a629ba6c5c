"""sqlc's request as models and queries: classes, fields, arguments and their types."""

import base64
import collections
import dataclasses
import fnmatch
import json
import typing

from . import names, postgres

Json = dict[str, typing.Any]
Table = tuple[str, str]  # schema, name
COMMANDS = (":one", ":many", ":exec", ":execrows", ":execresult")


class PluginError(Exception):
    """Something in the options or in a query for which no code can be written."""


@dataclasses.dataclass
class Options:
    """`options` in sqlc.yaml."""

    package: str = ""
    out: str = ""
    emit_sync_querier: bool = False
    emit_async_querier: bool = False
    emit_pydantic_models: bool = False
    emit_str_enum: bool = False
    emit_exact_table_names: bool = False
    emit_init_file: bool = False
    query_parameter_limit: int | None = None  # no effect: arguments are always keyword-only
    inflection_exclude_table_names: list[str] = dataclasses.field(default_factory=list)
    overrides: list[Json] = dataclasses.field(default_factory=list)

    @classmethod
    def decode(cls, encoded: str) -> typing.Self:
        values = json.loads(base64.b64decode(encoded) or b"{}")
        if unknown := values.keys() - {field.name for field in dataclasses.fields(cls)}:
            raise PluginError(f"unknown options: {', '.join(sorted(unknown))}")
        if not values.get("package"):
            raise PluginError("the option 'package' is missing")
        for override in values.get("overrides", []):
            unknown = override.keys() - {"column", "db_type", "nullable", "py_import", "py_type"}
            complete = "py_type" in override and ("column" in override) != ("db_type" in override)
            if unknown or not complete:
                raise PluginError(f"an override is py_type with column or db_type, not {override}")
        return cls(**values)


@dataclasses.dataclass(frozen=True)
class Type:
    python: str
    dims: int = 0
    null: bool = False
    enum: bool = False

    def annotation(self) -> str:
        text = "list[" * self.dims + self.python + "]" * self.dims
        return f"{text} | None" if self.null else text

    def load(self, cell: str) -> str:
        """The expression for a cell: psycopg hands an enum over as a plain str."""
        if not self.enum:
            return cell
        text = f"{self.python}({'item' if self.dims else cell})"
        for depth in range(self.dims, 0, -1):
            text = f"[{text} for item in {cell if depth == 1 else 'item'}]"
        return f"None if {cell} is None else {text}" if self.null else text


@dataclasses.dataclass
class Field:
    name: str
    column: str
    type: Type
    comment: str = ""
    embed: "Model | None" = None


@dataclasses.dataclass
class Model:
    """A class: of a table or view, or of one query's rows (no table)."""

    name: str
    fields: list[Field]
    comment: str = ""
    table: Table | None = None

    @property
    def path(self) -> str:
        return f"models.{self.name}" if self.table else self.name


@dataclasses.dataclass
class Enum:
    name: str
    values: list[str]
    comment: str


@dataclasses.dataclass
class Query:
    source: str
    name: str
    cmd: str
    sql: str
    comments: list[str]
    arguments: dict[str, str]  # name -> annotation
    bindings: dict[str, str]  # placeholder -> expression
    row: Model | None  # what it returns, if not a scalar
    scalar: Type


@dataclasses.dataclass
class Package:
    sqlc_version: str
    options: Options
    enums: list[Enum]
    models: list[Model]
    queries: list[Query]


def read(request: Json) -> Package:
    return Reader(request).package()


class Reader:
    def __init__(self, request: Json) -> None:
        self.request = request
        self.options = Options.decode(request["plugin_options"])
        catalog = request["catalog"]
        self.default_schema: str = catalog["default_schema"]
        skipped = ("pg_catalog", "information_schema")
        schemas = [schema for schema in catalog["schemas"] if schema["name"] not in skipped]
        self.enums = {
            f"{schema['name']}.{enum['name']}": Enum(
                names.pascal_case(self.prefixed(schema["name"], enum["name"])),
                enum["vals"],
                enum["comment"],
            )
            for schema in schemas
            for enum in schema["enums"]
        }
        self.models = [
            self.model(schema["name"], table) for schema in schemas for table in schema["tables"]
        ]

    def package(self) -> Package:
        enums = sorted(self.enums.values(), key=lambda enum: enum.name)
        models = sorted(self.models, key=lambda model: model.name)
        count = collections.Counter(
            [enum.name for enum in enums] + [model.name for model in models]
        )
        if twice := [name for name in count if count[name] > 1]:
            raise PluginError(
                f"more than one table, view or enum would be the class {', '.join(twice)}: "
                "see emit_exact_table_names and inflection_exclude_table_names"
            )
        queries = [self.query(query) for query in self.request["queries"] if query["cmd"]]
        queries.sort(key=lambda query: query.name)
        return Package(self.request["sqlc_version"], self.options, enums, models, queries)

    def prefixed(self, schema: str, name: str) -> str:
        return name if schema == self.default_schema else f"{schema}_{name}"

    def model(self, schema: str, table: Json) -> Model:
        name = self.prefixed(schema, table["rel"]["name"])
        excluded = [other.lower() for other in self.options.inflection_exclude_table_names]
        if not self.options.emit_exact_table_names and name.lower() not in excluded:
            name = names.singular(name)
        fields = self.fields(table["columns"])
        return Model(
            names.pascal_case(name), fields, table["comment"], (schema, table["rel"]["name"])
        )

    def fields(self, columns: list[Json]) -> list[Field]:
        labels = [column["name"] or f"column_{i}" for i, column in enumerate(columns, 1)]
        fields = []
        for name, column in zip(names.identifiers(labels), columns, strict=True):
            if column["embed_table"]:
                table = self.table(column["embed_table"])
                embed = next(model for model in self.models if model.table == table)
                fields.append(Field(name, column["name"], Type(embed.path), embed=embed))
            else:
                type_ = self.python_type(column)
                fields.append(Field(name, column["name"], type_, column["comment"]))
        return fields

    def table(self, rel: Json | None) -> Table | None:
        return (rel["schema"] or self.default_schema, rel["name"]) if rel else None

    def sql_type(self, kind: Json | None) -> str:
        """PostgreSQL's name for a type; of an enum, with its schema."""
        name = postgres.type_name(kind["schema"], kind["name"]) if kind else ""
        in_default = f"{self.default_schema}.{name}"
        return in_default if in_default in self.enums else name

    def python_type(self, column: Json) -> Type:
        name = self.sql_type(column["type"])
        override = self.override(column, name)
        enum = self.enums.get(name) if override is None else None
        python = override or (f"models.{enum.name}" if enum else postgres.PYTHON.get(name))
        dims = max(1, column["array_dims"]) if column["is_array"] else 0
        return Type(python or "typing.Any", dims, not column["not_null"], enum is not None)

    def override(self, column: Json, sql_type: str) -> str | None:
        """The first override that matches: by "[schema.]table.column" (may hold *), or by type."""
        schema, table = self.table(column["table"]) or ("", "")
        short = f"{table}.{column['original_name'] or column['name']}"
        paths = [f"{schema}.{short}"] + ([short] if schema == self.default_schema else [])
        for override in self.options.overrides:
            if "column" in override:
                found = any(fnmatch.fnmatchcase(path, override["column"]) for path in paths)
            else:
                wanted = self.sql_type({"schema": "", "name": override["db_type"]})
                nullable = override.get("nullable", False)
                found = wanted == sql_type and nullable is not column["not_null"]
            if found:
                module, python = override.get("py_import"), str(override["py_type"])
                return f"{module}.{python}" if module and f"{module}." not in python else python
        return None

    def query(self, query: Json) -> Query:
        where, cmd = f"{query['filename']}: {query['name']}", query["cmd"]
        if cmd not in COMMANDS:
            raise PluginError(f"{where}: {cmd} is not supported, only {', '.join(COMMANDS)}")
        columns = query["columns"] if cmd in (":one", ":many") else []
        if cmd in (":one", ":many") and not columns:
            raise PluginError(f"{where}: {cmd} needs a statement that returns columns")
        is_scalar = len(columns) == 1 and not columns[0]["embed_table"]
        params = sorted(query["params"], key=lambda param: int(param["number"]))
        labels = [param["column"]["name"] or f"dollar_{param['number']}" for param in params]
        arguments, bindings, placeholders = {}, {}, {}
        for param, name in zip(
            params, names.identifiers(labels, names.TAKEN_BY_LOCALS), strict=True
        ):
            column = param["column"]
            if column["is_sqlc_slice"]:
                label = column["name"]
                raise PluginError(f"{where}: instead of sqlc.slice, write = any(@{label}::type[])")
            python, sql = self.python_type(column), self.sql_type(column["type"])
            arguments[name] = python.annotation()
            bindings[name] = name
            if (wrapper := postgres.JSON_WRAPPERS.get(sql)) and not python.dims:
                bindings[name] = f"{wrapper}({name}) if isinstance({name}, dict | list) else {name}"
            cast = postgres.cast(sql, array=column["is_array"])
            placeholders[int(param["number"])] = (name, cast)
        return Query(
            source=query["filename"],
            name=names.identifier(names.snake_case(query["name"])),
            cmd=cmd,
            sql=postgres.bind(query["text"], placeholders),
            comments=query["comments"],
            arguments=arguments,
            bindings=bindings,
            row=self.row(query["name"], columns) if columns and not is_scalar else None,
            scalar=self.python_type(columns[0]) if is_scalar else Type("None"),
        )

    def row(self, name: str, columns: list[Json]) -> Model:
        """The table or view whose columns these are, else a class of the query's own."""
        fields = self.fields(columns)
        shape = [(field.column, field.type) for field in fields]
        tables = {self.table(column["table"]) for column in columns}
        for model in self.models:
            model_shape = [(field.column, field.type) for field in model.fields]
            if tables == {model.table} and shape == model_shape:
                return model
        return Model(f"{name[:1].upper()}{name[1:]}Row", fields)
