"""Instructions on vectors, as LLVM has them, which it translates for whatever processor it meets."""

# numba's own functions have no types
# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-not-found, import-untyped, unused-ignore]
from numba import types  # type: ignore[import-not-found, import-untyped, unused-ignore]
from numba.core import cgutils  # type: ignore[import-not-found, import-untyped, unused-ignore]

CHUNK = 64
"""Rows that an instruction on bytes works on; arrays of a block are whole chunks long."""

LANES = 16
"""Numbers of four or eight bytes that an instruction works on."""

BYTE, INT, LONG = ir.IntType(8), ir.IntType(32), ir.IntType(64)


class Emitter:
    """Writes instructions on vectors at the place where a builder stands."""

    def __init__(self, context: Any, builder: Any) -> None:
        self.context, self.builder = context, builder

    def data(self, kind: Any, array: Any) -> Any:
        """The address of an array's first element."""
        found = self.context.make_array(kind)(self.context, self.builder, array).data
        return self.builder.bitcast(found, ir.PointerType())

    def at(self, pointer: Any, element: Any, offset: Any) -> Any:
        """The address of an element, so many behind another."""
        return self.builder.gep(pointer, [offset], source_etype=element)

    def scalar(self, pointer: Any, element: Any, offset: Any) -> Any:
        """One element."""
        return self.builder.load(self.at(pointer, element, offset), typ=element)

    def load(self, pointer: Any, element: Any, offset: Any, lanes: int) -> Any:
        """A vector of so many elements that follow each other."""
        return self.builder.load(
            self.at(pointer, element, offset), typ=ir.VectorType(element, lanes), align=1
        )

    def store(self, value: Any, pointer: Any, element: Any, offset: Any) -> None:
        """Put a vector in the place of as many elements."""
        place = self.builder.bitcast(self.at(pointer, element, offset), value.type.as_pointer())
        self.builder.store(value, place, align=1)

    def splat(self, value: Any, lanes: int) -> Any:
        """A vector of one number."""
        whole = ir.VectorType(value.type, lanes)
        first = self.builder.insert_element(ir.Constant(whole, ir.Undefined), value, ir.Constant(INT, 0))
        zeros = ir.Constant(ir.VectorType(INT, lanes), [0] * lanes)
        return self.builder.shuffle_vector(first, ir.Constant(whole, ir.Undefined), zeros)

    def gather(self, pointer: Any, element: Any, indices: Any) -> Any:
        """The elements at a vector of indices."""
        lanes = indices.type.count
        places = self.builder.gep(pointer, [indices], source_etype=element)
        places.type = ir.VectorType(ir.PointerType(), lanes)
        result, mask = ir.VectorType(element, lanes), ir.VectorType(ir.IntType(1), lanes)
        letter = {"float": "f32", "double": "f64"}.get(str(element), str(element))
        kind = ir.FunctionType(result, [places.type, INT, mask, result])
        name = f"llvm.masked.gather.v{lanes}{letter}.v{lanes}p0"
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        align = ir.Constant(INT, 1)
        every = ir.Constant(mask, [1] * lanes)
        return self.builder.call(function, [places, align, every, ir.Constant(result, ir.Undefined)])


def number_type(element: Any) -> Any:
    """LLVM's type for a numba number."""
    return {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}[element]


def long_constant(value: int) -> Any:
    """A number as LLVM's constant of eight bytes."""
    return ir.Constant(LONG, value)
