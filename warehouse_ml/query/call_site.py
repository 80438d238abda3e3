"""A model call together with all that is needed to bind its arguments."""

from collections.abc import Sequence
from dataclasses import dataclass

from warehouse_ml.errors import FeatureTypeError
from warehouse_ml.model import ModelVersion
from warehouse_ml.query.coerce_by import coerced_by
from warehouse_ml.query.dialect import DUCKDB, Dialect
from warehouse_ml.query.parse import ModelCall
from warehouse_ml.query.scope import Scope
from warehouse_ml.query.segments import Range
from warehouse_ml.query.splice import Edit, splice
from warehouse_ml.query.tokens import Kind, TokenTree
from warehouse_ml.query.tried import tried
from warehouse_ml.signature import Feature


@dataclass(frozen=True, slots=True)
class Given:
    """What a call gives for a feature.

    Attributes:
        text: A SQL expression.
        type: Its SQL type as DESCRIBE prints it; None where binding did not need to know.
        unfit: The condition under which the call has no score, for the value is of another type; None where
            that cannot be or is an error.
    """

    text: str
    type: str | None = None
    unfit: str | None = None


@dataclass(frozen=True, slots=True)
class GivenFields:
    """Features that are the fields of a value which must be computed once.

    Attributes:
        value: The text of the value.
        name: What it is called in the fields' texts.
        fields: What is given for each feature.
    """

    value: str
    name: str
    fields: tuple[Given, ...]


@dataclass(frozen=True, slots=True)
class CallSite:
    """A call, the version it was resolved to, and what is around it.

    Attributes:
        call: The call.
        version: The version.
        scope: The columns that it can see.
        tree: The statement's tokens.
        edits: What the calls inside this one become.
        dialect: How the call is written.
    """

    call: ModelCall
    version: ModelVersion
    scope: Scope
    tree: TokenTree
    edits: Sequence[Edit]
    dialect: Dialect = DUCKDB

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features of the version, in order."""
        return self.version.signature.features

    def text(self, low: int, high: int) -> str:
        """The text of some tokens, with the calls in it replaced."""
        return splice(self.tree.text, self.edits, *self.tree.span(low, high))

    def value(self, feature: Feature, part: Range) -> Given:
        """An expression for a feature, as it is written.

        Raises:
            FeatureTypeError: It is a text literal for a number; the engine would read it out of the text.
        """
        low, high = part
        token = self.tree.tokens[low]
        if high == low + 1 and token.kind is Kind.STRING and feature.type in ("DOUBLE", "BIGINT", "BOOLEAN"):
            raise FeatureTypeError(
                self.version.reference, feature.name, feature.type, f"the text {token.text}"
            )
        return Given(self.text(low, high))

    def coerce(self, feature: Feature, expression: str, sql_type: str) -> Given:
        """The expression as a value of the feature's type; see `coerce`, `coerce_snowflake` and `tried`."""
        lenient = tried(self.dialect, self.call.method, feature, expression, sql_type)
        if lenient is not None:
            return Given(lenient[0], feature.type, lenient[1])
        coerced = coerced_by(self.dialect, self.version.reference, feature, expression, sql_type)
        return Given(coerced, sql_type if coerced == expression else feature.type)

    def parameters(self, part: Range) -> int:
        """How many `?` and `$1` stand in some tokens."""
        return sum(token.kind is Kind.PARAMETER for token in self.tree.tokens[slice(*part)])
