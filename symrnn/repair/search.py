"""The smallest edits of a line's text that make it true: searched by size, pruned by numbers, proved exactly.

States are texts of the line. From a state, every move is tried alone; moves that come closer (a claim gets a
meaning, or comes true) or open new ground lead to further states; pairs and triples of independent moves are
evaluated together, as arrays. What survives is read again as text and proved by the checker, as printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations, islice
from typing import Any

import numpy as np

from symrnn.checker import Checker
from symrnn.claims import Typed
from symrnn.elaborate.paper import Flow, Lines
from symrnn.repair.bench import Bench
from symrnn.repair.brackets import bracket_edits
from symrnn.repair.editions import Editions, Found
from symrnn.repair.moves import Move, apply
from symrnn.repair.reuse import Reuse, likest
from symrnn.repair.sample import TOLERANCE, Conditions
from symrnn.repair.state import (
    FALSE,
    ILL,
    RARE,
    TRUE,
    State,
    Trial,
    adding_up,
    axis,
    by_place,
    closer,
    disjoint,
    halves,
    inside,
    no_worse,
    rarity,
)  # fmt: skip
from symrnn.repair.vocabulary import Vocabulary

MOST_SLIPS = 5
MOST_STAGES = 4
MOST_TRIALS = 5_000  # of a stage; counted, not timed: the same line gives the same repairs on every machine
MOST_CALLS = 32_000  # of the evaluator, for pairs
_CALLS_WHERE_OPENED = 32_000
_STATES_A_LEVEL = 6
_OPENING_STATES = 10
_COMBINED_AT_MOST = 8
_TOO_MUCH = frozenset({"extra factor", "extra term"})  # what one slip can do to several claims at once


class Search:
    """Repairs of one line of a document, the lines before it being as they are.

    ``effort``: how many times as long as usual to go on where nothing small is found.
    """

    def __init__(self, checker: Checker, lines: Lines, k: int, flow: Flow, words: Vocabulary, effort: int) -> None:
        self.checker = checker
        self.editions = Editions(checker, lines, k, flow)
        self.line = lines.lines[k]
        self.bench = Bench(checker, self.editions, words)
        self.levels: dict[int, list[State]] = {}
        self.seen: set[str] = set()
        self.effort = effort
        self.tried = self.most = self.calls = self.focused = 0
        self.unique = True  # no choice was made on the way
        self.states: list[State] = []  # on which moves were tried

    def run(self) -> list[Found]:
        """The smallest proved editions, all of one size; empty when none is found.

        False claims are mended one after the other, labels inside the line first.
        """
        base = self.state(self.line.formula.latex, (), 0, 0)
        if base is None:
            return self.closed()
        self.editions.head = next((c.lhs for c in base.claims if c.lhs is not None), None)
        base = self.componentwise(base)
        if min(base.worth, default=ILL) == TRUE:  # the components alone mend it, or numbers do not see what is wrong
            return self.editions.proved([base], True) if base.slips else []
        for _ in range(MOST_STAGES):
            found, nearer = self.stage(base, self.focus(base))
            if found or not nearer:
                return found
            self.unique = self.unique and len(nearer) == 1
            base = nearer[0]
        return []

    def closed(self) -> list[Found]:
        """A line that cannot be read, with one bracket put in or taken out."""
        latex = self.line.formula.latex
        states = (self.state(apply(latex, (edit,)), ("bracket",), 1, 1) for edit in bracket_edits(latex))
        hits = [s for s in states if s is not None and min(s.worth, default=ILL) == TRUE]
        return self.editions.proved(hits, True)

    def componentwise(self, base: State) -> State:
        """A line that has no meaning because shorthands stand for vectors, with their components written."""
        if min(base.worth, default=TRUE) > ILL:
            return base
        self.levels = {0: [base]}
        made = [m for m in base.workings.moves if m.sign[:1] == ("component",) and m.weight == 1]
        for move in sorted(made, key=lambda m: -len(m.edits)):
            nearer = self.state(*self.after(base, (move,)))
            if nearer is not None and closer(nearer.worth, base.worth):
                return nearer
        return base

    def focus(self, state: State) -> int:
        """The claim to mend next: a label before the relation around it."""
        wrong = [j for j, w in enumerate(state.worth) if w < TRUE]
        labels = [j for j in wrong if state.claims[j].kind == "label"]
        return (labels or wrong)[0]

    def stage(self, base: State, j: int) -> tuple[list[Found], list[State]]:
        """The smallest changes of a state that mend the whole line, proved; else those that make its claim ``j``
        true and no other worse, the nearest first.
        """
        self.levels = {0: [base]}
        self.focused = j
        self.most = self.tried + MOST_TRIALS * self.effort
        other: list[Found] = []  # speaks of another quantity than the line
        for size in range(1, MOST_SLIPS + 1):
            nearer: list[State] = []
            for opened in (False, True):  # what opens new ground is tried when nothing nearer mends the whole line
                hits = [
                    hit
                    for cost in range(size)
                    for state in self.kept(cost, opened)
                    for hit in self.reach(state, size - cost)
                    if len(hit.worth) != len(base.worth) or no_worse(hit.worth, base.worth)
                ]
                found = self.editions.proved([h for h in hits if min(h.worth) == TRUE], self.unique)
                if found and (size > 1 or not all(f.new_head for f in found) or self.editions.said_elsewhere()):
                    return found, []
                other += found
                nearer += [h for h in hits if min(h.worth) < TRUE]
            if other or nearer:
                heavier = self.heavier(base, None if other else _TOO_MUCH) if size == 1 else []
                return heavier + other, [] if heavier or other else sorted(nearer, key=State.rank)
        return [], []

    def heavier(self, base: State, slips: frozenset[str] | None) -> list[Found]:
        """What one rarer slip undone makes of a state, where that mends the whole line and keeps what it speaks of:
        it is better than one slip that mends a part, or that speaks of another quantity.
        """
        hits = [h for h in self.made(base, self.hitting(base, 2, slips), 2) if min(h.worth) == TRUE]
        return self.editions.proved((h for h in hits if not self.editions.new_head(h.claims)), self.unique)

    def kept(self, cost: int, opened: bool) -> list[State]:
        """The states of a cost that are worth going on from."""
        level = [s for s in self.levels.get(cost, []) if s.opened == opened]
        return sorted(level, key=State.rank)[: _STATES_A_LEVEL + self.effort - 1]

    # -- states -------------------------------------------------------------------------------

    def state(self, latex: str, slips: tuple[str, ...], cost: int, places: int) -> State | None:
        """A text as a state; None when it cannot be read or is known."""
        if latex in self.seen:
            return None
        self.seen.add(latex)
        return self.bench.state(latex, slips, cost, places)

    # -- moves --------------------------------------------------------------------------------

    def reach(self, state: State, more: int) -> Iterator[State]:
        """What ``more`` further slips undone make of a state, where that makes the claim in focus true."""
        whole = False
        if more in (2, 3):
            for hit in self.made(state, list(self.combined(state, more)), more):
                common = not rarity(hit.slips) and not self.editions.new_head(hit.claims)
                whole = whole or (min(hit.worth) == TRUE and common)
                yield hit
        if not whole:
            yield from self.made(state, self.hitting(state, more), more)

    def hitting(self, state: State, weight: int, slips: frozenset[str] | None = None) -> list[tuple[Move, ...]]:
        """The single moves of a weight, of some classes, that make the claim in focus true."""
        return [(t.move,) for t in self.trials(state, weight, slips) if self.hit(state, t.worth)]

    def made(self, state: State, chosen: Sequence[tuple[Move, ...]], more: int) -> Iterator[State]:
        """The states after each set of moves that hit; those that only come closer are kept for later."""
        for moved in chosen:
            nearer = self.state(*self.after(state, moved))
            if nearer is None or len(nearer.worth) > len(self.levels[0][0].worth):  # it claims more than the line did
                continue
            if self.hit(state, nearer.worth):
                yield nearer
            elif closer(nearer.worth, state.worth):
                nearer.opened = state.opened
                self.levels.setdefault(state.cost - self.levels[0][0].cost + more, []).append(nearer)

    def hit(self, state: State, worth: Sequence[int]) -> bool:
        """Whether the claim in focus is true, or has gone with its label, the rest keeping a meaning."""
        if len(worth) != len(state.worth):
            return len(worth) < len(state.worth) and min(worth, default=ILL) >= FALSE
        return worth[self.focused] == TRUE

    def after(self, state: State, chosen: tuple[Move, ...]) -> tuple[str, tuple[str, ...], int, int]:
        """The text after moves, with the slips, their weight and places so far."""
        edits = tuple(e for m in chosen for e in m.edits)
        slips = (*state.slips, *(m.slip for m in chosen))
        return apply(state.latex, edits), slips, state.cost + sum(m.weight for m in chosen), state.places + len(edits)

    def trials(self, state: State, weight: int, slips: frozenset[str] | None = None) -> list[Trial]:
        """Every move of a weight, tried alone; those that lead on become states."""
        if weight in state.tried:
            return state.tried[weight]
        if weight > 1 and state.opened:
            return []
        made = [m for m in state.workings.moves if m.weight == weight and self.concerns(state, m)]
        if state.opened and state.slips[-1] != "time step":  # a sum that is written anew: its indices and its terms
            made = [m for m in made if m.slip not in RARE]
        made = [m for m in made if slips is None or m.slip in slips]
        trials = list(self.tried_alone(state, made))
        self.bench.measure(state, trials)
        self.states.append(state)
        state.tried[weight] = trials
        opening = 0
        for trial in sorted(trials, key=lambda t: (-sum(t.worth), not t.move.opens, t.move.size)):
            worth = tuple(trial.worth)
            if self.hit(state, worth):
                continue
            opens = trial.move.opens or self.settles_steps(trial.move)
            if opens and not closer(worth, state.worth) and len(worth) == len(state.worth):
                opening += all(a >= b for a, b in zip(worth, state.worth, strict=True))
                opens = opening <= _OPENING_STATES and all(a >= b for a, b in zip(worth, state.worth, strict=True))
            if closer(worth, state.worth) or opens:
                level = self.levels.setdefault(state.cost - self.levels[0][0].cost + weight, [])
                if len(level) < 4 * (_STATES_A_LEVEL + self.effort):
                    nearer = self.state(*self.after(state, (trial.move,)))
                    if nearer is not None and len(nearer.worth) == len(state.worth):
                        nearer.opened = state.opened or not closer(worth, state.worth)
                        level.append(nearer)
        return trials

    def tried_alone(self, state: State, made: Iterable[Move]) -> Iterator[Trial]:
        """Each move tried, or known from a state that is much the same."""
        like = likest(self.states, state)
        known = None if like is None else Reuse(like, state)
        for move in made:
            trial = None if known is None else known.trial(move)
            if trial is None and self.tried < self.most:
                self.tried += 1
                trial = self.bench.trial(state, move)
            if trial is not None:
                yield trial

    def settles_steps(self, move: Move) -> bool:
        """Whether a move writes the last step for every generic one, in a line that has both."""
        steps = self.checker.manifest.steps
        return len(move.edits) > 1 and move.slip == "time step" and move.sign == (steps.index, steps.last)

    def concerns(self, state: State, move: Move) -> bool:
        """Whether a move can serve the claim in focus: a label is mended inside its brace, and a single edit in
        one half of a brace whose label is true would only make that label false.
        """
        if move.slip == "label":
            return True
        focus = state.claims[self.focused]
        if focus.kind == "label" and not any(inside(e, half) for e in move.edits for half in halves(focus)):
            return False
        labels = [c for c, w in zip(state.claims, state.worth, strict=True) if c.kind == "label" and w == TRUE]
        return len(move.edits) > 1 or not any(inside(move.edits[0], half) for c in labels for half in halves(c))

    def combined(self, state: State, count: int) -> Iterator[tuple[Move, ...]]:
        """Two or three single moves at independent places that together make the claim in focus true.

        Moves in different terms add up; two in one term are evaluated together, a third in another term is added.
        """
        j = self.focused
        trials = [t for t in self.trials(state, 1) if j in t.spots]
        base = state.typed[j]
        if base is None:
            return
        zero, size = self.bench.difference(base, where=state.claims[j].where)
        if not np.isfinite(zero):
            return
        changes = np.array([t.gap.get(j, np.nan) for t in trials]) - zero
        moving = np.flatnonzero(np.isfinite(changes) & (np.abs(changes) > TOLERANCE * size))
        close = TOLERANCE * size
        sets = ([trials[moving[k]] for k in found] for found in adding_up(changes[moving], -zero, close, count))
        together = state.pairs.get(j)
        if together is None:
            most = _CALLS_WHERE_OPENED if state.opened else MOST_CALLS
            together = state.pairs[j] = list(self.together(base, trials, state.claims[j].where, j, zero, most))
        pairs: Iterable[list[Trial]]
        if count == 2:
            pairs = ([one, two] for one, two, change in together if abs(change + zero) < close)
        else:
            pairs = self.with_third(together, [trials[k] for k in moving], changes[moving], zero, close)
        for chosen in chain(islice(disjoint(sets), _COMBINED_AT_MOST), islice(disjoint(pairs), _COMBINED_AT_MOST)):
            yield tuple(t.move for t in chosen)

    def together(
        self, base: Typed, trials: list[Trial], where: Conditions, j: int, zero: float, most: int
    ) -> Iterator[tuple[Trial, Trial, float]]:
        """Pairs in one term, with what they change together."""
        groups = list(by_place(trials, j).values())
        axes = [axis(g, j) for g in groups]
        parts = self.bench.sample.parts(base)
        paths, before = parts.paths, parts.calls
        most = min(most, MOST_CALLS * self.effort - self.calls) + before
        for a, b in sorted(combinations(range(len(axes)), 2), key=lambda ab: (ab[1] - ab[0], ab[0])):  # near ones first
            if paths.nested(axes[a].places, axes[b].places) or paths.separate(axes[a].places, axes[b].places):
                continue
            self.calls += parts.calls - before
            before = parts.calls
            if before > most:
                return
            gap, _ = self.bench.difference(base, [axes[a], axes[b]], where=where)
            if np.ndim(gap) == 2:
                changes = np.broadcast_to(gap - zero, (len(groups[a]), len(groups[b])))
                for one, row in zip(groups[a], changes, strict=True):
                    for two, change in zip(groups[b], row, strict=True):
                        if np.isfinite(change):
                            yield one, two, float(change)

    def with_third(
        self, pairs: list[tuple[Trial, Trial, float]], singles: list[Trial], changes: Any, zero: float, close: float
    ) -> Iterator[list[Trial]]:
        """Pairs in one term and a move in another whose changes add up."""
        order = np.argsort(changes)
        wanted = -zero - np.array([change for *_, change in pairs])
        low = np.searchsorted(changes[order], wanted - close)
        high = np.searchsorted(changes[order], wanted + close)
        for k in np.flatnonzero(high > low):
            for third in order[low[k] : high[k]]:
                yield [pairs[k][0], pairs[k][1], singles[third]]
