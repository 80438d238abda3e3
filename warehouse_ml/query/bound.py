"""What binding makes of a statement, and what rules of the optimizer change."""

from dataclasses import dataclass, field

from warehouse_ml.model import ModelVersion
from warehouse_ml.query.dialect import DUCKDB, Dialect
from warehouse_ml.query.parse import ModelCall, Statement
from warehouse_ml.query.scope import Scope
from warehouse_ml.query.score import Score
from warehouse_ml.query.splice import Edit, splice
from warehouse_ml.signature import Method
from warehouse_ml.variant import Variant


@dataclass(frozen=True, slots=True)
class BoundCall:
    """A model call whose version and features are known.

    Attributes:
        call: The call as the user wrote it, with its place in the user's text.
        version: The version that it was resolved to.
        method: What is asked of the version.
        features: The SQL expression of each feature, in the order of the signature; empty where they
            are fields of a value that is computed once.
        functions: The methods whose functions the engine must have.
        scores: The scores that it asks for, in the order of the text.
        parts: The texts before, between and after the scores.
        nested: Whether another call is in its arguments, or it is in another's.
        scope: What is in scope at the call.
    """

    call: ModelCall
    version: ModelVersion
    method: Method
    features: tuple[str, ...]
    functions: tuple[Method, ...]
    scores: tuple[Score, ...]
    parts: tuple[str, ...]
    nested: bool = False
    scope: Scope | None = field(default=None, repr=False, compare=False)

    @property
    def edit(self) -> Edit:
        """What becomes of the call in the user's text."""
        texts = [
            part for pair in zip(self.parts, self.scores, strict=False) for part in (pair[0], pair[1].text)
        ]
        return Edit(self.call.start, self.call.end, "".join([*texts, self.parts[-1]]))


@dataclass(frozen=True, slots=True)
class Applied:
    """What a rule of the optimizer did.

    Attributes:
        rule: The rule's name.
        call: The text of the call, on one line.
        effect: What it does and why, with the figures that decided.
    """

    rule: str
    call: str
    effect: str


@dataclass(frozen=True, slots=True)
class BoundStatement:
    """A statement that the engine can run, once the functions of its calls are registered.

    Attributes:
        statement: The statement as the user wrote it.
        calls: The calls, an inner one before the one around it.
        edits: What else changes in the user's text: names for outputs, numbers for parameters, and what
            rules of the optimizer restructure.
        variants: The variants that the text calls.
        applied: What rules did.
        plain: The statement before any rule; None where it is the same.
        restructured: The first tokens of the SELECTs whose clauses a rule has changed.
        gathered: Those of the SELECTs whose conditions without calls a rule has moved into FROM.
        dialect: How it is read and written.
    """

    statement: Statement
    calls: tuple[BoundCall, ...] = ()
    edits: tuple[Edit, ...] = ()
    variants: tuple[Variant, ...] = ()
    applied: tuple[Applied, ...] = ()
    plain: "BoundStatement | None" = field(default=None, repr=False)
    restructured: frozenset[int] = frozenset()
    gathered: frozenset[int] = frozenset()
    dialect: Dialect = DUCKDB

    @property
    def text(self) -> str:
        """The SQL text to run; the user's own where there is no model call."""
        return splice(self.statement.text, self.all_edits)

    @property
    def all_edits(self) -> list[Edit]:
        """The edits of the user's text, those of the calls too."""
        return [*self.edits, *(call.edit for call in self.calls)]
