"""What a version takes and returns: features, results, and the one table of types.

A signature is stored as JSON beside the ONNX bytes, and travels inside the file as metadata. The
handler in the warehouse reads that JSON and nothing else.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from warehouse_ml.errors import FormatVersionError
from warehouse_ml.quoting import quoted

FORMAT_VERSION = 1
"""The newest form of the JSON that this release reads; it writes the same."""

METADATA_KEY = "warehouse_ml.signature"
"""Where the signature stands in the `metadata_props` of the ONNX file."""

MissingPolicy = Literal["model", "null", "error", "default"]
Task = Literal["regression", "classification", "clustering", "outlier detection", "transformation"]
Method = Literal["predict", "predict_proba", "try_predict"]


@dataclass(frozen=True, slots=True)
class ValueType:
    """One kind of value, as numpy, ONNX and each SQL dialect spell it."""

    name: str
    numpy: str
    onnx: str
    duckdb: str
    snowflake: str


TYPES: Mapping[str, ValueType] = {
    kind.name: kind
    for kind in (
        ValueType("DOUBLE", numpy="float64", onnx="double", duckdb="DOUBLE", snowflake="FLOAT"),
        ValueType("BIGINT", numpy="int64", onnx="int64", duckdb="BIGINT", snowflake="NUMBER(38,0)"),
        ValueType("BOOLEAN", numpy="bool", onnx="double", duckdb="BOOLEAN", snowflake="BOOLEAN"),
        ValueType("VARCHAR", numpy="object", onnx="string", duckdb="VARCHAR", snowflake="VARCHAR"),
        ValueType(
            "TIMESTAMP", numpy="datetime64", onnx="double", duckdb="TIMESTAMP", snowflake="TIMESTAMP_NTZ"
        ),
    )
}
"""Every type of a feature or a result. Booleans and times enter a graph as doubles, so that NaN can
stand for NULL; whole numbers are DOUBLE unless the sample holds one beyond 2^53."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A column that a model is fed with.

    Attributes:
        name: The column's name, as the estimator saw it.
        type: A key of `TYPES`.
        missing: What a NULL does: `model` hands it to the model, `null` makes the score NULL, `error`
            raises, `default` puts `default` in its place.
        default: The value of the policy `default`.
        limit: The largest magnitude that the estimator accepts, or None where infinity is accepted too.
        unit: For TIMESTAMP: the numpy unit (`ns`, `us`, `ms`, `s`, `D`) that the estimator counted in.
    """

    name: str
    type: str
    missing: MissingPolicy = "null"
    default: float | int | str | bool | None = None
    limit: float | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class GraphInput:
    """One input of the graph, of shape [rows, 1], and the feature it is made from.

    Attributes:
        name: The input's name in the graph.
        feature: The position of its feature in the signature.
        transform: What is done to the text first, in order: `lower`, `strip_accents_unicode`,
            `strip_accents_ascii`. ONNX has these only for a locale that not every machine has. The last may
            be `terms:` or `counts:` with the JSON settings of a text vectorizer: the input is then a matrix
            of the different terms of each text, or of how often each occurs.
    """

    name: str
    feature: int
    transform: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """A result: a column of one of the graph's outputs, or a STRUCT of such.

    Attributes:
        name: The field's name within a STRUCT; for probabilities, the class.
        type: A key of `TYPES`, or `STRUCT`.
        tensor: The graph's output that holds the values, of shape [rows] or [rows, columns].
        column: The column of that output; None where its shape is [rows].
        fields: The parts of a STRUCT, in order.
    """

    name: str
    type: str
    tensor: str = ""
    column: int | None = None
    fields: tuple["Output", ...] = ()

    def sql_type(self, dialect: str) -> str:
        """The type as the dialect writes it; field names are quoted."""
        if self.type != "STRUCT":
            return str(getattr(TYPES[self.type], dialect))
        if dialect == "snowflake":
            return "OBJECT"
        parts = ", ".join(f"{quoted(field.name)} {field.sql_type(dialect)}" for field in self.fields)
        return f"STRUCT({parts})"

    def leaves(self) -> Iterator["Output"]:
        """The outputs that are no STRUCT, in order."""
        if self.type != "STRUCT":
            yield self
        for field in self.fields:
            yield from field.leaves()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A column of the graph's output `refused`: true where the estimator would have raised.

    Attributes:
        feature: The position of the feature whose value is refused, or -1 where a step computed the value.
        reason: Why, as the estimator would say it: `unknown category`.
        stricter: Whether the estimator should raise, and by an error of its library does not always.
    """

    feature: int
    reason: str
    stricter: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """All that is known of a version without loading it.

    Attributes:
        task: What kind of answer the model gives.
        features: The features, in the order of a positional call.
        inputs: The inputs of the graph.
        prediction: The result of PREDICT; its type is `STRUCT` for several outputs.
        probabilities: For classifiers that have them, a STRUCT keyed by class (for several outputs a
            STRUCT of those), else None.
        classes: The classes of a single-output classifier, in the estimator's order.
        refusals: The columns of the graph's output `refused`; empty where it has no such output.
        row_size: How many numbers the graph's widest tensor holds for one row; the handler scores fewer rows
            at a time where it is large.
        format_version: The form of this JSON.
    """

    task: Task
    features: tuple[Feature, ...]
    inputs: tuple[GraphInput, ...]
    prediction: Output
    probabilities: Output | None = None
    classes: tuple[str | int | float | bool, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    row_size: int = 1
    format_version: int = FORMAT_VERSION

    @property
    def familiar_features(self) -> frozenset[int]:
        """The positions of the features whose new values are refused though the estimator may score them."""
        return frozenset(refusal.feature for refusal in self.refusals if refusal.stricter)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    def result(self, method: Method) -> Output | None:
        """What a method returns, or None where the model has no such method.

        PREDICT_PROBA of two classes is the probability of the second one alone.
        """
        if method != "predict_proba":
            return self.prediction
        if self.probabilities is not None and len(self.classes) == 2:
            return self.probabilities.fields[1]
        return self.probabilities

    def to_json(self) -> str:
        """The signature as JSON with sorted keys: the same signature is the same text."""
        return json.dumps(_plain(self), ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Signature":
        """Read what `to_json` wrote.

        Raises:
            FormatVersionError: A newer release wrote it.
        """
        facts = json.loads(text)
        if facts["format_version"] > FORMAT_VERSION:
            raise FormatVersionError("The model", facts["format_version"], FORMAT_VERSION)
        probabilities = facts["probabilities"]
        return cls(
            task=facts["task"],
            features=tuple(Feature(**feature) for feature in facts["features"]),
            inputs=tuple(
                GraphInput(entry["name"], entry["feature"], tuple(entry["transform"]))
                for entry in facts["inputs"]
            ),
            prediction=_output(facts["prediction"]),
            probabilities=None if probabilities is None else _output(probabilities),
            classes=tuple(facts["classes"]),
            refusals=tuple(Refusal(**refusal) for refusal in facts["refusals"]),
            row_size=facts["row_size"],
            format_version=facts["format_version"],
        )


def _output(facts: Mapping[str, Any]) -> Output:
    fields = tuple(_output(field) for field in facts["fields"])
    return Output(facts["name"], facts["type"], facts["tensor"], facts["column"], fields)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value
