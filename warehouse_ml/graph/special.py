"""Special functions that onnxruntime has no double kernel for: the error function, the normal quantile."""

from __future__ import annotations

import math
from collections.abc import Sequence

from warehouse_ml.graph.tensor import Tensor

_NEAR_ZERO = (
    (1.28379167095512558561e-01, -3.25042107247001499370e-01, -2.84817495755985104766e-02,
     -5.77027029648944159157e-03, -2.37630166566501626084e-05),
    (1.0, 3.97917223959155352819e-01, 6.50222499887672944485e-02, 5.08130628187576562776e-03,
     1.32494738004321644526e-04, -3.96022827877536812320e-06),
)  # fmt: skip
_NEAR_ONE = (
    (-2.36211856075265944077e-03, 4.14856118683748331666e-01, -3.72207876035701323847e-01,
     3.18346619901161753674e-01, -1.10894694282396677476e-01, 3.54783043256182359371e-02,
     -2.16637559486879084300e-03),
    (1.0, 1.06420880400844228286e-01, 5.40397917702171048937e-01, 7.18286544141962662868e-02,
     1.26171219808761642112e-01, 1.36370839120290507362e-02, 1.19844998467991074170e-02),
)  # fmt: skip
_MIDDLE = (
    (-9.86494403484714822705e-03, -6.93858572707181764372e-01, -1.05586262253232909814e+01,
     -6.23753324503260060396e+01, -1.62396669462573470355e+02, -1.84605092906711035994e+02,
     -8.12874355063065934246e+01, -9.81432934416914548592e+00),
    (1.0, 1.96512716674392571292e+01, 1.37657754143519042600e+02, 4.34565877475229228821e+02,
     6.45387271733267880336e+02, 4.29008140027567833386e+02, 1.08635005541779435134e+02,
     6.57024977031928170135e+00, -6.04244152148580987438e-02),
)  # fmt: skip
_FAR = (
    (-9.86494292470009928597e-03, -7.99283237680523006574e-01, -1.77579549177547519889e+01,
     -1.60636384855821916062e+02, -6.37566443368389627722e+02, -1.02509513161107724954e+03,
     -4.83519191608651397019e+02),
    (1.0, 3.03380607434824582924e+01, 3.25792512996573918826e+02, 1.53672958608443695994e+03,
     3.19985821950859553908e+03, 2.55305040643316442583e+03, 4.74528541206955367215e+02,
     -2.24409524465858183362e+01),
)  # fmt: skip
_ERF_OF_ONE = 8.45062911510467529297e-01  # to float32; the rest is in the polynomial


def erf(x: Tensor) -> Tensor:
    """The error function to about 1e-15: the rational approximations of Sun's fdlibm, s_erf.c."""
    size = abs(x)
    square = x * x
    near_zero = size + size * _ratio(square, _NEAR_ZERO)
    beside_one = size.clip(0.0, 2.0) - 1.0
    near_one = _ERF_OF_ONE + _ratio(beside_one, _NEAR_ONE)
    # the ratios are in 1 / x^2, so x is kept away from zero and, where erf is 1, from overflow
    far = size.clip(0.84375, 6.0)
    inverse = 1.0 / (far * far)
    tail = (far < 1.0 / 0.35).where(_ratio(inverse, _MIDDLE), _ratio(inverse, _FAR))
    beyond = 1.0 - (-(far * far) - 0.5625 + tail).exp() / far
    value = (size < 0.84375).where(near_zero, (size < 1.25).where(near_one, beyond))
    return x.isnan().where(x, value * x.unary("Sign"))


def _ratio(x: Tensor, polynomials: tuple[Sequence[float], Sequence[float]]) -> Tensor:
    """One polynomial over another, the coefficients from the constant on."""
    above, below = polynomials
    return _polynomial(x, above[::-1]) / _polynomial(x, below[::-1])


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
