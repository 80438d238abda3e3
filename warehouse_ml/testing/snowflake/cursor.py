"""fakesnow's cursor, where it must not give what Snowflake does not."""

from typing import Any

from fakesnow.cursor import FakeSnowflakeCursor
from sqlglot import exp

from warehouse_ml.testing.snowflake.errors import NotEmulatedError


class Cursor(FakeSnowflakeCursor):
    """A cursor whose statements are DuckDB's, with the meaning that they have on Snowflake."""

    def _inline_variables(self, sql: str) -> str:
        # SET is refused, and a text may hold a dollar sign
        return sql

    def _transform(self, expression: Any, params: Any) -> Any:
        if expression.find(exp.Connect):
            raise NotEmulatedError("CONNECT BY")
        return super()._transform(expression, params).transform(with_parts, copy=False)


def with_parts(node: Any) -> Any:
    """GET of a key, by a JSON pointer: any key, and as a text without quotes, as `:` gives it."""
    as_text = isinstance(node, exp.Cast) and node.to.is_type("text", "varchar")
    part = node.this.unnest() if as_text else node
    if not isinstance(part, exp.GetExtract) or not part.expression.is_string:
        return node
    key = part.expression.name.replace("~", "~0").replace("/", "~1")
    arguments = [part.this, exp.Literal.string(f"/{key}")]
    return exp.Anonymous(this="json_extract_string" if as_text else "json_extract", expressions=arguments)
