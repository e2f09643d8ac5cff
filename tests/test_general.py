"""The general decider: what it proves holds at sizes and lengths that the proof never saw, and slips are not proved."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pytest

from symrnn.algebra.decide import Decider, Outcome
from symrnn.checker import Checker, Judgement
from symrnn.claims import Claim
from symrnn.general.decide import General
from symrnn.manifest import load
from symrnn.opinion import axes_of, instances
from symrnn.read.document import read_path
from symrnn.verdict import Kind

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(p for p in (ROOT / "derivations").rglob("*.md") if p.with_suffix(".toml").is_file())


@cache
def checker(path: Path) -> Checker:
    return Checker(read_path(path), load(path.with_suffix(".toml")))


@cache
def proofs(path: Path) -> dict[str, tuple[Claim, Judgement]]:
    """The claims that are proved in general, with what was judged."""
    found = checker(path)
    out = {}
    for equation in found.paper.equations:
        for claim in equation.claims:
            judgement = found.in_general(claim, found.judge(claim, equation.number))
            if isinstance(judgement.general, General):
                out[claim.id] = (claim, judgement)
    return out


def agrees(path: Path, ident: str, pick: random.Random, most: int = 3, length: int = 4) -> int:
    """Decide a general proof's claim at random sizes and a random length; the number of pairs looked at."""
    claim, judgement = proofs(path)[ident]
    found = checker(path)
    given = tuple(found.assumptions[a] for a in judgement.assumptions)
    assert judgement.typed is not None
    axes = axes_of(found.general, judgement.typed, given)
    numbers = {a: n if n is not None else pick.randint(1, most) for a, n in axes.items()}
    steps = pick.randint(1, length) if found.timed else found.lengths[0]
    decider, count = Decider(), 0
    for letters, pairs in instances(found.general, judgement.typed, numbers, steps, claim.where, given):
        for one, two in pairs:
            assert decider.decide(one, two) is not Outcome.DIFFERENT, (ident, numbers, steps, letters)
            assert decider.decide(one, two) is Outcome.EQUAL, (ident, numbers, steps, letters)
            count += 1
    return count


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_proofs_hold_where_nobody_looked(path: Path) -> None:
    """Once for each claim, at sizes 1 to 3 and lengths 1 to 4 (more in the slow campaign)."""
    pick = random.Random(path.name)
    assert sum(agrees(path, ident, pick) for ident in proofs(path)) > 0
