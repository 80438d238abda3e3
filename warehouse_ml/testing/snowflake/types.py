"""Snowflake's types of arguments and results: how they are written, kept in DuckDB and sent to a handler."""

from dataclasses import dataclass

from warehouse_ml.testing.snowflake.errors import NotEmulatedError
from warehouse_ml.testing.snowflake.tokens import Reader

WORDS = {
    **dict.fromkeys(("FLOAT", "FLOAT4", "FLOAT8", "DOUBLE", "REAL"), "FLOAT"),
    **dict.fromkeys(("NUMBER", "NUMERIC", "DECIMAL"), "NUMBER"),
    **dict.fromkeys(("INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "BYTEINT"), "INTEGER"),
    **dict.fromkeys(("VARCHAR", "STRING", "TEXT"), "VARCHAR"),
    **dict.fromkeys(("TIMESTAMP_NTZ", "DATETIME"), "TIMESTAMP_NTZ"),
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "OBJECT": "OBJECT",
    "VARIANT": "VARIANT",
    "ARRAY": "ARRAY",
}

DUCKDB = {
    "FLOAT": "DOUBLE",
    "VARCHAR": "VARCHAR",
    "TIMESTAMP_NTZ": "TIMESTAMP",
    "DATE": "DATE",
    "BOOLEAN": "BOOLEAN",
    **dict.fromkeys(("OBJECT", "VARIANT", "ARRAY"), "JSON"),
}

SEMI_STRUCTURED = ("OBJECT", "VARIANT", "ARRAY")

INTEGER_DIGITS = 18
"""Decimal digits that every 64-bit integer holds."""


@dataclass(frozen=True, slots=True)
class SnowflakeType:
    """A type of an argument or of a result; precision and scale are those of NUMBER."""

    kind: str
    precision: int = 0
    scale: int = 0

    @property
    def sql(self) -> str:
        """The type as Snowflake shows it."""
        return f"NUMBER({self.precision},{self.scale})" if self.kind == "NUMBER" else self.kind

    @property
    def duckdb(self) -> str:
        """The type of an argument in DuckDB."""
        if self.kind == "NUMBER":
            narrow = self.precision <= INTEGER_DIGITS and not self.scale
            return "BIGINT" if narrow else f"DECIMAL({self.precision},{self.scale})"
        return DUCKDB[self.kind]

    @property
    def duckdb_result(self) -> str:
        """The type of a result in DuckDB, which has NUMBER(38,0) as a 64-bit integer, like fakesnow."""
        return "BIGINT" if self.kind == "NUMBER" else DUCKDB[self.kind]


def read_type(reader: Reader) -> SnowflakeType:
    """Take a type from a statement; ones that no model has are refused."""
    source = reader.identifier()
    if source == "DOUBLE":
        reader.accept("PRECISION")
    if source not in WORDS:
        raise NotEmulatedError(f"the type {source} of an argument or a result")
    kind = WORDS[source]
    if kind == "INTEGER":
        return SnowflakeType("NUMBER", 38, 0)
    if kind == "NUMBER":
        precision, scale = 38, 0
        if reader.accept("("):
            precision = reader.integer()
            scale = reader.integer() if reader.accept(",") else 0
            reader.expect(")")
        return SnowflakeType("NUMBER", precision, scale)
    if kind in ("VARCHAR", "TIMESTAMP_NTZ") and reader.accept("("):
        reader.integer()  # a length or a number of digits: neither is held to here
        reader.expect(")")
    return SnowflakeType(kind)
