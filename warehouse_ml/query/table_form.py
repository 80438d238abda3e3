"""`FROM PREDICT('m', TABLE t)`: a derived table with the input's columns and the prediction."""

from warehouse_ml.model import ModelVersion
from warehouse_ml.query.blocks import is_query
from warehouse_ml.query.call_site import CallSite
from warehouse_ml.query.dialect import DUCKDB, Dialect
from warehouse_ml.query.match import match
from warehouse_ml.query.parse import ModelCall
from warehouse_ml.query.score import Score, plain_score
from warehouse_ml.query.segments import Range
from warehouse_ml.query.tokens import Kind, TokenTree
from warehouse_ml.query.tried import null_where
from warehouse_ml.quoting import literal

_IF_LABELLED = "SELECT wml_input.*, CASE WHEN prediction IS NOT NULL THEN "
_LABEL = " AS prediction"

_ADDED = ("prediction", "probability", "wml_score")


def input_of(tree: TokenTree, call: ModelCall) -> Range:
    """The tokens of the table or query that a table-form call is given.

    Raises:
        CallSyntaxError: It is given something else.
    """
    if call.method == "predict_proba":
        raise call.error("in FROM, use PREDICT: it gives the prediction and its probability")
    if len(call.arguments) == 1 and call.arguments[0].name is None:
        first, last = call.arguments[0].first, call.arguments[0].last
        if tree.word(first) == "TABLE" and _is_table(tree, first + 1, last):
            return first + 1, last
        if is_query(tree, first) and tree.after(first) == last:
            return first, last
    raise call.error(
        f"in FROM, a call takes a table or a query: PREDICT({literal(call.model)}, TABLE customers) "
        f"or PREDICT({literal(call.model)}, (SELECT ...))"
    )


def stand_in(version: ModelVersion, source: str, dialect: Dialect = DUCKDB) -> str:
    """A query with the columns of the table form that scores nothing; `source` is the input's text."""
    added = f"{dialect.null(version.signature.prediction)} AS prediction"
    if has_probability(version):
        added += ", CAST(NULL AS DOUBLE) AS probability"
    return f"(SELECT wml_input.*, {added} FROM {source} AS wml_input)"


def bind_table(site: CallSite) -> tuple[tuple[str, ...], tuple[Score, ...]]:
    """The derived table that a table-form call becomes.

    The label is computed in the innermost query, the scores of the classes in the next one and only for rows
    that have a label, so that each method of the model runs once per row.

    Returns:
        The parts of its text between which the scores stand, and those scores.

    Raises:
        SqlError: The input has no such columns, or has columns of the names that are added.
    """
    low, high = input_of(site.tree, site.call)
    columns = site.scope.input_columns(site.scope.stand_in(low, high))
    names = [column.name for column in columns]
    added = _ADDED if has_probability(site.version) else _ADDED[:1]
    for name in names:
        if name.casefold() in added:
            raise site.call.error(f"the input has a column {name!r} already; rename or exclude it")
    dialect = site.dialect
    features = []
    for feature in site.features:
        column = columns[match(site.version, feature, names)]
        name = dialect.identifier(column.name)
        features.append(site.coerce(feature, f"wml_input.{name}", column.type))
    score = plain_score(site.version, site.call.method, features, dialect=dialect)
    before, after = null_where(given.unfit for given in features)
    inner = f"SELECT wml_input.*, {before}"
    source = f"{after}{_LABEL} FROM {site.text(low, high)} AS wml_input"
    if not has_probability(site.version):
        return (f"({inner}", f"{source})"), (score,)
    probabilities = plain_score(site.version, "predict_proba", features, dialect=dialect)
    cases = _cases(site.version, dialect)
    outer = f"SELECT * EXCLUDE (wml_score), CASE prediction {cases} END AS probability FROM ("
    parts = (
        f"({outer}{_IF_LABELLED}",
        f" END AS wml_score FROM ({inner}",
        f"{source}) AS wml_input) AS wml_input)",
    )
    return parts, (probabilities, score)


def joined_parts(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The parts of the derived table with one score in place of two: a STRUCT of the label and the scores.

    Args:
        parts: Those that `bind_table` made for a version with probabilities.
    """
    head = (
        f"{parts[0].removesuffix(_IF_LABELLED)}SELECT * EXCLUDE (wml_both), struct_extract(wml_both, 'm0') "
        "AS prediction, struct_extract(wml_both, 'm1') AS wml_score FROM (SELECT wml_input.*, "
    )
    return head, f" AS wml_both{parts[2].removeprefix(_LABEL)}"


def has_probability(version: ModelVersion) -> bool:
    """Whether the predicted class has one probability: not so with several outputs."""
    return version.signature.probabilities is not None and bool(version.signature.classes)


def _cases(version: ModelVersion, dialect: Dialect) -> str:
    """For each label the probability of that class, out of what PREDICT_PROBA gives."""
    signature = version.signature
    labels = [_label(label, dialect) for label in signature.classes]
    if len(labels) == 2 or signature.probabilities is None:
        values = ["1 - wml_score", "wml_score"]
    else:
        values = [
            dialect.field("wml_score", field.name, place, "DOUBLE")
            for place, field in enumerate(signature.probabilities.fields)
        ]
    return " ".join(f"WHEN {label} THEN {value}" for label, value in zip(labels, values, strict=True))


def _label(label: str | int | float | bool, dialect: Dialect) -> str:
    if isinstance(label, bool):
        return "TRUE" if label else "FALSE"
    if isinstance(label, float) and dialect.target == "snowflake":  # its own literals are decimal numbers
        return f"CAST('{label!r}' AS {'FLOAT' if dialect.source == 'snowflake' else 'DOUBLE'})"
    return dialect.text(label) if isinstance(label, str) else repr(label)


def _is_table(tree: TokenTree, low: int, high: int) -> bool:
    """Whether it is a table's name, `t` or `db.s.t`, or a file's name in quotes."""
    if high == low + 1 and tree.tokens[low].kind is Kind.STRING:
        return True
    odd = (high - low) % 2 == 1
    return odd and all(
        tree.is_name(index) if (index - low) % 2 == 0 else tree.is_symbol(index, ".")
        for index in range(low, high)
    )
