"""`*`, `t.*` and their EXCLUDE, REPLACE and RENAME, as the argument of a call."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from warehouse_ml.errors import AmbiguousFeatureError
from warehouse_ml.query.call_site import CallSite, Given
from warehouse_ml.query.match import match
from warehouse_ml.query.scope import Owner
from warehouse_ml.query.segments import Range
from warehouse_ml.query.tokens import TokenTree
from warehouse_ml.signature import Feature

_LISTS = frozenset({"EXCLUDE", "EXCEPT", "REPLACE", "RENAME"})


@dataclass(frozen=True, slots=True)
class Star:
    """A star, taken apart.

    Attributes:
        qualifier: The text before the star, with its dot; empty for a bare star.
        tokens: The whole star.
        excluded: Columns left out, as (table, column) in lower case; the table is empty where none is named.
        replaced: The column in lower case -> the tokens of the expression that stands for it.
        renamed: The new name in lower case -> the column's own name.
    """

    qualifier: str = ""
    tokens: Range = (0, 0)
    excluded: frozenset[tuple[str, str]] = frozenset()
    replaced: Mapping[str, Range] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)


def read_star(tree: TokenTree, low: int, high: int) -> Star | None:
    """The star that some tokens are, or None.

    `*COLUMNS(...)` is none: it unpacks columns by position.
    """
    index = low
    while tree.is_name(index) and tree.is_symbol(index + 1, ".") and index + 2 < high:
        index += 2
    if not tree.is_symbol(index, "*") or tree.word(index + 1) == "COLUMNS":
        return None
    qualifier = tree.text[tree.tokens[low].start : tree.tokens[index].start]
    excluded: set[tuple[str, str]] = set()
    replaced: dict[str, Range] = {}
    renamed: dict[str, str] = {}
    index += 1
    while index < high:
        if tree.word(index) in _LISTS:
            for start, end in _items(tree, index + 1):
                _read_item(tree, tree.word(index), start, end, excluded, replaced, renamed)
        index = tree.after(index)
    return Star(qualifier, (low, high), frozenset(excluded), replaced, renamed)


def _items(tree: TokenTree, start: int) -> Iterator[Range]:
    """The items after EXCLUDE, REPLACE or RENAME: in parentheses, or a single one."""
    if tree.is_symbol(start, "("):
        yield from (part for part in tree.split(start + 1, tree.closing[start], ",") if part[0] < part[1])
        return
    end = start + 1
    while tree.is_symbol(end, ".") or tree.word(end) == "AS":
        end += 2
    yield start, end


def _read_item(
    tree: TokenTree,
    modifier: str,
    start: int,
    end: int,
    excluded: set[tuple[str, str]],
    replaced: dict[str, Range],
    renamed: dict[str, str],
) -> None:
    last = tree.tokens[end - 1].name
    if modifier in ("EXCLUDE", "EXCEPT"):
        table = tree.tokens[end - 3].name if end - start >= 3 else ""
        excluded.add((table.casefold(), last.casefold()))
    elif end - start >= 3 and modifier == "REPLACE":
        replaced[last.casefold()] = (start, end - 2)
    elif end - start >= 3:
        renamed[last.casefold()] = tree.tokens[end - 3].name


def bind_star(site: CallSite, star: Star) -> tuple[Given, ...]:
    """The columns that a star stands for, one expression per feature; the other columns are ignored.

    A column is named with its table: a bare name could be that of a lambda's parameter.

    Raises:
        CallSyntaxError: No FROM clause is around the call.
        MissingFeatureError: No column is the feature.
        AmbiguousFeatureError: More than one is.
        FeatureTypeError: The column's type is not the feature's.
    """
    if not star.qualifier and not site.scope.has_tables:
        raise site.call.error("there is no FROM clause here to take columns from; name the features instead")
    written = site.scope.stand_in(*star.tokens) if star.tokens[1] else f"{star.qualifier}*"
    columns = site.scope.columns(written)
    owners = [] if star.qualifier else site.scope.owners()
    names = [column.name for column in columns]
    unused = dict(star.replaced)
    expressions = []
    for feature in site.features:
        try:
            column = columns[match(site.version, feature, names)]
        except AmbiguousFeatureError as error:
            raise _ambiguous(site, feature, owners, error) from None
        part = unused.pop(column.name.casefold(), star.replaced.get(column.name.casefold()))
        if part is not None:
            expression = f"({site.value(feature, part).text})"
        else:
            name = star.renamed.get(column.name.casefold(), column.name)
            expression = f"{star.qualifier or _owner(star, owners, name)}{site.dialect.identifier(name)}"
        expressions.append(site.coerce(feature, expression, column.type))
    if any(site.parameters(part) for part in unused.values()):
        raise site.call.error("a parameter stands for a column that the model does not use")
    return tuple(expressions)


def _owner(star: Star, owners: Sequence[Owner], name: str) -> str:
    """The qualifier of a column with its dot, or nothing where several tables share the column."""
    folded = name.casefold()
    left = [owner for owner in owners if (owner.alias.strip('"`').casefold(), folded) not in star.excluded]
    found = [owner.alias for owner in left if name in owner.columns] or [
        owner.alias for owner in left if folded in (other.casefold() for other in owner.columns)
    ]
    return f"{found[0]}." if len(found) == 1 else ""


def _ambiguous(
    site: CallSite, feature: Feature, owners: Sequence[Owner], error: AmbiguousFeatureError
) -> AmbiguousFeatureError:
    """The same error, with the tables of the candidates."""
    folded = feature.name.casefold()
    candidates = [
        f"{owner.alias}.{name}" for owner in owners for name in owner.columns if name.casefold() == folded
    ]
    return AmbiguousFeatureError(site.version.reference, feature.name, candidates) if candidates else error
