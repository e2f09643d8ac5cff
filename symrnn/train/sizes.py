"""Sizes: which axes are equal by the formulas, what each is called, and whether it is fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from symrnn.diagnostic import UsageError
from symrnn.expr import Symbol
from symrnn.train.index import Get
from symrnn.train.lower import Axis, Slope
from symrnn.train.plan import Extra, Plan
from symrnn.train.program import Quantity, slope_axes


@dataclass(frozen=True)
class Size:
    """A class of equal axes: its name, the size at which the equations were proved, whether it may be another."""

    name: str
    proved: int
    fixed: bool


class Sizes:
    """The size of every axis and index of a plan."""

    def __init__(self, plan: Plan, named: Mapping[str, int]) -> None:
        self._up: dict[Axis, Axis] = {}
        links = plan.program.links
        for a, b in links.pairs:
            self._join(a, b)
        for q in plan.quantities.values():
            self._index(q)
        declared: dict[Axis, set[int | str]] = {}
        for axis, dim in links.sizes:
            declared.setdefault(self._root(axis), set()).add(dim)
        for axis in list(self._up):
            if isinstance(axis, tuple):
                declared.setdefault(self._root(axis), set()).add(axis[0].shape[axis[1]])
        pinned = {self._root(a) for a in links.fixed}
        pinned |= {self._root((p.symbol, 0)) for p in plan.program.premises if p.total is None}
        self._sizes: dict[Axis, Size] = {}
        taken: set[str] = set()
        for root, dims in declared.items():
            numbers = {d if isinstance(d, int) else named[d] for d in dims}
            if len(numbers) > 1:
                raise UsageError(f"an index runs over axes of different sizes: {sorted(numbers)}")
            (proved,) = numbers
            letter = next((d for d in sorted(map(str, dims)) if not d.isdigit()), None)
            if letter is None:
                letter = next((k for k, v in named.items() if v == proved and k not in taken), None)
            name = letter or f"n{len(taken)}"
            while name in taken:
                name += "_"
            taken.add(name)
            self._sizes[root] = Size(name, proved, root in pinned)

    def _index(self, q: Quantity) -> None:
        def axes(key: object) -> list[Axis]:
            if isinstance(key, Symbol):
                return [(key, k) for k in (0, 1) if key.shape[k] != 1]
            if isinstance(key, Slope):
                return slope_axes(key)
            assert isinstance(key, Extra)
            return [f"{key}:{k}" for k in range(9)]

        for rule in q.rules:
            for ix, axis in zip(rule.index, axes(q.key), strict=False):
                self._join(ix, axis)
            for x in rule.body.walk():
                if isinstance(x, Get):
                    for i, axis in zip(x.index, axes(x.key), strict=False):
                        if isinstance(i, str):
                            self._join(i, axis)

    def _root(self, a: Axis) -> Axis:
        while self._up.setdefault(a, a) != a:
            a = self._up[a]
        return a

    def _join(self, a: Axis, b: Axis) -> None:
        self._up[self._root(a)] = self._root(b)

    def of(self, axis: Axis) -> Size:
        """The size of an axis or index."""
        return self._sizes[self._root(axis)]

    def shape(self, symbol: Symbol) -> tuple[Size, ...]:
        """The sizes of a quantity's axes; none for a scalar."""
        return tuple(self.of((symbol, k)) for k in (0, 1) if symbol.shape[k] != 1)

    @property
    def all(self) -> tuple[Size, ...]:
        """All sizes, by name."""
        return tuple(sorted(set(self._sizes.values()), key=lambda s: s.name))
