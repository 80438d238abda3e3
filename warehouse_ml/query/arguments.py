"""The arguments of a call -> one SQL expression per feature of the version."""

from collections.abc import Sequence

from warehouse_ml.errors import ArityError, MissingFeatureError, UnknownFeatureError
from warehouse_ml.query.call_site import CallSite, Given, GivenFields
from warehouse_ml.query.parse import Argument
from warehouse_ml.query.segments import Range
from warehouse_ml.query.stars import Star, bind_star, read_star
from warehouse_ml.query.structs import bind_single


def bind_arguments(site: CallSite) -> tuple[Given, ...] | GivenFields:
    """What is given for each feature.

    Returns:
        One expression per feature, in the order of the signature; or the fields of a value that must be
        computed once.

    Raises:
        SqlError: The arguments do not give each feature exactly once.
    """
    given = site.call.arguments
    if not given:
        return bind_star(site, Star())
    for argument in given:
        if site.tree.word(argument.first) == "TABLE":
            raise site.call.error("TABLE belongs in FROM: SELECT * FROM PREDICT('model', TABLE customers)")
        if site.tree.is_symbol(argument.first, "*") and site.tree.word(argument.first + 1) == "COLUMNS":
            raise site.call.error("*COLUMNS gives columns by position; write * or name the features")
    if any(argument.name is not None for argument in given):
        return _named(site, given)
    stars = [read_star(site.tree, argument.first, argument.last) for argument in given]
    if len(given) > 1:
        if any(stars):
            raise site.call.error("a star must be the only argument beside the model")
        return _positional(site, given)
    return bind_star(site, stars[0]) if stars[0] else bind_single(site, given[0])


def _positional(site: CallSite, given: Sequence[Argument]) -> tuple[Given, ...]:
    if len(given) != len(site.features):
        raise ArityError(site.version.reference, site.version.signature.feature_names, len(given))
    return tuple(
        site.value(feature, (argument.first, argument.last))
        for feature, argument in zip(site.features, given, strict=True)
    )


def _named(site: CallSite, given: Sequence[Argument]) -> tuple[Given, ...]:
    reference, known = site.version.reference, site.version.signature.feature_names
    parts: dict[str, Range] = {}
    for argument in given:
        if argument.name is None:
            raise site.call.error("name all the features or none of them")
        name = _feature_name(argument.name, known)
        if name is None:
            raise UnknownFeatureError(reference, argument.name, known)
        if name in parts:
            raise site.call.error(f"the feature {name!r} is given twice")
        parts[name] = (argument.first, argument.last)
    for feature in site.features:
        if feature.name not in parts:
            raise MissingFeatureError(reference, feature.name, list(parts))
    return tuple(site.value(feature, parts[feature.name]) for feature in site.features)


def _feature_name(written: str, known: Sequence[str]) -> str | None:
    """The feature that a written name means: the exact one, else the only one that differs in case."""
    if written in known:
        return written
    found = [name for name in known if name.casefold() == written.casefold()]
    return found[0] if len(found) == 1 else None
