"""Which of a version's results a call asks for, and the text around the function's call that reads it."""

from warehouse_ml.errors import MethodError
from warehouse_ml.model import ModelVersion
from warehouse_ml.query.dialect import Dialect
from warehouse_ml.query.parse import ModelCall
from warehouse_ml.query.tokens import TokenTree
from warehouse_ml.signature import Output


def output_of(call: ModelCall, version: ModelVersion, dialect: Dialect) -> tuple[Output, tuple[str, str]]:
    """The result of a call, and the texts before and after the call of the function.

    `churn!PREDICT_PROBA(a, b):output_feature_1` is the probability of the second class, as Snowflake's own
    registry numbers them; without such a field a call gives what the function gives.

    Raises:
        CallSyntaxError: There is no output of that number.
        MethodError: The version has no such method.
    """
    signature = version.signature
    result = signature.result(call.method)
    if result is None:
        raise MethodError(version.reference, "PREDICT_PROBA", signature.task)
    place = call.output
    if place is None:
        return result, ("", "")
    if call.method == "predict_proba" and len(signature.classes) == 2 and place < 2:
        return result, ("", "") if place else ("(1 - ", ")")
    if result.type != "STRUCT" and place == 0 and call.method != "predict_proba":
        return result, ("", "")
    if result.type == "STRUCT" and place < len(result.fields) and result.fields[place].type != "STRUCT":
        field = result.fields[place]
        before, after = dialect.field("\0", field.name, place, field.type).split("\0")
        return field, (before, after)
    raise call.error(f"{version.reference} has no output_feature_{place}")


def check_no_dot(call: ModelCall, tree: TokenTree) -> None:
    """Refuse DuckDB's spelling of a field, `PREDICT_PROBA('m', *).low`, in Snowflake's SQL, which has none.

    Raises:
        CallSyntaxError: A name stands after a dot behind the call.
    """
    after = tree.closing[call.token + 1] + 1
    before = next(place for place, token in enumerate(tree.tokens) if token.start == call.start) - 1
    while tree.is_symbol(before, "(") and tree.closing.get(before) == after:
        before, after = before - 1, after + 1
    if tree.is_symbol(after, ".") and tree.is_name(after + 1):
        name = tree.tokens[after + 1].name.replace('"', '""')
        raise call.error(f'in Snowflake a field stands after a colon, with its case: write ...:"{name}"')
