"""What the compiled loops do to whole arrays of a block, written in instructions on vectors."""

# numba finds types by itself, and its functions have none to check
# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from llvmlite import ir  # type: ignore[import-not-found, import-untyped, unused-ignore]
from numba import types  # type: ignore[import-not-found, import-untyped, unused-ignore]
from numba.core import cgutils  # type: ignore[import-not-found, import-untyped, unused-ignore]
from numba.extending import intrinsic  # type: ignore[import-not-found, import-untyped, unused-ignore]
from tree_vectors import BYTE, CHUNK, INT, LANES, LONG, Emitter, long_constant, number_type

_emitted: Callable[[Any], Any] = intrinsic


@_emitted
def as_pointer(typing: Any, address: Any) -> Any:
    """A number as a pointer."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), emit


@_emitted
def rank_values(typing, ranks, first, values, table, start, steps, chunks):
    """Counts the thresholds below each value: a binary search of a table of 2 ** steps - 1.

    The first three steps, of which there must be as many, choose among seven thresholds in registers.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        write = Emitter(context, builder)
        to = write.data(signature.args[0], arguments[0])
        values = write.data(signature.args[2], arguments[2])
        table = write.data(signature.args[3], arguments[3])
        _, first, _, _, start, steps, chunks = arguments
        element = number_type(signature.args[2].dtype)
        table = write.at(table, element, start)
        groups = CHUNK // LANES
        whole = ir.VectorType(INT, LANES)
        places = [cgutils.alloca_once(builder, whole) for _ in range(groups)]
        half = cgutils.alloca_once(builder, INT)
        steps = builder.trunc(steps, INT)
        first_steps = [
            builder.lshr(builder.shl(ir.Constant(INT, 1), steps), ir.Constant(INT, step))
            for step in (1, 2, 3)
        ]
        zeros = ir.Constant(whole, [0] * LANES)
        widths = [write.splat(step, LANES) for step in first_steps]
        # the thresholds that a step may ask for, by the answers to the steps before it
        asked = []
        for number, step in enumerate(first_steps):
            choices = []
            for answers in product((False, True), repeat=number):
                place = builder.sub(step, ir.Constant(INT, 1))
                for answer, before in zip(answers, first_steps[:number], strict=True):
                    place = builder.add(place, before) if answer else place
                choices.append(write.splat(write.scalar(table, element, builder.zext(place, LONG)), LANES))
            asked.append(choices)
        with cgutils.for_range(builder, chunks) as chunk:
            row = builder.mul(chunk.index, long_constant(CHUNK))
            offsets = [builder.add(row, long_constant(group * LANES)) for group in range(groups)]
            found = [write.load(values, element, offset, LANES) for offset in offsets]
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
            with cgutils.for_range(builder, builder.sub(steps, ir.Constant(INT, 3))):
                step = builder.lshr(builder.load(half), ir.Constant(INT, 1))
                builder.store(step, half)
                wide = write.splat(step, LANES)
                probe = write.at(table, element, builder.sub(builder.zext(step, LONG), long_constant(1)))
                for place, value in zip(places, found, strict=True):
                    here = builder.load(place)
                    below = builder.fcmp_ordered("<", write.gather(probe, element, here), value)
                    further = builder.select(below, wide, zeros)
                    builder.store(builder.add(here, further), place)
            for place, offset in zip(places, offsets, strict=True):
                write.store(builder.load(place), to, INT, builder.add(first, offset))
        return context.get_dummy_value()

    return types.void(ranks, types.int64, values, table, types.int64, types.int64, types.int64), emit


@_emitted
def narrow_ranks(typing, codes, first, ranks, start, table, place, chunks):
    """Turns ranks into bytes or whole numbers: those of a table, or themselves where `place` is negative."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        write = Emitter(context, builder)
        to = write.data(signature.args[0], arguments[0])
        ranks = write.data(signature.args[2], arguments[2])
        table = write.data(signature.args[4], arguments[4])
        _, first, _, start, _, place, chunks = arguments
        element = BYTE if signature.args[0].dtype == types.uint8 else INT

        def put(value: Any, offset: Any) -> None:
            small = builder.trunc(value, ir.VectorType(BYTE, LANES)) if element is BYTE else value
            write.store(small, to, element, builder.add(first, offset))

        pieces = builder.mul(chunks, long_constant(CHUNK // LANES))
        with builder.if_else(builder.icmp_signed("<", place, long_constant(0))) as (direct, mapped):
            with direct, cgutils.for_range(builder, pieces) as piece:
                offset = builder.mul(piece.index, long_constant(LANES))
                put(write.load(ranks, INT, builder.add(start, offset), LANES), offset)
            with mapped:
                base = write.at(table, INT, place)
                with cgutils.for_range(builder, pieces) as piece:
                    offset = builder.mul(piece.index, long_constant(LANES))
                    found = write.load(ranks, INT, builder.add(start, offset), LANES)
                    put(write.gather(base, INT, found), offset)
        return context.get_dummy_value()

    return types.void(codes, types.int64, ranks, types.int64, table, types.int64, types.int64), emit


def _selection(children: str) -> Any:
    """An instruction that evaluates a complete piece of a tree.

    Args:
        children: A letter for each of the 2, 4 or 8 places below the piece: `c` a constant, `v` a vector.
    """

    def select(typing, results, codes, program, position, chunks):
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            write = Emitter(context, builder)
            results, codes, program = (
                write.data(signature.args[place], arguments[place]) for place in range(3)
            )
            position, chunks = arguments[3:]
            words = [
                write.scalar(program, INT, builder.add(position, long_constant(place)))
                for place in range(3 * len(children))
            ]
            to = builder.sext(words[1], LONG)
            splits = len(children) - 1
            slots = [builder.sext(word, LONG) for word in words[2 : 2 + 2 * splits : 2]]
            limits = [write.splat(builder.trunc(word, BYTE), CHUNK) for word in words[3 : 2 + 2 * splits : 2]]
            below = [
                write.splat(builder.trunc(word, BYTE), CHUNK) if letter == "c" else builder.sext(word, LONG)
                for word, letter in zip(words[2 + 2 * splits :], children, strict=True)
            ]
            with cgutils.for_range(builder, chunks) as chunk:
                row = builder.mul(chunk.index, long_constant(CHUNK))
                level = [
                    entry if letter == "c" else write.load(results, BYTE, builder.add(entry, row), CHUNK)
                    for entry, letter in zip(below, children, strict=True)
                ]
                while len(level) > 1:
                    splits = len(level) // 2
                    merged = []
                    for place in range(splits):
                        node = splits - 1 + place
                        found = write.load(codes, BYTE, builder.add(slots[node], row), CHUNK)
                        right = builder.icmp_unsigned(">", found, limits[node])
                        merged.append(builder.select(right, level[2 * place + 1], level[2 * place]))
                    level = merged
                write.store(level[0], results, BYTE, builder.add(to, row))
            return context.get_dummy_value()

        return types.void(results, codes, program, types.int64, types.int64), emit

    return _emitted(select)


_PIECES = ("cc", "cv", "vc", "vv", "c" * 4, "v" * 4, "c" * 8, "v" * 8)
"""What `_selection` is made for; an operation of a program is a place in it."""

select_cc, select_cv, select_vc, select_vv, select_c4, select_v4, select_c8, select_v8 = (
    _selection(piece) for piece in _PIECES
)


@_emitted
def walk_lower(typing, leaves, entered, codes, ranks, entries, start, records, layout, steps, chunks):
    """Goes down from the entries that `codes` number, and writes the rows of `entered` where it ends.

    A record packs a node: the place of its left child, next to which lies the right one; the place of its
    ranks; its own rank. A leaf is its own left child, and no rank is above its own. On a long way one looks
    after each step whether all have arrived.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        write = Emitter(context, builder)
        leaves, entered, codes, ranks, entries = (
            write.data(signature.args[place], arguments[place]) for place in range(5)
        )
        start, _, _, steps, chunks = arguments[5:]
        records = write.data(signature.args[6], arguments[6])
        layout = write.data(signature.args[7], arguments[7])
        lanes, groups = 8, 8
        entries = write.at(entries, INT, start)
        slot_bits = write.splat(write.scalar(layout, LONG, long_constant(0)), lanes)
        slot_mask = write.splat(write.scalar(layout, LONG, long_constant(1)), lanes)
        code_bits = write.splat(write.scalar(layout, LONG, long_constant(2)), lanes)
        block_bits = write.splat(write.scalar(layout, LONG, long_constant(3)), lanes)
        child_mask = write.splat(write.scalar(layout, LONG, long_constant(4)), lanes)
        longs, ints = ir.VectorType(LONG, lanes), ir.VectorType(INT, lanes)
        places = [cgutils.alloca_once(builder, longs) for _ in range(groups)]
        numbers = ir.Constant(longs, list(range(lanes)))
        pieces = builder.mul(chunks, long_constant(CHUNK // (lanes * groups)))
        long = builder.icmp_signed(">", steps, long_constant(8))
        with cgutils.for_range(builder, pieces) as piece:
            row = builder.mul(piece.index, long_constant(lanes * groups))
            offsets = [builder.add(row, long_constant(group * lanes)) for group in range(groups)]
            rows = [builder.add(write.splat(offset, lanes), numbers) for offset in offsets]
            for place, offset in zip(places, offsets, strict=True):
                entry = builder.zext(write.load(codes, BYTE, offset, lanes), ints)
                builder.store(builder.zext(write.gather(entries, INT, entry), longs), place)
            with cgutils.for_range(builder, steps) as loop:
                moved = ir.Constant(longs, [0] * lanes)
                for place, mine in zip(places, rows, strict=True):
                    record = write.gather(records, LONG, builder.load(place))
                    slot = builder.and_(builder.lshr(record, slot_bits), slot_mask)
                    code = builder.lshr(record, code_bits)
                    where = builder.add(builder.shl(slot, block_bits), mine)
                    rank = builder.zext(write.gather(ranks, INT, where), longs)
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
                write.store(write.gather(entered, INT, builder.load(place)), leaves, INT, offset)
        return context.get_dummy_value()

    arrays = (leaves, entered, codes, ranks, entries)
    return types.void(*arrays, types.int64, records, layout, types.int64, types.int64), emit


@_emitted
def add_leaves(typing, sums, first, values, start, width, leaves, chunks):
    """Adds a leaf's value to each row's sum; `leaves` are bytes or whole numbers."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        write = Emitter(context, builder)
        sums, values, leaves = (write.data(signature.args[place], arguments[place]) for place in (0, 2, 5))
        _, first, _, start, width, _, chunks = arguments
        element = number_type(signature.args[0].dtype)
        stored = BYTE if signature.args[5].dtype == types.uint8 else INT
        values = write.at(values, element, start)
        wide = write.splat(builder.trunc(width, INT), LANES)
        pieces = builder.mul(chunks, long_constant(CHUNK // LANES))
        with cgutils.for_range(builder, pieces) as piece:
            row = builder.mul(piece.index, long_constant(LANES))
            leaf = write.load(leaves, stored, row, LANES)
            if stored is BYTE:
                leaf = builder.zext(leaf, ir.VectorType(INT, LANES))
            found = write.gather(values, element, builder.mul(leaf, wide))
            place = builder.add(first, row)
            write.store(builder.fadd(write.load(sums, element, place, LANES), found), sums, element, place)
        return context.get_dummy_value()

    return types.void(sums, types.int64, values, types.int64, types.int64, leaves, types.int64), emit
