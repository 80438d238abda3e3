"""The loops that score rows, compiled by numba."""

# numba finds types by itself, and its functions have none to check
# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numba  # type: ignore[import-not-found, import-untyped, unused-ignore]
import numpy as np
from tree_compiled import compiled
from tree_instructions import (
    add_leaves,
    as_pointer,
    narrow_ranks,
    rank_values,
    select_c4,
    select_c8,
    select_cc,
    select_cv,
    select_v4,
    select_v8,
    select_vc,
    select_vv,
    walk_lower,
)
from tree_vectors import CHUNK

carray: Callable[..., Any] = numba.carray  # type: ignore[attr-defined, unused-ignore]

DTYPES = {np.dtype(name): place for place, name in enumerate(("f8", "f4", "i8", "i4", "i2", "i1", "u1"))}
"""The types that columns are read in, and the number of each in `sources`."""

DTYPES[np.dtype(bool)] = DTYPES[np.dtype(np.uint8)]

_HEAD = object.__basicsize__
"""How long the part is that all Python objects have; in numpy's arrays the data's address follows it."""


def _check_layout() -> None:
    probe = np.zeros(1)
    if ctypes.c_void_p.from_address(id(probe) + _HEAD).value != probe.ctypes.data:
        raise ImportError("This Python does not lay out arrays the way that the tree kernel reads them.")


_check_layout()


@compiled
def _data_address(array):
    """Where the data of an array object lies, whose own address is given.

    To ask the object takes 2 us for each column. The field is the first one behind Python's own, and compiled
    extensions of numpy read it there too.
    """
    return carray(as_pointer(array + _HEAD), 1, np.int64)[0]


@compiled
def _copy(source, mask, start, limit, target):
    """Copies values into a block, NaN where they are missing; the flags of the column."""
    beyond = False
    for row in range(source.shape[0]):
        beyond |= abs(np.float64(source[row])) > limit
        target[row] = source[row]
    rows = source.shape[0]
    if mask != 0:
        gone = carray(as_pointer(mask + start), rows, np.uint8)
        beyond = False
        for row in range(rows):
            beyond |= (abs(np.float64(source[row])) > limit) & (gone[row] == 0)
            target[row] = np.nan if gone[row] != 0 else target[row]
    missing = False
    for row in range(rows):
        missing |= target[row] != target[row]
    return missing | (beyond << 1)


@compiled
def _load_narrow(address, dtype, mask, start, rows, limit, target):
    """Reads a part of a column as float32."""
    if dtype == 0:
        return _copy(carray(as_pointer(address + 8 * start), rows, np.float64), mask, start, limit, target)
    if dtype == 1:
        return _copy(carray(as_pointer(address + 4 * start), rows, np.float32), mask, start, limit, target)
    if dtype == 2:
        return _copy(carray(as_pointer(address + 8 * start), rows, np.int64), mask, start, limit, target)
    if dtype == 3:
        return _copy(carray(as_pointer(address + 4 * start), rows, np.int32), mask, start, limit, target)
    if dtype == 4:
        return _copy(carray(as_pointer(address + 2 * start), rows, np.int16), mask, start, limit, target)
    if dtype == 5:
        return _copy(carray(as_pointer(address + start), rows, np.int8), mask, start, limit, target)
    return _copy(carray(as_pointer(address + start), rows, np.uint8), mask, start, limit, target)


@compiled
def _load_wide(address, dtype, mask, start, rows, limit, target):
    """Reads a part of a column as float64."""
    if dtype == 0:
        return _copy(carray(as_pointer(address + 8 * start), rows, np.float64), mask, start, limit, target)
    if dtype == 2:
        return _copy(carray(as_pointer(address + 8 * start), rows, np.int64), mask, start, limit, target)
    return _copy(carray(as_pointer(address + 4 * start), rows, np.int32), mask, start, limit, target)


@compiled
def _spread(ranks, place, block, source, values, rank, rows):
    """Copies ranks to another place, where missing values have a rank of their own; whole chunks of rows."""
    for row in range(rows):
        found = ranks[source * block + row]
        ranks[place * block + row] = rank if values[row] != values[row] else found


@compiled
def _prepare(
    columns, limits, narrow_table, wide_table, sources, block, start, rows, narrow, wide, ranks, flags
):
    """Ranks the columns of a block."""
    chunks = (rows + CHUNK - 1) // CHUNK
    for place in range(columns.shape[0]):
        category, single, table, steps, count, right, left, _ = columns[place]
        dtype = sources[0, place]
        address = _data_address(sources[1, place])
        mask = _data_address(sources[2, place]) if sources[2, place] != 0 else 0
        first = max(right, left)
        if category:
            if first >= 0:
                codes = carray(as_pointer(address + 4 * start), rows, np.int32)
                for row in range(rows):
                    ranks[first * block + row] = codes[row]
                for row in range(rows, chunks * CHUNK):
                    ranks[first * block + row] = 0
            continue
        if single or dtype == 1 or dtype > 3:
            found = _load_narrow(address, dtype, mask, start, rows, limits[place], narrow)
            if first >= 0:
                rank_values(ranks, first * block, narrow, narrow_table, table, steps, chunks)
        else:
            found = _load_wide(address, dtype, mask, start, rows, limits[place], wide)
            if first >= 0:
                rank_values(ranks, first * block, wide, wide_table, table, steps, chunks)
        flags[place] |= found
        if first >= 0 and (found & 1 or (right >= 0 and left >= 0)):
            is_narrow = single or dtype == 1 or dtype > 3
            if left >= 0 and left != first:
                if is_narrow:
                    _spread(ranks, left, block, first, narrow, 0, chunks * CHUNK)
                else:
                    _spread(ranks, left, block, first, wide, 0, chunks * CHUNK)
            if right >= 0 and right != first:
                if is_narrow:
                    _spread(ranks, right, block, first, narrow, count, chunks * CHUNK)
                else:
                    _spread(ranks, right, block, first, wide, count, chunks * CHUNK)
            rank = count if first == right else 0
            if is_narrow:
                _spread(ranks, first, block, first, narrow, rank, chunks * CHUNK)
            else:
                _spread(ranks, first, block, first, wide, rank, chunks * CHUNK)


@compiled
def _evaluate(program, start, end, codes, results, chunks):
    """Runs the program of a tree's upper levels; the result lies at the start of `results`."""
    while start < end:
        operation = program[start]
        if operation == 6:
            select_c8(results, codes, program, start, chunks)
            start += 24
        elif operation == 4:
            select_c4(results, codes, program, start, chunks)
            start += 12
        elif operation == 0:
            select_cc(results, codes, program, start, chunks)
            start += 6
        elif operation == 1:
            select_cv(results, codes, program, start, chunks)
            start += 6
        elif operation == 2:
            select_vc(results, codes, program, start, chunks)
            start += 6
        elif operation == 3:
            select_vv(results, codes, program, start, chunks)
            start += 6
        elif operation == 7:
            select_v8(results, codes, program, start, chunks)
            start += 24
        elif operation == 5:
            select_v4(results, codes, program, start, chunks)
            start += 12
        else:
            first, entry = program[start + 1], np.uint8(program[start + 2])
            results[first : first + chunks * CHUNK] = entry
            start += 3


@compiled
def score_rows(model, values, base, sources, sums, flags):
    """Scores all rows, block after block."""
    columns, limits, narrow_table, wide_table, maps, derived, groups, slots, trees, program = model[:10]
    entries, records, entered, layout = model[10:]
    block, masters, bytes_slots, depth = layout[5:]
    rows, outputs = sums.shape
    width = values.shape[1]
    flat = values.reshape(-1)
    narrow = np.empty(block, dtype=np.float32)
    wide = np.empty(block, dtype=np.float64)
    ranks = np.empty(masters * block, dtype=np.int32)
    codes = np.empty(bytes_slots * block, dtype=np.uint8)
    results = np.empty(depth * block, dtype=np.uint8)
    leaves = np.empty(block, dtype=np.int32)
    totals = np.empty(outputs * block, dtype=values.dtype)
    for start in range(0, rows, block):
        count = min(block, rows - start)
        chunks = (count + CHUNK - 1) // CHUNK
        _prepare(
            columns,
            limits,
            narrow_table,
            wide_table,
            sources,
            block,
            start,
            count,
            narrow,
            wide,
            ranks,
            flags,
        )
        for place in range(derived.shape[0]):
            to, source, table = derived[place]
            narrow_ranks(ranks, to * block, ranks, source * block, maps, table, chunks)
        for place in range(outputs):
            totals[place * block : (place + 1) * block] = base[place]
        for group in range(groups.shape[0]):
            first_slot, end_slot, first_tree, end_tree = groups[group]
            for place in range(first_slot, end_slot):
                source, table = slots[place]
                narrow_ranks(codes, (place - first_slot) * block, ranks, source * block, maps, table, chunks)
            for tree in range(first_tree, end_tree):
                begin, end, entry, steps, first, output = trees[tree]
                _evaluate(program, begin, end, codes, results, chunks)
                if steps >= 0:
                    walk_lower(
                        leaves, entered, results, ranks, entries, entry, records, layout, steps, chunks
                    )
                    for place in range(width):
                        add_leaves(
                            totals,
                            (output + place) * block,
                            flat,
                            first * width + place,
                            width,
                            leaves,
                            chunks,
                        )
                else:
                    for place in range(width):
                        add_leaves(
                            totals,
                            (output + place) * block,
                            flat,
                            first * width + place,
                            width,
                            results,
                            chunks,
                        )
        for place in range(outputs):
            for row in range(count):
                sums[start + row, place] = totals[place * block + row]
