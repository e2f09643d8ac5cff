"""States of a line under repair: a text, what its claims are worth, and the moves tried on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from symrnn.claims import Claim, Typed
from symrnn.expr import Expr
from symrnn.latex.tree import Statements, Tree
from symrnn.repair.arrays import Axis
from symrnn.repair.moves import Edit, Move, Page, moves, overlapping
from symrnn.repair.recall import Editing
from symrnn.repair.revise import Reviser

ILL, FALSE, TRUE = 0, 1, 2  # a claim without meaning, false, or true at the sample point
RARE = {"symbol": 2, "function": 3, "number": 3, "exponent": 3, "shape": 2, "transpose": 1, "sum limits": 2}


@dataclass(eq=False)
class Workings:
    """What moves on a text are tried with."""

    page: Page
    reviser: Reviser
    editing: Editing

    @cached_property
    def moves(self) -> list[Move]:
        """Every move of the line."""
        return moves(self.page)


@dataclass(eq=False)
class State:
    """A text of the line with what its claims are worth at the sample point."""

    latex: str
    slips: tuple[str, ...]
    cost: int
    places: int
    tree: Statements
    claims: tuple[Claim, ...]
    typed: list[Typed | None]
    worth: tuple[int, ...]
    prepare: Callable[[State], Workings]
    tried: dict[int, list[Trial]] = field(default_factory=dict)  # by weight
    pairs: dict[int, list[tuple[Trial, Trial, float]]] = field(default_factory=dict)  # by claim
    opened: bool = False  # not closer than what it came from

    @cached_property
    def workings(self) -> Workings:
        """What moves are tried with: made when the first is."""
        return self.prepare(self)

    def rank(self) -> tuple[int, int, int, int, str]:
        """The nearest to true first, then the commonest slips."""
        return -sum(self.worth), rarity(self.slips), self.places, len(self.latex), self.latex


@dataclass
class Trial:
    """A move tried on a state; ``spots``: for each claim, the typed places that it changes, if that is known."""

    move: Move
    worth: list[int]
    spots: dict[int, list[tuple[Expr, Expr]]] = field(default_factory=dict)
    gap: dict[int, float] = field(default_factory=dict)  # of the two sides at the sample point
    ill: dict[int, Expr] = field(default_factory=dict)  # a place where what is put has no meaning
    whole: bool = False  # judged by more than such places


def rarity(slips: Iterable[str]) -> int:
    """How seldom authors make such slips."""
    return sum(RARE.get(slip, 0) for slip in slips)


def adding_up(values: Any, goal: float, tolerance: float, count: int) -> Iterator[tuple[int, ...]]:
    """Sets of two or three positions whose values add up to a goal."""
    order = np.argsort(values)
    ranked = values[order]
    firsts: Iterable[int] = range(len(values)) if count == 3 else (-1,)
    for first in firsts:
        rest = goal - (values[first] if first >= 0 else 0.0)
        low = np.searchsorted(ranked, rest - values - tolerance)
        high = np.searchsorted(ranked, rest - values + tolerance)
        for second in np.flatnonzero(high > low):
            for third in order[low[second] : high[second]]:
                if first < second < third:
                    yield (first, int(second), int(third)) if count == 3 else (int(second), int(third))


def halves(claim: Claim) -> tuple[Tree, ...]:
    """The sides of a claim."""
    return (claim.rhs,) if claim.lhs is None else (claim.lhs, claim.rhs)


def inside(edit: Edit, tree: Tree) -> bool:
    """Whether an edit lies within a tree."""
    return tree.span.start <= edit[0] and edit[1] <= tree.span.end


def no_worse(new: Sequence[int], old: Sequence[int]) -> bool:
    """Whether no claim has lost."""
    return len(new) == len(old) and all(a >= b for a, b in zip(new, old, strict=True))


def closer(new: tuple[int, ...], old: tuple[int, ...]) -> bool:
    """Whether no claim is worse and some is better."""
    if len(new) != len(old):
        return len(new) < len(old) and min(new, default=ILL) > ILL and new.count(FALSE) <= 1
    return all(a >= b for a, b in zip(new, old, strict=True)) and new != old


def by_place(trials: list[Trial], j: int) -> dict[tuple[object, ...], list[Trial]]:
    """The trials that change a claim, by the places in which they do and the shapes that they put there."""
    groups: dict[tuple[object, ...], list[Trial]] = {}
    for trial in trials:
        if j in trial.spots:
            groups.setdefault(tuple((id(a), b.shape) for a, b in trial.spots[j]), []).append(trial)
    return groups


def axis(members: list[Trial], j: int) -> Axis:
    """Trials of the same places as alternatives."""
    places = tuple(a for a, _ in members[0].spots[j])
    return Axis(places, tuple(tuple(b for _, b in t.spots[j]) for t in members))


def distance(old: str, new: str) -> int:
    """How many characters an edition changes."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return max(len(old), len(new)) - start - end


def disjoint(sets: Iterable[list[Trial]]) -> Iterator[list[Trial]]:
    """Those sets of trials whose edits do not touch."""
    return (chosen for chosen in sets if not overlapping(tuple(e for t in chosen for e in t.move.edits)))
