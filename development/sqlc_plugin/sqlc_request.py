"""Reader of sqlc's request: models and queries, with fields, arguments and their types."""

import base64
import dataclasses
import json
import typing

from . import docstrings, names, sql_types

Json = dict[str, typing.Any]
Table = tuple[str, str]  # schema, name
COMMANDS = (":one", ":many", ":exec")


class PluginError(Exception):
    """Option or query for which the plugin cannot write code."""


@dataclasses.dataclass
class Options:
    """`options` in sqlc.yaml."""

    package: str = ""
    # Package whose `models` module holds the classes of views; by default this one.
    models_package: str = ""
    # Folder of the SQL files whose `comment on function` become docstrings.
    function_comments: str = ""
    emit_sync_querier: bool = False
    emit_async_querier: bool = False
    inflection_exclude_table_names: list[str] = dataclasses.field(default_factory=list)

    @classmethod
    def decode(cls, encoded: str) -> typing.Self:
        """Decodes base64 of JSON. Raises PluginError for an unknown or missing option."""
        values = json.loads(base64.b64decode(encoded) or b"{}")
        if unknown := values.keys() - {field.name for field in dataclasses.fields(cls)}:
            raise PluginError(f"Unknown options: {', '.join(sorted(unknown))}. Remove them.")
        if not values.get("package"):
            raise PluginError("Option package is missing. Set it in sqlc.yaml.")
        return cls(**values)

    @property
    def has_models(self) -> bool:
        """Returns whether this package holds the models."""
        return self.models_package in ("", self.package)


@dataclasses.dataclass(frozen=True)
class Type:
    """Python type of a column or argument; `dims` counts nested lists."""

    python: str
    dims: int = 0
    null: bool = False

    def annotation(self) -> str:
        text = "list[" * self.dims + self.python + "]" * self.dims
        return f"{text} | None" if self.null else text


@dataclasses.dataclass
class Field:
    """Attribute of a model."""

    name: str
    column: str
    type: Type


@dataclasses.dataclass
class Model:
    """Class of a view, or of one query's rows (then without `table`)."""

    name: str
    fields: list[Field]
    comment: str = ""
    table: Table | None = None

    @property
    def path(self) -> str:
        return f"models.{self.name}" if self.table else self.name


@dataclasses.dataclass
class Query:
    """Statement with its arguments and its result: rows of a model, or one value."""

    source: str
    name: str
    cmd: str
    sql: str
    comment: str
    arguments: dict[str, str]  # name -> annotation
    bindings: dict[str, str]  # placeholder -> expression
    row: Model | None
    scalar: Type


@dataclasses.dataclass
class Package:
    """Input of the writer for one package."""

    sqlc_version: str
    options: Options
    models: list[Model]
    queries: list[Query]


def read(request: Json) -> Package:
    """Returns the package that sqlc requests. Raises PluginError."""
    return Reader(request).package()


class Reader:
    """Reads one request."""

    def __init__(self, request: Json) -> None:
        self.request = request
        self.options = Options.decode(request["plugin_options"])
        self.comments = docstrings.read(self.options.function_comments)
        catalog = request["catalog"]
        self.default_schema: str = catalog["default_schema"]
        skipped = ("pg_catalog", "information_schema")
        self.models = [
            self.model(schema["name"], table)
            for schema in catalog["schemas"]
            if schema["name"] not in skipped
            for table in schema["tables"]
        ]

    def package(self) -> Package:
        queries = [self.query(query) for query in self.request["queries"] if query["cmd"]]
        queries.sort(key=lambda query: query.name)
        models = [model for model in self.models if model.table and model.table[0] != "public"]
        models.sort(key=lambda model: model.name)
        classes = [model.name for model in models]
        if repeated := sorted({name for name in classes if classes.count(name) > 1}):
            raise PluginError(
                f"More than one view has the class {', '.join(repeated)}. "
                "List a view in inflection_exclude_table_names."
            )
        return Package(self.request["sqlc_version"], self.options, models, queries)

    def model(self, schema: str, table: Json) -> Model:
        rel = table["rel"]["name"]
        name = rel if schema == self.default_schema else f"{schema}_{rel}"
        if name not in self.options.inflection_exclude_table_names:
            name = names.singular(name)
        fields = self.fields(table["columns"])
        return Model(names.pascal_case(name), fields, table["comment"], (schema, rel))

    def fields(self, columns: list[Json]) -> list[Field]:
        labels = [column["name"] or f"column_{i}" for i, column in enumerate(columns, 1)]
        return [
            Field(name, column["name"], python_type(column))
            for name, column in zip(names.identifiers(labels), columns, strict=True)
        ]

    def table(self, rel: Json | None) -> Table | None:
        return (rel["schema"] or self.default_schema, rel["name"]) if rel else None

    def query(self, query: Json) -> Query:
        where, cmd = f"{query['filename']}: {query['name']}", query["cmd"]
        if cmd not in COMMANDS:
            raise PluginError(f"{where}: {cmd} is not supported. Use {', '.join(COMMANDS)}.")
        columns = query["columns"] if cmd != ":exec" else []
        if cmd != ":exec" and not columns:
            raise PluginError(f"{where}: {cmd} returns no columns. Use :exec.")
        params = sorted(query["params"], key=lambda param: int(param["number"]))
        labels = [param["column"]["name"] or f"dollar_{param['number']}" for param in params]
        python_names = names.identifiers(labels, names.TAKEN_BY_LOCALS)
        arguments, bindings, placeholders = {}, {}, {}
        for param, name in zip(params, python_names, strict=True):
            column = param["column"]
            python, sql = python_type(column), sql_type(column)
            arguments[name] = python.annotation()
            bindings[name] = name
            if (wrapper := sql_types.JSON_WRAPPERS.get(sql)) and not python.dims:
                bindings[name] = f"{wrapper}({name}) if isinstance({name}, dict | list) else {name}"
            cast = sql_types.cast(sql, array=column["is_array"])
            placeholders[int(param["number"])] = (name, cast)
        return Query(
            source=query["filename"],
            name=names.identifier(names.snake_case(query["name"])),
            cmd=cmd,
            sql=sql_types.bind(query["text"], placeholders),
            comment=docstrings.of_statement(
                self.comments, query["text"], dict(zip(labels, python_names, strict=True))
            ),
            arguments=arguments,
            bindings=bindings,
            row=self.row(query["name"], columns) if len(columns) > 1 else None,
            scalar=python_type(columns[0]) if len(columns) == 1 else Type("None"),
        )

    def row(self, name: str, columns: list[Json]) -> Model:
        """Returns the model of the view with these columns, or a new model for the query."""
        fields = self.fields(columns)
        shape = [(field.column, field.type) for field in fields]
        tables = {self.table(column["table"]) for column in columns}
        for model in self.models:
            model_shape = [(field.column, field.type) for field in model.fields]
            if tables == {model.table} and shape == model_shape:
                return model
        return Model(f"{name[:1].upper()}{name[1:]}Row", fields)


def sql_type(column: Json) -> str:
    """Returns PostgreSQL's own name of a column's type."""
    kind = column["type"]
    return sql_types.type_name(kind["schema"], kind["name"]) if kind else ""


def python_type(column: Json) -> Type:
    """Returns the Python type of a column; `typing.Any` for an unknown one."""
    python = sql_types.PYTHON.get(sql_type(column), "typing.Any")
    dims = max(1, column["array_dims"]) if column["is_array"] else 0
    return Type(python, dims, not column["not_null"])
