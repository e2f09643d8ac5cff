"""Expressions as text for certificates: prefix form, ``(op part …)``.

``name@t-1`` is a quantity at a step, ``name~t`` a parameter as used at that step, ``?x`` a variable of the formula's
own, ``#n`` a size. Everything is a matrix; softmax, diag and trace are written out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from symrnn.expr import (
    Add,
    Apply,
    Cases,
    Condition,
    Constant,
    Count,
    Delta,
    Diag,
    Dim,
    Divide,
    Entry,
    Expr,
    Gradient,
    Index,
    Local,
    MatMul,
    MatPower,
    Number,
    Power,
    Reduce,
    Ref,
    Slice,
    Smooth,
    Softmax,
    Symbol,
    Table,
    Times,
    Total,
    Trace,
    Transpose,
)
from symrnn.general.axes import ONE, Shapes


def word(name: str) -> str:
    """A name without the signs that the notation uses."""
    return re.sub(r"[\s()@~?#]", "_", name)


def quantity(symbol: Symbol) -> str:
    """A quantity's name in certificates; those with a step end in ``@``."""
    return word(symbol.name.removesuffix("(t)")) + ("@" if symbol.timed else "")


class Axes:
    """The sizes of a document or of one claim: names of axes with their numbers, and the shapes of quantities.

    Without ``shapes``, dimensions are the numbers and letters of the declarations.
    """

    def __init__(self, shapes: Shapes | None, above: Axes | None, given: Mapping[str, int]) -> None:
        self.shapes = shapes
        self.above = above
        self.names: dict[str, str] = dict(above.names) if above and above.shapes and shapes else {}
        self.sizes: dict[str, int] = {}
        self.quantities: dict[str, list[Any]] = {}
        if shapes is None:
            if above is None:
                self.sizes.update(given)
            return
        taken = {*self.names.values(), *(above.sizes if above else ())}
        roots = [shapes.find(n) for n in given if n in shapes.up]
        for root in dict.fromkeys([*roots, *sorted(shapes.roots())]):
            if root in self.names or (number := shapes.numbers.get(root)) is None:
                continue
            said = word(shapes.say(root)) if not root.startswith("?") else "axis"
            name = next(n for n in (said, *(f"{said}.{k}" for k in range(2, 10_000))) if n not in taken)
            taken.add(name)
            self.names[root] = name
            self.sizes[name] = number
        if above is None:
            self.sizes.update({n: k for n, k in given.items() if n not in taken})

    def letter(self, letter: str) -> str:
        """A letter of a size as text."""
        if self.shapes is not None and letter in self.shapes.up:
            return "#" + self.names[self.shapes.find(letter)]
        if self.above is not None:
            return self.above.letter(letter)
        return "#" + word(letter)

    def axis(self, axis: str) -> str:
        """An axis of ``shapes`` as text."""
        assert self.shapes is not None
        axis = self.shapes.find(axis)
        return "1" if axis == ONE else "#" + self.names[axis]

    def dim(self, dim: Dim) -> str:
        """A declared dimension as text, where no axis is known."""
        return str(dim) if isinstance(dim, int) else self.letter(dim)

    def declare(self, symbol: Symbol, lag: int = 0) -> str:
        """The name of a quantity; its shape is noted down, if no one did before."""
        name = quantity(symbol)
        known = self.above.quantities if self.above else {}
        if name not in known and name not in self.quantities:
            if self.shapes is None:
                shape = [self.dim(d) for d in symbol.shape]
            else:
                shape = [self.axis(a) for a in self.shapes.of_symbol(symbol)]
            self.quantities[name] = [*shape, lag]
        return name


class Writer:
    """Expressions as text. ``bound``: the letters that stand for an index or a step here, not for a size."""

    def __init__(self, axes: Axes, bound: Iterable[str]) -> None:
        self.axes = axes
        self.bound = Counter(bound)

    def index(self, i: Index) -> str:
        """``t-1``, ``#n``, ``3``."""
        if i.letter is None:
            return str(i.offset)
        name = word(i.letter) if self.bound[i.letter] else self.axes.letter(i.letter)
        return name + (f"{i.offset:+d}" if i.offset else "")

    def ref(self, e: Ref) -> str:
        """A quantity at its step."""
        name = self.axes.declare(e.symbol)
        if e.time is not None:
            name += ("" if name.endswith("@") else "@") + self.index(e.time)
        return name + (f"~{self.index(e.copy)}" if e.copy is not None else "")

    def shape(self, e: Expr) -> list[str]:
        """The dimensions of an expression."""
        shapes = self.axes.shapes
        if shapes is None or id(e) not in shapes.memo:
            return [self.axes.dim(d) for d in e.shape]
        return [self.axes.axis(a) for a in shapes.memo[id(e)]]

    def __call__(self, e: Expr) -> str:
        match e:
            case Number():
                return str(e.value)
            case Count():
                return self.call("count", self.index(e.index))
            case Ref():
                return self.ref(e)
            case Local():
                return "?" + word(e.name)
            case Entry():
                return self.call("entry", e.body, self.index(e.row), self.index(e.col))
            case Slice():
                return self.call("row", e.body, self.index(e.index))
            case Table():
                return self.call("table", *("(" + " ".join(map(self, row)) + ")" for row in e.rows))
            case Add():
                terms = [self(x) if sign > 0 else self.call("-", x) for sign, x in e.terms]
                return terms[0] if len(terms) == 1 else self.call("+", *terms)
            case Power():
                return self.call("^", e.base, e.exponent)
            case MatPower():
                less = [] if e.less == Index(None, 0) else [self.index(e.less)]
                return self.call("power", e.base, self.index(e.exponent), *less)
            case Smooth():
                head = "smooth" if not e.entrywise else "primed" if e.primed else "entrywise"
                shape = [] if e.entrywise else self.shape(e)
                return self.call(head, word(e.name), *shape, *e.arguments)
            case Apply():
                return self.call(e.function, e.body)
            case Softmax():
                powers = self.call("exp", e.body)
                column = e.shape[1] == 1
                total = (
                    self.call("total", powers)
                    if column
                    else self.call("@", powers, self.call("ones", self.shape(e)[1], "1"))
                )
                return self.call("/", powers, total)
            case Diag():
                entries = self(e.body) if e.body.shape[1] == 1 else self.call("T", e.body)
                return self.call("*", entries, self.call("eye", self.shape(e)[0]))
            case Trace():
                return self.call("total", self.call("*", e.body, self.call("eye", self.shape(e.body)[0])))
            case Delta():
                return self.call("delta", self.index(e.one), self.index(e.two))
            case Cases():
                return self.call("+", *(self.case(e, body, some) for body, some in e.branches))
            case Constant():
                return self.call(e.kind, *self.shape(e)[: 1 if e.kind == "eye" else 2])
            case Gradient():
                direct = ["direct"] if e.direct else []
                if e.of.scalar or e.wrt.scalar:
                    return self.call("grad" if e.of.scalar else "by", e.of, e.wrt, *direct)
                jacobian = self.call("jacobian", e.of, e.wrt, *direct)
                return self.call("T", jacobian) if e.denominator else jacobian
            case Reduce():
                return self.reduce(e)
            case _:
                return self.call(_PLAIN[type(e)], *e.children())

    def call(self, head: str, *parts: Expr | str) -> str:
        """``(head part …)``."""
        return f"({' '.join([head, *(p if isinstance(p, str) else self(p) for p in parts)])})"

    def case(self, e: Cases, body: Expr, some: Iterable[Condition]) -> str:
        """``(where body a ≥ b …)``, filled to the shape of all branches."""
        said = self.call("where", body, *(x for a, r, b in some for x in (self.index(a), r, self.index(b))))
        return said if body.shape == e.shape else self.call("*", said, self.call("ones", *self.shape(e)))

    def reduce(self, e: Reduce) -> str:
        """``(sum k low high body)``, with the shape unless it is a number, and the indices left out."""
        low, high, without = self.index(e.low), self.index(e.high), [self.index(i) for i in e.without]
        shapes = self.axes.shapes
        if shapes is not None and not e.timed and id(e) in shapes.bound and shapes.whole(e):
            high = self.axes.axis(shapes.bound[id(e)])
        self.bound[e.letter] += 1
        body = self(e.body)
        self.bound[e.letter] -= 1
        parts = [word(e.letter), low, high, body]
        if not e.scalar or without:
            parts.append(f"({' '.join(self.shape(e))})")
        return self.call("sum" if e.op == "sum" else "down" if e.down else "prod", *parts, *without)


_PLAIN: dict[type[Expr], str] = {
    MatMul: "@", Times: "*", Divide: "/", Transpose: "T", Total: "total",
}  # fmt: skip
