"""The columns of a kernel that reads features as they are: what its trees' splits ask of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.backends.evaluate import evaluate
from warehouse_ml.backends.fold import (
    NumberTests,
    Splits,
    category_tests,
    inputs_of,
    named_texts,
    number_tests,
    only_rounded,
)
from warehouse_ml.backends.number_line import Line
from warehouse_ml.backends.pieces import Analysis
from warehouse_ml.backends.program import Expression, Forest
from warehouse_ml.backends.tree_arrays import Tests, kernel_arrays
from warehouse_ml.backends.tree_sums import Group, tree_nodes
from warehouse_ml.signature import Feature

_MOST_CELLS = 2**27
"""How large the table of category sets may be."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where an input of the graph comes from.

    Attributes:
        feature: The position of the feature.
        facts: The feature.
    """

    feature: int
    facts: Feature


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """The splits of one kind on one expression.

    Attributes:
        expression: What they compare.
        splits: The splits, equal ones once.
        nodes: The forests and nodes that they come from; and the number among the splits of each node.
    """

    expression: Expression
    splits: Splits
    nodes: list[tuple[Forest, NDArray[np.int64], NDArray[np.int64]]]


def fold_group(
    group: Group,
    sources: Mapping[str, Source],
    categories: Mapping[int, Sequence[str]],
    *,
    exact: bool = False,
) -> tuple[dict[str, NDArray[Any]], tuple[int, ...]] | None:
    """The arrays of a kernel whose columns are features.

    Args:
        group: The sums that it computes.
        sources: By name the inputs of the graph that are features as they are.
        categories: The texts that each text feature is compared with.
        exact: See `Analysis`.

    Returns:
        The arrays, and the features that the columns are; None where a split depends on more than one feature
        or in a way that is not understood.
    """
    asked = _asked(group)
    by_input: dict[str, list[_Asked]] = {}
    for entry in asked:
        names = {str(part.value) for part in inputs_of(entry.expression)}
        if len(names) > 1 or not names <= sources.keys():
            return None
        by_input.setdefault(next(iter(names), ""), []).append(entry)
    builder = _Builder()
    used = sorted({sources[name].feature for name in by_input if name})
    if not used:
        return None
    kinds = [0] * len(used)
    for name, entries in by_input.items():
        if not name:
            for entry in entries:
                builder.add_constant(entry)
            continue
        source = sources[name]
        column = used.index(source.feature)
        expressions = [entry.expression for entry in entries]
        (dtype,) = {part.dtype for part in inputs_of(*expressions)}
        if dtype == "string":
            texts = categories.get(source.feature, ())
            if named_texts(expressions) is None or not builder.add_categories(entries, name, texts, column):
                return None
            kinds[column] = 2
            continue
        single = dtype == "float32" or only_rounded(expressions)
        kind: Any = "int64" if dtype == "int64" else "float32" if single else "float64"
        analysis = Analysis(Line(name, kind), exact=exact)
        if not all(builder.add_numbers(entry, analysis, column) for entry in entries):
            return None
        kinds[column] = int(kind == "float32")
    limits = [_limit(sources, place) for place in used]
    tests = builder.tests()
    arrays = None if tests is None else kernel_arrays(group, tests, kinds, limits)
    return None if arrays is None else (arrays, tuple(used))


def texts_of(groups: Sequence[Group], sources: Mapping[str, Source]) -> Iterator[tuple[int, set[str]]]:
    """The text features that trees depend on alone, with the texts that they are compared with."""
    for group in groups:
        for entry in _asked(group):
            inputs = inputs_of(entry.expression)
            if len(inputs) == 1 and inputs[0].dtype == "string" and inputs[0].value in sources:
                named = named_texts([entry.expression])
                if named is not None:
                    yield sources[inputs[0].value].feature, named


def _limit(sources: Mapping[str, Source], feature: int) -> float:
    limits = [source.facts.limit for source in sources.values() if source.feature == feature]
    return min((limit for limit in limits if limit is not None), default=np.inf)


def _asked(group: Group) -> list[_Asked]:
    """All splits of the trees, by what they compare."""
    trees: dict[int, tuple[Forest, tuple[Expression, ...], list[NDArray[np.int64]]]] = {}
    seen: set[tuple[int, int]] = set()
    for leaf, _, _ in group.trees():
        forest, tree = leaf.value
        if (id(forest), tree) not in seen:
            seen.add((id(forest), tree))
            trees.setdefault(id(forest), (forest, leaf.arguments, []))[2].append(tree_nodes(forest, tree))
    parts: dict[Any, tuple[Expression, list[tuple[Forest, NDArray[np.int64]]]]] = {}
    for forest, arguments, each in trees.values():
        nodes = np.concatenate(each)
        nodes = nodes[forest.feature[nodes] >= 0]
        nodes = nodes[np.argsort(forest.feature[nodes], kind="stable")]
        features, starts = np.unique(forest.feature[nodes], return_index=True)
        for feature, chosen in zip(features.tolist(), np.split(nodes, starts[1:]), strict=True):
            expression = arguments[feature]
            key = (id(expression), forest.comparison, forest.precision)
            parts.setdefault(key, (expression, []))[1].append((forest, chosen))
    return [_distinct(expression, nodes) for expression, nodes in parts.values()]


def _distinct(expression: Expression, nodes: list[tuple[Forest, NDArray[np.int64]]]) -> _Asked:
    threshold = np.concatenate([forest.threshold[chosen] for forest, chosen in nodes])
    missing = np.concatenate([forest.missing_left[chosen] for forest, chosen in nodes])
    pairs, numbers = np.unique(np.stack([threshold, missing]), axis=1, return_inverse=True)
    ends = np.cumsum([len(chosen) for _, chosen in nodes])[:-1]
    forest = nodes[0][0]
    splits = Splits(pairs[0], pairs[1] > 0, forest.comparison, forest.precision)
    parts = np.split(numbers.ravel(), ends)
    return _Asked(expression, splits, [(*entry, part) for entry, part in zip(nodes, parts, strict=True)])


class _Builder:
    """Collects tests of all columns."""

    def __init__(self) -> None:
        self._columns: list[NDArray[np.int32]] = []
        self._first: list[NDArray[np.bool_]] = []
        self._missing: list[NDArray[np.bool_]] = []
        self._counts: list[NDArray[np.int64]] = []
        self._cuts: list[NDArray[np.float64]] = []
        self._sets: list[NDArray[np.bool_] | None] = []
        self._of_node: dict[int, NDArray[np.int64]] = {}
        self._size = 0

    def add_numbers(self, entry: _Asked, analysis: Analysis, column: int) -> bool:
        tests = number_tests(entry.expression, analysis, entry.splits)
        if tests is None:
            return False
        self._add(entry, column, tests, None)
        return True

    def add_constant(self, entry: _Asked) -> None:
        (values,) = evaluate([entry.expression], {})
        left = entry.splits.outcomes(values, slice(None))
        self._add(entry, 0, _without_cuts(left), None)

    def add_categories(self, entries: Sequence[_Asked], name: str, texts: Sequence[str], column: int) -> bool:
        if (len(texts) + 2) * sum(len(entry.splits.threshold) for entry in entries) > _MOST_CELLS:
            return False
        for entry in entries:
            left = category_tests(entry.expression, name, texts, entry.splits)
            self._add(entry, column, _without_cuts(np.ones(len(left), np.bool_)), left)
        return True

    def _add(self, entry: _Asked, column: int, tests: NumberTests, left: NDArray[np.bool_] | None) -> None:
        for forest, nodes, numbers in entry.nodes:
            if id(forest) not in self._of_node:
                self._of_node[id(forest)] = np.full(len(forest.feature), -1)
            self._of_node[id(forest)][nodes] = self._size + numbers
        count = len(tests.first)
        self._columns.append(np.full(count, column, np.int32))
        self._first.append(tests.first)
        self._missing.append(tests.missing)
        self._counts.append(np.diff(tests.starts))
        self._cuts.append(tests.cuts)
        self._sets.append(left)
        self._size += count

    def tests(self) -> Tests | None:
        codes = max((left.shape[1] for left in self._sets if left is not None), default=1)
        rows = sum(len(left) for left in self._sets if left is not None)
        if rows * codes > _MOST_CELLS:
            return None
        padded = [np.zeros((0, codes), np.bool_)]
        of_test = []
        for left, columns in zip(self._sets, self._columns, strict=True):
            if left is None:
                of_test.append(np.full(len(columns), -1, np.int32))
            else:
                start = sum(map(len, padded))
                of_test.append(np.arange(start, start + len(left), dtype=np.int32))
                padded.append(np.pad(left, ((0, 0), (0, codes - left.shape[1]))))
        sets, places = np.unique(np.concatenate(padded), axis=0, return_inverse=True)
        chosen = np.concatenate(of_test)
        is_set = chosen >= 0
        chosen[is_set] = places.ravel()[chosen[is_set]]
        numbers = NumberTests(
            np.concatenate(self._first),
            np.concatenate(self._missing),
            np.append(0, np.cumsum(np.concatenate(self._counts))),
            np.concatenate(self._cuts),
        )
        return Tests(np.concatenate(self._columns), numbers, chosen, sets, self._of_node)


def _without_cuts(left: NDArray[np.bool_]) -> NumberTests:
    return NumberTests(left, left, np.zeros(len(left) + 1, np.int64), np.zeros(0))
