"""A document's definitions at given sizes, length and point, and the values of expressions in them.

Expressions are text in prefix form, ``(op part …)``: ``name@t-1`` is a quantity at a step, ``name~t`` a parameter as
used at that step, ``?x`` a variable of the formula's own, ``#n`` a size. All are matrices by rows; a number is 1×1.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any, ClassVar

from symrnn.recheck.reals import (
    FUNCTIONS,
    Interval,
    Num,
    added,
    applied,
    const,
    derivable,
    derivatives,
    mentioned,
    raised,
    real,
    times,
)

Matrix = list[list[Num]]
Env = dict[str, int]
Key = tuple[str, int, int, int | None]  # a component: quantity, row, column, step


MOST = 10_000  # of components, and of terms of a sum
MEETS = {"=": operator.eq, "≠": operator.ne, "<": operator.lt, ">": operator.gt, "≤": operator.le, "≥": operator.ge}


class Outside(Exception):
    """A step or a component that does not exist: the instance says nothing."""


class Tree(tuple[Any, ...]):
    """``(op part …)``; atoms are text. Equal trees are one object. ``letters``: all that may be a letter in it."""

    letters: tuple[str, ...]
    shared: ClassVar[dict[Any, Tree]] = {}
    __hash__ = object.__hash__

    @classmethod
    def of(cls, parts: tuple[Any, ...]) -> Tree:
        if parts not in cls.shared:
            found = cls.shared[parts] = cls(parts)
            known = (p.letters if isinstance(p, Tree) else [letter(x)[0] for x in re.split("[@~]", p)] for p in parts)
            found.letters = tuple(sorted({x for some in known for x in some if x}))
        return cls.shared[parts]


@functools.cache
def parse(text: str) -> Any:
    """An expression from its text."""
    stack: list[list[Any]] = [[]]
    for token in re.findall(r"[()]|[^\s()]+", text):
        if token == "(":
            stack.append([])
            continue
        done = token if token != ")" else Tree.of(tuple(stack.pop()))
        stack[-1].append(done)
    ((tree,),) = stack
    return tree


@functools.cache
def letter(text: str) -> tuple[str, int]:
    """An index as a letter and what is added to it; a number has no letter."""
    found = re.fullmatch(r"([+-]?\d+)|(.+?)([+-]\d+)?", text)
    if found is None:
        return "", 0
    return (found[2], int(found[3] or 0)) if found[2] else ("", int(found[1]))


@functools.cache
def quantity(text: str) -> tuple[str, str | None, str | None]:
    """``name@step~copy``; the names of quantities with a step end in ``@``."""
    rest, _, copy = text.partition("~")
    name, at, time = rest.partition("@")
    return name + at, time or None, copy or None


class World:
    """A document's definitions at given sizes, length and point, under assumptions."""

    def __init__(
        self, model: Any, sizes: Env, steps: int, given: list[Any], point: Callable[[str], Interval], chosen: Env
    ) -> None:
        self.model, self.sizes, self.steps, self.given, self.point = model, sizes, steps, given, point
        self.first: int = model["first"]
        self.chosen = chosen
        self.again = False  # whether a derivative will be derived
        self.leaves: dict[Any, Num] = {}
        self.uses: dict[tuple[Num, int | None], Num] = {}
        self.bodies: dict[Any, Matrix] = {}
        self.opening: list[Key] = []  # components whose definitions are being evaluated
        self.known: dict[Any, Matrix] = {}  # the values of expressions, by what their letters are and where they stand
        self.slopes = 0

    def size(self, dim: str) -> int:
        found = self.sizes[dim[1:]] if dim[0] == "#" else int(dim)
        if not 1 <= found <= MOST:
            raise ValueError(f"the size {found}")
        return found

    def index(self, text: str, env: Env) -> int:
        name, offset = letter(text)
        return offset + (0 if not name else self.sizes[name[1:]] if name[0] == "#" else env[name])

    def meets(self, env: Env, conditions: Iterable[Any]) -> bool:
        """Whether indices meet conditions ``(a, relation, b)``."""
        return all(MEETS[r](self.index(a, env), self.index(b, env)) for a, r, b in conditions)

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
        env = {self.model["last"]: self.steps, **self.chosen}
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
            if e[0] == "entry":
                return entry(self, env, *e[1:])
            key = (e, self.again, self.opening[-1][3] if self.opening else "", *map(env.get, e.letters))
            found = self.known.get(key)
            if found is None:
                head, *parts = e
                if head in FUNCTIONS:
                    found = joined(lambda x: applied(head, x), self.value(parts[0], env))
                else:
                    found = CASES[head](self, env, *parts)
                self.known[key] = found
            return found
        if e[0] == "?":
            if e not in self.leaves:
                self.leaves[e] = Num(self.point(e[1:]))
            return [[self.leaves[e]]]
        if re.fullmatch(r"-?\d+(/\d+)?", e):
            return [[Num(real(Fraction(e)))]]
        return [[self.component(key) for key in row] for row in self.keys(e, env)]

    def derivative(self, env: Env, head: str, of: Any, wrt: Any, *direct: str) -> Matrix:
        """grad: of a number, in the shape of the variable; by: by a number; jacobian: [i, j] = ∂of_i/∂wrt_j.

        ``direct``: by what is mentioned itself, every component of a quantity held fixed.
        """
        name = wrt
        while not isinstance(name, str) and name[0] in ("entry", "row", "T"):
            name = name[1]
        if not isinstance(name, str):
            raise ValueError("a derivative by what is no quantity")
        outer, self.again = self.again, True  # what is derived may hold derivatives
        above = self.value(of, env)
        self.again = outer
        below = self.value(wrt, env)
        copy = quantity(name)[2]
        if copy is not None:  # as used in the definitions of one step
            at = self.index(copy, env)
            below = joined(lambda x: self.uses.get((x, at)) or const(0), below)

        given = {n for key, n in self.leaves.items() if isinstance(key, tuple)} if direct else set()

        def slope(y: Num, x: Num) -> Num:
            self.slopes += 1
            if self.again and not direct:
                return derivable(y).get(x) or const(0)
            found = mentioned(y, given) if direct else derivatives(y)
            return Num(found.get(x, real(0)), None)

        if head == "jacobian":
            return [[slope(y, x) for row in below for x in row] for ys in above for y in ys]
        return joined(slope, above, below)

    def smooth(self, env: Env, head: str, name: str, *parts: Any) -> Matrix:
        """A function of which nothing is known, as one of a family: c0 + Σ c_k sin a_k + (Σ d_k sin a_k)²."""
        if head != "smooth":
            return joined(lambda x: self.member(name, [x], head == "primed"), self.value(parts[0], env))
        rows, cols = map(self.size, parts[:2])
        arguments = [x for a in parts[2:] for row in self.value(a, env) for x in row]
        names = [[f"{name}[{i},{j}]" for j in range(1, cols + 1)] for i in range(1, rows + 1)]
        return [[self.member(name if rows == cols == 1 else n, arguments, False) for n in row] for row in names]

    def member(self, name: str, arguments: list[Num], primed: bool) -> Num:
        """The member of the family with this point's coefficients; ``primed``: its derivative by its argument."""
        c, d = ([Num(self.point(f"{name}.{x}{k}")) for k in range(1, len(arguments) + 1)] for x in "cd")
        waves = [applied("sin", a) for a in arguments]
        if primed:
            inner = times(const(2), times(d[0], times(d[0], waves[0])))
            return times(applied("cos", arguments[0]), added([c[0], inner]))
        line = added([const(0), *map(times, d, waves)])
        return added([Num(self.point(f"{name}.c0")), *map(times, c, waves), times(line, line)])

    def reduce(self, env: Env, head: str, name: str, low: str, high: str, body: Any, *more: Any) -> Matrix:
        """Σ or Π over a letter; ``more``: the shape of what is added, and indices that are left out."""
        skip = {self.index(i, env) for i in more[1:]}
        first, last = self.index(low, env), self.index(high, env)
        if last - first > MOST:
            raise ValueError("a sum of too many terms")
        run = [k for k in range(first, last + 1) if k not in skip]
        parts = [self.value(body, {**env, name: k}) for k in run]
        if head == "sum":
            rows, cols = map(self.size, more[0]) if more else (1, 1)
            return joined(lambda *xs: added([*xs]), [[const(0)] * cols] * rows, *parts)
        if more and more[0] != ("1", "1"):  # of matrices, in the order of the letter or in the other one
            return functools.reduce(dot, reversed(parts) if head == "down" else parts, eye(self.size(more[0][0])))
        total = const(1)
        for ((x,),) in parts:
            total = times(total, x)
        return [[total]]


def joined(f: Callable[..., Any], *ms: Matrix) -> list[list[Any]]:
    """Entry by entry; what has one row or column is repeated."""
    if all(len(m) == 1 == len(m[0]) for m in ms):
        return [[f(*(m[0][0] for m in ms))]]
    rows, cols = max(len(m) for m in ms), max(len(m[0]) for m in ms)
    if any(len(m) not in (1, rows) or len(m[0]) not in (1, cols) for m in ms):
        raise ValueError("shapes that differ")
    return [[f(*(m[i % len(m)][j % len(m[0])] for m in ms)) for j in range(cols)] for i in range(rows)]


def dot(a: Matrix, b: Matrix) -> Matrix:
    return [[added([times(x, y) for x, y in zip(row, col, strict=True)]) for col in zip(*b, strict=True)] for row in a]


def eye(n: int) -> Matrix:
    return [[const(int(i == j)) for j in range(n)] for i in range(n)]


def whole(n: int) -> int:
    if n < 0:
        raise ValueError("the inverse of a matrix")
    return n


def pick(rows: list[Any], i: int) -> Any:
    if not 1 <= i <= len(rows):
        raise Outside
    return rows[i - 1]


def entry(w: World, v: Env, a: Any, row: str, col: str) -> Matrix:
    i, j = w.index(row, v), w.index(col, v)
    return [[w.component(pick(pick(w.keys(a, v), i), j)) if isinstance(a, str) else pick(pick(w.value(a, v), i), j)]]


CASES: dict[str, Callable[..., Matrix]] = {  # the value of (op part …) in a world w, its letters having the values v
    "where": lambda w, v, a, *rest: w.value(a, v) if w.meets(v, zip(*[iter(rest)] * 3, strict=True)) else [[const(0)]],
    "count": lambda w, v, i: [[const(w.index(i, v))]],
    "delta": lambda w, v, i, j: [[const(int(w.index(i, v) == w.index(j, v)))]],
    "ones": lambda w, v, r, c: [[const(1)] * w.size(c)] * w.size(r),
    "eye": lambda w, v, n: eye(w.size(n)),
    "table": lambda w, v, *rows: [[w.value(x, v)[0][0] for x in row] for row in rows],
    "entry": entry,
    "row": lambda w, v, a, i: [[x] for x in pick(w.value(a, v), w.index(i, v))],
    "+": lambda w, v, *xs: joined(lambda *ys: added([*ys]), *(w.value(x, v) for x in xs)),
    "-": lambda w, v, a: joined(lambda x: times(const(-1), x), w.value(a, v)),
    "*": lambda w, v, *xs: functools.reduce(lambda a, b: joined(times, a, b), (w.value(x, v) for x in xs)),
    "/": lambda w, v, a, b: joined(lambda x, y: times(x, raised(y, const(-1))), w.value(a, v), w.value(b, v)),
    "@": lambda w, v, a, b: dot(w.value(a, v), w.value(b, v)),
    "^": lambda w, v, a, b: joined(raised, w.value(a, v), w.value(b, v)),
    "power": lambda w, v, a, i, j="0": functools.reduce(
        dot, [m := w.value(a, v)] * whole(w.index(i, v) - w.index(j, v)), eye(len(m))
    ),
    "T": lambda w, v, a: [list(row) for row in zip(*w.value(a, v), strict=True)],
    "total": lambda w, v, a: [[added([x for row in w.value(a, v) for x in row])]],
    **{h: (lambda w, v, *parts, h=h: w.reduce(v, h, *parts)) for h in ("sum", "prod", "down")},
    **{h: (lambda w, v, *parts, h=h: w.smooth(v, h, *parts)) for h in ("smooth", "entrywise", "primed")},
    **{h: (lambda w, v, *parts, h=h: w.derivative(v, h, *parts)) for h in ("grad", "by", "jacobian")},
}
