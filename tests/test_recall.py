"""Edited claims: what is elaborated where it stands, or from memory, is what is elaborated as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from symrnn.diagnostic import Problem
from symrnn.elaborate.claim import elaborate
from symrnn.elaborate.expression import Elaborator
from symrnn.elaborate.paper import Flow
from symrnn.expr import Expr
from symrnn.library import check
from symrnn.repair.moves import apply
from symrnn.repair.search import Search
from symrnn.repair.state import State
from symrnn.repair.vocabulary import vocabulary

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = {
    "elman/wrong.md": None,
    "mlp/wrong.md": None,
    "softmax-regression/wrong.md": None,
    "bptt/note.md": ("17", "22", "25", "42", "53", "61", "66", "77", "78", "79", "80", "82", "85", "86"),
}
_EVERY = 5  # moves of a line that are looked at


def states(name: str) -> list[tuple[Search, State]]:
    """The lines of a document with the first state of their search."""
    report = check(ROOT / "derivations" / name)
    checker, flow, found = report.checker, Flow(), []
    words = vocabulary(checker.context, report.document.source, checker.lines.lines)
    for k, line in enumerate(checker.lines.lines):
        before, (_, flow) = flow, checker.lines.equation(k, line, flow)
        if line.tree is not None and (DOCUMENTS[name] is None or line.number in DOCUMENTS[name]):
            search = Search(checker, checker.lines, k, before, words, 1)
            state = search.state(line.formula.latex, (), 0, 0)
            if state is not None:
                found.append((search, state))
    return found


def exchanged(value: object, places: list[tuple[Expr, Expr]]) -> object:
    """An expression, or what a field of one holds, with others in their places."""
    if isinstance(value, tuple):
        return tuple(exchanged(v, places) for v in value)
    if not isinstance(value, Expr):
        return value
    for old, new in places:
        if value is old:
            return new
    return type(value)(**{name: exchanged(getattr(value, name), places) for name in value.__match_args__})


@pytest.mark.parametrize("name", DOCUMENTS)
def test_pieces_read_alone_are_the_whole(name: str) -> None:
    """A piece that an edit touches, with letters for what it leaves alone, reads as it does in the whole line."""
    alone = whole = 0
    for search, state in states(name):
        for move in state.workings.moves[::_EVERY]:
            made = state.workings.reviser.exchanged(move.edits)
            latex = apply(state.latex, move.edits)
            tree = search.editions.read(latex)
            if made is None:
                whole += tree is not None
                continue
            alone += 1
            assert tree is not None, (search.line.number, move)
            claims = search.editions.equation(latex, tree).claims
            found = [(c.lhs, c.relation, c.rhs) for c in state.workings.reviser.claims_with(made)]
            assert found == [(c.lhs, c.relation, c.rhs) for c in claims], (search.line.number, move)
    assert whole < alone / 20


@pytest.mark.parametrize("name", DOCUMENTS)
def test_parts_in_place_are_the_whole(name: str) -> None:
    compared = refused = failing = 0
    for search, state in states(name):
        context = search.checker.context
        for move in state.workings.moves[::_EVERY]:
            made = state.workings.reviser.exchanged(move.edits)
            if made is None:
                continue
            for j, (claim, base) in enumerate(zip(state.workings.reviser.claims_with(made), state.typed, strict=True)):
                if claim.lhs is None or claim.kind == "definition" or claim == state.claims[j]:
                    continue
                try:
                    whole = elaborate(context, claim)
                except Problem:
                    whole = None
                if base is None:  # what has no meaning still has none, for the same reason
                    fails = state.workings.editing.fails(j, made)
                    failing += fails
                    assert whole is None or not fails, (search.line.number, move)
                    continue
                try:
                    places = state.workings.editing.changes(j, made)
                except Problem:
                    refused += 1
                    assert whole is None or not set(whole.letters) <= set(base.letters), (search.line.number, move)
                    continue
                if places is not None:
                    compared += 1
                    assert whole is not None, (search.line.number, move)
                    sides = exchanged(base.lhs, places), exchanged(base.rhs, places)
                    assert sides == (whole.lhs, whole.rhs), (search.line.number, move)
                    assert base.letters == whole.letters
                elif whole is not None:
                    typed = search.bench.typed(claim, state.workings.editing)
                    assert typed is not None and (typed.lhs, typed.rhs) == (whole.lhs, whole.rhs)
    assert compared > 50 and refused > 10 and failing > 10


def test_all_that_an_elaborator_knows_is_remembered() -> None:
    """What is new here must be added to ``Recall``."""
    context = check(ROOT / "derivations/elman/note.md").checker.context
    assert set(vars(Elaborator(context))) == {
        "context", "reading", "scope", "conditions", "shorthands", "locals", "arguments", "chains", "plain",
        "numbered", "exact",
    }  # fmt: skip
