"""Claims at one random point: which of many edited forms could be true, and what pairs of edits could.

A *residual* is the difference of a claim's sides, summed over components and instances with random weights;
zero (to rounding) where the claim holds. It prunes a search and never decides: every repair is proved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product as tuples
from types import MappingProxyType
from typing import Any

import numpy as np

from symrnn.algebra import floats
from symrnn.checker import Checker
from symrnn.claims import Typed
from symrnn.evaluate import Inadmissible, Unsupported
from symrnn.expr import MEETS, Index, Number
from symrnn.manifest import covers
from symrnn.network import Network
from symrnn.repair.arrays import NOT_FIXED, Arrays, Axis, Fixed, Point

Conditions = tuple[tuple[Index, str, Index], ...]

TOLERANCE = 1e-9
_PLAIN = 1e-6  # of the size: differs, whatever the other instances add
_FLOOR = 1e-5
NOTHING = _FLOOR * (1 + 1e-6)  # the size of a claim whose sides are both zero
_LETTER_VALUES = 2
STEPS = 3
_STEP_NUMBERS = re.compile(r"\^\{?\(([1-5])\)")


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
        self.first = first
        self.checker = checker
        self.names = names
        self.points: dict[Network, Point] = {}
        self.fixed: dict[int, Fixed] = {}

    def point(self, letters: Mapping[str, int] = MappingProxyType({})) -> Point:
        """The point, where some letters have these values: definitions may depend on them."""
        network = self.checker.network(self.steps, self.names, letters)
        return self.points.setdefault(network, Point(network, len(self.points)))

    def difference(
        self,
        typed: Typed,
        axes: Sequence[Axis] = (),
        like: Typed | None = None,
        brief: bool = False,
        where: Conditions = (),
    ) -> tuple[Any, Any]:
        """The weighted difference of a claim's sides and the size of what is compared; inf for no value.

        With axes, arrays: one dimension an axis, one entry a combination of their alternatives. ``like``: a claim
        that shares parts with this one, whose values are remembered. ``brief``: one instance that differs suffices.
        ``where``: what the claim's letters must meet.
        """
        fixed = self.parts(typed) if axes else self.parts(like) if like is not None else NOT_FIXED
        total: Any = 0.0
        scale: Any = _FLOOR
        count = 0
        with np.errstate(all="ignore"):
            for values in self.instances(typed, where):
                point = self.point(values)
                evaluator = Arrays(point, {**point.network.values, **values}, fixed, axes)
                try:
                    if not self._meet(evaluator, where):
                        continue
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

    def instances(self, typed: Typed, where: Conditions = ()) -> Iterator[dict[str, int]]:
        """Some values of the letters; of whole numbers whose values are listed, all."""
        ranges: list[Sequence[int]] = []
        for dim in typed.letters.values():
            if dim is None:
                middle = min(self.first + 1, self.steps)
                ranges.append(list(dict.fromkeys([middle, self.steps, self.first])))
            else:
                size = self.checker.model.size(dim)
                few = list(dict.fromkeys([min(2, size), size]))[:_LETTER_VALUES]
                ranges.append(list(dict.fromkeys([*few, 1])) if where else few)
        names = [*typed.letters, *typed.values]
        for values in tuples(*ranges, *typed.values.values()):
            yield dict(zip(names, values, strict=True))

    def _meet(self, evaluator: Arrays, where: Conditions) -> bool:
        """Whether the letters meet those conditions that concern them."""
        known = {*evaluator.values, *evaluator.point.sizes, None}
        meant = [w for w in where if {w[0].letter, w[2].letter} <= known]
        return all(MEETS[r](evaluator.index(a), evaluator.index(b)) for a, r, b in meant)
