"""The network of the note as numbers: a forward pass at 50 digits, derivatives by differences.

Nothing here knows a gradient formula.  A derivative is a central difference of whole forward
passes in which one node, one shared parameter or one per-step copy of a parameter is bumped.
All indices are 1-based, so that `V[3, 2]` is the printed v_{32}.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from mpmath.ctx_mp import MPContext

MP = MPContext()
MP.dps = 50
STEP = MP.mpf(10) ** -16  # truncation about 1e-32, rounding about 1e-34

SIZES = {"W": (5, 5), "U": (5, 4), "b": (5, 1), "V": (3, 5), "c": (3, 1)}
NODE_SIZES = {"a": 5, "h": 5, "o": 3, "yh": 3}


class Meaningless(ValueError):
    """What is printed denotes nothing."""


class ShapeError(Meaningless):
    """A sum, product or comparison that does not conform."""


class Mat:
    """A strict matrix of numbers: no broadcasting, a vector is a column, 1-based indices."""

    __slots__ = ("rows",)

    def __init__(self, rows: Iterable[Iterable]) -> None:
        self.rows = tuple(tuple(r) for r in rows)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows), len(self.rows[0])

    def __getitem__(self, key):
        if isinstance(key, tuple):
            i, j = key
        elif self.shape[1] == 1:
            i, j = key, 1
        else:
            raise ShapeError(f"one index on a matrix of shape {self.shape}")
        if not (1 <= i <= self.shape[0] and 1 <= j <= self.shape[1]):
            raise IndexError(key)
        return self.rows[i - 1][j - 1]

    def _same(self, other) -> None:
        if not isinstance(other, Mat):
            raise ShapeError(f"a matrix of shape {self.shape} and a scalar added or compared")
        if other.shape != self.shape:
            raise ShapeError(f"shapes {self.shape} and {other.shape} added or compared")

    def __add__(self, other):
        self._same(other)
        return Mat([p + q for p, q in zip(r, s, strict=True)] for r, s in zip(self.rows, other.rows, strict=True))

    __radd__ = __add__

    def __neg__(self):
        return self.map(lambda p: -p)

    def __sub__(self, other):
        self._same(other)
        return self + (-other)

    def __rsub__(self, other):
        raise ShapeError("a matrix subtracted from a scalar")

    def __mul__(self, other):
        if isinstance(other, Mat):
            raise ShapeError("use @ between matrices")
        return self.map(lambda p: p * other)

    __rmul__ = __mul__

    def __matmul__(self, other):
        if not isinstance(other, Mat) or self.shape[1] != other.shape[0]:
            raise ShapeError(f"product of {self.shape} and {getattr(other, 'shape', 'scalar')}")
        columns = list(zip(*other.rows, strict=True))
        return Mat([MP.fdot(r, s) for s in columns] for r in self.rows)

    @property
    def T(self):
        return Mat(zip(*self.rows, strict=True))

    def map(self, f: Callable):
        return Mat([f(p) for p in r] for r in self.rows)

    def bumped(self, i: int, j: int, eps):
        rows = [list(r) for r in self.rows]
        rows[i - 1][j - 1] += eps
        return Mat(rows)


def col(*entries) -> Mat:
    return Mat([e] for e in entries)


def row(*entries) -> Mat:
    return Mat([entries])


def grid(source: Mat, text: str) -> Mat:
    """A printed matrix of entries of `source`: "11 21 31 / 12 22 32" are its subscripts."""
    return Mat([source[int(s[0]), int(s[1])] for s in line.split()] for line in text.split("/"))


def diagonal(*entries) -> Mat:
    zero = MP.mpf(0)
    n = len(entries)
    return Mat([entries[i] if i == j else zero for j in range(n)] for i in range(n))


def diag1m(v: Mat) -> Mat:
    """diag(1 - (v)^2), the square taken entry by entry."""
    return diagonal(*(1 - r[0] ** 2 for r in v.rows))


def S(f: Callable, n: int):
    """sum_{i=1}^n f(i), of numbers or of matrices that conform."""
    total = f(1)
    for i in range(2, n + 1):
        total = total + f(i)
    return total


class Run:
    """All nodes of one forward pass: dictionaries by step, and the total loss."""

    def __init__(self) -> None:
        self.a: dict[int, Mat] = {}
        self.h: dict[int, Mat] = {}
        self.o: dict[int, Mat] = {}
        self.yh: dict[int, Mat] = {}
        self.Lt: dict[int, object] = {}
        self.L = MP.mpf(0)


# A bump is ("par", name, (i, j), step or None) or ("node", name, step, i).
Bump = tuple


class World:
    """One random point: parameters, data, h^(0), tau, and the targets.

    labels: "class1" (one-hot class 1 at every step), "onehot" (a class that changes from step to
    step), "positive" (a positive vector that sums to 1).
    """

    def __init__(self, seed: int, tau: int, labels: str) -> None:
        self.seed, self.tau, self.labels = seed, tau, labels
        for attempt in range(200):
            self._draw(random.Random(f"note-oracle/{seed}/{tau}/{attempt}"))
            self.base = self._forward(None, MP.mpf(0))
            flat = [abs(p) for t in range(1, tau + 1) for (p,) in self.base.h[t].rows]
            if max(flat) < 0.97 and min(flat) > 0.03:
                break
        else:
            raise AssertionError("no unsaturated point found")
        self._pairs: dict[Bump, tuple[Run, Run]] = {}

    def _draw(self, rng: random.Random) -> None:
        def number(low: float, high: float):
            value = MP.mpf(rng.randrange(int(low * 10**12), int(high * 10**12))) / 10**12
            return value if rng.random() < 0.5 else -value

        def matrix(n: int, m: int, low: float, high: float) -> Mat:
            return Mat([number(low, high) for _ in range(m)] for _ in range(n))

        steps = range(1, self.tau + 1)
        self.par = {name: matrix(*size, 0.3, 1.0 if name in "Vc" else 0.7) for name, size in SIZES.items()}
        self.xs = {t: matrix(4, 1, 0.3, 1.0) for t in steps}
        self.h0 = matrix(5, 1, 0.3, 0.8)
        self.classes: dict[int, int] = {}
        self.ys: dict[int, Mat] = {}
        for t in steps:
            parts = [abs(number(0.3, 1.0)) for _ in range(3)]
            k = 1 if self.labels == "class1" else (self.seed + t) % 3 + 1
            if self.labels == "positive":
                self.ys[t] = col(*(p / sum(parts) for p in parts))
            else:
                self.classes[t] = k
                self.ys[t] = col(*(MP.mpf(int(i == k)) for i in (1, 2, 3)))

    # -- forward pass -----------------------------------------------------------------------

    def _forward(self, bump: Bump | None, eps) -> Run:
        run = Run()
        first = 1
        if bump is not None:
            step = bump[3] if bump[0] == "par" else bump[2]
            first = step or 1
        h = self.h0
        for t in range(1, self.tau + 1):
            if t < first:  # before the bump nothing changes
                for name in ("a", "h", "o", "yh", "Lt"):
                    getattr(run, name)[t] = getattr(self.base, name)[t]
                h = run.h[t]
                continue
            p = self.par
            if bump is not None and bump[0] == "par" and bump[3] in (None, t):
                p = {**p, bump[1]: p[bump[1]].bumped(*bump[2], eps)}

            def node(name: str, value: Mat, t: int = t) -> Mat:
                if bump is not None and bump[:3] == ("node", name, t):
                    value = value.bumped(bump[3], 1, eps)
                getattr(run, name)[t] = value
                return value

            a = node("a", p["b"] + p["W"] @ h + p["U"] @ self.xs[t])
            h = node("h", a.map(MP.tanh))
            o = node("o", p["c"] + p["V"] @ h)
            powers = o.map(MP.exp)
            total = powers[1] + powers[2] + powers[3]
            yh = node("yh", powers.map(lambda e, total=total: e / total))
            loss = -MP.fdot((self.ys[t][i], MP.ln(yh[i])) for i in (1, 2, 3))
            if bump is not None and bump[:3] == ("node", "Lt", t):
                loss += eps
            run.Lt[t] = loss
        run.L = MP.fsum(run.Lt.values())
        return run

    # -- values -----------------------------------------------------------------------------

    def a(self, t: int) -> Mat:
        return self.base.a[t]

    def h(self, t: int) -> Mat:
        return self.h0 if t == 0 else self.base.h[t]

    def o(self, t: int) -> Mat:
        return self.base.o[t]

    def yh(self, t: int) -> Mat:
        return self.base.yh[t]

    def Lt(self, t: int):
        return self.base.Lt[t]

    def x(self, t: int) -> Mat:
        return self.xs[t]

    def y(self, t: int) -> Mat:
        return self.ys[t]

    @property
    def L(self):
        return self.base.L

    W = property(lambda self: self.par["W"])
    U = property(lambda self: self.par["U"])
    V = property(lambda self: self.par["V"])
    b = property(lambda self: self.par["b"])
    c = property(lambda self: self.par["c"])

    # -- derivatives ------------------------------------------------------------------------

    def d(self, target: Callable[[Run], object], bump: Bump):
        """The derivative of a number computed from a run by the bumped quantity."""
        if bump not in self._pairs:
            self._pairs[bump] = (self._forward(bump, STEP), self._forward(bump, -STEP))
        plus, minus = self._pairs[bump]
        return (target(plus) - target(minus)) / (2 * STEP)

    def dnode(self, target: Callable, name: str, t: int, i: int):
        """d target / d name_i^(t), everything before that node held fixed."""
        return self.d(target, ("node", name, t, i))

    def gnode(self, target: Callable, name: str, t: int) -> Mat:
        """The gradient of a scalar by the vector node name^(t): a column."""
        return col(*(self.dnode(target, name, t, i) for i in range(1, NODE_SIZES[name] + 1)))

    def dpar(self, target: Callable, name: str, i: int, j: int = 1, step: int | None = None):
        """By one entry of a parameter: the shared one, or (step given) the copy of that step."""
        return self.d(target, ("par", name, (i, j), step))

    def gpar(self, target: Callable, name: str, step: int | None = None) -> Mat:
        """The gradient of a scalar by a parameter: it has the parameter's shape."""
        n, m = SIZES[name]
        return Mat([self.dpar(target, name, i, j, step) for j in range(1, m + 1)] for i in range(1, n + 1))

    def jac(self, node: str, t: int, name: str, step: int | None = None) -> Mat:
        """The Jacobian [i, j] = d node_i^(t) / d name_j of a vector node by a bias."""
        n, m = NODE_SIZES[node], SIZES[name][0]
        return Mat([self.dpar(comp(node, t, i), name, j, 1, step) for j in range(1, m + 1)] for i in range(1, n + 1))


def total(run: Run):
    """Target: L."""
    return run.L


def loss(t: int) -> Callable[[Run], object]:
    """Target: L^(t)."""
    return lambda run: run.Lt[t]


def comp(name: str, t: int, i: int) -> Callable[[Run], object]:
    """Target: one component of a node."""
    return lambda run: getattr(run, name)[t][i]
