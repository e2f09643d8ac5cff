"""The generated derivation of the vanilla network against the corrected note, claim by claim from (25) to (88)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from symrnn.checker import Checker
from symrnn.claims import Claim
from symrnn.derive.alike import key
from symrnn.derive.entries import renamed
from symrnn.elaborate.claim import elaborate
from symrnn.elaborate.context import AS_PRINTED
from symrnn.expr import Index
from symrnn.library import prepare

ROOT = Path(__file__).parent.parent
NOTE = ROOT / "derivations" / "bptt" / "corrected.md"
MANIFEST = ROOT / "derivations" / "bptt" / "note.toml"
DERIVATION = ROOT / "derivations" / "rnn-tanh" / "derivation.md"
FIRST = 25


def sides(checker: Checker, claim: Claim) -> tuple[str, str] | None:
    """The keys of both sides, as printed; None of what claims nothing."""
    if claim.lhs is None:
        return None
    typed = elaborate(checker.context, claim, AS_PRINTED)
    assert typed is not None
    to = {x: Index(f"%{k}") for k, x in enumerate(x for x, dim in typed.letters.items() if dim is not None)}
    return key(renamed(typed.lhs, to)), key(renamed(typed.rhs, to))


@cache
def generated() -> frozenset[frozenset[str]]:
    """The chains of equal members of the generated derivation, one for each left side of a display."""
    checker = prepare(DERIVATION)
    chains = set()
    for equation in checker.paper.equations:
        here: dict[str, set[str]] = {}
        for claim in equation.claims:
            if (pair := sides(checker, claim)) is not None:
                here.setdefault(pair[0], {pair[0]}).add(pair[1])
        chains |= {frozenset(x) for x in here.values()}
    return frozenset(chains)


def unmatched() -> dict[str, tuple[str, str]]:
    """The claims of the note that no generated chain has, by their ids."""
    checker = prepare(NOTE, MANIFEST)
    out = {}
    for equation in checker.paper.equations:
        if not equation.number.isdigit() or int(equation.number) < FIRST:
            continue
        for claim in equation.claims:
            pair = sides(checker, claim)
            if pair is not None and not any(set(pair) <= chain for chain in generated()):
                out[claim.id] = pair
    return out


REASONS = {
    "42a": "the denominator is printed in full and the numerator with a dot for o_j; here both are exp(o_l)",
}


def test_every_claim_of_the_note_from_25_on_is_generated() -> None:
    checker = prepare(NOTE, MANIFEST)
    claims = [c for e in checker.paper.equations if e.number.isdigit() and int(e.number) >= FIRST for c in e.claims]
    assert len(claims) == 90
    assert set(unmatched()) == set(REASONS), unmatched()


def test_what_differs_of_the_note_is_generated_with_the_same_left_side() -> None:
    for left, _ in unmatched().values():
        assert any(left in chain and len(chain) > 1 for chain in generated())
