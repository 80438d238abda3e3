"""A score that a call asks for: what a rule of the optimizer can compute in another way."""

from collections.abc import Sequence
from dataclasses import dataclass

from warehouse_ml.model import ModelVersion
from warehouse_ml.query.call_site import Given
from warehouse_ml.query.dialect import DUCKDB, Dialect
from warehouse_ml.signature import Method


@dataclass(frozen=True, slots=True)
class Score:
    """One score as SQL text computes it.

    Attributes:
        version: The version.
        method: What is asked of it.
        features: The SQL expression of each feature, in the order of the signature.
        types: The SQL type of each expression as DESCRIBE prints it; None where it is not known.
        text: The expression that computes the score. A rule that computes it otherwise changes this text.
        dialect: How it is written.
    """

    version: ModelVersion
    method: Method
    features: tuple[str, ...]
    types: tuple[str | None, ...]
    text: str
    dialect: Dialect = DUCKDB

    @property
    def is_plain(self) -> bool:
        """Whether it is computed by the version's own function: no rule has changed it."""
        return self.text.startswith(f"{self.dialect.function(self.version, self.method)}(")


def plain_score(
    version: ModelVersion,
    method: Method,
    given: Sequence[Given],
    written: str | None = None,
    dialect: Dialect = DUCKDB,
) -> Score:
    """A score by the version's own function.

    Args:
        version: The version.
        method: What is asked of it.
        given: What is given for each feature.
        written: The text of the arguments, where it is more than the features joined by commas.
        dialect: How it is written.
    """
    features = tuple(feature.text for feature in given)
    types = tuple(feature.type for feature in given)
    return Score(version, method, features, types, dialect.call(version, method, features, written), dialect)
