"""Equal or not: a ball at a rational point refutes, the exact normal form proves, else we abstain.

The two cannot disagree: a proof shows equality wherever both sides are defined, a refutation shows a
point where both are defined and differ. ``Decider`` checks this on every pair that it decides.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from symrnn.algebra.ball import Point, digits
from symrnn.algebra.normal import Full, TooLarge, Tower
from symrnn.algebra.terms import Term, postorder, sub
from symrnn.algebra.unknown import coefficients

_FIRST_ROOM = 48


class Outcome(StrEnum):
    """What is known of two terms."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNKNOWN = "unknown"
    NOWHERE = "nowhere"  # no point is known at which both have a value


@dataclass(frozen=True)
class Difference:
    """A point at which two terms certainly differ."""

    at: dict[Hashable, Fraction]
    lhs: str
    rhs: str


class Decider:
    """Decides pairs of terms of one document; remembers what it has seen."""

    def __init__(self) -> None:
        self.towers: dict[bool, Tower] = {}
        self.points = [Point(1), Point(2), Point(3, positive=True), Point(4, positive=True)]
        self.wide = [Point(k, k % 2 == 0, 16 ** (k // 4)) for k in range(5, 13)]
        self.uneven = [Point(k, k % 2 == 0, uneven=True) for k in range(13, 21)]
        self.known: dict[tuple[int, int], Outcome] = {}

    def decide(self, a: Term, b: Term) -> Outcome:
        """Equal (proved), different (refuted), or unknown; sides without a value are not equal."""
        if a is b and a.total:
            return Outcome.EQUAL
        key = (a.id, b.id)
        found = self.known.get(key)
        if found is None:
            found = Outcome.EQUAL if a is b else self._decide(a, b)
            if found is not Outcome.DIFFERENT and not (a.total and b.total) and not self.somewhere(a, b):
                found = Outcome.NOWHERE
            self.known[key] = found
        return found

    def somewhere(self, a: Term, b: Term) -> bool:
        """Whether a point is known at which both terms have a value."""
        return any(p.value(a).is_finite() and p.value(b).is_finite() for p in (*self.points, *self.wide, *self.uneven))

    def _decide(self, a: Term, b: Term) -> Outcome:
        if self.differing_point(a, b, self.points[:1]) is not None:
            return Outcome.DIFFERENT
        gap = sub(a, b)
        if self.proves_zero(gap, fine=False):
            return Outcome.EQUAL
        places = self.points[1:] if a.total and b.total else [*self.points[1:], *self.uneven]
        if self.differing_point(a, b, places) is not None:
            return Outcome.DIFFERENT
        return Outcome.EQUAL if self.proves_zero(gap, fine=True) else Outcome.UNKNOWN

    def renew(self) -> None:
        """Before the next claim, drop the towers that have grown large: small ones are fast."""
        self.towers = {fine: tower for fine, tower in self.towers.items() if tower.size <= _FIRST_ROOM * 4}

    def proves_zero(self, gap: Term, fine: bool) -> bool:
        """Whether the normal form of a term is zero; False also where the tower abstains."""
        tower = self.towers.get(fine)
        if tower is None:
            tower = self.towers[fine] = Tower(_FIRST_ROOM, fine)
        while True:
            try:
                return tower.is_zero(gap)
            except Full:
                tower = self.towers[fine] = Tower(tower.size * 2, fine)
            except (TooLarge, ZeroDivisionError):
                return False

    def differing_point(self, a: Term, b: Term, points: list[Point] | None = None) -> Point | None:
        """The first of the points at which the two certainly differ."""
        return next((p for p in points or self.points if p.differ(a, b)), None)

    def difference(self, a: Term, b: Term) -> Difference | None:
        """The witness of a refutation: the symbols' values and both sides."""
        point = self.differing_point(a, b, [*self.points, *self.uneven])
        if point is None:
            return None
        seen = postorder([a, b])
        names = [t.args[0] for t in seen if t.op == "sym"]
        names += [name for t in seen if t.op == "any" for name in coefficients(t)]
        at = {name: point.rational(name) for name in names}
        return Difference(at, digits(point.value(a)), digits(point.value(b)))
