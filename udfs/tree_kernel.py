"""Sums of tree leaves for batches of rows, compiled by numba.

This file stands alone: numpy and numba, nothing of warehouse_ml. Without numba it cannot be imported.

A batch is scored in blocks of some hundred rows. First every value is replaced by its rank among the
thresholds of its column, so that all that follows compares small integers, exactly. Then each tree is
evaluated for the whole block:

* Its upper levels bottom-up, without any walking: the result of a node is a vector of bytes, one per row,
  chosen between the vectors of its two children by comparing a vector of ranks with the node's rank. The
  vector at the root numbers the place where each row leaves the upper levels. Up to three levels are
  evaluated at once, in registers.
* What lies below, if anything, row after row: eight rows at once, a node per step.

A small tree has upper levels only. The ranks of upper levels fit in bytes: trees are put in groups, in
each of which a column has at most 255 thresholds.

Numba would give up on vectors where arrays might overlap, so the inner loops are written in LLVM's own
instructions on vectors, which it translates for whatever processor it meets.
"""

# numba finds types by itself, and its functions have none to check
# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numba  # type: ignore[import-not-found, import-untyped, unused-ignore]
import numpy as np
from llvmlite import ir  # type: ignore[import-not-found, import-untyped, unused-ignore]
from numba import types
from numba.core import cgutils  # type: ignore[import-not-found, import-untyped, unused-ignore]
from numba.extending import intrinsic  # type: ignore[import-not-found, import-untyped, unused-ignore]
from numpy.typing import NDArray

CHUNK = 64
"""Rows that an instruction on bytes works on."""

BLOCKS = (2048, 1024, 512, 256)
"""How many rows are scored together; fewer where their ranks would not stay in the cache."""

RANK_BYTES = 2**19
"""How much the ranks of a block should take."""

_HEAD = object.__basicsize__
"""How long the part is that all Python objects have; in numpy's arrays the data's address follows it."""

_njit: Callable[..., Any] = numba.njit
_emitted: Callable[[Any], Any] = intrinsic
carray: Callable[..., Any] = numba.carray  # type: ignore[attr-defined, unused-ignore]

_BYTE, _INT, _LONG = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_LANES = 16


def _compiled(function: Any) -> Any:
    """Has a function compiled when it is first called, and kept on disk.

    What numba keeps names the module of the function, and loading it imports that module. This file is loaded
    under more than one name, or none that can be imported, hence the name of a module that always can be.
    """
    function.__module__ = "numpy"
    try:
        return _njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # no folder that can be written to: neither this file's nor the user's
        return _njit(nogil=True, error_model="numpy")(function)


class _Emitter:
    """Writes instructions on vectors at the place where a builder stands."""

    def __init__(self, context: Any, builder: Any) -> None:
        self.context, self.builder = context, builder

    def data(self, kind: Any, array: Any) -> Any:
        """The address of an array's first element."""
        found = self.context.make_array(kind)(self.context, self.builder, array).data
        return self.builder.bitcast(found, ir.PointerType())

    def at(self, pointer: Any, element: Any, offset: Any) -> Any:
        return self.builder.gep(pointer, [offset], source_etype=element)

    def scalar(self, pointer: Any, element: Any, offset: Any) -> Any:
        return self.builder.load(self.at(pointer, element, offset), typ=element)

    def load(self, pointer: Any, element: Any, offset: Any, lanes: int) -> Any:
        return self.builder.load(
            self.at(pointer, element, offset), typ=ir.VectorType(element, lanes), align=1
        )

    def store(self, value: Any, pointer: Any, element: Any, offset: Any) -> None:
        place = self.builder.bitcast(self.at(pointer, element, offset), value.type.as_pointer())
        self.builder.store(value, place, align=1)

    def splat(self, value: Any, lanes: int) -> Any:
        whole = ir.VectorType(value.type, lanes)
        first = self.builder.insert_element(ir.Constant(whole, ir.Undefined), value, ir.Constant(_INT, 0))
        zeros = ir.Constant(ir.VectorType(_INT, lanes), [0] * lanes)
        return self.builder.shuffle_vector(first, ir.Constant(whole, ir.Undefined), zeros)

    def gather(self, pointer: Any, element: Any, indices: Any) -> Any:
        """The elements at a vector of indices."""
        lanes = indices.type.count
        places = self.builder.gep(pointer, [indices], source_etype=element)
        places.type = ir.VectorType(ir.PointerType(), lanes)
        result, mask = ir.VectorType(element, lanes), ir.VectorType(ir.IntType(1), lanes)
        letter = {"float": "f32", "double": "f64"}.get(str(element), str(element))
        kind = ir.FunctionType(result, [places.type, _INT, mask, result])
        name = f"llvm.masked.gather.v{lanes}{letter}.v{lanes}p0"
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        align = ir.Constant(_INT, 1)
        every = ir.Constant(mask, [1] * lanes)
        return self.builder.call(function, [places, align, every, ir.Constant(result, ir.Undefined)])


def _check_layout() -> None:
    probe = np.zeros(1)
    if ctypes.c_void_p.from_address(id(probe) + _HEAD).value != probe.ctypes.data:
        raise ImportError("This Python does not lay out arrays the way that the tree kernel reads them.")


_check_layout()


def _number(element: Any) -> Any:
    """LLVM's type for a numba number."""
    return {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}[element]


def _long(value: int) -> Any:
    return ir.Constant(_LONG, value)


@_emitted
def _address(typing: Any, address: Any) -> Any:
    """A number as a pointer."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), emit


@_emitted
def _rank(typing, ranks, first, values, table, start, steps, chunks):
    """Counts the thresholds below each value: a binary search of a table of 2 ** steps - 1.

    The first three steps, of which there must be as many, choose among seven thresholds in registers.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        write = _Emitter(context, builder)
        to = write.data(signature.args[0], arguments[0])
        values = write.data(signature.args[2], arguments[2])
        table = write.data(signature.args[3], arguments[3])
        _, first, _, _, start, steps, chunks = arguments
        element = _number(signature.args[2].dtype)
        table = write.at(table, element, start)
        groups = CHUNK // _LANES
        whole = ir.VectorType(_INT, _LANES)
        places = [cgutils.alloca_once(builder, whole) for _ in range(groups)]
        half = cgutils.alloca_once(builder, _INT)
        steps = builder.trunc(steps, _INT)
        first_steps = [
            builder.lshr(builder.shl(ir.Constant(_INT, 1), steps), ir.Constant(_INT, step))
            for step in (1, 2, 3)
        ]
        zeros = ir.Constant(whole, [0] * _LANES)
        widths = [write.splat(step, _LANES) for step in first_steps]
        # the thresholds that a step may ask for, by the answers to the steps before it
        asked = []
        for number, step in enumerate(first_steps):
            choices = []
            for answers in product((False, True), repeat=number):
                place = builder.sub(step, ir.Constant(_INT, 1))
                for answer, before in zip(answers, first_steps[:number], strict=True):
                    place = builder.add(place, before) if answer else place
                choices.append(write.splat(write.scalar(table, element, builder.zext(place, _LONG)), _LANES))
            asked.append(choices)
        with cgutils.for_range(builder, chunks) as chunk:
            row = builder.mul(chunk.index, _long(CHUNK))
            offsets = [builder.add(row, _long(group * _LANES)) for group in range(groups)]
            found = [write.load(values, element, offset, _LANES) for offset in offsets]
            for place, value in zip(places, found, strict=True):
                given: list[Any] = []
                here = zeros
                for choices, width in zip(asked, widths, strict=True):
                    left = list(choices)
                    for answer in reversed(given):
                        left = [
                            builder.select(answer, left[at + 1], left[at]) for at in range(0, len(left), 2)
                        ]
                    given.append(builder.fcmp_ordered("<", left[0], value))
                    here = builder.add(here, builder.select(given[-1], width, zeros))
                builder.store(here, place)
            builder.store(first_steps[-1], half)
            with cgutils.for_range(builder, builder.sub(steps, ir.Constant(_INT, 3))):
                step = builder.lshr(builder.load(half), ir.Constant(_INT, 1))
                builder.store(step, half)
                wide = write.splat(step, _LANES)
                probe = write.at(table, element, builder.sub(builder.zext(step, _LONG), _long(1)))
                for place, value in zip(places, found, strict=True):
                    here = builder.load(place)
                    below = builder.fcmp_ordered("<", write.gather(probe, element, here), value)
                    further = builder.select(below, wide, zeros)
                    builder.store(builder.add(here, further), place)
            for place, offset in zip(places, offsets, strict=True):
                write.store(builder.load(place), to, _INT, builder.add(first, offset))
        return context.get_dummy_value()

    return types.void(ranks, types.int64, values, table, types.int64, types.int64, types.int64), emit


@_emitted
def _narrow(typing, codes, first, ranks, start, table, place, chunks):
    """Turns ranks into bytes or whole numbers: those of a table, or themselves where `place` is negative."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        write = _Emitter(context, builder)
        to = write.data(signature.args[0], arguments[0])
        ranks = write.data(signature.args[2], arguments[2])
        table = write.data(signature.args[4], arguments[4])
        _, first, _, start, _, place, chunks = arguments
        element = _BYTE if signature.args[0].dtype == types.uint8 else _INT

        def put(value: Any, offset: Any) -> None:
            small = builder.trunc(value, ir.VectorType(_BYTE, _LANES)) if element is _BYTE else value
            write.store(small, to, element, builder.add(first, offset))

        pieces = builder.mul(chunks, _long(CHUNK // _LANES))
        with builder.if_else(builder.icmp_signed("<", place, _long(0))) as (direct, mapped):
            with direct, cgutils.for_range(builder, pieces) as piece:
                offset = builder.mul(piece.index, _long(_LANES))
                put(write.load(ranks, _INT, builder.add(start, offset), _LANES), offset)
            with mapped:
                base = write.at(table, _INT, place)
                with cgutils.for_range(builder, pieces) as piece:
                    offset = builder.mul(piece.index, _long(_LANES))
                    found = write.load(ranks, _INT, builder.add(start, offset), _LANES)
                    put(write.gather(base, _INT, found), offset)
        return context.get_dummy_value()

    return types.void(codes, types.int64, ranks, types.int64, table, types.int64, types.int64), emit


def _selection(children: str) -> Any:
    """An instruction that evaluates a complete piece of a tree.

    Args:
        children: A letter for each of the 2, 4 or 8 places below the piece: `c` a constant, `v` a vector.
    """

    def select(typing, results, codes, program, position, chunks):
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            write = _Emitter(context, builder)
            results, codes, program = (
                write.data(signature.args[place], arguments[place]) for place in range(3)
            )
            position, chunks = arguments[3:]
            words = [
                write.scalar(program, _INT, builder.add(position, _long(place)))
                for place in range(3 * len(children))
            ]
            to = builder.sext(words[1], _LONG)
            splits = len(children) - 1
            slots = [builder.sext(word, _LONG) for word in words[2 : 2 + 2 * splits : 2]]
            limits = [
                write.splat(builder.trunc(word, _BYTE), CHUNK) for word in words[3 : 2 + 2 * splits : 2]
            ]
            below = [
                write.splat(builder.trunc(word, _BYTE), CHUNK) if letter == "c" else builder.sext(word, _LONG)
                for word, letter in zip(words[2 + 2 * splits :], children, strict=True)
            ]
            with cgutils.for_range(builder, chunks) as chunk:
                row = builder.mul(chunk.index, _long(CHUNK))
                level = [
                    entry if letter == "c" else write.load(results, _BYTE, builder.add(entry, row), CHUNK)
                    for entry, letter in zip(below, children, strict=True)
                ]
                while len(level) > 1:
                    splits = len(level) // 2
                    merged = []
                    for place in range(splits):
                        node = splits - 1 + place
                        found = write.load(codes, _BYTE, builder.add(slots[node], row), CHUNK)
                        right = builder.icmp_unsigned(">", found, limits[node])
                        merged.append(builder.select(right, level[2 * place + 1], level[2 * place]))
                    level = merged
                write.store(level[0], results, _BYTE, builder.add(to, row))
            return context.get_dummy_value()

        return types.void(results, codes, program, types.int64, types.int64), emit

    return _emitted(select)


_PIECES = ("cc", "cv", "vc", "vv", "c" * 4, "v" * 4, "c" * 8, "v" * 8)
"""What `_selection` is made for; an operation of a program is a place in it."""

_cc, _cv, _vc, _vv, _c4, _v4, _c8, _v8 = (_selection(piece) for piece in _PIECES)


@_emitted
def _walk(typing, leaves, entered, codes, ranks, entries, start, records, layout, steps, chunks):
    """Goes down from the entries that `codes` number, and writes the rows of `entered` where it ends.

    A record packs a node: the place of its left child, next to which lies the right one; the place of its
    ranks; its own rank. A leaf is its own left child, and no rank is above its own. On a long way one looks
    after each step whether all have arrived.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        write = _Emitter(context, builder)
        leaves, entered, codes, ranks, entries = (
            write.data(signature.args[place], arguments[place]) for place in range(5)
        )
        start, _, _, steps, chunks = arguments[5:]
        records = write.data(signature.args[6], arguments[6])
        layout = write.data(signature.args[7], arguments[7])
        lanes, groups = 8, 8
        entries = write.at(entries, _INT, start)
        slot_bits = write.splat(write.scalar(layout, _LONG, _long(0)), lanes)
        slot_mask = write.splat(write.scalar(layout, _LONG, _long(1)), lanes)
        code_bits = write.splat(write.scalar(layout, _LONG, _long(2)), lanes)
        block_bits = write.splat(write.scalar(layout, _LONG, _long(3)), lanes)
        child_mask = write.splat(write.scalar(layout, _LONG, _long(4)), lanes)
        longs, ints = ir.VectorType(_LONG, lanes), ir.VectorType(_INT, lanes)
        places = [cgutils.alloca_once(builder, longs) for _ in range(groups)]
        numbers = ir.Constant(longs, list(range(lanes)))
        pieces = builder.mul(chunks, _long(CHUNK // (lanes * groups)))
        long = builder.icmp_signed(">", steps, _long(8))
        with cgutils.for_range(builder, pieces) as piece:
            row = builder.mul(piece.index, _long(lanes * groups))
            offsets = [builder.add(row, _long(group * lanes)) for group in range(groups)]
            rows = [builder.add(write.splat(offset, lanes), numbers) for offset in offsets]
            for place, offset in zip(places, offsets, strict=True):
                entry = builder.zext(write.load(codes, _BYTE, offset, lanes), ints)
                builder.store(builder.zext(write.gather(entries, _INT, entry), longs), place)
            with cgutils.for_range(builder, steps) as loop:
                moved = ir.Constant(longs, [0] * lanes)
                for place, mine in zip(places, rows, strict=True):
                    record = write.gather(records, _LONG, builder.load(place))
                    slot = builder.and_(builder.lshr(record, slot_bits), slot_mask)
                    code = builder.lshr(record, code_bits)
                    where = builder.add(builder.shl(slot, block_bits), mine)
                    rank = builder.zext(write.gather(ranks, _INT, where), longs)
                    child = builder.and_(record, child_mask)
                    further = builder.zext(builder.icmp_signed(">", rank, code), longs)
                    following = builder.add(child, further)
                    moved = builder.or_(moved, builder.xor(following, builder.load(place)))
                    builder.store(following, place)
                with builder.if_then(long):
                    bits = builder.bitcast(
                        builder.icmp_unsigned("!=", moved, ir.Constant(longs, [0] * lanes)), ir.IntType(lanes)
                    )
                    with builder.if_then(builder.icmp_unsigned("==", bits, ir.Constant(bits.type, 0))):
                        loop.do_break()
            for place, offset in zip(places, offsets, strict=True):
                write.store(write.gather(entered, _INT, builder.load(place)), leaves, _INT, offset)
        return context.get_dummy_value()

    arrays = (leaves, entered, codes, ranks, entries)
    return types.void(*arrays, types.int64, records, layout, types.int64, types.int64), emit


@_emitted
def _add(typing, sums, first, values, start, width, leaves, chunks):
    """Adds a leaf's value to each row's sum; `leaves` are bytes or whole numbers."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        write = _Emitter(context, builder)
        sums, values, leaves = (write.data(signature.args[place], arguments[place]) for place in (0, 2, 5))
        _, first, _, start, width, _, chunks = arguments
        element = _number(signature.args[0].dtype)
        stored = _BYTE if signature.args[5].dtype == types.uint8 else _INT
        values = write.at(values, element, start)
        wide = write.splat(builder.trunc(width, _INT), _LANES)
        pieces = builder.mul(chunks, _long(CHUNK // _LANES))
        with cgutils.for_range(builder, pieces) as piece:
            row = builder.mul(piece.index, _long(_LANES))
            leaf = write.load(leaves, stored, row, _LANES)
            if stored is _BYTE:
                leaf = builder.zext(leaf, ir.VectorType(_INT, _LANES))
            found = write.gather(values, element, builder.mul(leaf, wide))
            place = builder.add(first, row)
            write.store(builder.fadd(write.load(sums, element, place, _LANES), found), sums, element, place)
        return context.get_dummy_value()

    return types.void(sums, types.int64, values, types.int64, types.int64, leaves, types.int64), emit


@_compiled
def _data(array):
    """Where the data of an array object lies, whose own address is given.

    To ask the object takes 2 us for each column. The field is the first one behind Python's own, and compiled
    extensions of numpy read it there too.
    """
    return carray(_address(array + _HEAD), 1, np.int64)[0]


@_compiled
def _copy(source, mask, start, limit, target):
    """Copies values into a block, NaN where they are missing; the flags of the column."""
    beyond = False
    for row in range(source.shape[0]):
        beyond |= abs(np.float64(source[row])) > limit
        target[row] = source[row]
    rows = source.shape[0]
    if mask != 0:
        gone = carray(_address(mask + start), rows, np.uint8)
        beyond = False
        for row in range(rows):
            beyond |= (abs(np.float64(source[row])) > limit) & (gone[row] == 0)
            target[row] = np.nan if gone[row] != 0 else target[row]
    missing = False
    for row in range(rows):
        missing |= target[row] != target[row]
    return missing | (beyond << 1)


@_compiled
def _load_narrow(address, dtype, mask, start, rows, limit, target):
    """Reads a part of a column as float32."""
    if dtype == 0:
        return _copy(carray(_address(address + 8 * start), rows, np.float64), mask, start, limit, target)
    if dtype == 1:
        return _copy(carray(_address(address + 4 * start), rows, np.float32), mask, start, limit, target)
    if dtype == 2:
        return _copy(carray(_address(address + 8 * start), rows, np.int64), mask, start, limit, target)
    if dtype == 3:
        return _copy(carray(_address(address + 4 * start), rows, np.int32), mask, start, limit, target)
    if dtype == 4:
        return _copy(carray(_address(address + 2 * start), rows, np.int16), mask, start, limit, target)
    if dtype == 5:
        return _copy(carray(_address(address + start), rows, np.int8), mask, start, limit, target)
    return _copy(carray(_address(address + start), rows, np.uint8), mask, start, limit, target)


@_compiled
def _load_wide(address, dtype, mask, start, rows, limit, target):
    """Reads a part of a column as float64."""
    if dtype == 0:
        return _copy(carray(_address(address + 8 * start), rows, np.float64), mask, start, limit, target)
    if dtype == 2:
        return _copy(carray(_address(address + 8 * start), rows, np.int64), mask, start, limit, target)
    return _copy(carray(_address(address + 4 * start), rows, np.int32), mask, start, limit, target)


@_compiled
def _spread(ranks, place, block, source, values, rank, rows):
    """Copies ranks to another place, where missing values have a rank of their own; whole chunks of rows."""
    for row in range(rows):
        found = ranks[source * block + row]
        ranks[place * block + row] = rank if values[row] != values[row] else found


@_compiled
def _prepare(
    columns, limits, narrow_table, wide_table, sources, block, start, rows, narrow, wide, ranks, flags
):
    """Ranks the columns of a block."""
    chunks = (rows + CHUNK - 1) // CHUNK
    for place in range(columns.shape[0]):
        category, single, table, steps, count, right, left, _ = columns[place]
        dtype = sources[0, place]
        address = _data(sources[1, place])
        mask = _data(sources[2, place]) if sources[2, place] != 0 else 0
        first = max(right, left)
        if category:
            if first >= 0:
                codes = carray(_address(address + 4 * start), rows, np.int32)
                for row in range(rows):
                    ranks[first * block + row] = codes[row]
                for row in range(rows, chunks * CHUNK):
                    ranks[first * block + row] = 0
            continue
        if single or dtype == 1 or dtype > 3:
            found = _load_narrow(address, dtype, mask, start, rows, limits[place], narrow)
            if first >= 0:
                _rank(ranks, first * block, narrow, narrow_table, table, steps, chunks)
        else:
            found = _load_wide(address, dtype, mask, start, rows, limits[place], wide)
            if first >= 0:
                _rank(ranks, first * block, wide, wide_table, table, steps, chunks)
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


@_compiled
def _evaluate(program, start, end, codes, results, chunks):
    """Runs the program of a tree's upper levels; the result lies at the start of `results`."""
    while start < end:
        operation = program[start]
        if operation == 6:
            _c8(results, codes, program, start, chunks)
            start += 24
        elif operation == 4:
            _c4(results, codes, program, start, chunks)
            start += 12
        elif operation == 0:
            _cc(results, codes, program, start, chunks)
            start += 6
        elif operation == 1:
            _cv(results, codes, program, start, chunks)
            start += 6
        elif operation == 2:
            _vc(results, codes, program, start, chunks)
            start += 6
        elif operation == 3:
            _vv(results, codes, program, start, chunks)
            start += 6
        elif operation == 7:
            _v8(results, codes, program, start, chunks)
            start += 24
        elif operation == 5:
            _v4(results, codes, program, start, chunks)
            start += 12
        else:
            first, entry = program[start + 1], np.uint8(program[start + 2])
            results[first : first + chunks * CHUNK] = entry
            start += 3


@_compiled
def _score(model, values, base, sources, sums, flags):
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
            _narrow(ranks, to * block, ranks, source * block, maps, table, chunks)
        for place in range(outputs):
            totals[place * block : (place + 1) * block] = base[place]
        for group in range(groups.shape[0]):
            first_slot, end_slot, first_tree, end_tree = groups[group]
            for place in range(first_slot, end_slot):
                source, table = slots[place]
                _narrow(codes, (place - first_slot) * block, ranks, source * block, maps, table, chunks)
            for tree in range(first_tree, end_tree):
                begin, end, entry, steps, first, output = trees[tree]
                _evaluate(program, begin, end, codes, results, chunks)
                if steps >= 0:
                    _walk(leaves, entered, results, ranks, entries, entry, records, layout, steps, chunks)
                    for place in range(width):
                        _add(
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
                        _add(
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


_UPPER, _STEP, _ENTER = 0.025, 1.1, 4.0
"""What one row costs, in some unit: a node of the upper levels, a step of a walk, the start of a walk."""

_DTYPES = {np.dtype(name): place for place, name in enumerate(("f8", "f4", "i8", "i4", "i2", "i1", "u1"))}
_DTYPES[np.dtype(bool)] = _DTYPES[np.dtype(np.uint8)]

_MOST = 255
"""The greatest number in a byte: so many thresholds a column may have in a group."""


def _floor(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The greatest float32 numbers that are not above some float64 numbers: `x <= t` is the same for both."""
    with np.errstate(over="ignore"):
        near = values.astype(np.float32)
    return np.where(near > values, np.nextafter(near, np.float32(-np.inf)), near)


class _Nodes:
    """The nodes of all trees, tree by tree, level by level; children lie side by side.

    Attributes:
        place: Where a node was in the given arrays.
        tree, depth: Of each node.
        left: The left child's position in this order; the right child is next to it. -1 at a leaf.
        bounds: Where each tree starts, and the end.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        roots, leaf = arrays["roots"], arrays["leaf"]
        nodes, trees = roots.astype(np.int64), np.arange(len(roots))
        levels: list[tuple[NDArray[Any], ...]] = []
        seen = 0
        while len(nodes):
            levels.append((nodes, trees, np.full(len(nodes), len(levels))))
            seen += len(nodes)
            if seen > len(leaf):
                raise ValueError(f"The trees share nodes: more than {len(leaf)} are reached from the roots.")
            split = leaf[nodes] < 0
            parents = nodes[split]
            nodes = np.stack([arrays["left"][parents], arrays["right"][parents]], axis=1).reshape(-1)
            trees = np.repeat(trees[split], 2)
        place, tree, depth = (
            np.concatenate([np.zeros(0), *(level[part] for level in levels)]).astype(np.int64)
            for part in range(3)
        )
        order = np.argsort(tree, kind="stable")
        self.place, self.tree, self.depth = place[order], tree[order], depth[order]
        position = np.empty(len(leaf), dtype=np.int64)
        position[self.place] = np.arange(len(order))
        self.leaf = leaf[self.place]
        self.split = self.leaf < 0
        self.left = np.full(len(order), -1)
        self.left[self.split] = position[arrays["left"][self.place[self.split]]]
        self.bounds = np.searchsorted(self.tree, np.arange(len(roots) + 1))


def _cuts(nodes: _Nodes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many levels of each tree are evaluated bottom-up, and how many it has."""
    cuts, heights = [], []
    for start, end in zip(nodes.bounds[:-1], nodes.bounds[1:], strict=True):
        depth = nodes.depth[start:end]
        counts = np.bincount(depth[nodes.split[start:end]])
        total = np.append(0, np.cumsum(counts))
        height = len(counts)
        below = height - np.arange(height + 1)
        cost = np.where(
            total <= _MOST, _UPPER * total + np.where(below > 0, _ENTER + _STEP * below, 0), np.inf
        )
        cuts.append(int(cost.argmin()))
        heights.append(height)
    return np.array(cuts, dtype=np.int64), np.array(heights, dtype=np.int64)


class _Writer:
    """Writes the program of one tree's upper levels."""

    def __init__(
        self, left: list[int], upper: list[bool], slots: list[int], codes: list[int], block: int
    ) -> None:
        self.left, self.upper, self.slots, self.codes, self.block = left, upper, slots, codes, block
        self.words: list[int] = []
        self.entries: list[int] = []
        self.deepest = 0
        self.height = [0] * len(left)
        self.size = [0] * len(left)
        for node in reversed(range(len(left))):
            if upper[node]:
                below = left[node]
                self.height[node] = 1 + max(self.height[below], self.height[below + 1])
                self.size[node] = 1 + self.size[below] + self.size[below + 1]

    def write(self, node: int, base: int) -> None:
        """Have the results of a node put at a place; what lies above the place is free."""
        self.deepest = max(self.deepest, base)
        if not self.upper[node]:
            self.words += [8, base * self.block, self._enter(node)]
            return
        height, below = self.height[node], self.left[node]
        if height < 3 or (height == 3 and self.size[node] > 3):
            splits, places = self._piece(node, height)
            entries = [0 if place < 0 else self._enter(place) for place in places]
            self._operation((0, 4, 6)[height - 1], base, splits, entries)
        elif self.upper[below] and self.upper[below + 1]:
            grand = [self.left[below], self.left[below] + 1, self.left[below + 1], self.left[below + 1] + 1]
            levels = 3 if all(self.upper[place] for place in grand) else 2
            splits, places = self._piece(node, levels)
            for offset, place in enumerate(places):
                self.write(place, base + offset)
            where = [(base + offset) * self.block for offset in range(len(places))]
            self._operation(7 if levels == 3 else 5, base, splits, where)
        elif self.upper[below]:
            self.write(below, base)
            self._operation(2, base, [node], [base * self.block, self._enter(below + 1)])
        else:
            first = self._enter(below)
            self.write(below + 1, base)
            self._operation(1, base, [node], [first, base * self.block])

    def _enter(self, node: int) -> int:
        self.entries.append(node)
        return len(self.entries) - 1

    def _piece(self, node: int, levels: int) -> tuple[list[int], list[int]]:
        """The splits of a complete piece of so many levels, and the nodes below it; -1 where none is."""
        splits: list[int] = []
        level = [node]
        for _ in range(levels):
            below = []
            for place in level:
                inside = place >= 0 and self.upper[place]
                splits.append(place if inside else -1)
                below += [self.left[place], self.left[place] + 1] if inside else [place, -1]
            level = below
        return splits, level

    def _operation(self, operation: int, base: int, splits: list[int], children: list[int]) -> None:
        self.words += [operation, base * self.block]
        for node in splits:
            self.words += [0, _MOST] if node < 0 else [self.slots[node] * self.block, self.codes[node]]
        self.words += children


class _Columns:
    """What is known of the columns: tables of thresholds, and the rank of each node among them."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], nodes: _Nodes) -> None:
        kinds = arrays["kinds"]
        feature = np.where(nodes.split, arrays["feature"][nodes.place], -1)
        if len(feature) and not -1 <= feature.min() <= feature.max() < len(kinds):
            raise ValueError(f"A split asks for a column beyond the {len(kinds)} columns.")
        members = arrays["category_set"][nodes.place]
        threshold = arrays["threshold"][nodes.place]
        goes_left = arrays["missing_left"][nodes.place]
        if np.isnan(threshold[nodes.split & (members < 0)]).any():
            raise ValueError("A threshold is NaN.")
        self.rows = np.zeros((len(kinds), 8), dtype=np.int64)
        self.slot = np.zeros(len(feature), dtype=np.int64)
        """Of each node: where its ranks are; sets of categories are numbered after `masters`."""
        self.code = np.zeros(len(feature), dtype=np.int64)
        self.counts: list[int] = []
        self.sets: list[tuple[int, int]] = []
        tables: list[NDArray[np.float64]] = []
        size = 0
        by_column = np.argsort(feature, kind="stable")
        bounds = np.searchsorted(feature[by_column], np.arange(len(kinds) + 1))
        pending = []
        for column, kind in enumerate(kinds.tolist()):
            mine = by_column[bounds[column] : bounds[column + 1]]
            row = self.rows[column]
            row[:] = [kind == 2, kind == 1, size, 0, 0, -1, -1, 0]
            if not len(mine):
                continue
            if kind == 2:
                row[5] = self._slot(arrays["sets"].shape[1])
                pending.append((int(row[5]), mine))
                continue
            distinct, self.code[mine] = np.unique(threshold[mine], return_inverse=True)
            steps = max(3, len(distinct).bit_length())
            row[3:5] = steps, len(distinct)
            tables.append(np.append(distinct, np.full(2**steps - 1 - len(distinct), np.inf)))
            size += len(tables[-1])
            for place, missing_left in ((5, False), (6, True)):
                nodes_of = mine[goes_left[mine] == missing_left]
                if len(nodes_of):
                    row[place] = self._slot(len(distinct))
                    self.slot[nodes_of] = row[place]
        self.masters = len(self.counts)
        for source, mine in pending:
            used, which = np.unique(members[mine], return_inverse=True)
            self.slot[mine] = self.masters + len(self.sets) + which
            self.sets += [(source, int(entry)) for entry in used]
        self.wide = np.concatenate([*tables, np.zeros(1)])
        self.narrow = _floor(self.wide)

    def _slot(self, count: int) -> int:
        self.counts.append(count)
        return len(self.counts) - 1


def _grouped(
    trees: int, tree: NDArray[Any], slot: NDArray[Any], code: NDArray[Any], crowded: NDArray[Any]
) -> Iterator[tuple[int, int]]:
    """Trees that share ranks in bytes, as ranges: at most 255 thresholds of a column each.

    Args:
        trees: How many there are.
        tree: Of each node of the upper levels.
        slot: Likewise, where its ranks are.
        code: Likewise, its rank.
        crowded: Whether a slot has more thresholds in all.
    """
    some = crowded[slot]
    pairs = np.unique(np.stack([tree[some], slot[some], code[some]], axis=1), axis=0)
    bounds = np.searchsorted(pairs[:, 0], np.arange(trees + 1))
    taken: dict[int, set[int]] = {}
    start = 0
    for number in range(trees):
        fresh: dict[int, set[int]] = {}
        for _, where, rank in pairs[bounds[number] : bounds[number + 1]].tolist():
            fresh.setdefault(where, set()).add(rank)
        if any(len(taken.get(where, set()) | ranks) > _MOST for where, ranks in fresh.items()):
            yield start, number
            start, taken = number, {}
        for where, ranks in fresh.items():
            taken.setdefault(where, set()).update(ranks)
    if start < trees:
        yield start, trees


class _Arrangement:
    """An ensemble as `_score` reads it.

    Attributes:
        model: The arrays that `_score` unpacks.
        values: The values of the leaves, in the order in which trees number them.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._arrays = arrays
        self._nodes = _Nodes(arrays)
        self._columns = _Columns(arrays, self._nodes)
        self._cuts, self._heights = _cuts(self._nodes)
        self._upper = self._nodes.split & (self._nodes.depth < self._cuts[self._nodes.tree])
        self._walked = self._cuts < self._heights
        self._block = next(
            (block for block in BLOCKS if 4 * block * len(self._columns.counts) <= RANK_BYTES), BLOCKS[-1]
        )
        # a set of categories is a row of a table of codes, where 1 goes right
        members = (~arrays["sets"]).astype(np.int32)
        self._maps: list[NDArray[Any]] = [members.reshape(-1)]
        self._map_size, self._codes = members.size, members.shape[1]
        self._derived: list[tuple[int, int, int]] = []
        self._groups: list[tuple[int, int, int, int]] = []
        self._slots: list[tuple[int, int]] = []
        self._trees: list[tuple[int, int, int, int, int, int]] = []
        self._program: list[int] = []
        self._entries: list[int] = []
        self._deepest = 0
        self._write_records()
        self._write_groups()
        widest = max((end - start for start, end, _, _ in self._groups), default=0)
        masters = self._columns.masters + len(self._derived)
        self._layout += [self._block, masters, widest, self._deepest + 1]
        self.model = (
            self._columns.rows,
            np.array(arrays["limits"], dtype=np.float64),
            self._columns.narrow,
            self._columns.wide,
            np.concatenate(self._maps).astype(np.int32),
            _rows(self._derived, 3),
            _rows(self._groups, 4),
            _rows(self._slots, 2),
            _rows(self._trees, 6),
            np.array(self._program, dtype=np.int32),
            np.array(self._entries, dtype=np.int32),
            self._records,
            self._entered,
            np.array(self._layout, dtype=np.int64),
        )
        self.values = np.ascontiguousarray(arrays["values"][np.concatenate(self._leaves)])

    def _write_records(self) -> None:
        """Pack the nodes that are walked; see `_walk`."""
        nodes, columns = self._nodes, self._columns
        lower = self._walked[nodes.tree] & ~self._upper
        master = np.arange(columns.masters + len(columns.sets))
        by_set = lower & nodes.split & (columns.slot >= columns.masters)
        for number in np.unique(columns.slot[by_set]).tolist():
            source, table = self._set(number)
            master[number] = columns.masters + len(self._derived)
            self._derived.append((int(master[number]), source, table))
        chosen = np.flatnonzero(lower)
        self._record = np.cumsum(lower) - 1
        child_bits = max(len(chosen), 1).bit_length()
        slot_bits = max(columns.masters + len(self._derived), 1).bit_length()
        code_bits = max([*columns.counts, 1]).bit_length()
        if child_bits + slot_bits + code_bits > 63:
            raise ValueError(f"{len(chosen)} nodes that compare with {columns.masters} columns are too many.")
        split = nodes.split[chosen]
        child = np.where(split, self._record[nodes.left[chosen]], np.arange(len(chosen)))
        slot = np.zeros(len(chosen), dtype=np.int64)
        slot[split] = master[columns.slot[chosen[split]]]
        code = np.where(split, columns.code[chosen], 2**code_bits - 1)
        self._records = child | slot << child_bits | code << (child_bits + slot_bits)
        self._entered = np.where(split, 0, np.cumsum(~split) - 1).astype(np.int32)
        self._leaves = [nodes.leaf[chosen[~split]]]
        self._leaf_count = int((~split).sum())
        self._layout = [child_bits, 2**slot_bits - 1, child_bits + slot_bits]
        self._layout += [self._block.bit_length() - 1, 2**child_bits - 1]

    def _set(self, number: int) -> tuple[int, int]:
        """Where the codes of a set of categories are, and where the set is among the maps."""
        source, row = self._columns.sets[number - self._columns.masters]
        return source, row * self._codes

    def _write_groups(self) -> None:
        """Write the programs of all trees, and what a group of them needs ranks in bytes of."""
        nodes, columns = self._nodes, self._columns
        upper = np.flatnonzero(self._upper)
        crowded = np.array(
            [count > _MOST for count in columns.counts] + [False] * len(columns.sets), dtype=bool
        )
        where = nodes.tree[upper], columns.slot[upper], columns.code[upper]
        for start, end in _grouped(len(self._cuts), *where, crowded):
            mine = upper[(where[0] >= start) & (where[0] < end)]
            used, local = np.unique(columns.slot[mine], return_inverse=True)
            self._groups.append((len(self._slots), len(self._slots) + len(used), start, end))
            first = nodes.bounds[start]
            slot = np.zeros(nodes.bounds[end] - first, dtype=np.int64)
            code = np.zeros(nodes.bounds[end] - first, dtype=np.int64)
            slot[mine - first] = local
            code[mine - first] = columns.code[mine]
            for place, number in enumerate(used.tolist()):
                if number >= columns.masters:
                    self._slots.append(self._set(number))
                elif not crowded[number]:
                    self._slots.append((number, -1))
                else:
                    here = mine[local == place]
                    kept, code[here - first] = np.unique(columns.code[here], return_inverse=True)
                    self._slots.append((number, self._map_size))
                    found: NDArray[Any] = np.searchsorted(kept, np.arange(columns.counts[number] + 1))
                    self._maps.append(found)
                    self._map_size += len(self._maps[-1])
            for tree in range(start, end):
                part = slice(nodes.bounds[tree] - first, nodes.bounds[tree + 1] - first)
                self._write_tree(tree, slot[part].tolist(), code[part].tolist())

    def _write_tree(self, tree: int, slots: list[int], codes: list[int]) -> None:
        """Write the program of one tree, and note where its leaves or the entries of its walk are."""
        nodes = self._nodes
        begin, end = nodes.bounds[tree], nodes.bounds[tree + 1]
        left = (nodes.left[begin:end] - begin).tolist()
        writer = _Writer(left, self._upper[begin:end].tolist(), slots, codes, self._block)
        writer.write(0, 0)
        self._deepest = max(self._deepest, writer.deepest)
        entered = begin + np.array(writer.entries)
        start = len(self._program)
        self._program += writer.words
        output = int(self._arrays["output"][tree])
        if self._walked[tree]:
            steps = int(self._heights[tree] - self._cuts[tree])
            self._trees.append((start, len(self._program), len(self._entries), steps, 0, output))
            self._entries += self._record[entered].tolist()
        else:
            self._trees.append((start, len(self._program), 0, -1, self._leaf_count, output))
            self._leaves.append(nodes.leaf[entered])
            self._leaf_count += len(entered)


def _rows(found: Sequence[tuple[int, ...]], width: int) -> NDArray[np.int64]:
    return np.array(found, dtype=np.int64).reshape(-1, width)


class TreeKernel:
    """An ensemble of trees. One object may be used by many threads at once."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Arrange an ensemble for scoring.

        Args:
            arrays: The nodes of all trees one after another; children are positions among all nodes.
                `roots` int64 [trees]; `feature` int32 [nodes], -1 at a leaf; `threshold` float64 [nodes];
                `left`, `right` int32 [nodes]; `missing_left` bool [nodes]; `category_set` int32 [nodes], a
                row of `sets` or -1; `sets` bool [sets, codes], true where a code goes left; `leaf` int32
                [nodes], a row of `values` or -1; `values` float32 or float64 [leaves, width]; `output` int32
                [trees], where a tree's values start among the sums; `base` [outputs], where the sums start;
                `kinds` uint8 [columns]: 0 compared as float64, 1 as float32, 2 a category's code; `limits`
                float64 [columns], magnitudes beyond which are flagged.

        Raises:
            ValueError: A threshold is NaN, a split asks for a column that is not there, or trees share nodes.
        """
        given = {name: np.asarray(entry) for name, entry in arrays.items()}
        arrangement = _Arrangement(given)
        self._kinds: list[int] = given["kinds"].tolist()
        self._model, self._values = arrangement.model, arrangement.values
        self._base = np.array(given["base"], dtype=self._values.dtype)

    def score(
        self, columns: Sequence[NDArray[Any]], missing: Sequence[NDArray[np.bool_] | None]
    ) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Score a batch.

        Args:
            columns: The columns, all of one length [rows]: numbers or bool, and int32 codes of categories,
                which must be among those of the sets.
            missing: A mask [rows] of the missing values of each column, or None.

        Returns:
            The sums [rows, outputs], in the type of `values`; and flags [columns]: bit 0 is set where a value
            was missing (masked or NaN), bit 1 where the magnitude of another was beyond the column's limit.

        Raises:
            ValueError: The columns and masks are not of one length.
        """
        rows = len(columns[0]) if columns else 0
        ready: list[NDArray[Any]] = []
        masks: list[NDArray[Any] | None] = []
        for kind, column, gone in zip(self._kinds, columns, missing, strict=True):
            if kind == 2 and column.dtype != np.int32:
                column = column.astype(np.int32)
            if column.dtype not in _DTYPES:
                column = column.astype(np.float64)
            if gone is not None and not (gone.dtype == bool and gone.flags.c_contiguous):
                gone = np.ascontiguousarray(gone, dtype=bool)
            ready.append(column if column.flags.c_contiguous else np.ascontiguousarray(column))
            masks.append(gone)
        if any(len(entry) != rows for entry in (*ready, *(gone for gone in masks if gone is not None))):
            raise ValueError(f"A column or a mask has not the {rows} rows of the first column.")
        sources = [_DTYPES[column.dtype] for column in ready]
        sources += [id(column) for column in ready]
        sources += [0 if gone is None else id(gone) for gone in masks]
        sums = np.empty((rows, len(self._base)), dtype=self._base.dtype)
        flags = np.zeros(len(ready), dtype=np.uint8)
        found = np.array(sources, dtype=np.int64).reshape(3, -1)
        _score(self._model, self._values, self._base, found, sums, flags)
        return sums, flags
