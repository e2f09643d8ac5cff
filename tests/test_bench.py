"""What a search takes for granted to be fast: it must be what one would find the long way."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from symrnn.evaluate import Evaluator, Inadmissible, Unsupported
from symrnn.library import check
from symrnn.repair.arrays import Arrays, Axis
from symrnn.repair.reuse import Reuse
from symrnn.repair.search import Search
from symrnn.repair.state import State, Trial, by_place
from tests.test_recall import ROOT, exchanged, states

DOCUMENTS = ("elman/wrong.md", "softmax-regression/wrong.md", "bptt/note.md")
_STATES = 6  # after a move, of each line
_EVERY = 9


def plain(search: Search, e: object, values: dict[str, int]) -> list[float] | None:
    """The entries of an expression, each sum a loop."""
    point = search.bench.sample.point(values)
    whole = Evaluator(point.network, {**point.network.values, **values})
    try:
        with np.errstate(all="ignore"):
            return [float(point.value(x)) for x in whole(e).column()]  # type: ignore[arg-type]
    except (Inadmissible, Unsupported, ValueError, IndexError):
        return None


@pytest.mark.parametrize("name", DOCUMENTS)
def test_sums_along_axes_are_sums(name: str) -> None:
    """Alternatives at a place, and all terms of a sum at once, have the values that the exact terms have."""
    compared = 0
    for search, state in states(name):
        bench, moves = search.bench, state.workings.moves
        trials = [t for m in moves[::_EVERY] if (t := bench.trial(state, m)) is not None]
        for j, base in enumerate(state.typed):
            if base is None:
                continue
            fixed = bench.sample.parts(base)
            for members in islice(by_place(trials, j).values(), 8):
                places = tuple(old for old, _ in members[0].spots[j])
                axis = Axis(places, tuple(tuple(new for _, new in t.spots[j]) for t in members))
                for values in islice(bench.sample.instances(base), 2):
                    point = bench.sample.point(values)
                    known = {**point.network.values, **values}
                    for side in (base.lhs, base.rhs):
                        with np.errstate(all="ignore"):
                            try:
                                many = Arrays(point, known, fixed, [axis])(side)
                            except (Inadmissible, Unsupported, ValueError, IndexError):
                                continue
                        for k, trial in enumerate(members):
                            one = plain(search, exchanged(side, trial.spots[j]), values)
                            if one is not None and all(map(np.isfinite, one)):
                                entries = [np.broadcast_to(x, len(members))[k] for x in many.column()]
                                assert np.allclose(entries, one, rtol=1e-9), (search.line.number, trial.move)
                                compared += 1
    assert compared > 100


def agree(search: Search, state: State, one: Trial, other: Trial) -> bool:
    """Whether two trials of a move say the same of all claims."""
    search.bench.measure(state, [one])
    search.bench.measure(state, [other])
    gaps = [(one.gap[j], other.gap[j]) for j in one.gap.keys() & other.gap.keys()]
    return one.worth == other.worth and all(np.isclose(a, b, equal_nan=True) for a, b in gaps)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_move_known_from_another_state_does_what_it_does(name: str) -> None:
    """But for the few for which the range of a letter was known from what the states differ in."""
    reused = agreed = 0
    for search, state in states(name):
        bench = search.bench
        moves = state.workings.moves
        state.tried[1] = [t for m in moves if m.weight == 1 and (t := bench.trial(state, m)) is not None]
        made = [
            search.state(*search.after(state, (t.move,))) for t in state.tried[1][:: len(state.tried[1]) // _STATES + 1]
        ]
        for later in [s for s in made if s is not None and len(s.claims) == len(state.claims)]:
            moves = later.workings.moves
            known = Reuse(state, later)
            for move in moves[::_EVERY]:
                trial = known.trial(move)
                if trial is not None:
                    reused += 1
                    anew = bench.trial(later, move)
                    assert anew is not None
                    agreed += agree(search, later, trial, anew)
    assert reused > 100 and agreed > 0.98 * reused


def test_lines_side_by_side_are_mended_as_one_after_the_other() -> None:
    path = ROOT / "derivations/softmax-regression/wrong.md"
    alone, beside = ([e.repairs for e in check(path).repaired(jobs=jobs)] for jobs in (1, 2))
    assert alone == beside and any(alone)
