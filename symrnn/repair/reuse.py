"""Trials of one state that are the same on another: two texts of a line share most of what they print and mean.

A move outside of what two states differ in does the same to both: at the same places of the typed claims it puts the
same expressions. Only what the claims then are worth is found anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from symrnn.claims import Typed
from symrnn.expr import Expr
from symrnn.repair.moves import Edit, Move
from symrnn.repair.places import paired, separate
from symrnn.repair.state import ILL, State, Trial


class Reuse:
    """The trials of the state ``old`` for the state ``new``."""

    def __init__(self, old: State, new: State) -> None:
        self.new = new
        self.start, self.end = _shared(old.latex, new.latex)
        self.shift = len(old.latex) - len(new.latex)
        self.trials = {(t.move.slip, t.move.edits): t for tried in old.tried.values() for t in tried}
        self.places = [_aligned(a, b) for a, b in zip(old.typed, new.typed, strict=True)]

    def trial(self, move: Move) -> Trial | None:
        """What a move of the new state does, if that is known from the old one."""
        edits = [self._back(edit) for edit in move.edits]
        known = self.trials.get((move.slip, tuple(e for e in edits if e is not None)))
        if known is None or None in edits or known.whole:
            return None
        trial = Trial(move, list(self.new.worth))
        for j, spots in known.spots.items():
            places = [self.places[j].get(id(old)) for old, _ in spots]
            if None in places:
                return None
            trial.spots[j] = [(place, put) for place, (_, put) in zip(places, spots, strict=True) if place is not None]
        for j, place in known.ill.items():
            if id(place) not in self.places[j]:
                return None
            trial.worth[j] = ILL
            trial.ill[j] = self.places[j][id(place)]
        return trial

    def _back(self, edit: Edit) -> Edit | None:
        """An edit of the new text as one of the old text."""
        start, end, text = edit
        if end < self.start:
            return edit
        return (start + self.shift, end + self.shift, text) if start > self.end else None


def likest(states: Iterable[State], new: State) -> State | None:
    """The state whose text shares most with that of a new one, among those that claim as many things."""
    alike = [s for s in states if s.tried and len(s.typed) == len(new.typed)]
    return max(alike, key=lambda s: len(new.latex) - _difference(s.latex, new.latex), default=None)


def _shared(old: str, new: str) -> tuple[int, int]:
    """Where two texts cease to be the same, and from where on they are again, in the new one."""
    least = min(len(old), len(new))
    start = next((k for k in range(least) if old[k] != new[k]), least)
    end = next((k for k in range(least - start) if old[-1 - k] != new[-1 - k]), least - start)
    return start, len(new) - end


def _difference(old: str, new: str) -> int:
    start, end = _shared(old, new)
    return end - start


def _aligned(old: Typed | None, new: Typed | None) -> dict[int, Expr]:
    """By identity, the parts of a typed claim that stand in another one too, at one place."""
    found: dict[int, Expr] = {}
    if old is not None and new is not None and old.letters == new.letters:
        for one, other in ((old.lhs, new.lhs), (old.rhs, new.rhs)):
            _align(one, other, found)
        stands = Counter(id(e) for side in (new.lhs, new.rhs) for e in separate(side))
        found = {k: e for k, e in found.items() if stands[id(e)] == 1}
    return found


def _align(one: Expr, other: Expr, found: dict[int, Expr]) -> bool:
    """Note the equal parts of two expressions, side by side; whether they are equal themselves."""
    if type(one) is not type(other) or one.shape != other.shape:
        return False
    same = True
    for name in one.__match_args__:
        pairs = paired(getattr(one, name), getattr(other, name))
        same = all([pairs is not None, *[_align(a, b, found) for a, b in pairs or ()]]) and same
    if same:
        found[id(one)] = other
    return same
