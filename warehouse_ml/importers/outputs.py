"""Say what the outputs of a foreign graph mean, and give them the types of SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper

from warehouse_ml.errors import ImportModelError, near_miss
from warehouse_ml.importers.classes import Classes, is_nearest, label_classes
from warehouse_ml.importers.inputs import Names, unused, value_names
from warehouse_ml.importers.probe import OutputFacts
from warehouse_ml.signature import Output, Task

if TYPE_CHECKING:
    from onnx import ModelProto

MAX_RESULTS = 10_000

_LABEL_TYPES = {
    "string": "VARCHAR",
    "bool": "BOOLEAN",
    **dict.fromkeys(("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8"), "BIGINT"),
}
_FLOATS = ("float64", "float32", "float16", "bfloat16")
_ELEMENTS = {"DOUBLE": TensorProto.DOUBLE, "BIGINT": TensorProto.INT64}


@dataclass(frozen=True, slots=True)
class Answers:
    """What the model answers; see `Signature` for the attributes."""

    task: Task
    prediction: Output
    probabilities: Output | None = None
    classes: tuple[str | int | bool, ...] = ()


@dataclass(frozen=True, slots=True)
class _Result:
    """An output of the file that is used."""

    name: str
    facts: OutputFacts
    names: tuple[str, ...] = ()


def read_outputs(
    model: "ModelProto",
    facts: Mapping[str, OutputFacts],
    zipped: Mapping[str, Classes],
    outputs: Names | None,
    classes: Sequence[str | int | bool] | None,
) -> Answers:
    """Find out what the outputs mean, and rewrite them in place.

    A single text, integer or boolean output is a label, and the floats beside it are its probabilities
    where they are shares of 1, one for each class. Without a label every column of a float output is a
    result of its own, unless their classes are known: then the label is the most probable one.

    Args:
        model: The graph, with one input per feature and without ZipMaps.
        facts: What `probe` saw of its outputs.
        zipped: The classes of the outputs that were fed to a ZipMap.
        outputs: The outputs that are used, by default all; or the names of their columns, by output.
        classes: The classes in the order of the probabilities, where the graph does not hold them.

    Raises:
        ImportModelError: The outputs are no columns, or cannot be told apart.
    """
    results = _chosen(facts, outputs)
    labels = [result for result in results if result.facts.dtype in _LABEL_TYPES]
    scores = [result for result in results if result.facts.dtype in _FLOATS]
    given = _plain(classes)
    if len(labels) == 1 and labels[0].facts.width == 1:
        answers = _labelled(model, labels[0], scores, zipped, given)
    elif labels:
        answers = Answers("classification", _struct(model, labels))
    elif len(scores) == 1 and scores[0].facts.width > 1 and (given or zipped.get(scores[0].name)):
        answers = _unlabelled(model, scores[0], given or zipped[scores[0].name])
    else:
        answers = Answers("regression", _struct(model, scores))
    if given and not _same(answers.classes, given):
        listed = f" The graph itself says {list(answers.classes)!r}." if answers.classes else ""
        raise ImportModelError(
            f"The graph has no output that fits the {len(given)} classes that were given.{listed}"
        )
    _keep(model, answers)
    return answers


def _plain(classes: Sequence[str | int | bool] | None) -> tuple[str | int | bool, ...]:
    """The classes in Python's own types: an estimator's `classes_` hold numpy's."""
    given: Sequence[Any] = () if classes is None else classes
    return tuple(entry.item() if isinstance(entry, np.generic) else entry for entry in given)


def _same(classes: tuple[str | int | bool, ...], given: tuple[str | int | bool, ...]) -> bool:
    """Whether they are the same in order and in kind: False is not 0."""
    return classes == given and list(map(type, classes)) == list(map(type, given))


def _chosen(facts: Mapping[str, OutputFacts], outputs: Names | None) -> list[_Result]:
    if outputs is None:
        wanted: Names = [name for name, seen in facts.items() if _usable(seen)]
    else:
        wanted = [outputs] if isinstance(outputs, str) else outputs
    results = []
    for name in wanted:
        if name not in facts:
            raise ImportModelError(f"The graph has no output named {name!r}.{near_miss(name, list(facts))}")
        if not _usable(facts[name]):
            raise ImportModelError(f"The output {name!r} is no column or matrix of scores, one row per row.")
        named = wanted[name] if isinstance(wanted, Mapping) else ()
        names = (named,) if isinstance(named, str) else tuple(named)
        if names and len(names) != facts[name].width:
            raise ImportModelError(
                f"The output {name!r} has {facts[name].width} columns; {len(names)} names were given for it."
            )
        results.append(_Result(name, facts[name], names))
    if not results:
        raise ImportModelError(
            "The graph has no output of one row per row that is fed: each must be [rows] or [rows, columns], "
            "and no row may depend on the rows beside it."
        )
    if sum(result.facts.width for result in results) > MAX_RESULTS:
        raise ImportModelError(f"The graph has more than {MAX_RESULTS:,} results.")
    return results


def _usable(facts: OutputFacts) -> bool:
    known = facts.dtype in _LABEL_TYPES or facts.dtype in _FLOATS
    return (
        known and facts.rowwise and facts.shape is not None and len(facts.shape) in (1, 2) and facts.width > 0
    )


def _labelled(
    model: "ModelProto",
    label: _Result,
    scores: list[_Result],
    zipped: Mapping[str, Classes],
    given: tuple[str | int | bool, ...],
) -> Answers:
    shares = [score for score in scores if score.facts.shares]
    columns = shares[0].facts.width if shares else 0
    kind = _LABEL_TYPES[label.facts.dtype]
    # What the graph says comes first: another order would give each class the probability of another one.
    candidates: list[tuple[str | int | bool, ...]]
    candidates = [zipped[score.name] for score in scores if zipped.get(score.name)]
    candidates += [label_classes(model.graph, label.name, columns), given]
    if kind == "BOOLEAN":
        candidates = [given or (False, True)]
    known = next((found for found in candidates if found and _fits(found, label)), ())
    matching = [score for score in shares if score.facts.width == len(known)]
    probabilities = _probabilities(model, matching[0], known) if matching else None
    task: Task = "classification"
    if not known and kind == "BIGINT":
        if is_nearest(model.graph, label.name):
            task = "clustering"
        elif scores and set(label.facts.values or ()) <= {-1, 1}:
            task = "outlier detection"
    return Answers(task, _column(model, label, 0, "prediction"), probabilities, known)


def _fits(classes: tuple[str | int | bool, ...], label: _Result) -> bool:
    kind = {"VARCHAR": str, "BIGINT": int, "BOOLEAN": bool}[_LABEL_TYPES[label.facts.dtype]]
    same_kind = all(type(entry) is kind for entry in classes)
    return same_kind and len(set(classes)) == len(classes) and set(label.facts.values or ()) <= set(classes)


def _unlabelled(model: "ModelProto", score: _Result, classes: tuple[str | int | bool, ...]) -> Answers:
    kinds = {type(entry) for entry in classes}
    if len(classes) != score.facts.width or len(set(classes)) < len(classes) or not kinds <= {str, int}:
        raise ImportModelError(
            f"The output {score.name!r} has {score.facts.width} columns; its {len(classes)} classes must be "
            "as many, all different, and all text or all integers."
        )
    if len(kinds) > 1:
        raise ImportModelError("The classes must be all text or all integers.")
    graph = model.graph
    taken = set(value_names(graph))
    table, position, label = (unused(name, taken) for name in ("classes", "position", "label"))
    text = kinds == {str}
    values: list[Any] = [entry.encode() if isinstance(entry, str) else entry for entry in classes]
    element = TensorProto.STRING if text else TensorProto.INT64
    constant = helper.make_tensor(table, element, [len(classes)], values)
    graph.node.extend(
        (
            helper.make_node("Constant", [], [table], value=constant),
            helper.make_node("ArgMax", [score.name], [position], axis=1, keepdims=0),
            helper.make_node("Gather", [table, position], [label], axis=0),
        )
    )
    prediction = Output("prediction", "VARCHAR" if text else "BIGINT", label)
    probabilities = _probabilities(model, score, classes) if score.facts.shares else None
    return Answers("classification", prediction, probabilities, classes)


def _probabilities(model: "ModelProto", score: _Result, classes: tuple[str | int | bool, ...]) -> Output:
    tensor = _typed(model, score)
    fields = [Output(str(entry), "DOUBLE", tensor, column) for column, entry in enumerate(classes)]
    return Output("probabilities", "STRUCT", fields=tuple(fields))


def _struct(model: "ModelProto", results: list[_Result]) -> Output:
    """One column alone, or a STRUCT of all of them."""
    columns = [(result, index) for result in results for index in range(result.facts.width)]
    if len(columns) == 1:
        return _column(model, *columns[0], "prediction")
    names = [
        result.names[index]
        if result.names
        else (result.name if result.facts.width == 1 else f"{result.name}_{index}")
        for result, index in columns
    ]
    if len({name.casefold() for name in names}) < len(names):
        raise ImportModelError(
            "Two results have the same name; give other names with outputs={output: [names of its columns]}."
        )
    fields = [_column(model, *column, name) for column, name in zip(columns, names, strict=True)]
    return Output("prediction", "STRUCT", fields=tuple(fields))


def _column(model: "ModelProto", result: _Result, index: int, name: str) -> Output:
    kind = _LABEL_TYPES.get(result.facts.dtype, "DOUBLE")
    flat = len(result.facts.shape or ()) == 1
    return Output(name, kind, _typed(model, result), None if flat else index)


def _typed(model: "ModelProto", result: _Result) -> str:
    """The name of the output as double, int64, bool or string; a Cast is added where it is another type."""
    wanted = _LABEL_TYPES.get(result.facts.dtype, "DOUBLE")
    if result.facts.dtype in ("float64", "int64", "bool", "string"):
        return result.name
    graph = model.graph
    for node in graph.node:
        if node.name == f"wml_cast_{result.name}":
            return str(node.output[0])
    name = unused(f"{result.name}_{wanted.lower()}", set(value_names(graph)))
    graph.node.append(
        helper.make_node("Cast", [result.name], [name], name=f"wml_cast_{result.name}", to=_ELEMENTS[wanted])
    )
    return name


def _keep(model: "ModelProto", answers: Answers) -> None:
    """Make the tensors of the answers the only outputs of the graph."""
    elements = {
        "DOUBLE": TensorProto.DOUBLE,
        "BIGINT": TensorProto.INT64,
        "BOOLEAN": TensorProto.BOOL,
        "VARCHAR": TensorProto.STRING,
    }
    leaves = [*answers.prediction.leaves()]
    if answers.probabilities is not None:
        leaves += answers.probabilities.leaves()
    widths: dict[str, tuple[str, int | None]] = {}
    for leaf in leaves:
        before = widths.get(leaf.tensor, (leaf.type, None))[1]
        width = None if leaf.column is None else max(leaf.column + 1, before or 0)
        widths[leaf.tensor] = (leaf.type, width)
    del model.graph.output[:]
    for name, (kind, width) in widths.items():
        shape = [None] if width is None else [None, width]
        model.graph.output.append(helper.make_tensor_value_info(name, elements[kind], shape))
