"""A single argument: a row, a struct, or the one feature of a small model."""

from warehouse_ml.errors import ArityError, ScopeError
from warehouse_ml.query.call_site import CallSite, Given, GivenFields
from warehouse_ml.query.coerce import fields
from warehouse_ml.query.coerce_snowflake import is_object, is_variant
from warehouse_ml.query.match import match
from warehouse_ml.query.parse import Argument
from warehouse_ml.query.segments import Range
from warehouse_ml.query.stars import Star, bind_star, read_star
from warehouse_ml.query.tokens import Kind, TokenTree, words

_VALUES = frozenset({"NULL", "TRUE", "FALSE"})
_OBJECTS = words("OBJECT_CONSTRUCT OBJECT_CONSTRUCT_KEEP_NULL")
_ONCE = words("SELECT RANDOM RAND UUID GEN_RANDOM_UUID UUID_STRING UNIFORM NORMAL RANDSTR ZIPF NEXTVAL")
"""Words in an expression that must be computed once."""


def bind_single(site: CallSite, argument: Argument) -> tuple[Given, ...] | GivenFields:
    """What the only argument of a call gives for each feature; see `arguments.bind_arguments`.

    Raises:
        SqlError: It is neither a struct with the features nor the only feature.
    """
    part = (argument.first, argument.last)
    star = _object_of_star(site.tree, part)
    if star is not None:
        return bind_star(site, star)
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
    if site.dialect.source == "snowflake":
        return _by_key(site, part) if _has_keys(site, sql_type) else _only_feature(site, part)
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
        if site.dialect.source == "snowflake" and _is_alias(site, text):
            return bind_star(site, Star(f"{text}."))
        # A lambda's parameter or an alias of the select list. The engine will know it.
        if len(site.features) == 1:
            return (Given(text),)
        return _keys(site, text)
    if site.dialect.source == "snowflake" and _has_keys(site, sql_type):
        return _keys(site, text)
    found = fields(sql_type)
    if found is None:
        (expression,) = _only_feature(site, part)
        return (site.coerce(site.features[0], expression.text, sql_type),)
    if _is_table(site, text, [name for name, _ in found]):
        return bind_star(site, Star(f"{text}."))
    return tuple(_fields_of(site, text, found))


def _has_keys(site: CallSite, sql_type: str) -> bool:
    """Whether a value of Snowflake is read by its keys: one VARIANT for one feature is that feature."""
    return is_object(sql_type) or (is_variant(sql_type) and len(site.features) > 1)


def _keys(site: CallSite, value: str) -> tuple[Given, ...]:
    """The features as fields of a value of which no more is known; a key that is not there is NULL."""
    found = []
    for feature in site.features:
        text = site.dialect.field(value, feature.name, -1)
        known = site.dialect.source == "snowflake"
        found.append(site.coerce(feature, text, "VARIANT") if known else Given(text))
    return tuple(found)


def _by_key(site: CallSite, part: Range) -> tuple[Given, ...]:
    """The fields of an OBJECT that an expression computes; it is written once for each feature."""
    _check_repeatable(site, part)
    return _keys(site, site.text(*part))


def _check_repeatable(site: CallSite, part: Range) -> None:
    tree = site.tree
    start, end = tree.span(*part)
    holds_call = any(start <= edit.start and edit.end <= end for edit in site.edits)
    if holds_call or site.parameters(part) or any(tree.word(at) in _ONCE for at in range(*part)):
        raise site.call.error(
            "in Snowflake this value would be computed once for each feature; "
            "give it a name in a subquery and hand that name to the call"
        )


def _is_alias(site: CallSite, text: str) -> bool:
    """Whether it is the name of a table in scope."""
    folded = text.casefold()
    if all(source.alias is None or source.alias.casefold() != folded for source in site.scope.sources()):
        return False
    try:
        return bool(site.scope.columns(f"{text}.*"))
    except ScopeError:
        return False


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
        expressions.append(site.coerce(feature, site.dialect.field(struct, name, -1), sql_type))
    return expressions


def _computed_once(
    site: CallSite, part: Range, found: list[tuple[str, str]]
) -> tuple[Given, ...] | GivenFields:
    """The fields of an expression that is evaluated once, or repeated where it cannot be and may be."""
    if not site.dialect.computes_once:
        _check_repeatable(site, part)
        return tuple(_fields_of(site, site.text(*part), found))
    return GivenFields(site.text(*part), "wml_row", tuple(_fields_of(site, "wml_row", found)))


def _by_written_fields(
    site: CallSite, part: Range, written: list[tuple[str, Range]]
) -> tuple[Given, ...] | GivenFields:
    """A struct that the user wrote field by field: each field's own text is the feature's expression."""
    names = [name for name, _ in written]
    chosen = [match(site.version, feature, names) for feature in site.features]
    ignored = [value for position, (_, value) in enumerate(written) if position not in chosen]
    if any(site.parameters(value) for value in ignored):
        if not site.dialect.computes_once:
            raise site.call.error("a parameter stands for a field that the model does not use")
        # The engine counts the parameters: one that no feature uses must still be there.
        return _computed_once(site, part, [(name, '"NULL"') for name in names])
    return tuple(
        site.value(feature, written[position][1])
        for feature, position in zip(site.features, chosen, strict=True)
    )


def _literal_fields(tree: TokenTree, part: Range) -> list[tuple[str, Range]] | None:
    """The fields of `{'a': x}`, `struct_pack(a := x)` or `OBJECT_CONSTRUCT('a', x)`; None for all else."""
    low, high = part
    if tree.word(low) in _OBJECTS and tree.is_symbol(low + 1, "("):
        return _pairs(tree, low + 1) if tree.after(low + 1) == high else None
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


def _pairs(tree: TokenTree, opening: int) -> list[tuple[str, Range]] | None:
    """The fields of `('a', x, 'b', y)`; None where a key is no plain text."""
    parts = [part for part in tree.split(opening + 1, tree.closing[opening], ",") if part[0] < part[1]]
    keys = [tree.tokens[low] for low, high in parts[::2] if high == low + 1]
    if len(parts) % 2 or 2 * len(keys) != len(parts) or any(key.kind is not Kind.STRING for key in keys):
        return None
    names = [key.text[1:-1].replace("''", "'") for key in keys]
    return list(zip(names, parts[1::2], strict=True)) or None


def _object_of_star(tree: TokenTree, part: Range) -> Star | None:
    """The star in Snowflake's `{*}`, `{t.*}` or `OBJECT_CONSTRUCT(*)`, which stand for the same columns."""
    low, high = part
    if tree.dialect != "snowflake":
        return None
    opening = low + 1 if tree.word(low) in _OBJECTS else low
    opens = tree.is_symbol(opening, "(") if opening > low else tree.is_symbol(opening, "{")
    if not opens or tree.after(opening) != high:
        return None
    return read_star(tree, opening + 1, high - 1)


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
