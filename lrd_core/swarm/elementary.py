"""exp, sin, cos and Φ⁻¹ as text for generated kernels: no branch, call or table in the first three,
so that loops over them are vectorised.

Arguments are reduced as by Cody and Waite (Software manual for the elementary functions, 1980),
with fused products; Taylor polynomials reach the last bits. sin and cos are meant for |x| up to
10⁴ in float32 and 10⁸ in float64; farther out their error grows, and no surface is drawn there.
Φ⁻¹, the inverse of the normal distribution function, is PPND16 of Wichura's algorithm AS 241
(Applied Statistics 37, 1988), in float64.
"""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from functools import lru_cache

import numpy as np

_LN_2 = Decimal("0.693147180559945309417232121458176568075500134360255254120680")
_HALF_PI = Decimal("1.570796326794896619231321691639751442098584699687552910487472")

#: Taylor terms that reach the type's precision: of exp to ½ ln 2; of sin and cos to ¼ π.
_DEGREES = {32: (7, 9, 10), 64: (13, 17, 16)}


def _parts(number: Decimal, bits: int, count: int) -> list[float]:
    """A number as a sum of floats, each the nearest to what the ones before it leave."""
    found = []
    with localcontext() as context:
        context.prec = 60
        for _ in range(count):
            part = float(np.float32(number)) if bits == 32 else float(number)
            found.append(part)
            number -= Decimal(part)
    return found


def _horner(x: str, coefficients: list[float], kind: str = "F") -> str:
    """The polynomial's value; coefficients from the constant one up."""
    text = f"{kind}({coefficients[-1]!r})"
    for coefficient in reversed(coefficients[:-1]):
        text = f"fma({text}, {x}, {kind}({coefficient!r}))"
    return text


@lru_cache(maxsize=2)
def text(bits: int) -> str:
    """Functions ``exp``, ``sin``, ``cos`` of one type, ``F``: float32 or float64.

    The module must have ``F``, ``njit``, ``int32``, ``int64``, ``fma``, ``select``, ``nearest`` and
    ``float32_of`` or ``float64_of``.
    """
    to_exp, to_sin, to_cos = _DEGREES[bits]
    ln_2, quarter = _parts(_LN_2, bits, 2), _parts(_HALF_PI, bits, 3)
    high = math.log(float(np.finfo(f"f{bits // 8}").max))
    low = math.log(float(np.finfo(f"f{bits // 8}").smallest_normal))
    mantissa, bias = (23, 127) if bits == 32 else (52, 1023)
    exp = _horner("r", [1 / math.factorial(k) for k in range(to_exp + 1)])
    terms = range(1, to_sin + 1, 2)
    sin = _horner("s", [(-1) ** (k // 2) / math.factorial(k) for k in terms])
    cos = _horner("s", [(-1) ** (k // 2) / math.factorial(k) for k in range(0, to_cos + 1, 2)])
    return f"""
@njit(error_model="numpy")
def two_to(n):
    return float{bits}_of(int{bits}(int{bits}(n + int32({bias})) << int{bits}({mantissa})))


@njit(error_model="numpy")
def exp(x):
    bounded = select(x > F({low!r}), select(x < F({high!r}), x, F({high!r})), F({low!r}))
    n = nearest(bounded * F({1 / math.log(2)!r}))
    r = fma(n, F({-ln_2[1]!r}), fma(n, F({-ln_2[0]!r}), bounded))
    whole = int32(n)
    half = int32(whole >> int32(1))
    value = {exp} * two_to(half) * two_to(int32(whole - half))
    value = select(x < F({low!r}), F(0), select(x > F({high!r}), F(np.inf), value))
    return select(x == x, value, x)


@njit(error_model="numpy")
def turned(x, ahead):
    bounded = select(abs(x) < F(1e9), x, F(0))
    n = nearest(bounded * F({2 / math.pi!r}))
    r = fma(n, F({-quarter[1]!r}), fma(n, F({-quarter[0]!r}), bounded))
    r = fma(n, F({-quarter[2]!r}), r)
    s = r * r
    sine = r * {sin}
    cosine = {cos}
    quadrant = int32(int32(n) + ahead)
    value = select((quadrant & int32(1)) == int32(0), sine, cosine)
    value = select((quadrant & int32(2)) == int32(0), value, -value)
    return select(abs(x) < F(1e9), value, x - x)


@njit(error_model="numpy")
def sin(x):
    return turned(x, int32(0))


@njit(error_model="numpy")
def cos(x):
    return turned(x, int32(1))
"""


#: Numerators and denominators of AS 241, from the constant term up; |p − ½| ≤ 0.425, then r ≤ 5.
_CENTRE = (
    [3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
     1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
     3.3430575583588128105e4, 2.5090809287301226727e3],
    [1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
     5.2264952788528545610e3],
)  # fmt: skip
_TAIL = (
    [1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
     3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
     2.27238449892691845833e-2, 7.74545014278341407640e-4],
    [1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
     1.05075007164441684324e-9],
)  # fmt: skip


def normal_text() -> str:
    """The function ``normal(p)``, Φ⁻¹ in float64 for p in [1e-11, 1 − 1e-11].

    The module must have ``math``, ``njit``, ``float64`` and ``fma``.
    """
    centre, tail = (
        [_horner("r", part, "float64") for part in fraction] for fraction in (_CENTRE, _TAIL)
    )
    return f"""
@njit(error_model="numpy")
def normal(p):
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * ({centre[0]}) / ({centre[1]})
    r = math.sqrt(-math.log(min(p, 1.0 - p))) - 1.6
    z = ({tail[0]}) / ({tail[1]})
    return -z if q < 0 else z
"""
