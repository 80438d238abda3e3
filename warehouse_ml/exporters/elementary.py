"""Elementary functions in float64 that onnxruntime has only for float32, or not at all.

All are composed of Exp, Log, Sqrt, Sin and arithmetic, whose double kernels are good to an ulp or two.
"""

import math
from collections.abc import Sequence

from warehouse_ml.exporters.tensor import Tensor


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


_P0 = (
    -5.99633501014107895267e1,
    9.80010754185999661536e1,
    -5.66762857469070293439e1,
    1.39312609387279679503e1,
    -1.23916583867381258016e0,
)
_Q0 = (
    1.0,
    1.95448858338141759834e0,
    4.67627912898881538453e0,
    8.63602421390890590575e1,
    -2.25462687854119370527e2,
    2.00260212380060660359e2,
    -8.20372256168333339912e1,
    1.59056225126211695515e1,
    -1.18331621121330003142e0,
)
_P1 = (
    4.05544892305962419923e0,
    3.15251094599893866154e1,
    5.71628192246421288162e1,
    4.40805073893200834700e1,
    1.46849561928858024014e1,
    2.18663306850790267539e0,
    -1.40256079171354495875e-1,
    -3.50424626827848203418e-2,
    -8.57456785154685413611e-4,
)
_Q1 = (
    1.0,
    1.57799883256466749731e1,
    4.53907635128879210584e1,
    4.13172038254672030440e1,
    1.50425385692907503408e1,
    2.50464946208309415979e0,
    -1.42182922854787788574e-1,
    -3.80806407691578277194e-2,
    -9.33259480895457427372e-4,
)
_P2 = (
    3.23774891776946035970e0,
    6.91522889068984211695e0,
    3.93881025292474443415e0,
    1.33303460815807542389e0,
    2.01485389549179081538e-1,
    1.23716634817820021358e-2,
    3.01581553508235416007e-4,
    2.65806974686737550832e-6,
    6.23974539184983293730e-9,
)
_Q2 = (
    1.0,
    6.02427039364742014255e0,
    3.67983563856160859403e0,
    1.37702099489081330271e0,
    2.16236993594496635890e-1,
    1.34204006088543189037e-2,
    3.28014464682127739104e-4,
    2.89247864745380683936e-6,
    6.79019408009981274425e-9,
)


def normal_quantile(p: Tensor) -> Tensor:
    """The inverse of the standard normal distribution function; infinite at 0 and 1, NaN outside.

    Source: S. L. Moshier's `ndtri` of the Cephes library, which scipy.stats.norm.ppf calls.
    """
    tail = math.exp(-2.0)
    upper = p > 1.0 - tail
    y = upper.where(1.0 - p, p)
    centre = y > tail
    d = centre.where(y - 0.5, 0.25)
    d2 = d * d
    middle = (d + d * (d2 * _polynomial(d2, _P0) / _polynomial(d2, _Q0))) * math.sqrt(2.0 * math.pi)
    x = (-2.0 * centre.where(tail, y).log()).sqrt()
    z = 1.0 / x
    near = x < 8.0
    inverse = near.where(z, 0.25)
    ratio_near = inverse * _polynomial(inverse, _P1) / _polynomial(inverse, _Q1)
    ratio_far = z * _polynomial(z, _P2) / _polynomial(z, _Q2)
    outer = x - x.log() / x - near.where(ratio_near, ratio_far)
    signed = upper.where(outer, -outer)
    inside = centre.where(middle, signed)
    ends = p.equal(0.0).where(-math.inf, p.equal(1.0).where(math.inf, inside))
    return ((p < 0.0) | (p > 1.0)).where(math.nan, ends)


def _polynomial(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    """Horner's rule, the highest power first."""
    result = x * coefficients[0] + coefficients[1]
    for coefficient in coefficients[2:]:
        result = result * x + coefficient
    return result
