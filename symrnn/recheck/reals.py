"""Real numbers for ``recheck``: intervals of decimals, and numbers that know their derivatives.

An interval certainly holds the exact real value: every operation on its 60-digit ends rounds outward, and exp, ln and
sqrt of Decimal, right to half a unit in the last place, are widened by a unit. A ``Num`` remembers what it was computed
from, with the slopes, so that one sweep back gives its derivatives by all of that. Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from typing import Any

DOWN, UP = (Context(prec=60, rounding=r, Emin=-(10**5), Emax=10**5) for r in (ROUND_FLOOR, ROUND_CEILING))
NARROW = Decimal("1e-40")


class Undefined(Exception):
    """No value at this point: a logarithm of what may be ≤ 0, a quotient by what may be 0."""


class Interval:
    """The reals from ``low`` to ``high``; every operation rounds outward."""

    __slots__ = ("high", "low")

    def __init__(self, low: Decimal, high: Decimal) -> None:
        self.low, self.high = low, high

    def __add__(self, b: Interval | int) -> Interval:
        b = b if isinstance(b, Interval) else real(b)
        return Interval(DOWN.add(self.low, b.low), UP.add(self.high, b.high))

    def __mul__(self, b: Interval | int) -> Interval:
        b = b if isinstance(b, Interval) else real(b)
        if self.low >= 0 and b.low >= 0:
            return Interval(DOWN.multiply(self.low, b.low), UP.multiply(self.high, b.high))
        if self.high < 0:
            return -(-self * b)
        if b.high < 0:
            return -(self * -b)
        ends = [(x, y) for x in (self.low, self.high) for y in (b.low, b.high)]
        return Interval(min(DOWN.multiply(x, y) for x, y in ends), max(UP.multiply(x, y) for x, y in ends))

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Interval:
        return Interval(self.high.copy_negate(), self.low.copy_negate())

    def __sub__(self, b: Interval | int) -> Interval:
        return self + -b

    def __rsub__(self, b: int) -> Interval:
        return -self + b

    def __rtruediv__(self, b: int) -> Interval:
        if self.low <= 0 <= self.high:
            raise Undefined
        return b * Interval(DOWN.divide(Decimal(1), self.high), UP.divide(Decimal(1), self.low))

    def __pow__(self, n: int) -> Interval:
        if n < 0:
            return 1 / self**-n
        out = real(1)
        for bit in bin(n)[2:]:
            out = out * out * self if bit == "1" else out * out
        return out

    @property
    def narrow(self) -> bool:
        return self.high - self.low <= NARROW * max(Decimal(1), abs(self.low))

    def meets(self, b: Interval) -> bool:
        return self.low <= b.high and b.low <= self.high

    def __str__(self) -> str:
        return f"{self.low:.20g}"


def real(q: Fraction | int) -> Interval:
    n, d = Decimal(q.numerator), Decimal(q.denominator)
    return Interval(DOWN.divide(n, d), UP.divide(n, d))


def growing(name: str, x: Interval) -> Interval:
    """exp, ln, sqrt of Decimal: right to half a unit in the last place, so a unit is added on each side."""
    if name != "exp" and x.low <= 0:
        raise Undefined
    low = getattr(DOWN, name)(x.low)
    return Interval(low.next_minus(DOWN), (low if x.low == x.high else getattr(UP, name)(x.high)).next_plus(UP))


def exp(x: Interval) -> Interval:
    width = UP.subtract(x.high, x.low)
    if width > Decimal("0.5"):
        return growing("exp", x)
    y = growing("exp", Interval(x.low, x.low))  # and e^w ≤ 1 + 2w
    return Interval(y.low, UP.multiply(y.high, UP.fma(width, Decimal(2), Decimal(1))))


def ln(x: Interval) -> Interval:
    return growing("ln", x)


def sqrt(x: Interval) -> Interval:
    return x if x.low == x.high == 0 else growing("sqrt", x)


def taylor(x: Interval, n: int) -> Interval:
    """sin x (n = 1) or cos x (n = 0) for |x| ≤ 1/2: 40 terms, the rest is below (1/2)^80/80! < 1e-100."""
    term = total = x**n
    for k in range(n + 2, n + 80, 2):
        term = term * x * x * -real(Fraction(1, k * (k - 1)))
        total = total + term
    return total + Interval(Decimal("-1e-100"), Decimal("1e-100"))


def sincos(x: Interval) -> tuple[Interval, Interval]:
    """By halving the angle: sin 2x = 2 sin x cos x, cos 2x = 1 − 2 sin² x."""
    times = int(max(abs(x.low), abs(x.high)) * 2).bit_length()
    x = x * real(Fraction(1, 2**times))
    s, c = taylor(x, 1), taylor(x, 0)
    for _ in range(times):
        s, c = 2 * s * c, 1 - 2 * s * s
    return s, c


def arctan(x: Interval) -> Interval:
    """By halving the angle, arctan x = 2 arctan(x/(1 + √(1 + x²))); then the alternating series."""
    for _ in range(6):
        x = x * (1 / (1 + sqrt(1 + x * x)))
    total, term = real(0), x
    for k in range(1, 80, 2):
        total, term = total + term * real(Fraction(1, k)), term * x * -x
    return 64 * (total + Interval(-abs(term.low), abs(term.low)) + Interval(-abs(term.high), abs(term.high)))


def step(x: Interval) -> Interval:
    if x.low <= 0 <= x.high:
        raise Undefined
    return real(int(x.low > 0))


def sigmoid(x: Interval) -> Interval:
    return 1 / (1 + exp(-x))


def of(name: str, x: Any) -> Any:
    """A function of an interval, or of a number that knows its derivatives."""
    return applied(name, x) if isinstance(x, Num) else FUNCTIONS[name][0](x)


Unary = Callable[[Interval], Interval]
FUNCTIONS: dict[str, tuple[Unary, Callable[[Any, Any], Any]]] = {  # y = f(x); f' from x and y
    "exp": (exp, lambda x, y: y),
    "ln": (ln, lambda x, y: 1 / x),
    "tanh": (lambda x: 1 - 2 * (1 / (exp(2 * x) + 1)), lambda x, y: 1 - y * y),
    "sigmoid": (sigmoid, lambda x, y: y * (1 - y)),
    "sinh": (lambda x: (exp(x) - exp(-x)) * real(Fraction(1, 2)), lambda x, y: of("cosh", x)),
    "cosh": (lambda x: (exp(x) + exp(-x)) * real(Fraction(1, 2)), lambda x, y: of("sinh", x)),
    "sin": (lambda x: sincos(x)[0], lambda x, y: of("cos", x)),
    "cos": (lambda x: sincos(x)[1], lambda x, y: -of("sin", x)),
    "softplus": (lambda x: ln(1 + exp(x)), lambda x, y: of("sigmoid", x)),
    "relu": (lambda x: Interval(max(x.low, Decimal(0)), max(x.high, Decimal(0))), lambda x, y: of("step", x)),
    "step": (step, lambda x, y: 0 * x),
    "arctan": (arctan, lambda x, y: 1 / (1 + x * x)),
}  # fmt: skip


# ---- numbers that know what they were computed from ------------------------------------------------------------


class Num:
    """A value, and what it was computed from with the slopes by these: intervals, numbers, or what gives them.

    A slope is an interval, a number, or a function that gives either, a number if it is to be derived itself.
    ``parts`` None: a derivative, closed.
    """

    __slots__ = ("adjoints", "age", "parts", "slopes", "value")
    made = 0

    def __init__(self, value: Interval, parts: tuple[tuple[Num, Any], ...] | None = ()) -> None:
        self.value, self.parts = value, parts
        self.adjoints: dict[Num, Interval] | None = None
        self.slopes: dict[Num, Num] | None = None
        Num.made += 1
        self.age = Num.made

    def __add__(self, b: Num | int) -> Num:
        return added([self, b if isinstance(b, Num) else const(b)])

    def __mul__(self, b: Num | int) -> Num:
        return times(self, b if isinstance(b, Num) else const(b))

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Num:
        return self * -1

    def __sub__(self, b: Num | int) -> Num:
        return self + -b

    def __rsub__(self, b: int) -> Num:
        return -self + b

    def __rtruediv__(self, b: int) -> Num:
        return raised(self, const(-1)) * b


def const(q: int) -> Num:
    return Num(real(q))


def added(terms: list[Num]) -> Num:
    total = terms[0].value
    for t in terms[1:]:
        total = total + t.value
    return Num(total, tuple((t, ONE) for t in terms))


def times(a: Num, b: Num) -> Num:
    return Num(a.value * b.value, ((a, b), (b, a)))


def applied(name: str, a: Num) -> Num:
    function, slope = FUNCTIONS[name]
    x = a.value
    out = Num(function(x))
    out.parts = ((a, lambda again=False: slope(a, out) if again else slope(x, out.value)),)
    return out


def raised(a: Num, e: Num) -> Num:
    """A whole power, a square root to one, or exp(e ln a)."""
    q, x = Fraction(e.value.low), a.value
    if e.parts or e.value.low != e.value.high or q.denominator > 2 or abs(q) > 1000:
        return applied("exp", times(e, applied("ln", a)))
    n = q.numerator

    def slope(again: bool = False) -> Any:
        if again:
            return times(Num(real(q)), raised(a, Num(real(q - 1)))) if q else const(0)
        if q.denominator == 1:
            return n * x ** (n - 1) if n else real(0)
        return real(q) * sqrt(x) ** (n - 2)

    return Num(x**n if q.denominator == 1 else sqrt(x) ** n, ((a, slope),))


def slope_of(slope: Any, again: bool) -> Any:
    """A slope as an interval, or ``again`` as a number."""
    found = slope(again) if callable(slope) else slope
    if again:
        return found if isinstance(found, Num) else Num(found)
    return found.value if isinstance(found, Num) else found


def below(top: Num) -> list[Num]:
    """All that a number was computed from, users before what they use."""
    seen, stack = {top}, [top]
    while stack:
        parts = stack.pop().parts
        if parts is None:
            raise ValueError("a derivative of a derivative")
        new = {part for part, _ in parts} - seen
        seen |= new
        stack += new
    return sorted(seen, key=lambda n: -n.age)


def derivatives(top: Num) -> dict[Num, Interval]:
    """∂top/∂(all that it was computed from), along all paths: one sweep back, users before what they use."""
    if top.adjoints is None:
        out = top.adjoints = {top: ONE}
        for num in below(top):
            for part, slope in num.parts or ():
                inner = out[num] * slope_of(slope, False)
                out[part] = out[part] + inner if part in out else inner
    return top.adjoints


def derivable(top: Num) -> dict[Num, Num]:
    """The same derivatives as numbers that know what they were computed from."""
    if top.slopes is None:
        out = top.slopes = {top: const(1)}
        for num in below(top):
            for part, slope in num.parts or ():
                inner = times(out[num], slope_of(slope, True))
                out[part] = added([out[part], inner]) if part in out else inner
    return top.slopes


def mentioned(top: Num, given: set[Num]) -> dict[Num, Interval]:
    """The derivatives by what ``top`` is computed from at once: what is ``given`` is not looked into."""
    open_top = Num(top.value, top.parts)
    seen, stack = {open_top}, [open_top]
    while stack:
        num = stack.pop()
        if num.parts is None:
            raise ValueError("a derivative of a derivative")
        new = {part for part, _ in num.parts if num not in given} - seen
        seen |= new
        stack += new
    out = {open_top: ONE}
    for num in sorted(seen, key=lambda n: -n.age):
        for part, slope in (num.parts or ()) if num not in given else ():
            inner = out[num] * slope_of(slope, False)
            out[part] = out[part] + inner if part in out else inner
    out[top] = ONE
    return out


ONE = real(1)
