"""Elementary functions in float64 that onnxruntime has only for float32, or not at all.

All are composed of Exp, Log, Sqrt, Sin and arithmetic, whose double kernels are good to an ulp or two.
"""

import math

from warehouse_ml.graph.tensor import Tensor


def log1p(x: Tensor) -> Tensor:
    """log(1 + x), accurate near 0.

    Source: W. Kahan's correction, log(u) * x / (u - 1) with u = 1 + x: the rounding of u cancels.
    """
    u = x + 1.0
    exact = u.equal(1.0)
    large = x > 1e15  # there u == x up to an ulp, and the correction would be infinity / infinity
    corrected = u.log() * (x / (exact | large).where(1.0, u - 1.0))
    return exact.where(x, large.where(u.log(), corrected))


def expm1(x: Tensor) -> Tensor:
    """exp(x) - 1, accurate near 0.

    Source: W. Kahan's correction, (u - 1) * x / log(u) with u = exp(x).
    """
    u = x.exp()
    plain = (abs(x) > 30.0) | u.equal(1.0)
    corrected = (u - 1.0) * (x / plain.where(1.0, u.log()))
    return u.equal(1.0).where(x, plain.where(u - 1.0, corrected))


def cos(x: Tensor) -> Tensor:
    """The cosine, as 1 - 2 sin(x / 2)^2: old onnxruntime has no double kernel for Cos."""
    half = (x * 0.5).sin()
    return 1.0 - 2.0 * half * half


def sinh(x: Tensor) -> Tensor:
    """The hyperbolic sine, as (e + e / (e + 1)) / 2 with e = expm1(|x|)."""
    size = abs(x)
    e = expm1(size)
    # beyond 700 the exponential itself would overflow before its half does
    scaled = (size - math.log(2.0)).exp()
    return x.sign() * (size > 700.0).where(scaled, 0.5 * (e + (size > 700.0).where(1.0, e / (e + 1.0))))


def cosh(x: Tensor) -> Tensor:
    """The hyperbolic cosine."""
    half = (abs(x) - math.log(2.0)).exp()
    return half + 0.25 / half


def arcsinh(x: Tensor) -> Tensor:
    """The inverse hyperbolic sine, as sign(x) log1p(|x| + x^2 / (1 + sqrt(x^2 + 1)))."""
    size = abs(x)
    large = size > 1e8  # where x^2 + 1 is x^2, and x^2 may overflow
    small = large.where(1.0, size)
    square = small * small
    near = log1p(small + square / ((square + 1.0).sqrt() + 1.0))
    return x.sign() * large.where(size.log() + math.log(2.0), near)


def arccosh(x: Tensor) -> Tensor:
    """The inverse hyperbolic cosine, as log1p(t + sqrt(2 t + t^2)) with t = x - 1; NaN below 1."""
    large = x > 1e8
    t = large.where(1.0, x - 1.0)
    inside = large.where(x.log() + math.log(2.0), log1p(t + (2.0 * t + t * t).sqrt()))
    return (x < 1.0).where(math.nan, inside)


def arctanh(x: Tensor) -> Tensor:
    """The inverse hyperbolic tangent, as log1p(2 x / (1 - x)) / 2; NaN beyond 1."""
    size = abs(x)
    return x.sign() * 0.5 * log1p(2.0 * size / (1.0 - size))
