"""Statement -> the text that the engine runs, and the versions that it calls.

The user's text is spliced: each call becomes a call of its version's own function, and all else stays
byte for byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from warehouse_ml.errors import MethodError
from warehouse_ml.model import ModelVersion
from warehouse_ml.query.arguments import bind_arguments
from warehouse_ml.query.blocks import Blocks
from warehouse_ml.query.call_site import CallSite
from warehouse_ml.query.macro_parameters import macro_parameters
from warehouse_ml.query.output_names import name_outputs
from warehouse_ml.query.parse import ModelCall, Statement
from warehouse_ml.query.scope import Catalog, Scope
from warehouse_ml.query.splice import Edit, splice
from warehouse_ml.query.table_form import bind_table, has_probability, input_of, stand_in
from warehouse_ml.query.tokens import Kind, TokenTree
from warehouse_ml.signature import Method

__all__ = ["BoundCall", "BoundStatement", "Catalog", "bind"]


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
    """

    call: ModelCall
    version: ModelVersion
    method: Method
    features: tuple[str, ...]
    functions: tuple[Method, ...]


@dataclass(frozen=True, slots=True)
class BoundStatement:
    """A statement that the engine can run, once the functions of its calls are registered.

    Attributes:
        statement: The statement as the user wrote it.
        text: The SQL text to run; the user's own where there is no model call.
        calls: The calls, an inner one before the one around it.
    """

    statement: Statement
    text: str
    calls: tuple[BoundCall, ...] = ()


def bind(statement: Statement, catalog: Catalog) -> BoundStatement:
    """Resolve the versions of a statement, match the features to columns, check types and arity.

    Args:
        statement: What `parse` found.
        catalog: The registry and the engine. A name is resolved once per statement. The engine is asked
            for columns only where a call needs what is in scope.

    Raises:
        SqlError: A call does not fit its version.
        WarehouseMLError: No such model, version or alias.
    """
    tree = statement.tree
    if tree is None:
        return BoundStatement(statement, statement.text)
    asked = _Asked(catalog)
    versions = [asked.resolve(call.model, call.selector) for call in statement.calls]
    for call, version in zip(statement.calls, versions, strict=True):
        _check_method(call, version)
    names = list(name_outputs(statement))
    stand_ins = _stand_ins(statement, tree, versions, names)
    edits = names + _numbered_parameters(statement, tree)
    blocks = Blocks(tree)
    bound = []
    for call, version in zip(statement.calls, versions, strict=True):
        inside = [edit for edit in edits if call.start <= edit.start and edit.end <= call.end]
        scope = Scope(asked, tree, blocks, stand_ins, call.token)
        edit, bound_call = _bind_call(CallSite(call, version, scope, tree, inside))
        edits.append(edit)
        bound.append(bound_call)
    return BoundStatement(statement, splice(statement.text, edits), tuple(bound))


class _Asked:
    """A catalog that is asked the same thing once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._versions: dict[tuple[str, str], ModelVersion] = {}
        self._columns: dict[str, list[tuple[str, str]]] = {}

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
    statement: Statement, tree: TokenTree, versions: Sequence[ModelVersion], names: Sequence[Edit]
) -> list[Edit]:
    """The edits that make any part of the statement one that the engine can describe before it is bound."""
    edits = [*names, *macro_parameters(tree)]
    for token in tree.tokens:
        if token.kind is Kind.PARAMETER:
            edits.append(Edit(token.start, token.end, "NULL"))
    for call, version in zip(statement.calls, versions, strict=True):
        result = version.signature.result(call.method)
        if call.in_from:
            source = splice(statement.text, edits, *tree.span(*input_of(tree, call)))
            edits.append(Edit(call.start, call.end, stand_in(version, source)))
        elif result is not None:
            edits.append(Edit(call.start, call.end, f"CAST(NULL AS {result.sql_type('duckdb')})"))
    return edits


def _numbered_parameters(statement: Statement, tree: TokenTree) -> list[Edit]:
    """`?` as `$1`, `$2`, where a call by name may change their order."""
    places = [index for index, token in enumerate(tree.tokens) if token.text == "?"]
    by_name = [call for call in statement.calls if len(call.arguments) == 1 or _is_named(call)]
    if not any(call.token < place < tree.after(call.token + 1) for call in by_name for place in places):
        return []
    tokens = [tree.tokens[place] for place in places]
    return [Edit(token.start, token.end, f"${number}") for number, token in enumerate(tokens, start=1)]


def _is_named(call: ModelCall) -> bool:
    return any(argument.name is not None for argument in call.arguments)


def _bind_call(site: CallSite) -> tuple[Edit, BoundCall]:
    call, version = site.call, site.version
    functions: tuple[Method, ...] = (call.method,)
    if call.in_from:
        text, features = bind_table(site)
        if has_probability(version):
            functions = (call.method, "predict_proba")
    else:
        found = bind_arguments(site)
        features = () if isinstance(found, str) else found
        text = found if isinstance(found, str) else _as_written(site, found)
    edit = Edit(call.start, call.end, text)
    return edit, BoundCall(call, version, call.method, features, functions)


def _as_written(site: CallSite, features: Sequence[str]) -> str:
    """The call of the version's function; the arguments of a positional one with their comments."""
    given = site.call.arguments
    if len(given) > 1 and not _is_named(site.call):
        after_comma = site.tree.tokens[given[0].first - 1].end
        written = splice(site.tree.text, site.edits, after_comma, site.call.end - 1)
        return f"{site.function}({written.lstrip()})"
    return f"{site.function}({', '.join(features)})"
