"""The re-checker: reads the JSON report of ``symrnn check`` and confirms every proof and every refutation by itself.

It stands alone (the standard library, nothing of symrnn) and can be read in one sitting. It believes no derivative and no
verdict. What it takes from the report is what was *understood* of the document: the definitions, and the two sides of each
claim, in index notation. These it evaluates anew, with an arithmetic of its own:

* values are intervals of 60-digit decimals, rounded outward, that certainly hold the exact real value;
* points are random decimals, the same in every run with one seed;
* derivatives are those of reverse-mode differentiation of the definitions: along all paths, everything before the variable
  held fixed; by a parameter over all its uses, or (``b~t``) over those in the definitions of one step.

A *proved* claim is confirmed where, for every instance at the sizes and lengths of the report, both sides are intervals
narrower than 1e-40 that overlap, at several points; if it is proved for every size or length, at random sizes and lengths
too, and so is every statement of its derivation. A *refuted* claim is confirmed where the sides are disjoint at its witness.
"""

from __future__ import annotations

import argparse
import functools
import json
import operator
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

# ---- intervals -----------------------------------------------------------------------------------------------------

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
        return self.high - self.low <= NARROW * max(1, abs(self.low))

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
    return Interval(getattr(DOWN, name)(x.low).next_minus(DOWN), getattr(UP, name)(x.high).next_plus(UP))


def exp(x: Interval) -> Interval:
    return growing("exp", x)


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


Unary = Callable[[Interval], Interval]
FUNCTIONS: dict[str, tuple[Unary, Callable[[Interval, Interval], Interval]]] = {  # y = f(x); f' from x and y
    "exp": (exp, lambda x, y: y),
    "ln": (ln, lambda x, y: 1 / x),
    "tanh": (lambda x: 1 - 2 * (1 / (exp(2 * x) + 1)), lambda x, y: 1 - y * y),
    "sigmoid": (sigmoid, lambda x, y: y * (1 - y)),
    "sinh": (lambda x: (exp(x) - exp(-x)) * real(Fraction(1, 2)), lambda x, y: y + exp(-x)),
    "cosh": (lambda x: (exp(x) + exp(-x)) * real(Fraction(1, 2)), lambda x, y: y - exp(-x)),
    "sin": (lambda x: sincos(x)[0], lambda x, y: sincos(x)[1]),
    "cos": (lambda x: sincos(x)[1], lambda x, y: -sincos(x)[0]),
    "softplus": (lambda x: ln(1 + exp(x)), lambda x, y: sigmoid(x)),
    "relu": (lambda x: Interval(max(x.low, Decimal(0)), max(x.high, Decimal(0))), lambda x, y: step(x)),
    "step": (step, lambda x, y: real(0)),
    "arctan": (arctan, lambda x, y: 1 / (1 + x * x)),
}  # fmt: skip


# ---- numbers that know what they were computed from --------------------------------------------------------------------


class Num:
    """A value, and what it was computed from with the slopes by these. ``parts`` None: a derivative, closed."""

    __slots__ = ("adjoints", "age", "parts", "value")
    made = 0

    def __init__(self, value: Interval, parts: tuple[tuple[Num, Any], ...] | None = ()) -> None:
        self.value, self.parts, self.adjoints = value, parts, None
        Num.made += 1
        self.age = Num.made


def const(q: int) -> Num:
    return Num(real(q))


def added(terms: list[Num]) -> Num:
    total = terms[0].value
    for t in terms[1:]:
        total = total + t.value
    return Num(total, tuple((t, ONE) for t in terms))


def times(a: Num, b: Num) -> Num:
    return Num(a.value * b.value, ((a, b.value), (b, a.value)))


def applied(name: str, a: Num) -> Num:
    function, slope = FUNCTIONS[name]
    x, y = a.value, function(a.value)
    return Num(y, ((a, lambda: slope(x, y)),))


def raised(a: Num, e: Num) -> Num:
    """A whole power, a square root to one, or exp(e ln a)."""
    q, x = Fraction(e.value.low), a.value
    if e.parts or e.value.low != e.value.high or q.denominator > 2 or abs(q) > 1000:
        return applied("exp", times(e, applied("ln", a)))
    n = q.numerator
    if q.denominator == 1:
        return Num(x**n, ((a, lambda: n * x ** (n - 1) if n else real(0)),))
    return Num(sqrt(x) ** n, ((a, lambda: real(q) * sqrt(x) ** (n - 2)),))


def derivatives(top: Num) -> dict[Num, Interval]:
    """∂top/∂(all that it was computed from), along all paths: one sweep back, users before what they use."""
    if top.adjoints is None:
        seen, stack = {top}, [top]
        while stack:
            parts = stack.pop().parts
            if parts is None:
                raise ValueError("a derivative of a derivative")
            new = {part for part, _ in parts} - seen
            seen |= new
            stack += new
        out = top.adjoints = {top: ONE}
        for num in sorted(seen, key=lambda n: -n.age):
            for part, slope in num.parts or ():
                inner = out[num] * (slope() if callable(slope) else slope)
                out[part] = out[part] + inner if part in out else inner
    return top.adjoints


ONE = real(1)


# ---- expressions -------------------------------------------------------------------------------------------------------

Matrix = list[list[Num]]
Env = dict[str, int]
Key = tuple[str, int, int, int | None]  # a component: quantity, row, column, step


class Outside(Exception):
    """A step or a component that does not exist: the instance says nothing."""


@lru_cache(maxsize=None)
def parse(text: str) -> Any:
    """``(op part …)`` as nested tuples; atoms are text."""
    stack: list[list[Any]] = [[]]
    for token in re.findall(r"[()]|[^\s()]+", text):
        if token == "(":
            stack.append([])
            continue
        done = token if token != ")" else tuple(stack.pop())
        stack[-1].append(done)
    ((tree,),) = stack
    return tree


@lru_cache(maxsize=None)
def letter(text: str) -> tuple[str, int]:
    """An index as a letter and what is added to it; a number has no letter."""
    name, offset = re.fullmatch(r"(.*?)([+-]?\d+)?", text).groups()  # type: ignore[union-attr]
    return name, int(offset or 0)


@lru_cache(maxsize=None)
def quantity(text: str) -> tuple[str, str | None, str | None]:
    """``name@step~copy``; the names of quantities with a step end in ``@``."""
    rest, _, copy = text.partition("~")
    name, at, time = rest.partition("@")
    return name + at, time or None, copy or None


class World:
    """A document's definitions at given sizes, length and point, under assumptions."""

    def __init__(self, model: Any, sizes: Env, steps: int, given: list[Any], point: Callable[[str], Interval]) -> None:
        self.model, self.sizes, self.steps, self.given, self.point = model, sizes, steps, given, point
        self.first: int = model["first"]
        self.leaves: dict[Any, Num] = {}
        self.uses: dict[tuple[Num, int | None], Num] = {}
        self.bodies: dict[Any, Matrix] = {}
        self.opening: list[Key] = []  # components whose definitions are being evaluated
        self.slopes = 0

    def size(self, dim: str) -> int:
        return self.sizes[dim[1:]] if dim[0] == "#" else int(dim)

    def index(self, text: str, env: Env) -> int:
        name, offset = letter(text)
        return offset + (0 if not name else self.sizes[name[1:]] if name[0] == "#" else env[name])

    def component(self, key: Key) -> Num:
        """The value of a component, as used in the definition that is being evaluated, if one is."""
        name, row, col, time = key
        if key not in self.leaves:
            if name.endswith("@") != (time is not None) or key in self.opening:
                raise ValueError(f"{name} is defined by itself, or lacks its step")
            if time is not None and not self.first - self.model["quantities"][name][2] <= time <= self.steps:
                raise Outside
            if time is not None and not self.opening:
                for s in range(self.first, time):  # from the first step on, so that no recursion is deep
                    if self.definition((name, row, col, s)):
                        self.component((name, row, col, s))
            self.leaves[key] = self.computed(key)
        found = self.leaves[key]
        if time is not None or not self.opening:
            return found
        use = (found, self.opening[-1][3])
        if use not in self.uses:
            self.uses[use] = added([found])
        return self.uses[use]

    def definition(self, key: Key) -> Any:
        """What defines a component: an assumption, the definition for its very step, or the one for all steps."""
        found = None
        for d in self.given + self.model["definitions"]:
            if d[0] == key[0] and all(letter(i)[0] or letter(i)[1] == k for i, k in zip(d[1:3], key[1:3], strict=True)):
                exact = d[3] != "*" and letter(d[3]) == ("", key[3])
                if exact or (d in self.given and letter(d[3])[0]):
                    return d
                found = d if letter(d[3])[0] else found
        return None if key[3] is not None and key[3] < self.first else found

    def computed(self, key: Key) -> Num:
        """A component by its definition; what is given has the point's value."""
        d = self.definition(key)
        if d is None:
            axes = [str(k) for k, dim in zip(key[1:3], self.model["quantities"][key[0]][:2], strict=True) if dim != "1"]
            at = f"@{key[3]}" if key[3] is not None else ""
            return Num(self.point(key[0].rstrip("@") + (f"[{','.join(axes)}]" if axes else "") + at))
        env = {self.model["last"]: self.steps}
        for i, k in zip(d[1:4], key[1:], strict=True):
            env |= {letter(i)[0]: k - letter(i)[1]} if k is not None else {}
        whole = d[1] == d[2] == "*"
        place = (id(d), key[3] if whole else key)
        self.opening.append(key)
        try:
            if place not in self.bodies:
                self.bodies[place] = self.value(parse(d[4]), env)
        finally:
            self.opening.pop()
        return self.bodies[place][key[1] - 1 if d[1] == "*" else 0][key[2] - 1 if d[2] == "*" else 0]

    def keys(self, text: str, env: Env) -> list[list[Key]]:
        """The components of a quantity, by rows."""
        name, time, copy = quantity(text)
        at = None if time is None else self.index(time, env)
        if copy is not None and not self.first <= self.index(copy, env) <= self.steps:
            raise Outside
        rows, cols = map(self.size, self.model["quantities"][name][:2])
        return [[(name, i, j, at) for j in range(1, cols + 1)] for i in range(1, rows + 1)]

    def value(self, e: Any, env: Env) -> Matrix:
        """An expression's value, by rows."""
        if not isinstance(e, str):
            head, *parts = e
            if head in FUNCTIONS:
                return joined(lambda x: applied(head, x), self.value(parts[0], env))
            return CASES[head](self, env, *parts)
        if e[0] == "?":
            if e not in self.leaves:
                self.leaves[e] = Num(self.point(e))
            return [[self.leaves[e]]]
        if re.fullmatch(r"-?\d+(/\d+)?", e):
            return [[Num(real(Fraction(e)))]]
        return [[self.component(key) for key in row] for row in self.keys(e, env)]

    def derivative(self, env: Env, head: str, of: Any, wrt: Any) -> Matrix:
        """grad: of a number, in the shape of the variable; by: by a number; jacobian: [i, j] = ∂of_i/∂wrt_j."""
        above, below = self.value(of, env), self.value(wrt, env)
        copy = quantity(wrt if isinstance(wrt, str) else wrt[1])[2]
        if copy is not None:  # as used in the definitions of one step
            at = self.index(copy, env)
            below = joined(lambda x: self.uses.get((x, at)) or const(0), below)

        def slope(y: Num, x: Num) -> Num:
            self.slopes += 1
            return Num(derivatives(y).get(x, real(0)), None)

        if head == "jacobian":
            return [[slope(y, x) for row in below for x in row] for ys in above for y in ys]
        return joined(slope, above, below)

    def reduce(self, env: Env, head: str, name: str, low: str, high: str, body: Any, *more: Any) -> Matrix:
        """Σ or Π over a letter; ``more``: the shape of what is added, and indices that are left out."""
        skip = {self.index(i, env) for i in more[1:]}
        run = [k for k in range(self.index(low, env), self.index(high, env) + 1) if k not in skip]
        parts = [self.value(body, {**env, name: k}) for k in run]
        if head == "sum":
            rows, cols = map(self.size, more[0]) if more else (1, 1)
            return joined(lambda *xs: added([*xs]), [[const(0)] * cols] * rows, *parts)
        total = const(1)
        for ((x,),) in parts:
            total = times(total, x)
        return [[total]]


def joined(f: Callable[..., Any], *ms: Matrix) -> list[list[Any]]:
    """Entry by entry; what has one row or column is repeated."""
    rows, cols = max(len(m) for m in ms), max(len(m[0]) for m in ms)
    if any(len(m) not in (1, rows) or len(m[0]) not in (1, cols) for m in ms):
        raise ValueError("shapes that differ")
    return [[f(*(m[i % len(m)][j % len(m[0])] for m in ms)) for j in range(cols)] for i in range(rows)]


def dot(a: Matrix, b: Matrix) -> Matrix:
    return [[added([times(x, y) for x, y in zip(row, col, strict=True)]) for col in zip(*b, strict=True)] for row in a]


def eye(n: int) -> Matrix:
    return [[const(int(i == j)) for j in range(n)] for i in range(n)]


def pick(rows: list[Any], i: int) -> Any:
    if not 1 <= i <= len(rows):
        raise Outside
    return rows[i - 1]


def entry(w: World, v: Env, a: Any, row: str, col: str) -> Matrix:
    i, j = w.index(row, v), w.index(col, v)
    return [[w.component(pick(pick(w.keys(a, v), i), j)) if isinstance(a, str) else pick(pick(w.value(a, v), i), j)]]


CASES: dict[str, Callable[..., Matrix]] = {  # the value of (op part …) in a world w, its letters having the values v
    "count": lambda w, v, i: [[const(w.index(i, v))]],
    "delta": lambda w, v, i, j: [[const(int(w.index(i, v) == w.index(j, v)))]],
    "ones": lambda w, v, r, c: [[const(1)] * w.size(c)] * w.size(r),
    "eye": lambda w, v, n: eye(w.size(n)),
    "table": lambda w, v, *rows: [[w.value(x, v)[0][0] for x in row] for row in rows],
    "entry": entry,
    "row": lambda w, v, a, i: [[x] for x in pick(w.value(a, v), w.index(i, v))],
    "+": lambda w, v, *xs: joined(lambda *ys: added([*ys]), *(w.value(x, v) for x in xs)),
    "-": lambda w, v, a: joined(lambda x: times(const(-1), x), w.value(a, v)),
    "*": lambda w, v, a, b: joined(times, w.value(a, v), w.value(b, v)),
    "/": lambda w, v, a, b: joined(lambda x, y: times(x, raised(y, const(-1))), w.value(a, v), w.value(b, v)),
    "@": lambda w, v, a, b: dot(w.value(a, v), w.value(b, v)),
    "^": lambda w, v, a, b: joined(raised, w.value(a, v), w.value(b, v)),
    "power": lambda w, v, a, i: functools.reduce(dot, [m := w.value(a, v)] * w.index(i, v), eye(len(m))),
    "T": lambda w, v, a: [list(row) for row in zip(*w.value(a, v), strict=True)],
    "total": lambda w, v, a: [[added([x for row in w.value(a, v) for x in row])]],
    **{h: (lambda w, v, *parts, h=h: w.reduce(v, h, *parts)) for h in ("sum", "prod")},
    **{h: (lambda w, v, *parts, h=h: w.derivative(v, h, *parts)) for h in ("grad", "by", "jacobian")},
}


# ---- reports -----------------------------------------------------------------------------------------------------------

ORDER = ("refuted", "ill-formed", "undecided", "conditional", "proved", "defined")  # the worst first
MEETS = {"=": operator.eq, "≠": operator.ne, "<": operator.lt, ">": operator.gt, "≤": operator.le, "≥": operator.ge}
TRIALS, SAMPLES, TRIES = 3, 12, 32  # sizes at which a general proof is looked at, instances of each; points tried


class Wrong(Exception):
    """Something that is not confirmed, and why."""


def demand(holds: bool, why: str) -> None:
    if not holds:
        raise Wrong(why)


class Paper:
    """One document of a report."""

    def __init__(self, paper: Any, points: int, seed: int) -> None:
        self.paper, self.points, self.seed = paper, points, seed
        self.model = paper["model"]
        self.worlds: dict[Any, World] = {}
        self.failures: list[str] = []
        self.counts: Counter[str] = Counter()

    def point(self, k: int, at: dict[str, str]) -> Callable[[str], Interval]:
        """Random decimals up to 1.5, of any sign or positive, later tries wider. ``at``: values that are given."""

        def value(name: str) -> Interval:
            rng = random.Random(f"{self.seed} {k} {name}")
            sign = 1 if k % 2 else rng.choice((-1, 1))
            return real(Fraction(at.get(name) or Fraction(sign * rng.randint(1, 1500) * 16 ** (k // 8), 1000)))

        return value

    def world(self, c: Any, sizes: Env, steps: int, k: int, at: dict[str, str] | None = None) -> World:
        """The definitions at point ``k``, made once."""
        own, names = c.get("quantities", {}), c.get("given", [])
        key = (json.dumps([sorted(sizes.items()), own, names]), steps, k)
        if at is not None or key not in self.worlds:
            model = {**self.model, "quantities": {**self.model["quantities"], **own}}
            given = [self.assumed(self.model["assumptions"][name], sizes) for name in names]
            self.worlds[key] = World(model, sizes, steps, given, self.point(k, at or {}))
        return self.worlds[key]

    def assumed(self, d: Any, sizes: Env) -> Any:
        """An assumption; one that says what the components sum to makes, at another size, the last one the rest."""
        name, _, _, time, _, *total = d
        rows, cols, _ = self.model["quantities"][name]
        axis = (rows if cols == "1" else cols)[1:]
        if not total or sizes[axis] == self.model["sizes"][axis]:
            return d
        places = [f"{k} 1" if cols == "1" else f"1 {k}" for k in range(1, sizes[axis] + 1)]
        rest = [f"(- (entry {name}{time} {place}))" for place in places[:-1]]
        return [name, *places[-1].split(), time, f"(+ {total[0]} {' '.join(rest)})"]

    # -- claims --

    def instances(self, c: Any, world: World) -> Iterator[Env]:
        """The values of a claim's letters that meet its conditions."""
        dims = c["letters"].values()
        ranges = [range(world.first, world.steps + 1) if d is None else range(1, world.size(d) + 1) for d in dims]
        for values in product(*ranges):
            env = {self.model["last"]: world.steps, **dict(zip(c["letters"], values, strict=True))}
            if all(MEETS[r](world.index(a, env), world.index(b, env)) for a, r, b in c.get("where", [])):
                yield env

    def sides(self, c: Any, world: World, env: Env) -> list[list[tuple[Interval, Interval]]]:
        left, right = (world.value(parse(c[side]), env) for side in ("lhs", "rhs"))
        return joined(lambda a, b: (a.value, b.value), left, right)

    def confirm(self, c: Any, sizes: Env, steps: int, most: int | None = None) -> int:
        """Both sides agree in every instance at these sizes and this length (in ``most``); how many there are."""
        found = list(self.instances(c, self.world(c, sizes, steps, 0)))
        if most is not None and len(found) > most:
            found = random.Random(self.seed).sample(found, most)
        return sum(self.agree(c, sizes, steps, env) for env in found)

    def agree(self, c: Any, sizes: Env, steps: int, env: Env) -> bool:
        """Whether the instance exists. Raises Wrong where its sides differ, or have no value at enough points."""
        agreed = 0
        for k in range(TRIES):
            try:
                pairs = self.sides(c, self.world(c, sizes, steps, k), env)
            except Outside:
                return False
            except (Undefined, ArithmeticError):
                continue
            for i, row in enumerate(pairs, 1):
                for j, (a, b) in enumerate(row, 1):
                    place = f"{json.dumps({**sizes, **env})}, component {i},{j}, point {k} of seed {self.seed}"
                    demand(a.meets(b), f"{a} is not {b} at {place}")
            if all(a.narrow and b.narrow for row in pairs for a, b in row):
                agreed += 1
            if agreed == self.points:
                self.counts["instances"] += 1
                return True
        raise Wrong(f"both sides have a value at {agreed} of {TRIES} points only, at {json.dumps({**sizes, **env})}")

    def everywhere(self, c: Any, fixed: list[str]) -> None:
        """What holds at every size but those that are fixed, and at every length: looked at where a die falls."""
        sizes, good = {**self.model["sizes"], **c.get("sizes", {})}, 0
        demand(set(fixed) <= set(sizes), "sizes that no one knows")
        for k in range(TRIALS * 10):
            rng = random.Random(f"{self.seed} {k}")
            steps = rng.randint(self.model["first"] or 1, 5 + k // TRIALS)
            here = {n: rng.randint(1, 4) for n in sorted(sizes)} | {n: sizes[n] for n in fixed}
            good += self.confirm(c, here, steps, SAMPLES) > 0
            if good == TRIALS:
                return
        demand(good > 0, "no instance at other sizes and lengths")

    def proved(self, claim: Any) -> None:
        """At the sizes and lengths of the report, then, if it is proved in general, at others."""
        c, scope = claim["certificate"], claim["scope"]
        if claim["verdict"] == "conditional" and c["lhs"] == c["rhs"] and not c["instances"]:
            return  # the head of a chain, under a reading
        counts, sizes, general = c["instances"], {**self.model["sizes"], **c.get("sizes", {})}, c.get("general", {})
        lengths = {int(n) for n in counts} | set(() if scope["lengths"] == "all" else scope["lengths"])
        for n in sorted(lengths):
            found = self.confirm(c, sizes, n)
            demand(found == counts.get(str(n), found), f"{found} instances at length {n}, not {counts.get(str(n))}")
        demand(sum(counts.values()) > 0, "there is no instance")
        timed = any(name.endswith("@") for name in self.model["quantities"])
        demand(scope["lengths"] != "all" or "fixed" in general or not timed, "no proof for all lengths")
        if scope["sizes"] != "all":
            demand(all(sizes.get(n, k) == k for n, k in scope["sizes"].items()), "the sizes are not those of the scope")
        if "fixed" in general:
            named = {} if scope["sizes"] == "all" else scope["sizes"]
            demand({n.split(".")[0] for n in general["fixed"]} <= {"axis", *named}, "a size is fixed that is not named")
            self.everywhere(c, general["fixed"])
        demand("fixed" in general or scope["sizes"] != "all" or not sizes, "no proof for all sizes")

    def refuted(self, claim: Any) -> None:
        """The sides are disjoint at the witness, and have the values that it states."""
        c, w = claim["certificate"], claim["witness"]
        sizes = {**self.model["sizes"], **c.get("sizes", {})}
        world = self.world(c, sizes, w["steps"], 0, w["at"])
        letters = {re.sub(r"[\s()@~?#]", "_", name): k for name, k in w["letters"].items()}
        env = {self.model["last"]: w["steps"], **letters}
        demand(env in self.instances(c, world), "the witness is no instance")
        row, col = w["component"]
        pair = self.sides(c, world, env)[row - 1][col - 1]
        demand(not pair[0].meets(pair[1]), f"both sides may be {pair[0]} at the witness")
        for value, text in zip(pair, (w["lhs"], w["rhs"]), strict=True):
            mid, _, radius = text.strip("[]").partition("+/-")
            ball = Interval(
                Decimal(mid.strip() or 0) - Decimal(radius or 0), Decimal(mid.strip() or 0) + Decimal(radius or 0)
            )
            demand(value.meets(ball), f"a side is {value} at the witness, not {text}")

    def check(self) -> None:
        """Every claim, and whether the verdicts of equations are the worst of their claims'."""
        for e in self.paper["equations"]:
            for claim in e["claims"]:
                try:
                    self.claim(claim)
                    self.counts[claim["verdict"]] += 1
                except (Wrong, *BROKEN) as error:
                    why = str(error) if isinstance(error, Wrong) else f"unreadable ({type(error).__name__}: {error})"
                    self.failures.append(f"({e['number']}) {claim['id']} {claim['verdict']}: {why}")
            kinds = [claim["verdict"] for claim in e["claims"]] or [k for k in ORDER[1:3] if k == e["verdict"]]
            if e["verdict"] != min(kinds, key=ORDER.index, default=""):
                self.failures.append(f"({e['number']}): its verdict is not the worst of its claims'")
        self.counts["derivatives"] = sum(w.slopes for w in self.worlds.values())

    def claim(self, claim: Any) -> None:
        verdict = claim["verdict"]
        demand(verdict in ORDER, "no such verdict")
        if verdict in ("proved", "conditional"):
            demand((verdict == "conditional") == bool(claim["conditions"]), "conditions and verdict disagree")
            demand(
                set(claim["certificate"].get("given", [])) <= set(claim["assumptions"]), "an assumption is not named"
            )
            self.proved(claim)
        elif verdict == "refuted":
            self.refuted(claim)
        else:
            demand(not claim["certificate"] and not claim["witness"], "a certificate of nothing")


BROKEN = (
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    Undefined,
    Outside,
)


def recheck(text: str, points: int = 3, seed: int = 0) -> tuple[list[str], list[Paper]]:
    """What a report gets wrong as a whole, and its documents, checked. Raises ValueError for what is no report."""
    report = json.loads(text)
    if not isinstance(report, dict) or report.get("version") != 1 or not isinstance(report.get("documents"), list):
        raise ValueError("is no report of version 1")
    try:
        papers = [Paper(p, points, seed) for p in report["documents"]]
        for paper in papers:
            paper.check()
        counts = Counter(e["verdict"] for p in report["documents"] for e in p["equations"])
        wrong = {k: n for k, n in report["summary"].items() if n != counts[k]} or set(counts) - set(report["summary"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"is not written like a report ({type(error).__name__}: {error})") from None
    return [f"summary: the equations do not add up to {wrong}"] if wrong else [], papers


def main(arguments: list[str] | None = None, name: str | None = None) -> int:
    """The command line; the exit status is returned."""
    parser = argparse.ArgumentParser(name, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "report", metavar="REPORT.json", help="the report that symrnn check --format json wrote; - is standard input"
    )
    parser.add_argument(
        "--points", type=int, default=3, metavar="N", help="points at which sides are compared (default 3)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="other points, sizes and lengths (default 0)")
    parser.epilog = "Exit status: 0 all is confirmed; 1 something is not; 2 bad usage, or no report."
    options = parser.parse_args(arguments)
    try:
        text = sys.stdin.read() if options.report == "-" else Path(options.report).read_text(encoding="utf-8")
        wrong, papers = recheck(text, max(1, options.points), options.seed)
    except (OSError, ValueError, RecursionError) as error:
        print(f"recheck: {options.report}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 2
    for line in [*wrong, *(f"{p.paper['path']} {line}" for p in papers for line in p.failures)]:
        print(f"NOT CONFIRMED {line}")
    for p in papers:
        n = p.counts
        print(
            f"{p.paper['path']}: {n['proved']} proved and {n['conditional']} conditional claims confirmed at {p.points} points"
            f" each ({n['instances']} instances, {n['derivatives']} derivatives), {n['refuted']} refutations confirmed,"
            f" {n['defined'] + n['ill-formed'] + n['undecided']} claims with nothing to confirm, {len(p.failures)} failures"
        )
    return int(bool(wrong or any(p.failures for p in papers)))


if __name__ == "__main__":
    sys.exit(main())
