"""Functions that read a feature's value out of an OBJECT, which the native PREDICT is written with.

They are the same for all models, so that a feature costs the text of one call. A key is found whatever its
case: the feature's own spelling first, then upper case, which is what Snowflake makes of a name without
quotes. A feature without a key is refused and not taken for NULL, which a misspelled key would be too.

They hold nothing of a model, and run with the privileges of who owns `predict`: nobody needs a grant, and
they are never SECURE.
"""

import hashlib
from collections.abc import Collection

from warehouse_ml.engines.snowflake_sql import rendered
from warehouse_ml.quoting import snowflake_literal
from warehouse_ml.semistructured import cast, fits, other_type, refused
from warehouse_ml.signature import TYPES, Feature, Signature

_ROW = "COALESCE(CAST(features AS VARCHAR), '')"

_NAME = "' || name || '"

_NO_KEY = (
    f"The OBJECT has no key ''{_NAME}'', a feature of the model. "
    "Make it by OBJECT_CONSTRUCT_KEEP_NULL: OBJECT_CONSTRUCT leaves out the keys of NULLs."
)


def create_readers(schema: str, there: Collection[str] = ()) -> list[str]:
    """The statements that make the functions, each before those that call it.

    Args:
        schema: Where the functions are, as it stands in statements.
        there: The comments of the functions that are there already: they tell which are as they should be.
    """
    value = f"{schema}.find_feature(features, name)"
    found = [_created(there, "create_finding_function", "finds a feature in an OBJECT", schema=schema)]
    found += [
        _created(
            there,
            "create_reading_function",
            f"reads a feature of type {kind} out of an OBJECT",
            schema=schema,
            kind=kind.lower(),
            type=TYPES[kind].snowflake,
            value=value,
            fits=fits(value, kind),
            cast=cast(value, kind),
            no_key=refused(_NO_KEY, kind, _ROW),
            other_type=other_type(_NAME, kind, _ROW),
        )
        for kind in TYPES
    ]
    whens = [f"  WHEN {snowflake_literal(kind)} THEN {fits(value, kind)}" for kind in TYPES]
    what = "whether an OBJECT holds a feature with a value of its type or a null"
    found.append(
        _created(there, "create_checking_function", what, schema=schema, value=value, whens="\n".join(whens))
    )
    return [statement for statement in found if statement]


def read(feature: Feature, signature: Signature, schema: str, *, refuse: bool) -> str:
    """A feature's value out of the OBJECT `features`.

    Args:
        feature: The feature.
        signature: The signature that it is of.
        schema: Where the functions are.
        refuse: Whether a missing key and a value of another type are errors; else they are NULL.
    """
    flag = "TRUE" if refuse else "FALSE"
    return f"{schema}.read_{feature.type.lower()}({_asked(feature, signature)}, {flag})"


def holds(feature: Feature, signature: Signature, schema: str) -> str:
    """Whether the OBJECT `features` has the key of a feature, and a value of its type or a null there.

    Args:
        feature: The feature.
        signature: The signature that it is of.
        schema: Where the functions are.
    """
    return f"{schema}.holds({_asked(feature, signature)}, {snowflake_literal(feature.type)})"


def _created(there: Collection[str], statement: str, what: str, **parts: str) -> str:
    """A statement whose function's comment holds a digest of it; empty where that function is there."""
    digest = hashlib.sha256(rendered(statement, comment="", **parts).encode()).hexdigest()[:8]
    comment = f"warehouse_ml: {what}, {digest}"
    return "" if comment in there else rendered(statement, comment=snowflake_literal(comment), **parts)


def _asked(feature: Feature, signature: Signature) -> str:
    """The OBJECT and the key; of features that differ in case alone each finds its own spelling only."""
    key = snowflake_literal(feature.name)
    upper = feature.name.upper()
    if sum(name.upper() == upper for name in signature.feature_names) > 1:
        # OBJECT_CONSTRUCT leaves the key out where GET finds none, and keeps the null of JSON.
        return f"OBJECT_CONSTRUCT({key}, GET(features, {key})), {key}"
    return f"features, {key}"
