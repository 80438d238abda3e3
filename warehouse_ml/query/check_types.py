"""The types of what calls give by position or by name, where no binder of the engine's will check them.

DuckDB refuses a text for a number when it binds a function. Snowflake reads the number out of the text, and a
text that is only translated is bound by nobody.
"""

from dataclasses import replace

from warehouse_ml.errors import FeatureTypeError
from warehouse_ml.query.bound import BoundCall
from warehouse_ml.query.coerce_by import coerced_by
from warehouse_ml.query.score import Score
from warehouse_ml.query.tokens import Kind, tokenize
from warehouse_ml.query.tried import null_where, tried


def checked_call(call: BoundCall) -> BoundCall:
    """The call with casts of what has no type of its own in Snowflake, a VARIANT.

    Args:
        call: A call whose score knows the types of its features, as far as they are known.

    Raises:
        FeatureTypeError: A type is not losslessly the feature's own.
    """
    if len(call.scores) != 1 or not call.scores[0].is_plain:
        return call
    score, (before, after) = _checked(call.scores[0])
    parts = (f"{call.parts[0]}{before}", f"{after}{call.parts[1]}")
    return replace(call, scores=(score,), parts=parts)


def _checked(score: Score) -> tuple[Score, tuple[str, str]]:
    """The score, and the texts around it that make it NULL where TRY_PREDICT finds another type."""
    features, types = list(score.features), list(score.types)
    unfit: list[str] = []
    for place, feature in enumerate(score.version.signature.features):
        known = types[place]
        if known is None or known == feature.type or _is_untyped(features[place], score.dialect.source):
            continue
        lenient = tried(score.dialect, score.method, feature, features[place], known)
        if lenient is not None:
            features[place], types[place] = lenient[0], feature.type
            unfit.append(lenient[1])
            continue
        coerced = coerced_by(score.dialect, score.version.reference, feature, features[place], known)
        if coerced != features[place] and known != "VARIANT":  # a cast would do it, and so DuckDB demands it
            raise FeatureTypeError(score.version.reference, feature.name, feature.type, known)
        if coerced != features[place]:
            features[place], types[place] = coerced, feature.type
    if features == list(score.features):
        return score, ("", "")
    text = score.dialect.call(score.version, score.method, features)
    checked = replace(score, features=tuple(features), types=tuple(types), text=text)
    return checked, null_where(unfit)


def _is_untyped(text: str, dialect: str) -> bool:
    """Whether a NULL, a parameter, or a text, which was checked when it was read; a number has its type."""
    tree = tokenize(text, dialect)
    if tree is None or not tree.tokens:
        return True
    last = tree.tokens[-1]
    return len(tree.tokens) == 1 and (last.kind in (Kind.STRING, Kind.PARAMETER) or last.word == "NULL")
