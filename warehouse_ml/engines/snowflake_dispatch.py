"""The native PREDICT: a function that finds the version by the model's name, for who knows nothing of us.

    SELECT warehouse_ml.predict('churn@champion', OBJECT_CONSTRUCT_KEEP_NULL(*)) FROM customers

It is one SQL expression, made anew whenever a version or an alias changes. Snowflake puts it in the place of
the call, so that a constant name leaves one version's function. Values are read by `snowflake_readers`: a key
that the OBJECT does not hold and a value of another type than the feature's are refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from warehouse_ml.engines.snowflake_ddl import call_of
from warehouse_ml.engines.snowflake_readers import holds, read
from warehouse_ml.engines.snowflake_sql import rendered
from warehouse_ml.errors import ModelNotFoundError
from warehouse_ml.model import ModelVersion
from warehouse_ml.quoting import snowflake_literal
from warehouse_ml.signature import Method
from warehouse_ml.variant import REFUSAL_MARK

NAMES: Mapping[Method, str] = {
    "predict": "predict",
    "predict_proba": "predict_proba",
    "try_predict": "try_predict",
}
"""What the function of each method is called."""

LARGEST_BODY = 800_000
"""Characters of a body: of more versions than fit, the oldest ones without an alias are left out."""

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Dispatched:
    """A version, and the texts that name it.

    Attributes:
        version: The version.
        references: `churn`, `churn@3`, `churn@champion`, `churn@latest`, in lower case.
    """

    version: ModelVersion
    references: tuple[str, ...]


def dispatched(
    versions: Iterable[ModelVersion], aliases: Mapping[str, Mapping[str, int]]
) -> list[Dispatched]:
    """The versions that can be called by name, those that aliases follow first.

    Args:
        versions: The live versions of all models.
        aliases: For each model the version that an alias points to; `default` is the bare name.
    """
    known = list(versions)
    latest: dict[str, int] = {}
    for version in known:
        latest[version.name] = max(version.version, latest.get(version.name, 0))
    found = []
    for version in known:
        named = [
            alias for alias, number in aliases.get(version.name, {}).items() if number == version.version
        ]
        selectors = [str(version.version), *sorted(alias for alias in named if alias != "default")]
        selectors += ["latest"] if latest[version.name] == version.version else []
        bare = [version.name] if "default" in named else []
        references = (*bare, *(f"{version.name}@{selector}" for selector in selectors))
        found.append(Dispatched(version, references))
    return sorted(
        found, key=lambda entry: (len(entry.references) == 1, entry.version.name, -entry.version.version)
    )


def create_dispatch(
    entries: Sequence[Dispatched], method: Method, schema: str = "warehouse_ml", *, secure: bool = False
) -> str:
    """The statement that makes the function of a method.

    Args:
        entries: What `dispatched` found.
        method: The method; versions without it are left out.
        schema: Where the functions are, as it stands in statements.
        secure: Whether it is a SECURE function.
    """
    having = [entry for entry in entries if entry.version.signature.result(method) is not None]
    body, count = _body(having, method, schema)
    left = f", {len(having) - count} left out for its length" if count < len(having) else ""
    return rendered(
        "create_dispatch_function",
        secure="SECURE " if secure else "",
        function=f"{schema}.{NAMES[method]}",
        comment=snowflake_literal(f"warehouse_ml: {method} of {count} versions by name{left}"),
        body=snowflake_literal(body) if "$$" in body else f"$$\n{body}\n$$",
    )


def _body(entries: Sequence[Dispatched], method: Method, schema: str) -> tuple[str, int]:
    """The expression, and of how many versions."""
    whens: list[str] = []
    length = 0
    for entry in entries:
        when = _when(entry, method, schema)
        length += len(when)
        if length > LARGEST_BODY:
            break
        whens.append(when)
    refusal = _refusal(entries[: len(whens)], method)
    if not whens:
        return refusal, 0
    return "\n".join(["CASE", *whens, f"  ELSE {refusal}", "END"]), len(whens)


def _when(entry: Dispatched, method: Method, schema: str) -> str:
    signature = entry.version.signature
    tried = method == "try_predict"
    features = [read(feature, signature, schema, refuse=not tried) for feature in signature.features]
    function, arguments = call_of(entry.version, method, schema, features)
    references = ", ".join(map(snowflake_literal, entry.references))
    score = f"TO_VARIANT({function}({arguments}))"
    if tried:
        # A row without a key or with a value of another type has no score, also where the model takes NULL.
        held = " AND ".join(holds(feature, signature, schema) for feature in signature.features)
        score = f"CASE WHEN {held} THEN {score} END"
    return f"  WHEN LOWER(model) IN ({references}) THEN {score}"


def _refusal(entries: Sequence[Dispatched], method: Method) -> str:
    """An error for a name that no version has: a text that is read as a number, see `sql_snowflake`.

    The text depends on the row, or Snowflake could try to read it while it plans a call by a known name.
    """
    known = [entry.references[0] for entry in entries]
    shown = ", ".join(known[:_SHOWN]) + (", ..." if len(known) > _SHOWN else "")
    has = f"There is {shown}." if known else "There is none."
    begin = snowflake_literal(f"{REFUSAL_MARK}{ModelNotFoundError.__name__}: No model ")
    end = snowflake_literal(f" with {method.upper()} here. {has}")[:-1] + "\\n in function '"
    row = "LEFT(COALESCE(features::VARCHAR, ''), 0)"
    return f"TO_VARIANT(TO_DOUBLE({begin} || COALESCE(model, 'NULL') || {end} || {row}))"
