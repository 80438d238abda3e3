"""A value in an ONNX graph, with numpy's operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import TensorProto, helper

if TYPE_CHECKING:
    from warehouse_ml.graph.graph import Graph

ONNX_TYPE: Mapping[str, int] = {
    "bool": TensorProto.BOOL,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "string": TensorProto.STRING,
}
_WIDTH = ("bool", "int32", "int64", "float32", "float64")

Shape = tuple[int | None, ...]
Operand = Any  # a Tensor, or anything that numpy makes an array of


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A value in a graph, with numpy's operators.

    Attributes:
        graph: The graph.
        name: Its name there.
        dtype: `float64`, `float32`, `int64`, `int32`, `bool` or `string`.
        shape: The known sizes, None for the number of rows; or None where the rank is not known.
    """

    graph: Graph
    name: str
    dtype: str
    shape: Shape | None

    @property
    def width(self) -> int:
        """The number of columns of a tensor of shape [rows, columns]."""
        if self.shape is None or len(self.shape) < 2 or self.shape[1] is None:
            raise TypeError(f"the number of columns of {self.name} is not known")  # a converter's bug
        return self.shape[1]

    def value_info(self) -> onnx.ValueInfoProto:
        """Its description for the graph's inputs and outputs."""
        shape = None
        if self.shape is not None:
            shape = ["rows" if i == 0 and size is None else size for i, size in enumerate(self.shape)]
        return helper.make_tensor_value_info(self.name, ONNX_TYPE[self.dtype], shape)

    # --- arithmetic ---

    def binary(
        self, operator: str, other: Operand, *, result: str | None = None, swap: bool = False
    ) -> Tensor:
        """An elementwise operator on two operands, broadcast and promoted as numpy does."""
        left, right = _promoted(self, other)
        if swap:
            left, right = right, left
        shape = _broadcast(left.shape, right.shape)
        return self.graph.op(operator, left, right, dtype=result or left.dtype, shape=shape)

    def unary(self, operator: str, *, result: str | None = None, **attributes: Any) -> Tensor:
        """An elementwise operator on one operand."""
        return self.graph.op(operator, self, dtype=result or self.dtype, shape=self.shape, **attributes)

    def __add__(self, other: Operand) -> Tensor:
        return self.binary("Add", other)

    def __radd__(self, other: Operand) -> Tensor:
        return self.binary("Add", other, swap=True)

    def __sub__(self, other: Operand) -> Tensor:
        return self.binary("Sub", other)

    def __rsub__(self, other: Operand) -> Tensor:
        return self.binary("Sub", other, swap=True)

    def __mul__(self, other: Operand) -> Tensor:
        return self.binary("Mul", other)

    def __rmul__(self, other: Operand) -> Tensor:
        return self.binary("Mul", other, swap=True)

    def __truediv__(self, other: Operand) -> Tensor:
        return self.binary("Div", other)

    def __rtruediv__(self, other: Operand) -> Tensor:
        return self.binary("Div", other, swap=True)

    def __pow__(self, other: Operand) -> Tensor:
        return self.binary("Pow", other)

    def __neg__(self) -> Tensor:
        return self.unary("Neg")

    def __abs__(self) -> Tensor:
        return self.unary("Abs")

    def __matmul__(self, other: Operand) -> Tensor:
        left, right = _promoted(self, other)
        shape = None
        if left.shape is not None and right.shape is not None and len(right.shape) == 2:
            shape = (*left.shape[:-1], right.shape[1])
        return self.graph.op("MatMul", left, right, dtype=left.dtype, shape=shape)

    # numpy must not try to handle `array - tensor` itself
    __array_ufunc__ = None

    # --- comparisons and logic: the results are bool ---

    def __lt__(self, other: Operand) -> Tensor:
        return self.binary("Less", other, result="bool")

    def __le__(self, other: Operand) -> Tensor:
        return self.binary("LessOrEqual", other, result="bool")

    def __gt__(self, other: Operand) -> Tensor:
        return self.binary("Greater", other, result="bool")

    def __ge__(self, other: Operand) -> Tensor:
        return self.binary("GreaterOrEqual", other, result="bool")

    def equal(self, other: Operand) -> Tensor:
        """Elementwise equality of numbers; for text use `lookup`."""
        return self.binary("Equal", other, result="bool")

    def __and__(self, other: Tensor) -> Tensor:
        return self.binary("And", other)

    def __or__(self, other: Tensor) -> Tensor:
        return self.binary("Or", other)

    def __invert__(self) -> Tensor:
        return self.unary("Not")

    def where(self, yes: Operand, no: Operand) -> Tensor:
        """Of a bool tensor: `yes` where true, else `no`. At least one of them is a Tensor or a float."""
        if not isinstance(yes, Tensor) and not isinstance(no, Tensor):
            text = np.asarray(yes).dtype.kind in "OUST"
            yes = self.graph.constant(yes, "string" if text else np.result_type(yes, no).name)
        if not isinstance(yes, Tensor):
            no, yes = _promoted(no, yes)
        else:
            yes, no = _promoted(yes, no)
        shape = _broadcast(_broadcast(self.shape, yes.shape), no.shape)
        return self.graph.op("Where", self, yes, no, dtype=yes.dtype, shape=shape)

    def isnan(self) -> Tensor:
        """True where a float is NaN."""
        return self.unary("IsNaN", result="bool")

    # --- elementwise functions ---

    def exp(self) -> Tensor:
        """The exponential function."""
        return self.unary("Exp")

    def log(self) -> Tensor:
        """The natural logarithm."""
        return self.unary("Log")

    def sqrt(self) -> Tensor:
        """The square root."""
        return self.unary("Sqrt")

    def tanh(self) -> Tensor:
        """The hyperbolic tangent."""
        return self.unary("Tanh")

    def sin(self) -> Tensor:
        """The sine."""
        return self.unary("Sin")

    def sign(self) -> Tensor:
        """-1, 0 or 1; NaN stays NaN."""
        return self.unary("Sign")

    def sigmoid(self) -> Tensor:
        """1 / (1 + exp(-x)), written out because onnxruntime's own Sigmoid clips its argument."""
        return 1.0 / (1.0 + (-self).exp())

    def softmax(self, axis: int = -1) -> Tensor:
        """exp(x) over its sum along the axis, stabilised by the maximum."""
        shifted = (self - self.max(axis)).exp()
        return shifted / shifted.sum(axis)

    def floor(self) -> Tensor:
        """The largest whole number not above it."""
        return self.unary("Floor")

    def clip(self, low: float | None = None, high: float | None = None) -> Tensor:
        """It, not below `low` and not above `high`. NaN stays NaN."""
        result = self
        if low is not None:
            result = result.binary("Max", low)
        return result if high is None else result.binary("Min", high)

    def cast(self, dtype: str) -> Tensor:
        """The same values in another type; a float that becomes a whole number loses its fraction."""
        if dtype == self.dtype:
            return self
        return self.unary("Cast", result=dtype, to=ONNX_TYPE[dtype])

    # --- reductions; the axis stays with size 1 unless told otherwise ---

    def _reduce(
        self, operator: str, along: int, keepdims: bool, dtype: str | None = None, **extra: Any
    ) -> Tensor:
        return self.graph.op(
            operator,
            self,
            dtype=dtype or self.dtype,
            shape=_reduced(self.shape, along, keepdims),
            keepdims=int(keepdims),
            **extra,
        )

    def sum(self, axis: int = 1, keepdims: bool = True) -> Tensor:
        """The sum along an axis."""
        axes = self.graph.constant([axis], "int64")
        shape = _reduced(self.shape, axis, keepdims)
        return self.graph.op("ReduceSum", self, axes, dtype=self.dtype, shape=shape, keepdims=int(keepdims))

    def mean(self, axis: int = 1, keepdims: bool = True) -> Tensor:
        """The mean along an axis."""
        return self._reduce("ReduceMean", axis, keepdims, axes=[axis])

    def max(self, axis: int = 1, keepdims: bool = True) -> Tensor:
        """The maximum along an axis."""
        return self._reduce("ReduceMax", axis, keepdims, axes=[axis])

    def min(self, axis: int = 1, keepdims: bool = True) -> Tensor:
        """The minimum along an axis."""
        return self._reduce("ReduceMin", axis, keepdims, axes=[axis])

    def prod(self, axis: int = 1, keepdims: bool = True) -> Tensor:
        """The product along an axis."""
        return self._reduce("ReduceProd", axis, keepdims, axes=[axis])

    def any(self, axis: int = 1) -> Tensor:
        """Of a bool tensor: whether any along the axis is true."""
        return self.cast("int32").max(axis).cast("bool")

    def argmax(self, axis: int = 1, keepdims: bool = True) -> Tensor:
        """The position of the first maximum along an axis, as int64."""
        return self._reduce("ArgMax", axis, keepdims, "int64", axis=axis)

    def argmin(self, axis: int = 1, keepdims: bool = True) -> Tensor:
        """The position of the first minimum along an axis, as int64."""
        return self._reduce("ArgMin", axis, keepdims, "int64", axis=axis)

    def cumsum(self, axis: int = 1) -> Tensor:
        """Running sums along an axis, added one after another."""
        return self.graph.op(
            "CumSum", self, self.graph.constant(axis, "int64"), dtype=self.dtype, shape=self.shape
        )

    def sequential_sum(self) -> Tensor:
        """The sum of the columns of [rows, columns], rounded as a loop over them rounds: shape [rows, 1].

        ReduceSum adds in an order of its own; where a label hangs on a tie, the order is seen.
        """
        return self.cumsum(1).columns([self.width - 1])

    def topk(self, k: int, *, largest: bool = True, axis: int = -1) -> tuple[Tensor, Tensor]:
        """The k largest (or smallest) values along an axis in order, and their positions as int64."""
        shape = None
        if self.shape is not None:
            sizes = list(self.shape)
            sizes[axis] = k
            shape = tuple(sizes)
        values, places = self.graph.op(
            "TopK",
            self,
            self.graph.constant([k], "int64"),
            dtype=[self.dtype, "int64"],
            shape=[shape, shape],
            axis=axis,
            largest=int(largest),
            sorted=1,
        )
        return values, places

    # --- shape ---

    def columns(self, indices: Sequence[int]) -> Tensor:
        """These columns of a tensor of shape [rows, columns], in this order."""
        chosen = [int(index) for index in indices]
        if self.shape is not None and chosen == list(range(self.width)):
            return self
        return self.take(chosen, axis=1)

    def take(self, indices: Operand, axis: int = 0) -> Tensor:
        """Elements along an axis by position, as numpy.take does; the positions may be a Tensor."""
        where = indices if isinstance(indices, Tensor) else self.graph.constant(indices, "int64")
        shape = None
        if self.shape is not None and where.shape is not None:
            shape = (*self.shape[:axis], *where.shape, *self.shape[axis + 1 :])
        return self.graph.op("Gather", self, where, dtype=self.dtype, shape=shape, axis=axis)

    def take_along(self, indices: Tensor, axis: int = 1) -> Tensor:
        """Elements along an axis by a position for each row, as numpy.take_along_axis does."""
        return self.graph.op(
            "GatherElements", self, indices, dtype=self.dtype, shape=indices.shape, axis=axis
        )

    def reshape(self, *sizes: int | None) -> Tensor:
        """Another shape; None stands for the rows, and may occur once."""
        target = self.graph.constant([-1 if size is None else size for size in sizes], "int64")
        return self.graph.op("Reshape", self, target, dtype=self.dtype, shape=tuple(sizes))

    def expand_dims(self, axis: int) -> Tensor:
        """A new axis of size 1 at this place (not negative)."""
        axes = self.graph.constant([axis], "int64")
        shape = None if self.shape is None else (*self.shape[:axis], 1, *self.shape[axis:])
        return self.graph.op("Unsqueeze", self, axes, dtype=self.dtype, shape=shape)

    def squeeze(self, axis: int) -> Tensor:
        """Without this axis of size 1 (not negative)."""
        axes = self.graph.constant([axis], "int64")
        shape = None if self.shape is None else (*self.shape[:axis], *self.shape[axis + 1 :])
        return self.graph.op("Squeeze", self, axes, dtype=self.dtype, shape=shape)

    def full_like_rows(self, value: ArrayLike, dtype: str | None = None) -> Tensor:
        """A constant row of k values, repeated for every row of this tensor: shape [rows, k]."""
        row = self.graph.constant(np.atleast_1d(np.asarray(value)).reshape(1, -1), dtype)
        rows = self.graph.op("Shape", self, dtype="int64", shape=(None,)).take([0])
        shape = self.graph.concat([rows, self.graph.constant([1], "int64")], axis=0)
        return self.graph.op("Expand", row, shape, dtype=row.dtype, shape=(None, row.width))

    # --- look-ups ---

    def lookup(self, keys: Sequence[str], values: Sequence[int], default: int = -1) -> Tensor:
        """Of text: the whole number that stands for it, or the default, as int64."""
        return self.unary(
            "LabelEncoder",
            result="int64",
            domain="ai.onnx.ml",
            keys_strings=list(keys),
            values_int64s=[int(value) for value in values],
            default_int64=default,
        )

    def one_hot(self, size: int, dtype: str = "float64") -> Tensor:
        """Of whole numbers [rows, 1]: [rows, size] with a one at the number's place; none out of range."""
        return self.equal(np.arange(size, dtype=np.int64).reshape(1, -1)).cast(dtype)


def _promoted(left: Tensor, right: Operand) -> tuple[Tensor, Tensor]:
    if not isinstance(right, Tensor):
        array = np.asarray(right)
        if left.dtype == "string" or array.dtype.kind in "OUST":
            return left, left.graph.constant(array, "string")
        wider = left.dtype
        if array.dtype.kind == "f" and not left.dtype.startswith("float"):
            wider = "float64"
        elif array.dtype.kind in "iu" and left.dtype == "bool":
            wider = "int64"
        return left.cast(wider), left.graph.constant(array, wider)
    if left.dtype == right.dtype:
        return left, right
    wider = max(left.dtype, right.dtype, key=_WIDTH.index)
    if {left.dtype, right.dtype} == {"int64", "float32"}:
        wider = "float64"
    return left.cast(wider), right.cast(wider)


def _broadcast(left: Shape | None, right: Shape | None) -> Shape | None:
    if left is None or right is None:
        return None
    rank = max(len(left), len(right))
    a = (1,) * (rank - len(left)) + left
    b = (1,) * (rank - len(right)) + right
    return tuple(y if x == 1 else x if y == 1 else (y if x is None else x) for x, y in zip(a, b, strict=True))


def _reduced(shape: Shape | None, axis: int, keepdims: bool) -> Shape | None:
    if shape is None:
        return None
    sizes = list(shape)
    if keepdims:
        sizes[axis] = 1
    else:
        del sizes[axis]
    return tuple(sizes)
