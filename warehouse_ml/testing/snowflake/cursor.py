"""fakesnow's cursor, where it must not give what Snowflake does not."""

from threading import Lock
from typing import Any

from fakesnow import dialect, transforms
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.transforms.merge import operations
from sqlglot import ErrorLevel, exp, parse_one
from sqlglot.dialects import DuckDB

from warehouse_ml.testing.snowflake.ambiguous import check_sets, check_update
from warehouse_ml.testing.snowflake.definitions import make_public, unchanged, use_public
from warehouse_ml.testing.snowflake.errors import NotEmulatedError
from warehouse_ml.testing.snowflake.identifiers import keep_names, show_names
from warehouse_ml.testing.snowflake.macros import macro
from warehouse_ml.testing.snowflake.values import finish, prepare

VARIANT_TYPES = {
    "IS_DOUBLE": ("UBIGINT", "BIGINT", "HUGEINT", "DOUBLE"),
    "IS_REAL": ("UBIGINT", "BIGINT", "HUGEINT", "DOUBLE"),
    "IS_DECIMAL": ("UBIGINT", "BIGINT", "HUGEINT", "DOUBLE"),
    "IS_INTEGER": ("UBIGINT", "BIGINT", "HUGEINT"),
    "IS_BOOLEAN": ("BOOLEAN",),
    "IS_VARCHAR": ("VARCHAR",),
    "IS_NULL_VALUE": ("NULL",),
    "IS_TIMESTAMP_NTZ": ("TIMESTAMP_NTZ",),
    "IS_DATE": ("DATE",),
}
"""What DuckDB calls the JSON values for which a predicate of Snowflake holds.

A VARIANT is JSON here, where 2.7 may be of either kind.
"""

MERGED = {"inserted": "INSERT", "updated": "UPDATE", "deleted": "DELETE"}
"""What DuckDB calls what a MERGE did to a row."""

TRY_TIME = "WML_TRY_TIME"
"""Stands for TRY_CAST to a time while fakesnow has the statement."""

KEPT = (exp.Query, exp.Insert, exp.Update, exp.Delete)
"""Statements whose form in DuckDB depends on nothing but their text and the current schema."""

MOST_KEPT = 1_000
"""How many of these forms are kept."""

_transformed: dict[tuple[str, Any, Any], Any] = {}
_lock = Lock()

LEFT_OUT = ("Unsupported property", "Sampling method BERNOULLI is not supported with a discrete sample count")
"""Of what sqlglot leaves out, what changes no rows: SECURE, TRANSIENT, CLUSTER BY, and how rows are drawn."""

POINTER = parse_one("'/' || replace(replace(:key, '~', '~0'), '/', '~1')", read="duckdb")
"""The JSON pointer of a key that is known row by row."""

ANY_CASE = parse_one(
    """
    CASE
        WHEN list_contains(json_keys(:whole), :key) THEN :key
        WHEN len(list_filter(json_keys(:whole), lambda emulated: upper(emulated) = upper(:key))) > 1
            THEN error('The emulation does not emulate GET_IGNORE_CASE where keys differ in case alone.')
        ELSE list_filter(json_keys(:whole), lambda emulated: upper(emulated) = upper(:key))[1]
    END
    """,
    read="duckdb",
)
"""The key that GET_IGNORE_CASE finds; which of several, Snowflake does not say."""


class Cursor(FakeSnowflakeCursor):
    """A cursor whose statements are DuckDB's, with the meaning that they have on Snowflake."""

    _text: str | None = None
    """The text whose form in DuckDB is wanted next."""

    def _inline_variables(self, sql: str) -> str:
        # SET is refused, and a text may hold a dollar sign
        return sql

    def execute(self, command: str, *args: Any, **kwargs: Any) -> Any:
        """Run a statement; what it is in DuckDB is kept, since most programs send few texts many times."""
        self._text = command
        return super().execute(command, *args, **kwargs)

    def _transform(self, expression: Any, params: Any) -> Any:
        text, self._text = self._text, None
        # an IDENTIFIER(?) takes its name from the values
        if text is None or not isinstance(expression, KEPT) or "IDENTIFIER" in text.upper():
            return self._transformed(expression, params)
        key = (text, self._conn.database, self._conn.schema)
        if key not in _transformed:
            found = self._transformed(expression, params)
            with _lock:
                if len(_transformed) >= MOST_KEPT:
                    _transformed.clear()
                _transformed[key] = found
            return found.copy()
        return _transformed[key].copy()

    def _transformed(self, expression: Any, params: Any) -> Any:
        if expression.find(exp.Connect):
            raise NotEmulatedError("CONNECT BY")
        if any(is_field_of_call(dot) for dot in expression.find_all(exp.Dot)):
            raise NotEmulatedError("a field of a call after a dot: Snowflake knows GET and the colon")
        expression = expression.transform(lambda node: transforms.identifier(node, params), copy=False)
        prepare(keep_names(expression))
        variants = {
            value_of(node).unnest() for node in expression.walk() if predicate_name(node) in VARIANT_TYPES
        }
        prepared = expression.transform(lambda node: with_casts(node, variants), copy=False)
        run = super()._transform(prepared, params).transform(with_parts, copy=False)
        finish(run)
        run = run.transform(show_names, copy=False)
        check_written(run)
        return run

    def _transform_explode(self, expression: Any) -> Any:
        # DuckDB's own MERGE, which refuses a row that several rows of the source match, as Snowflake does
        parts = [expression] if isinstance(expression, exp.Merge) else super()._transform_explode(expression)
        if len(parts) > 1:
            self._text = None
        return parts

    def _execute(self, transformed: Any, params: Any = None) -> None:
        if not isinstance(transformed, exp.Merge):
            self._define(transformed, params)
            return
        if any(when.args.get("source") for when in transformed.find_all(exp.When)):
            raise NotEmulatedError("WHEN NOT MATCHED BY SOURCE")
        for assigned in transformed.find_all(exp.EQ):
            if isinstance(assigned.parent, exp.Update) and isinstance(assigned.this, exp.Column):
                assigned.this.set("table", None)
        transformed.set("returning", exp.Returning(expressions=[exp.column("merge_action")]))
        super()._execute(transformed, params)
        done: list[str] = self._arrow_table.column(0).to_pylist() if self._arrow_table else []
        counts = [
            exp.alias_(exp.Literal.number(done.count(MERGED[what])), f"number of rows {what}", quoted=True)
            for what, clauses in operations(transformed).items()
            if clauses
        ]
        super()._execute(exp.select(*counts))

    def _define(self, transformed: Any, params: Any) -> None:
        """Run a statement other than MERGE; what a definition says and leaves is Snowflake's."""
        status = unchanged(self._duck_conn, transformed, self._conn.database, self._conn.schema)
        if status is not None:  # what it would say of a table that is there is not to be noted
            for note in ("table_comment", "text_lengths", "create_db_name"):
                transformed.set(note, None)
        if isinstance(transformed, exp.Update) and transformed.args.get("from_"):
            check_update(self._duck_conn, transformed, params)
        check_sets(self._duck_conn, transformed)
        super()._execute(transformed, params)
        created = transformed.args.get("create_db_name")
        if created:
            make_public(self._duck_conn, created)
        database = created or transformed.args.get("set_database")
        if database and not transformed.args.get("set_schema"):
            use_public(self._conn, database)
        if status is not None:
            super()._execute(exp.select(exp.alias_(exp.Literal.string(status), "status", quoted=True)))

    def _describe_only(self, command: str) -> Any:
        statement = dialect.parse_one(command)
        if isinstance(statement, (exp.SetOperation, exp.Subquery)):
            alias = exp.TableAlias(this=exp.to_identifier("described"))
            query = exp.select("*").from_(exp.Subquery(this=statement.unnest(), alias=alias))
            command = query.sql(dialect="snowflake")
        return super()._describe_only(command)

    def _describe_last_sql(self) -> Any:
        last: Any = self._last_sql
        if last and last.startswith("("):  # of what begins so, the parser makes no DESCRIBE
            self._last_sql = f"SELECT * FROM ({last})"  # type: ignore[assignment]
        return super()._describe_last_sql()


def check_written(statement: Any) -> None:
    """Refuse what sqlglot would leave out of the statement, for which it has no words in DuckDB."""
    generator = DuckDB().generator(unsupported_level=ErrorLevel.IGNORE)
    generator.generate(statement)
    for message in generator.unsupported_messages:
        if not message.startswith(LEFT_OUT):
            raise NotEmulatedError(f"this: {message.rstrip('.')}")


def is_field_of_call(dot: Any) -> bool:
    """Whether a dot stands behind a call; the dots of a function's own name stand before it."""
    owner = dot.this.unnest()
    return isinstance(owner.expression if isinstance(owner, exp.Dot) else owner, exp.Func)


def with_casts(node: Any, variants: set[Any]) -> Any:
    """Casts that fakesnow would do otherwise than Snowflake.

    TRY_CAST to a time would raise. The texts of what a predicate shows to be a VARIANT would come with the
    quotes of JSON, and so be no times.
    """
    if isinstance(node, exp.TryCast) and node.to.this == exp.DataType.Type.TIMESTAMPNTZ:
        return function(TRY_TIME, node.this.transform(lambda part: with_casts(part, variants)))
    if not isinstance(node, exp.Cast) or node.this.unnest() not in variants:
        return node
    text = function("json_extract_string", node.this, exp.Literal.string("$"))
    if node.to.is_type("text", "varchar"):
        return text
    return exp.Cast(this=text, to=node.to) if node.to.this == exp.DataType.Type.TIMESTAMPNTZ else node


def with_parts(node: Any) -> Any:
    """Functions of VARIANTs that have no like in DuckDB.

    GET of a key is done by a JSON pointer: any key, and as a text without quotes, as `:` gives it.
    """
    name = predicate_name(node)
    if name in VARIANT_TYPES:
        return variant_predicate(name, value_of(node).transform(with_parts))
    if name == TRY_TIME:
        time = exp.DataType(this=exp.DataType.Type.TIMESTAMP)
        return exp.TryCast(this=node.expressions[0].transform(with_parts), to=time)
    as_text = isinstance(node, exp.Cast) and node.to.is_type("text", "varchar")
    part = node.this.unnest() if as_text else node
    if not isinstance(part, (exp.GetExtract, exp.GetIgnoreCase)) or part.expression.is_number:
        return node
    whole = part.this.transform(with_parts)
    found = json_pointer(part, whole, part.expression.transform(with_parts))
    return function("json_extract_string" if as_text else "json_extract", whole, found)


def json_pointer(part: Any, whole: Any, key: Any) -> Any:
    """The JSON pointer of what GET or GET_IGNORE_CASE finds under a key."""
    if isinstance(part, exp.GetIgnoreCase):
        key = exp.replace_placeholders(ANY_CASE, whole=whole, key=key).copy()
    elif key.is_string:
        return exp.Literal.string("/" + key.name.replace("~", "~0").replace("/", "~1"))
    return exp.replace_placeholders(POINTER, key=key)


def predicate_name(node: Any) -> str:
    """What a function is called that the parser does not know; IS_NULL_VALUE it knows."""
    if isinstance(node, exp.IsNullValue):
        return "IS_NULL_VALUE"
    return str(node.this).upper() if isinstance(node, exp.Anonymous) else ""


def value_of(predicate: Any) -> Any:
    """What a predicate is asked of."""
    return predicate.this if isinstance(predicate, exp.IsNullValue) else predicate.expressions[0]


def variant_predicate(name: str, value: Any) -> Any:
    """Whether a VARIANT holds a value of a type; an error for all but a VARIANT, as on Snowflake."""
    refusal = exp.Literal.string(f"Invalid argument types for function '{name}': not a VARIANT")
    kind = exp.Case(
        ifs=[
            exp.If(
                this=exp.EQ(this=function("typeof", value.copy()), expression=exp.Literal.string("JSON")),
                true=macro("wml_kind", value),
            )
        ],
        default=function("error", refusal),
    )
    return exp.In(this=kind, expressions=[exp.Literal.string(kind) for kind in VARIANT_TYPES[name]])


def function(name: str, *arguments: Any) -> exp.Anonymous:
    """A call of a function of DuckDB's."""
    return exp.Anonymous(this=name, expressions=list(arguments))
