"""Typed expressions in floating point, many alternatives at once, and the sums over components as axes of arrays.

An array's last axes are those of the alternatives; before them stands one for each sum around, the outermost last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from symrnn.algebra import floats
from symrnn.claims import Typed
from symrnn.evaluate import Evaluator, Inadmissible, Leaf, Mat, Unsupported
from symrnn.expr import (
    Add,
    Apply,
    Count,
    Delta,
    Divide,
    Entry,
    Expr,
    Gradient,
    Index,
    Number,
    Power,
    Reduce,
    Ref,
    Symbol,
    Times,
    number,
)
from symrnn.network import Network
from symrnn.repair.places import Paths, own_indices


@dataclass(frozen=True)
class Axis:
    """Alternatives for the same places: ``variants[k][j]`` stands at the place ``j`` in the alternative k."""

    places: tuple[Expr, ...]
    variants: tuple[tuple[Expr, ...], ...]


@dataclass(frozen=True)
class Run:
    """The values of a letter that a sum binds, along an axis with ``behind`` axes behind it."""

    low: int
    high: int
    behind: int

    @cached_property
    def values(self) -> Any:
        """The numbers from ``low`` to ``high``."""
        return np.arange(self.low, self.high + 1).reshape((-1,) + (1,) * self.behind)


class Fixed:
    """The values of a claim's parts as printed, by the values of the letters in them."""

    def __init__(self, typed: Typed) -> None:
        self.typed = typed  # kept, so that identities stay its own
        self.paths = Paths(typed)
        self.letters: dict[int, tuple[str, ...]] = {}
        self.values: dict[Any, Mat] = {}
        self.calls = 0
        for root in (typed.lhs, typed.rhs):
            self._collect(root)

    def _collect(self, e: Expr) -> frozenset[str]:
        found = frozenset[str]().union(*(self._collect(child) for child in e.children()))
        found |= {i.letter for i in own_indices(e) if i.letter is not None}
        self.letters[id(e)] = tuple(sorted(found))
        return found


NOT_FIXED = Fixed(Typed(number(0), number(0), {}))


class Point:
    """A network's leaves as numbers, at one random point; remembers derivatives and what sums are elementwise."""

    def __init__(self, network: Network, number: int = 0) -> None:
        self.network = network
        self.number = number  # among those of a sample
        self.value = floats.Values(floats.chance)
        self.sizes = network.sizes
        self.admit = network.admit
        self.known: dict[Any, Mat] = {}
        self.plain: dict[int, tuple[Expr, bool]] = {}
        self._tables: dict[tuple[Symbol, int | None], Any] = {}

    def leaf(self, leaf: Leaf) -> Any:
        """The value of a scalar. Raises Inadmissible outside the sequence."""
        return self.value(self.network.leaf(leaf))

    def table(self, symbol: Symbol, rows: int, cols: int, time: int | None) -> Any:
        """The values of all components. Raises Inadmissible outside the sequence."""
        found = self._tables.get((symbol, time))
        if found is None:
            leaves = [[self.leaf(Leaf(symbol, i + 1, j + 1, time)) for j in range(cols)] for i in range(rows)]
            found = self._tables[symbol, time] = np.array(leaves, dtype=float)
        return found

    def elementwise(self, e: Reduce) -> bool:
        """Whether the terms of a sum can be found all at once."""
        found = self.plain.get(id(e))
        if found is None:
            found = self.plain[id(e)] = e, elementwise(e)
        return found[1]


class Arrays(Evaluator):
    """Evaluates at a point; ``instead`` maps a place to its axis and the alternatives along it."""

    def __init__(
        self,
        point: Point,
        values: dict[str, int],
        fixed: Fixed = NOT_FIXED,
        axes: Sequence[Axis] = (),
    ) -> None:
        super().__init__(point, values, floats)  # type: ignore[arg-type]
        self.point = point
        self.fixed = fixed
        self.dims = len(axes)
        self.instead: Mapping[int, tuple[int, list[Expr]]] = {
            id(place): (k, [v[j] for v in axis.variants])
            for k, axis in enumerate(axes)
            for j, place in enumerate(axis.places)
        }
        paths, over = fixed.paths.paths, fixed.paths.over
        self.touched = frozenset(x for axis in axes for place in axis.places for x in over[id(place)])
        self.one_by_one = frozenset(
            x
            for axis in axes
            for j, place in enumerate(axis.places)
            if not _all_elementwise([v[j] for v in axis.variants], paths[id(place)])
            for x in over[id(place)]
        )
        self.depth = 0

    def __call__(self, e: Expr) -> Mat:
        self.fixed.calls += 1
        if id(e) in self.instead:
            return self._alternatives(*self.instead[id(e)])
        letters = self.fixed.letters.get(id(e)) if id(e) not in self.touched else None
        if letters is None:
            return self._anew(e)
        key = (id(e), self.point.number, *map(self.values.get, letters))
        kept = self.fixed.values.get(key)
        if kept is None:
            kept = self.fixed.values[key] = self._anew(e)
        return kept

    def _anew(self, e: Expr) -> Mat:
        match e:
            case Gradient():
                return self._gradient(e)
            case Entry(_, Ref() as body, row, col):
                return self._entry(body, row, col)
            case Entry(_, body, row, col) if self.depth:
                return self._picked(body, row, col)
            case Delta(_, one, two):
                return Mat(((np.equal(self.index(one), self.index(two)) * 1.0,),))
            case Reduce() if self.depth or (id(e) not in self.one_by_one and self.point.elementwise(e)):
                return self._sum(e)
        return super().__call__(e)

    def index(self, index: Index) -> Any:
        """The number of an index, or those that it runs over."""
        run: Any = None if index.letter is None else self.values.get(index.letter)
        return run.values + index.offset if isinstance(run, Run) else super().index(index)

    def _within(self, index: Index, size: int) -> Any:
        """What picks components of an axis. Raises Inadmissible outside it."""
        run: Any = None if index.letter is None else self.values.get(index.letter)
        if isinstance(run, Run):
            low, high, picks = run.low + index.offset, run.high + index.offset, run.values + (index.offset - 1)
        else:
            low = high = super().index(index)
            picks = low - 1
        if low < 1 or high > size:
            raise Inadmissible
        return picks

    def _entry(self, body: Ref, row: Index, col: Index) -> Mat:
        rows, cols = (self.size(d) for d in body.symbol.shape)
        i, j = self._within(row, rows), self._within(col, cols)
        step = body.time or body.copy
        try:
            if body.copy is not None:
                self.world.admit(self.index(body.copy))
            time = None if body.time is None else self.index(body.time)
            return Mat(((self.point.table(body.symbol, rows, cols, time)[i, j],),))
        except Inadmissible as outside:
            outside.letter = step.letter if step is not None else None
            raise

    def _picked(self, body: Expr, row: Index, col: Index) -> Mat:
        """Components of what does not depend on the sums around."""
        depth, self.depth = self.depth, 0
        try:
            m = self(body)
        finally:
            self.depth = depth
        i, j = (self._within(index, size) for index, size in zip((row, col), m.shape, strict=True))
        parts: Any = m.column()
        shape = np.broadcast_shapes(*map(np.shape, parts))
        values = np.array([np.broadcast_to(x, shape) for x in parts]).reshape(*m.shape, *shape)
        if values.ndim > 2:  # alternatives stand behind
            i, j = (k.reshape(k.shape[: k.ndim - self.dims]) if np.ndim(k) else k for k in (i, j))
        return Mat(((values[i, j],),))

    def _sum(self, e: Reduce) -> Mat:
        """A sum over an axis of its own."""
        behind = self.dims + self.depth
        run: Any = Run(self.index(e.low), self.index(e.high), behind)
        count = run.high - run.low + 1
        if count < 1:
            return Mat(((self.ring.rational(0),),))
        self.depth += 1
        try:
            with self.bound(e.letter):
                self.values[e.letter] = run
                terms = np.asarray(self(e.body).rows[0][0])
        finally:
            self.depth -= 1
        along = terms.ndim == behind + 1 and terms.shape[0] > 1
        total = terms.sum(axis=0) if along else count * (terms[0] if terms.ndim > behind else terms)
        return Mat(((total.reshape(-1)[0] if total.size == 1 else total,),))  # axes of length one are none

    def _alternatives(self, axis: int, variants: Sequence[Expr]) -> Mat:
        made = [self._safe(v) for v in variants]
        rows, cols = next((m.shape for m in made if m is not None), (1, 1))

        def stacked(i: int, j: int) -> Any:
            values = [np.asarray(np.nan if m is None else m.rows[i][j]) for m in made]
            if not any(v.ndim for v in values):
                return np.array(values).reshape([-1 if k == axis else 1 for k in range(self.dims)])
            ones = (1,) * self.dims
            shape = np.broadcast_shapes(ones, *(v.shape for v in values))
            return np.concatenate([np.broadcast_to(v, shape) for v in values], axis=axis - self.dims)

        return Mat(tuple(tuple(stacked(i, j) for j in range(cols)) for i in range(rows)))

    def _safe(self, e: Expr) -> Mat | None:
        """An alternative's value; what it shares with the claim stands in it as printed."""
        instead, touched = self.instead, self.touched
        self.instead, self.touched = {}, frozenset()
        try:
            return self(e)
        except (Inadmissible, Unsupported):
            return None
        finally:
            self.instead, self.touched = instead, touched

    def _gradient(self, e: Gradient) -> Mat:
        key = (e, tuple(self.values.items()))
        found = self.point.known.get(key)
        if found is None:
            exact = Evaluator(self.point.network, self.values)(e)
            found = self.point.known[key] = exact.map(self.point.value)
        return found


def _indices(e: Expr) -> Iterator[str | None]:
    """The letters of all indices in an expression."""
    return (i.letter for part in e.walk() for i in own_indices(part))


def _all_elementwise(variants: Sequence[Expr], path: Sequence[Expr]) -> bool:
    """Whether what takes the place at the end of a path is found for all values of the sums around it at once."""
    bound = frozenset(x.letter for x in path if isinstance(x, Reduce))
    return not bound or all(elementwise(v, bound) for v in variants)


def elementwise(e: Expr, bound: frozenset[str] = frozenset()) -> bool:
    """Whether a scalar is found for all values of the letters of its sums at once."""
    match e:
        case Reduce(_, "sum", letter, low, high, without=(), body=body) if e.scalar:
            limits = {low.letter, high.letter}
            return bound.isdisjoint(limits) and elementwise(body, bound | {letter})
        case Entry(_, Ref(_, _, time, copy)):
            return all(i is None or i.letter not in bound for i in (time, copy))
        case Entry(_, body):
            return bound.isdisjoint(_indices(body))
        case Number() | Count() | Delta():
            return True
        case Add() | Times() | Divide() | Power() | Apply():
            return e.scalar and all(elementwise(child, bound) for child in e.children())
        case _:
            return False
