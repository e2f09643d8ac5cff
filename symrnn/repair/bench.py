"""The bench on which texts of a line, and moves on them, are tried: what they claim, and whether it could be true."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from symrnn.checker import Checker
from symrnn.claims import Claim, Typed
from symrnn.diagnostic import Problem
from symrnn.elaborate.claim import elaborate, elaborate_side
from symrnn.elaborate.context import AS_PRINTED
from symrnn.elaborate.definitions import defining
from symrnn.evaluate import Unsupported
from symrnn.expr import Number
from symrnn.latex import notation as n
from symrnn.latex.tree import Tree
from symrnn.repair.arrays import Axis
from symrnn.repair.editions import Editions
from symrnn.repair.moves import Move, Page, apply
from symrnn.repair.places import differences
from symrnn.repair.recall import Editing
from symrnn.repair.revise import Reviser
from symrnn.repair.sample import NOTHING, TOLERANCE, Conditions, Sample, steps_of
from symrnn.repair.state import FALSE, ILL, TRUE, State, Trial, Workings, axis, by_place
from symrnn.repair.vocabulary import Vocabulary
from symrnn.verdict import Kind

_PLACES_AT_MOST = 6


class Bench:
    """What texts of the line of ``editions`` claim, and what that is worth at a sample point."""

    def __init__(self, checker: Checker, editions: Editions, words: Vocabulary) -> None:
        self.checker = checker
        self.editions = editions
        line = editions.line
        self.rules = tuple(r for r in checker.context.rules if r.applies(line.number))
        self.words = words.within(line.number)
        claims = () if line.tree is None else editions.equation(line.formula.latex, line.tree).claims
        self.printed = frozenset((c.lhs, c.rhs) for c in claims)
        self.sample = Sample(checker, line.number, steps_of(line.formula.latex))
        self.read: dict[str, tuple[Tree, Tree] | None] = {}

    def state(self, latex: str, slips: tuple[str, ...], cost: int, places: int) -> State | None:
        """A text as a state; None when it cannot be read."""
        tree = self.editions.read(latex)
        if tree is None:
            return None
        claims = self.editions.equation(latex, tree).claims
        typed = [self.typed(c) for c in claims]
        worth = tuple(self.worth(c, t) for c, t in zip(claims, typed, strict=True))
        return State(latex, slips, cost, places, tree, claims, typed, worth, self.workings)

    def workings(self, state: State) -> Workings:
        """What moves on a state are tried with; its claims are then typed so that their parts can be exchanged."""
        editing = Editing(self.checker.context, state.claims)
        state.typed = [self.typed(c, editing, j) for j, c in enumerate(state.claims)]
        page = Page(state.latex, state.tree, self.words, self.editions.k)
        return Workings(page, Reviser(page, state.claims, self.editions.lines.words, self.rules, self.read), editing)

    def typed(self, claim: Claim, editing: Editing | None = None, j: int | None = None) -> Typed | None:
        """A claim, the one numbered ``j`` as printed, or None where it has no meaning."""
        try:
            if claim.lhs is None:
                return elaborate_side(self.checker.context, claim.rhs, AS_PRINTED)
            if claim.kind == "definition":
                return elaborate(self.checker.context, defining(claim))
            if claim.relation == "\\in":
                found = self.checker.belongs(claim)
                return found.typed if found.kind is Kind.DEFINED else None
            if editing is None:
                return elaborate(self.checker.context, claim)
            return editing.edited(claim) if j is None else editing.printed(j)
        except (Problem, RecursionError):
            return None

    def worth(self, claim: Claim, typed: Typed | None, like: Typed | None = None) -> int:
        """Without meaning, false, or true at the sample point; ``like``: a claim that shares parts with it."""
        if typed is None:
            return ILL
        if claim.lhs is None:
            return TRUE if claim.kind == "definition" else FALSE
        if claim.kind == "definition" or claim.relation not in n.EQUALITIES:
            return TRUE
        if typed.lhs == typed.rhs and (claim.lhs, claim.rhs) in self.printed:
            return TRUE
        return self.holds(typed, *self.difference(typed, like=like, brief=True, where=claim.where))

    def holds(self, typed: Typed, gap: float, size: float) -> int:
        """True, but not for nothing: 0 = 0 and x = x are no repairs, unless a 0 is what the line says."""
        if not abs(gap) < TOLERANCE * size or typed.lhs == typed.rhs:
            return FALSE
        zero = any(isinstance(side, Number) and side.value == 0 for side in (typed.lhs, typed.rhs))
        return TRUE if size > NOTHING or zero else FALSE

    def difference(
        self,
        typed: Typed,
        axes: Iterable[Axis] = (),
        like: Typed | None = None,
        brief: bool = False,
        where: Conditions = (),
    ) -> tuple[Any, Any]:
        """The sample's difference and size; infinite where it abstains."""
        try:
            return self.sample.difference(typed, tuple(axes), like, brief, where)
        except (Unsupported, RecursionError, KeyError):
            return np.inf, 1.0

    def trial(self, state: State, move: Move) -> Trial | None:
        """A move as changes of typed claims; claims that it leaves alone keep their worth."""
        trial = Trial(move, list(state.worth))
        made = state.workings.reviser.exchanged(move.edits)
        if made is None:
            latex = apply(state.latex, move.edits)
            tree = self.editions.read(latex)
            if tree is None:
                return None
            claims = self.editions.equation(latex, tree).claims
            left = list(range(len(state.claims)))
            trial.whole = True
        else:
            left = self.in_place(state, made, trial)
            if not left:
                return trial
            trial.whole = True
            claims = tuple(state.workings.reviser.claims_with(made))
        if len(claims) != len(state.claims):
            trial.worth = [self.worth(c, self.typed(c, state.workings.editing)) for c in claims]
            return trial
        for j in left:
            old, new = state.claims[j], claims[j]
            if old.lhs == new.lhs and old.rhs == new.rhs and old.relation == new.relation:
                continue
            typed, base = self.typed(new, state.workings.editing), state.typed[j]
            if typed is None:
                trial.worth[j] = ILL
                continue
            places = None
            if base is not None and base.letters == typed.letters and _compared(new):
                places = differences(base.lhs, typed.lhs) + differences(base.rhs, typed.rhs)
            if places is None or len(places) > _PLACES_AT_MOST or not _compared(new):
                trial.worth[j] = self.worth(new, typed, base)
            elif places:
                trial.spots[j] = places
        return trial

    def in_place(self, state: State, made: Mapping[int, tuple[Tree, Tree]], trial: Trial) -> list[int]:
        """What exchanged parts change in claims that are as printed at all other places, noted in the trial; the
        claims in which more may change are left.
        """
        left = []
        for j, (claim, typed, visits) in enumerate(
            zip(state.claims, state.typed, state.workings.editing.visits, strict=True)
        ):
            if visits.above.keys().isdisjoint(made):
                continue
            compared = _compared(claim)
            if typed is None and compared and state.workings.editing.fails(j, made):
                trial.whole = True
                continue
            try:
                places = state.workings.editing.changes(j, made) if typed is not None and compared else None
            except (Problem, RecursionError):
                trial.worth[j] = ILL
                trial.whole = trial.whole or state.workings.editing.refused is None
                if state.workings.editing.refused is not None:
                    trial.ill[j] = state.workings.editing.refused
                continue
            if places is None or len(places) > _PLACES_AT_MOST:
                left.append(j)
            elif places:
                trial.spots[j] = places
        return left

    def measure(self, state: State, trials: list[Trial]) -> None:
        """The worth of all trials whose typed changes are known, those of the same places at once."""
        for j, base in enumerate(state.typed):
            if base is None:
                continue
            for members in by_place(trials, j).values():
                gap, size = self.difference(base, [axis(members, j)], where=state.claims[j].where)
                gaps, sizes = (np.broadcast_to(np.asarray(x), (len(members),)) for x in (gap, size))
                for trial, value, size in zip(members, gaps, sizes, strict=True):
                    trial.gap[j] = float(value)
                    trial.worth[j] = self.holds(base, float(value), float(size))


def _compared(claim: Claim) -> bool:
    """Whether a claim says that two sides are equal."""
    return claim.lhs is not None and claim.kind != "definition" and claim.relation in n.EQUALITIES
