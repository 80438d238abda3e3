"""The calls that rules may change, by the SELECT in which they stand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from warehouse_ml.errors import ScopeError
from warehouse_ml.optimize.expressions import bare_names, column_path, is_movable, normalized, tokens_of
from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.query.bound import Applied, BoundCall, BoundStatement
from warehouse_ml.query.coerce import takes
from warehouse_ml.query.scope import Scope
from warehouse_ml.query.score import Score
from warehouse_ml.query.segments import Range
from warehouse_ml.query.select_block import SelectBlock, select_block
from warehouse_ml.query.splice import Edit, splice
from warehouse_ml.query.tokens import TokenTree, words
from warehouse_ml.signature import TYPES
from warehouse_ml.variant import Member, Variant

_CONDITIONAL = words("CASE OR COALESCE IF IFNULL TRY FILTER ANY ALL SOME")

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """A call whose score may be computed in another way.

    Attributes:
        position: Its position among the statement's calls.
        call: The call.
        score: Its only score.
        scope: What is in scope at the call.
        block: The SELECT whose FROM clause gives the features.
        key: Equal for calls that compute the same.
    """

    position: int
    call: BoundCall
    score: Score
    scope: Scope
    block: SelectBlock
    key: Key

    @property
    def part(self) -> Range:
        """The condition or the item of a list in which it stands."""
        clause = self.block.clause_of(self.call.call.token)
        parts = (
            self.block.conjuncts
            if clause == "WHERE"
            else self.block.tree.split(*self.block.clauses[clause], ",")
            if clause in ("SELECT", "ORDER", "GROUP")
            else [self.block.clauses[clause]]
        )
        return next(part for part in parts if part[0] <= self.call.call.token < part[1])

    @property
    def is_conditional(self) -> bool:
        """Whether it may be left out for some of the rows."""
        low, high = self.part
        found = [self.block.tree.keyword(at) for at in range(low, high)]
        before = found[: self.call.call.token - low]
        return (
            any(word in _CONDITIONAL for word in found)
            or found.count("AND") > found.count("BETWEEN")
            or "IN" in before
        )

    @property
    def shown(self) -> str:
        """The call on one line."""
        return " ".join(self.call.call.text.split())

    @property
    def result_type(self) -> str:
        """The SQL type of the score."""
        result = self.score.version.signature.result(self.score.method)
        return "" if result is None else result.sql_type(self.score.dialect.source)


def sites_by_block(
    statement: BoundStatement, knowledge: Knowledge, *, inlined: bool = False
) -> list[list[Site]]:
    """The calls that a rule may change, a list for each SELECT; what a rule has changed is left out.

    Args:
        statement: The statement.
        knowledge: What rules may ask.
        inlined: Whether scores that were written as expressions are wanted too.
    """
    found: dict[Range, list[Site]] = {}
    for site in _sites(statement, knowledge, inlined):
        found.setdefault(site.block.span, []).append(site)
    return list(found.values())


def _sites(statement: BoundStatement, knowledge: Knowledge, inlined: bool) -> Iterator[Site]:
    tree = statement.statement.tree
    if tree is None:
        return
    for position, call in enumerate(statement.calls):
        if call.nested or call.call.in_from or not call.features or call.parts != ("", ""):
            continue
        (score,) = call.scores
        block = select_block(tree, call.call.token)
        known = score.is_plain or (inlined and score.text.startswith(("(CASE", "(NOT", "((")))
        if call.scope is None or block is None or not known or not _takes_all(score):
            continue
        if not block.clause_of(call.call.token) or block.holds("FROM", call.call.token):
            continue
        if _in_lambda(tree, call.call.token, block.group) or not _is_of_block(
            score, call.scope, block, knowledge
        ):
            continue
        yield Site(position, call, score, call.scope, block, _key(score, block))


def _takes_all(score: Score) -> bool:
    """Whether the engine would take the features as they are: else the plain text must say what is wrong."""
    pairs = zip(score.version.signature.features, score.types, strict=True)
    if score.dialect.source == "snowflake":  # `check_types` has seen to it
        return all(known is not None for _, known in pairs)
    return all(known is not None and takes(feature, known) for feature, known in pairs)


def _in_lambda(tree: TokenTree, place: int, group: int) -> bool:
    """Whether a bracket around a token has names of its own: a lambda or a list comprehension."""
    around = tree.parent[place]
    while around != group and around >= 0:
        for at in tree.level(around + 1, tree.closing[around]):
            if tree.word(at) in ("LAMBDA", "FOR") or tree.is_symbol(at, "->"):
                return True
        around = tree.parent[around]
    return False


def _is_of_block(score: Score, scope: Scope, block: SelectBlock, knowledge: Knowledge) -> bool:
    """Whether the features are pure, and columns of the FROM clause rather than aliases or outer columns."""
    if not all(is_movable(feature, knowledge) for feature in dict.fromkeys(score.features)):
        return False
    if _bare_names(score.features, score.dialect.source) & aliases(block):
        return False
    if _are_columns_of_alias(score.features, scope, block, knowledge):
        return True
    selection = ", ".join(f"({feature})" for feature in score.features)
    try:
        found = knowledge.columns(scope.local(f"SELECT {selection} FROM {scope.source}"))
    except ScopeError:
        return False
    return len(found) == len(score.features)


def _are_columns_of_alias(
    features: tuple[str, ...], scope: Scope, block: SelectBlock, knowledge: Knowledge
) -> bool:
    """Whether all are columns of the only source by its name, as a star gives them: no question is needed."""
    if block.alias is None:
        return False
    alias = _name(block.alias)
    columns = _columns_of(features, alias, block.tree.dialect)
    if columns is None:
        return False
    try:
        found = knowledge.columns(scope.local(f"SELECT * FROM {scope.source}"))
    except ScopeError:
        return False
    names = [name.casefold() for name, _ in found]
    known = set(names)
    return alias not in known and len(known) == len(names) and columns <= known


@lru_cache(maxsize=256)
def _columns_of(features: tuple[str, ...], alias: str, dialect: str) -> frozenset[str] | None:
    """The columns in lower case that features are, where all name them with an alias; else None."""
    paths = [column_path(feature, dialect) or () for feature in features]
    if any(len(path) != 2 or path[0].casefold() != alias for path in paths):
        return None
    return frozenset(path[1].casefold() for path in paths)


@lru_cache(maxsize=256)
def _bare_names(features: tuple[str, ...], dialect: str) -> frozenset[str]:
    trees = [tokens_of(feature, dialect) for feature in features]
    return frozenset(name for tree in trees if tree is not None for name in bare_names(tree))


@lru_cache(maxsize=64)
def aliases(block: SelectBlock) -> frozenset[str]:
    """The names that the select list gives, in lower case, but for columns that keep theirs."""
    tree = block.tree
    found = set()
    for low, high in block.items:
        last = tree.tokens[high - 1]
        if tree.dialect == "duckdb" and tree.is_name(low) and tree.is_symbol(low + 1, ":"):
            found.add(tree.tokens[low].name.casefold())
        if high - low == 1 or not last.is_name or tree.is_symbol(high - 2, "."):
            continue
        found.add(last.name.casefold())
    return frozenset(found)


def moving(site: Site, knowledge: Knowledge) -> list[Range]:
    """The conditions of WHERE that may be asked within FROM: pure, of columns alone, without a call."""
    parts = [part for part in site.block.conjuncts if _is_plain(site, part, knowledge)]
    if len(parts) > 1 and _binds(site, parts, knowledge):  # one question, as a rule
        return parts
    return [part for part in parts if _binds(site, [part], knowledge)]


def moves(site: Site, part: Range, knowledge: Knowledge) -> bool:
    """Whether a condition is one of `moving`."""
    return _is_plain(site, part, knowledge) and _binds(site, [part], knowledge)


def _is_plain(site: Site, part: Range, knowledge: Knowledge) -> bool:
    tree = site.block.tree
    low, high = tree.span(*part)
    holds_call = any(low <= edit.start < high for edit in site.scope.stand_ins)
    if holds_call or not is_movable(tree.text[low:high], knowledge):
        return False
    names = {tree.tokens[at].name.casefold() for at in range(*part) if tree.tokens[at].is_name}
    return not names & aliases(site.block)


def _binds(site: Site, parts: Sequence[Range], knowledge: Knowledge) -> bool:
    tree = site.block.tree
    listed = ", ".join(f"({tree.text[slice(*tree.span(*part))]})" for part in parts)
    try:
        knowledge.columns(site.scope.local(f"SELECT {listed} FROM {site.scope.source}"))
    except ScopeError:
        return False
    return True


def has_row_numbers(site: Site, knowledge: Knowledge) -> bool:
    """Whether FROM holds one base table, whose rows are numbered in their order by `rowid`."""
    block = site.block
    if block.alias is None or not block.tree.tokens[block.source[0]].is_name:
        return False
    try:
        columns = knowledge.columns(site.scope.local(f"SELECT * FROM {site.scope.source}"))
        knowledge.columns(site.scope.local(f"SELECT rowid FROM {site.scope.source}"))
    except ScopeError:
        return False
    return all(name.casefold() != "rowid" for name, _ in columns)


def _key(score: Score, block: SelectBlock) -> Key:
    spelled = _spelled(score.features, block.alias, block.tree.dialect)
    return (score.version.sha256, score.version.reference, score.method, *spelled)


@lru_cache(maxsize=256)
def _spelled(features: tuple[str, ...], alias: str | None, dialect: str) -> Key:
    """The features in one spelling, those of the only table without its name."""
    parts = []
    for feature in features:
        path = column_path(feature, dialect)
        if path is not None and len(path) == 2 and alias is not None and path[0].casefold() == _name(alias):
            path = path[1:]
        parts.append(
            f"column {'.'.join(path).casefold()}" if path is not None else normalized(feature, dialect)
        )
    return tuple(parts)


def _name(alias: str) -> str:
    return alias.strip('"`').casefold()


def plain_variant(score: Score, *, volatile: bool = False, deferred: bool = False) -> Variant:
    """The variant that computes one score of the same features as the version's own function."""
    member = Member(score.version, score.method, tuple(range(len(score.features))))
    types = tuple(TYPES[feature.type].duckdb for feature in score.version.signature.features)
    return Variant((member,), types, volatile=volatile, deferred=deferred)


def with_texts(
    statement: BoundStatement, texts: dict[int, str], *edits: Edit, rule: str, effects: dict[int, str]
) -> BoundStatement:
    """The statement with other texts for the scores of some calls, and what was done noted.

    Args:
        statement: The statement.
        texts: The new text of a call's only score, by the call's position.
        *edits: What else changes in the text.
        rule: The rule's name.
        effects: What was done for a call, by its position.
    """
    calls = list(statement.calls)
    for position, text in texts.items():
        (score,) = calls[position].scores
        calls[position] = replace(calls[position], scores=(replace(score, text=text),))
    applied = [
        Applied(rule, " ".join(calls[position].call.text.split()), effect)
        for position, effect in effects.items()
    ]
    return replace(
        statement,
        calls=tuple(calls),
        edits=(*statement.edits, *edits),
        applied=(*statement.applied, *applied),
    )


def keeps_columns(site: Site, knowledge: Knowledge, edits: list[Edit]) -> bool:
    """Whether the SELECT of a call has columns of the same names and types after some edits.

    Args:
        site: A call in it.
        knowledge: Where the engine is asked.
        edits: What changes in the text; in it no function of a model may stand.
    """
    block, scope = site.block, site.scope
    changed = splice(block.tree.text, [*edits, *scope.stand_ins], *block.tree.span(*block.span))
    try:
        before = knowledge.columns(scope.local(scope.stand_in(*block.span)))
        return knowledge.columns(scope.local(changed)) == before
    except ScopeError:
        return False
