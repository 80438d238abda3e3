"""Names of a session: what stands before a name that is not fully qualified."""

from dataclasses import dataclass

from warehouse_ml.testing.snowflake.errors import EmulationError
from warehouse_ml.testing.snowflake.stages import Name, StagePath
from warehouse_ml.testing.snowflake.tokens import Reader


@dataclass(frozen=True, slots=True)
class Current:
    """The current database and schema of a session."""

    database: str | None
    schema: str | None

    def name(self, path: tuple[str, ...]) -> Name:
        """Three parts of a name of one to three."""
        if len(path) < 3 and self.database is None:
            raise EmulationError(
                90105, "Cannot perform the statement. This session does not have a current database."
            )
        if len(path) < 2 and self.schema is None:
            raise EmulationError(
                90106, "Cannot perform the statement. This session does not have a current schema."
            )
        database, schema, own = (self.database, self.schema, None)[: 3 - len(path)] + path
        return str(database), str(schema), str(own)

    def stage_path(self, text: str) -> StagePath:
        """`@database.schema.stage/path`, with or without the first two."""
        reader = Reader(text.removeprefix("@"))
        if not text.startswith("@"):
            reader.fail("a stage that starts with @")
        path = reader.path()
        rest = text[1 + reader.token.start :]
        if rest and not rest.startswith("/"):
            reader.fail("a slash and a path")
        return StagePath(self.name(path), rest.removeprefix("/"))
