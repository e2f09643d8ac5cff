"""Claims at one random point: which of many edited forms could be true, and what pairs of edits could.

A *residual* is the difference of a claim's sides, summed over components and instances with random weights;
zero (to rounding) where the claim holds. It prunes a search and never decides: every repair is proved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from itertools import product as tuples
from typing import Any

import numpy as np

from symrnn.algebra import floats
from symrnn.checker import Checker
from symrnn.claims import Typed
from symrnn.evaluate import Evaluator, Inadmissible, Mat, Unsupported
from symrnn.expr import (
    Add,
    Diag,
    Divide,
    Entry,
    Expr,
    Gradient,
    Index,
    MatMul,
    Number,
    Reduce,
    Slice,
    Table,
    Times,
    Total,
    Trace,
    Transpose,
    number,
)
from symrnn.manifest import covers
from symrnn.network import Network

TOLERANCE = 1e-9
_PLAIN = 1e-6  # of the size: differs, whatever the other instances add
_FLOOR = 1e-5
NOTHING = _FLOOR * (1 + 1e-6)  # the size of a claim whose sides are both zero
_LETTER_VALUES = 2
STEPS = 3
_STEP_NUMBERS = re.compile(r"\^\{?\(([1-5])\)")

_WHOLE = (Gradient, Entry)  # evaluated as a whole
_LINEAR = (Add, Diag, Entry, MatMul, Reduce, Slice, Table, Times, Total, Trace, Transpose)


@dataclass(frozen=True)
class Axis:
    """Alternatives for the same places: ``variants[k][j]`` stands at the place ``j`` in the alternative k."""

    places: tuple[Expr, ...]
    variants: tuple[tuple[Expr, ...], ...]


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
        for value in vars(e).values():
            for index in value if isinstance(value, tuple) else (value,):
                if isinstance(index, Index) and index.letter is not None:
                    found |= {index.letter}
        self.letters[id(e)] = tuple(sorted(found))
        return found


class _Floats(Evaluator):
    """Evaluates in floats; ``instead`` maps an expression to alternatives, stacked along an array's axis."""

    instead: Mapping[int, tuple[int, Sequence[Expr], int]]
    fixed: Fixed
    touched: frozenset[int]
    known: dict[Any, Mat]
    value: floats.Values
    network: Network

    def __call__(self, e: Expr) -> Mat:
        found = self.instead.get(id(e))
        self.fixed.calls += 1
        if found is None:
            letters = self.fixed.letters.get(id(e)) if id(e) not in self.touched else None
            if letters is None:
                return self._gradient(e) if isinstance(e, Gradient) else super().__call__(e)
            key = (id(e), *map(self.values.get, letters))
            kept = self.fixed.values.get(key)
            if kept is None:
                kept = self._gradient(e) if isinstance(e, Gradient) else super().__call__(e)
                self.fixed.values[key] = kept
            return kept
        axis, variants, dims = found
        made: list[Mat | None] = [self._safe(v) for v in variants]
        rows, cols = next((m.shape for m in made if m is not None), (1, 1))
        form = [1] * dims
        form[axis] = len(made)

        def stacked(i: int, j: int) -> Any:
            return np.array([np.nan if m is None else m.rows[i][j] for m in made]).reshape(form)

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

    def _gradient(self, e: Expr) -> Mat:
        key = (e, tuple(self.values.items()))
        found = self.known.get(key)
        if found is None:
            exact = Evaluator(self.network, self.values)(e)
            found = self.known[key] = exact.map(self.value)
        return found


class _World:
    """The network's leaves as numbers."""

    def __init__(self, network: Network, value: floats.Values) -> None:
        self.network = network
        self.value = value
        self.sizes = network.sizes
        self.admit = network.admit

    def leaf(self, leaf: Any) -> Any:
        """The value of a scalar."""
        return self.value(self.network.leaf(leaf))


def steps_of(latex: str) -> int:
    """A length at which a step that is a number is not the last one."""
    return max([STEPS, *(int(k) + 1 for k in _STEP_NUMBERS.findall(latex))])


class Sample:
    """The network of one document at one random point, at a length where steps have room to be wrong."""

    def __init__(self, checker: Checker, line: str, steps: int = STEPS) -> None:
        names = tuple(a.name for a in checker.manifest.assume if covers(a.lines, line))
        if len({checker.assumptions[a].symbol for a in names}) < len(names):
            names = names[-1:]
        first = checker.manifest.steps.first
        self.steps = first + steps - 1 if checker.timed else first
        self.network = checker.network(self.steps, names)
        self.first = first
        self.value = floats.Values(floats.chance)
        self.world = _World(self.network, self.value)
        self.known: dict[Any, Mat] = {}
        self.fixed: dict[int, Fixed] = {}

    def difference(
        self, typed: Typed, axes: Sequence[Axis] = (), like: Typed | None = None, brief: bool = False
    ) -> tuple[Any, Any]:
        """The weighted difference of a claim's sides and the size of what is compared; inf for no value.

        With axes, arrays: one dimension an axis, one entry a combination of their alternatives. ``like``: a claim
        that shares parts with this one, whose values are remembered. ``brief``: one instance that differs suffices.
        """
        instead = {
            id(place): (k, [v[j] for v in axis.variants], len(axes))
            for k, axis in enumerate(axes)
            for j, place in enumerate(axis.places)
        }
        fixed = self.parts(typed) if axes else self.parts(like) if like is not None else NOT_FIXED
        touched = frozenset(id(x) for axis in axes for place in axis.places for x in fixed.paths.paths[id(place)])
        total: Any = 0.0
        scale: Any = _FLOOR
        count = 0
        with np.errstate(all="ignore"):
            for values in self._instances(typed):
                evaluator = _Floats(self.world, {**self.network.values, **values}, floats)  # type: ignore[arg-type]
                evaluator.instead, evaluator.known = instead, self.known
                evaluator.fixed, evaluator.touched = fixed, touched
                evaluator.value, evaluator.network = self.value, self.network
                try:
                    left, right = evaluator(typed.lhs), evaluator(typed.rhs)
                except Inadmissible:
                    continue
                except (Unsupported, ValueError, IndexError):
                    return np.inf, 1.0
                if isinstance(typed.rhs, Number):
                    right = evaluator.fill(right, left.shape)
                if left.shape != right.shape:
                    return np.inf, 1.0
                count += 1
                pairs: Any = zip(left.column(), right.column(), strict=True)
                for k, (a, b) in enumerate(pairs):
                    weight = floats.chance((k, count))
                    total = total + weight * (a - b)
                    scale = scale + abs(weight * a) + abs(weight * b)
                if brief and abs(total) > _PLAIN * scale:
                    break
        return (total, scale) if count else (np.inf, 1.0)

    def parts(self, typed: Typed) -> Fixed:
        """The parts of a claim: where they stand, what they are worth, how often one was evaluated."""
        found = self.fixed.get(id(typed))
        if found is None:
            found = self.fixed[id(typed)] = Fixed(typed)
        return found

    def _instances(self, typed: Typed) -> Iterator[dict[str, int]]:
        ranges = []
        for dim in typed.letters.values():
            if dim is None:
                middle = min(self.first + 1, self.steps)
                ranges.append(list(dict.fromkeys([middle, self.steps, self.first])))
            else:
                size = self.network.model.size(dim)
                ranges.append(list(dict.fromkeys([min(2, size), size]))[:_LETTER_VALUES])
        for values in tuples(*ranges):
            yield dict(zip(typed.letters, values, strict=True))


class Paths:
    """Where the places of a claim stand in it."""

    def __init__(self, typed: Typed) -> None:
        self.paths: dict[int, tuple[Expr, ...]] = {}
        self.side: dict[int, int] = {}
        for k, root in enumerate((typed.lhs, typed.rhs)):
            stack: list[tuple[Expr, tuple[Expr, ...]]] = [(root, ())]
            while stack:
                node, above = stack.pop()
                path = (*above, node)
                self.paths.setdefault(id(node), path)
                self.side.setdefault(id(node), k)
                stack.extend((child, path) for child in node.children())

    def nested(self, one: Sequence[Expr], other: Sequence[Expr]) -> bool:
        """Whether a place of one set stands inside a place of the other."""
        return any(
            any(x is b for x in self.paths[id(a)]) or any(x is a for x in self.paths[id(b)]) for a in one for b in other
        )

    def separate(self, one: Sequence[Expr], other: Sequence[Expr]) -> bool:
        """Whether changes at two sets of places add up: each stands in a term of its own of one linear sum."""
        return all(self._apart(a, b) for a in one for b in other)

    def _apart(self, a: Expr, b: Expr) -> bool:
        if self.side[id(a)] != self.side[id(b)]:
            return True  # the difference of the sides is a sum of the two
        common = [x for x, y in zip(self.paths[id(a)], self.paths[id(b)], strict=False) if x is y]
        return isinstance(common[-1], (Add, Table)) and all(
            isinstance(x, _LINEAR) or (isinstance(x, Divide) and x.left is below) for x, below in pairwise(common)
        )


NOTHING_TYPED = Typed(number(0), number(0), {})
NOT_FIXED = Fixed(NOTHING_TYPED)


def separate(e: Expr) -> Iterator[Expr]:
    """The places of an expression at which alternatives can stand, where an expression stands twice, twice."""
    yield e
    if not isinstance(e, _WHOLE):
        for child in e.children():
            yield from separate(child)


def differences(one: Expr, other: Expr) -> list[tuple[Expr, Expr]]:
    """The smallest places at which two expressions differ, as pairs."""
    if one is other:
        return []
    if type(one) is not type(other) or one.shape != other.shape:
        return [(one, other)]
    if isinstance(one, _WHOLE):
        return [] if one == other else [(one, other)]
    found: list[tuple[Expr, Expr]] = []
    for name in one.__match_args__:
        a, b = getattr(one, name), getattr(other, name)
        pairs = paired(a, b)
        if pairs is None:
            return [(one, other)]
        for x, y in pairs:
            found += differences(x, y)
    return found


def paired(a: object, b: object) -> list[tuple[Expr, Expr]] | None:
    """The subexpressions of two field values side by side, or None where something else differs."""
    if isinstance(a, Expr) and isinstance(b, Expr):
        return [(a, b)]
    if isinstance(a, tuple) and isinstance(b, tuple):
        if len(a) != len(b):
            return None
        found = []
        for x, y in zip(a, b, strict=True):
            inner = paired(x, y)
            if inner is None:
                return None
            found += inner
        return found
    return [] if a == b else None
