"""What functions of numpy and scipy do to every value, as tensors."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import special

from warehouse_ml.graph import elementary
from warehouse_ml.graph.tensor import Tensor


def _tan(x: Tensor) -> Tensor:
    return x.sin() / elementary.cos(x)


def _power(base: float, x: Tensor) -> Tensor:
    return x.graph.constant([[base]]) ** x


def _log2(x: Tensor) -> Tensor:
    # exact for powers of 2, as numpy is
    near = (x.log() / math.log(2.0)).unary("Round")
    return _power(2.0, near).equal(x).where(near, x.log() / math.log(2.0))


def _log10(x: Tensor) -> Tensor:
    near = (x.log() / math.log(10.0)).unary("Round")
    return _power(10.0, near).equal(x).where(near, x.log() / math.log(10.0))


def _truncated(x: Tensor) -> Tensor:
    return x.sign() * abs(x).floor()


def _clip(x: Tensor, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Tensor:
    low, high = a_min if min is None else min, a_max if max is None else max
    return x.clip(None if low is None else float(low), None if high is None else float(high))


def _round(x: Tensor, decimals: int = 0) -> Tensor:
    if decimals == 0:
        return x.unary("Round")
    scale = 10.0 ** abs(decimals)
    return (x * scale).unary("Round") / scale if decimals > 0 else (x / scale).unary("Round") * scale


def _nan_to_num(
    x: Tensor, copy: bool = True, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    largest = float(np.finfo(np.float64).max)
    x = x.equal(np.inf).where(largest if posinf is None else float(posinf), x)
    x = x.equal(-np.inf).where(-largest if neginf is None else float(neginf), x)
    return x.isnan().where(float(nan), x)


FUNCTIONS: Mapping[Any, Callable[..., Tensor]] = {
    np.absolute: abs,
    np.arccosh: elementary.arccosh,
    np.arcsinh: elementary.arcsinh,
    np.arctanh: elementary.arctanh,
    np.cbrt: lambda x: x.sign() * abs(x) ** (1.0 / 3.0),
    np.ceil: lambda x: x.unary("Ceil"),
    np.clip: _clip,
    np.cos: elementary.cos,
    np.cosh: elementary.cosh,
    np.deg2rad: lambda x: x * (math.pi / 180.0),
    np.exp: lambda x: x.exp(),
    np.exp2: lambda x: _power(2.0, x),
    np.expm1: elementary.expm1,
    np.fabs: abs,
    np.fix: _truncated,
    np.floor: lambda x: x.floor(),
    np.isfinite: lambda x: (x - x).equal(0.0),
    np.isnan: lambda x: x.isnan(),
    np.log: lambda x: x.log(),
    np.log10: _log10,
    np.log1p: elementary.log1p,
    np.log2: _log2,
    np.nan_to_num: _nan_to_num,
    np.negative: lambda x: -x,
    np.positive: lambda x: x,
    np.rad2deg: lambda x: x * (180.0 / math.pi),
    np.reciprocal: lambda x: 1.0 / x,
    np.rint: lambda x: x.unary("Round"),
    np.round: _round,
    np.sign: lambda x: x.sign(),
    np.sin: lambda x: x.sin(),
    np.sinh: elementary.sinh,
    np.sqrt: lambda x: x.sqrt(),
    np.square: lambda x: x * x,
    np.tan: _tan,
    np.tanh: lambda x: x.tanh(),
    np.trunc: _truncated,
    special.expit: lambda x: x.sigmoid(),
    special.exprel: lambda x: x.equal(0.0).where(1.0, elementary.expm1(x) / x.equal(0.0).where(1.0, x)),
    special.log1p: elementary.log1p,
    special.expm1: elementary.expm1,
    special.logit: lambda x: (x / (1.0 - x)).log(),
}
"""How each function is written; scipy's are those that people use for shares and counts."""
