"""Statement -> the text that the engine runs, and the versions that it calls.

The user's text is spliced: each call becomes a call of its version's own function, and all else stays
byte for byte.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from warehouse_ml.errors import AliasNotFoundError, MethodError, ModelNotFoundError
from warehouse_ml.model import ModelVersion
from warehouse_ml.query.arguments import bind_arguments
from warehouse_ml.query.blocks import Blocks
from warehouse_ml.query.bound import BoundCall, BoundStatement
from warehouse_ml.query.call_site import CallSite, GivenFields
from warehouse_ml.query.check_types import checked_call
from warehouse_ml.query.dialect import DUCKDB, Dialect
from warehouse_ml.query.macro_parameters import macro_parameters
from warehouse_ml.query.output_names import name_outputs
from warehouse_ml.query.output_of import check_no_dot, output_of
from warehouse_ml.query.parse import ModelCall, Statement
from warehouse_ml.query.scope import Catalog, Scope
from warehouse_ml.query.score import plain_score
from warehouse_ml.query.splice import Edit, splice
from warehouse_ml.query.table_form import bind_table, has_probability, input_of, stand_in
from warehouse_ml.query.tokens import Kind, TokenTree
from warehouse_ml.query.tried import null_where
from warehouse_ml.query.typed import typed_call
from warehouse_ml.signature import Method

_NUMBERED = re.compile(r"[vV](\d+)")


def bind(statement: Statement, catalog: Catalog, dialect: Dialect = DUCKDB) -> BoundStatement:
    """Resolve the versions of a statement, match the features to columns, check types and arity.

    Args:
        statement: What `parse` found.
        catalog: The registry and the engine. A name is resolved once per statement. The engine is asked
            for columns only where a call needs what is in scope.
        dialect: How the statement is read and its calls are written.

    Raises:
        SqlError: A call does not fit its version.
        WarehouseMLError: No such model, version or alias.
    """
    asked = _Asked(catalog)
    statement, versions = _resolved(statement, asked, dialect)
    tree = statement.tree
    if tree is None:
        return BoundStatement(statement, dialect=dialect)
    for call, version in zip(statement.calls, versions, strict=True):
        _check_method(call, version)
        if dialect.source == "snowflake" and not call.in_from:
            check_no_dot(call, tree)
    names = list(name_outputs(statement))
    stand_ins = _stand_ins(statement, tree, versions, names, dialect)
    edits = names + _numbered_parameters(statement, tree, dialect)
    blocks = Blocks(tree)
    functions = {version.function for version in versions}
    bound: list[BoundCall] = []
    for call, version in zip(statement.calls, versions, strict=True):
        done = [*edits, *(inner.edit for inner in bound)]
        inside = [edit for edit in done if call.start <= edit.start and edit.end <= call.end]
        scope = Scope(asked, tree, blocks, stand_ins, call.token)
        site = CallSite(call, version, scope, tree, inside, dialect)
        ready = _bind_call(site, _is_nested(call, statement))
        if dialect.target != "duckdb":  # before the call around it is bound, whose text holds this one's
            ready = checked_call(typed_call(ready, functions))
        bound.append(ready)
    return BoundStatement(statement, tuple(bound), tuple(edits), dialect=dialect)


def _resolved(
    statement: Statement, asked: "_Asked", dialect: Dialect
) -> tuple[Statement, list[ModelVersion]]:
    """The statement and the versions of its calls.

    In Snowflake `m!PREDICT(a)` may call a model of Snowflake's own registry: what ours does not hold is left
    as it is.
    """
    calls, versions = [], []
    for call in statement.calls:
        try:
            versions.append(asked.resolve_call(call))
        except ModelNotFoundError:
            if call.native and dialect.source == "snowflake":
                continue
            raise
        calls.append(call)
    if not calls:
        return Statement(statement.text), []
    return replace(statement, calls=tuple(calls)), versions


class _Asked:
    """A catalog that is asked the same thing once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._versions: dict[tuple[str, str], ModelVersion] = {}
        self._columns: dict[str, list[tuple[str, str]]] = {}

    def resolve_call(self, call: ModelCall) -> ModelVersion:
        """The version that a call names; Snowflake's `v3` is version 3 where no alias is called so."""
        try:
            return self.resolve(call.model, call.selector)
        except AliasNotFoundError:
            number = _NUMBERED.fullmatch(call.selector) if call.native else None
            if number is None:
                raise
            return self.resolve(call.model, number[1])

    def resolve(self, name: str, selector: str) -> ModelVersion:
        key = (name.casefold(), selector.casefold())
        if key not in self._versions:
            self._versions[key] = self._catalog.resolve(name, selector)
        return self._versions[key]

    def columns(self, query: str) -> list[tuple[str, str]]:
        if query not in self._columns:
            self._columns[query] = self._catalog.columns(query)
        return self._columns[query]


def _check_method(call: ModelCall, version: ModelVersion) -> None:
    if version.signature.result(call.method) is None:
        raise MethodError(version.reference, "PREDICT_PROBA", version.signature.task)


def _stand_ins(
    statement: Statement,
    tree: TokenTree,
    versions: Sequence[ModelVersion],
    names: Sequence[Edit],
    dialect: Dialect,
) -> list[Edit]:
    """The edits that make any part of the statement one that the engine can describe before it is bound."""
    edits = [*names, *macro_parameters(tree)]
    for token in tree.tokens:
        if token.kind is Kind.PARAMETER:
            edits.append(Edit(token.start, token.end, "NULL"))
    for call, version in zip(statement.calls, versions, strict=True):
        if call.in_from:
            source = splice(statement.text, edits, *tree.span(*input_of(tree, call)))
            edits.append(Edit(call.start, call.end, stand_in(version, source, dialect)))
        else:
            result, _ = output_of(call, version, dialect)
            edits.append(Edit(call.start, call.end, dialect.null(result)))
    return edits


def _numbered_parameters(statement: Statement, tree: TokenTree, dialect: Dialect) -> list[Edit]:
    """`?` as `$1`, `$2`, where a call by name may change their order.

    Raises:
        CallSyntaxError: Snowflake has no such numbers.
    """
    places = [index for index, token in enumerate(tree.tokens) if token.text == "?"]
    by_name = [call for call in statement.calls if len(call.arguments) == 1 or _is_named(call)]
    if dialect.target == "snowflake":  # a parameter alone stays where it is
        by_name = [call for call in by_name if not _is_parameter(call, tree)]
    asking = [
        call for call in by_name if any(call.token < place < tree.after(call.token + 1) for place in places)
    ]
    if not asking:
        return []
    if dialect.target == "snowflake":
        raise asking[0].error(
            "Snowflake knows `?` by its place alone; give the features by position, in the signature's order"
        )
    tokens = [tree.tokens[place] for place in places]
    return [Edit(token.start, token.end, f"${number}") for number, token in enumerate(tokens, start=1)]


def _is_parameter(call: ModelCall, tree: TokenTree) -> bool:
    first = call.arguments[0]
    alone = len(call.arguments) == 1 and first.last == first.first + 1
    return alone and tree.tokens[first.first].kind is Kind.PARAMETER


def _is_named(call: ModelCall) -> bool:
    return any(argument.name is not None for argument in call.arguments)


def _is_nested(call: ModelCall, statement: Statement) -> bool:
    """Whether a call is in the arguments of another, or another in its own."""
    return any(
        (call.start < other.start and other.end < call.end)
        or (other.start < call.start and call.end < other.end)
        for other in statement.calls
    )


def _bind_call(site: CallSite, nested: bool) -> BoundCall:
    call, version = site.call, site.version
    functions: tuple[Method, ...] = (call.method,)
    features: tuple[str, ...]
    if call.in_from:
        parts, scores = bind_table(site)
        features = scores[-1].features
        if has_probability(version):
            functions = (call.method, "predict_proba")
    else:
        found = bind_arguments(site)
        if isinstance(found, GivenFields):
            score = plain_score(version, call.method, found.fields, dialect=site.dialect)
            features = ()
            parts = (f"list_transform([{found.value}], lambda {found.name}: ", ")[1]")
        else:
            score = plain_score(version, call.method, found, _as_written(site), site.dialect)
            features = score.features
            parts = null_where(given.unfit for given in found)
        _, around = output_of(call, version, site.dialect)
        parts = (f"{around[0]}{parts[0]}", f"{parts[1]}{around[1]}")
        scores = (score,)
    return BoundCall(call, version, call.method, features, functions, scores, parts, nested, site.scope)


def _as_written(site: CallSite) -> str | None:
    """The arguments of a positional call with their comments; None for another call."""
    given = site.call.arguments
    if len(given) <= 1 or _is_named(site.call):
        return None
    after_comma = site.tree.tokens[given[0].first - 1].end
    close = site.tree.closing[site.call.token + 1]
    return splice(site.tree.text, site.edits, after_comma, site.tree.tokens[close].start).lstrip()
