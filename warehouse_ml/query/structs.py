"""A single argument: a row, a struct, or the one feature of a small model."""

from warehouse_ml.errors import ArityError, ScopeError
from warehouse_ml.query.call_site import CallSite, Given, GivenFields
from warehouse_ml.query.coerce import fields
from warehouse_ml.query.match import match
from warehouse_ml.query.parse import Argument
from warehouse_ml.query.segments import Range
from warehouse_ml.query.stars import Star, bind_star
from warehouse_ml.query.tokens import Kind, TokenTree
from warehouse_ml.quoting import literal

_VALUES = frozenset({"NULL", "TRUE", "FALSE"})


def bind_single(site: CallSite, argument: Argument) -> tuple[Given, ...] | GivenFields:
    """What the only argument of a call gives for each feature; see `arguments.bind_arguments`.

    Raises:
        SqlError: It is neither a struct with the features nor the only feature.
    """
    part = (argument.first, argument.last)
    written = _literal_fields(site.tree, part)
    if written is not None:
        return _by_written_fields(site, part, written)
    if _is_path(site.tree, part):
        return _by_path(site, part)
    alone = len(site.features) == 1
    if alone or _is_constant(site.tree, part):
        return _only_feature(site, part)
    try:
        sql_type = site.scope.columns(f"({site.scope.stand_in(*part)})")[0].type
    except ScopeError:
        sql_type = ""
    found = fields(sql_type)
    if found is None:
        return _only_feature(site, part)
    return _computed_once(site, part, found)


def _only_feature(site: CallSite, part: Range) -> tuple[Given, ...]:
    if len(site.features) != 1:
        raise ArityError(site.version.reference, site.version.signature.feature_names, 1)
    return (site.value(site.features[0], part),)


def _by_path(site: CallSite, part: Range) -> tuple[Given, ...]:
    """A column, a struct column, or the name of a table."""
    text = site.text(*part)
    try:
        sql_type = site.scope.columns(f"({text})")[0].type
    except ScopeError:
        # A lambda's parameter or an alias of the select list. The engine will know it.
        if len(site.features) == 1:
            return (Given(text),)
        return tuple(Given(f"struct_extract({text}, {literal(feature.name)})") for feature in site.features)
    found = fields(sql_type)
    if found is None:
        (expression,) = _only_feature(site, part)
        return (site.coerce(site.features[0], expression.text, sql_type),)
    if _is_table(site, text, [name for name, _ in found]):
        return bind_star(site, Star(f"{text}."))
    return tuple(_fields_of(site, text, found))


def _is_table(site: CallSite, text: str, names: list[str]) -> bool:
    """Whether a struct's name is that of a table in scope, so that its columns can be named directly."""
    if all(source.alias != text for source in site.scope.sources()):
        return False
    try:
        return [column.name for column in site.scope.columns(f"{text}.*")] == names
    except ScopeError:
        return False


def _fields_of(site: CallSite, struct: str, found: list[tuple[str, str]]) -> list[Given]:
    names = [name for name, _ in found]
    expressions = []
    for feature in site.features:
        name, sql_type = found[match(site.version, feature, names)]
        expressions.append(site.coerce(feature, f"struct_extract({struct}, {literal(name)})", sql_type))
    return expressions


def _computed_once(site: CallSite, part: Range, found: list[tuple[str, str]]) -> GivenFields:
    """The fields of an expression that is evaluated once."""
    return GivenFields(site.text(*part), "wml_row", tuple(_fields_of(site, "wml_row", found)))


def _by_written_fields(
    site: CallSite, part: Range, written: list[tuple[str, Range]]
) -> tuple[Given, ...] | GivenFields:
    """A struct that the user wrote field by field: each field's own text is the feature's expression."""
    names = [name for name, _ in written]
    chosen = [match(site.version, feature, names) for feature in site.features]
    ignored = [value for position, (_, value) in enumerate(written) if position not in chosen]
    if any(site.parameters(value) for value in ignored):
        # The engine counts the parameters: one that no feature uses must still be there.
        return _computed_once(site, part, [(name, '"NULL"') for name in names])
    return tuple(
        site.value(feature, written[position][1])
        for feature, position in zip(site.features, chosen, strict=True)
    )


def _literal_fields(tree: TokenTree, part: Range) -> list[tuple[str, Range]] | None:
    """The fields of `{'a': x}` or `struct_pack(a := x)`; None for all else."""
    low, high = part
    mark = ":"
    if tree.word(low) == "STRUCT_PACK" and tree.is_symbol(low + 1, "("):
        low, mark = low + 1, ":="
    elif not tree.is_symbol(low, "{"):
        return None
    if tree.after(low) != high:
        return None
    found = []
    for start, end in tree.split(low + 1, high - 1, ","):
        if end - start < 3 or not tree.is_symbol(start + 1, mark):
            return None
        token = tree.tokens[start]
        name = token.text[1:-1].replace("''", "'") if token.kind is Kind.STRING else token.name
        found.append((name, (start + 2, end)))
    return found


def _is_path(tree: TokenTree, part: Range) -> bool:
    """Whether it is `a`, `t.a` or `s.t.a`."""
    low, high = part
    if (high - low) % 2 == 0 or (high - low == 1 and tree.word(low) in _VALUES):
        return False
    return all(
        tree.is_name(index) if (index - low) % 2 == 0 else tree.is_symbol(index, ".")
        for index in range(low, high)
    )


def _is_constant(tree: TokenTree, part: Range) -> bool:
    token = tree.tokens[part[0]]
    alone = part[1] - part[0] == 1
    return alone and (token.kind in (Kind.STRING, Kind.NUMBER, Kind.PARAMETER) or token.word in _VALUES)
