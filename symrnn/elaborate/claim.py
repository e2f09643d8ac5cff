"""One claim under one reading: both sides typed, shapes compared, free letters accounted for."""

from __future__ import annotations

from dataclasses import fields

from symrnn.claims import Claim, Typed
from symrnn.diagnostic import Problem
from symrnn.elaborate.context import AS_PRINTED, Context, Reading
from symrnn.elaborate.expression import Elaborator
from symrnn.elaborate.families import no_doubt
from symrnn.expr import Expr, Gradient, Number, Ref, show_shape
from symrnn.latex import tree as t


def elaborate(
    context: Context, claim: Claim, reading: Reading = AS_PRINTED, elaborator: Elaborator | None = None
) -> Typed | None:
    """Both sides of a claim, or None when the reading changes nothing in it. ``elaborator``: a fresh one by default.

    Raises Problem when the claim has no meaning under this reading.
    """
    assert claim.lhs is not None
    if reading.last and not _mentions(claim, context.manifest.steps.last):
        return None
    elab = elaborator or Elaborator(context.within(claim.section), reading)
    left = elab.expr(claim.lhs)
    known = set(elab.scope.free)
    right = elab.expr(claim.rhs)
    no_doubt((left, right), elab.scope.free, claim.span)
    _account_for_letters(elab, known, claim)
    if not elab.same(left.shape, right.shape) and not (isinstance(right, Number) and right.value == 0):
        what = "label" if claim.kind == "label" else "right side"
        shapes = f"the left side is {show_shape(left.shape)}, the {what} {show_shape(right.shape)}"
        raise Problem("SR302", shapes, claim.rhs.span)
    if elab.numbered:
        _copies(claim, left, right)
    used = set(elab.conditions.values())
    if any(getattr(reading, f.name) and f.name not in used for f in fields(reading)):
        return None
    letters = {name: (None if letter.timed else letter.dim) for name, letter in elab.scope.free.items()}
    return Typed(left, right, letters, tuple(sorted(elab.conditions)), tuple(elab.shorthands))


def _copies(claim: Claim, *sides: Expr) -> None:
    """``w^{(1)}`` of a w without steps: its copy at step 1 below a ∂, anywhere else it may be another quantity."""
    below = {id(x) for side in sides for e in side.walk() if isinstance(e, Gradient) for x in e.wrt.walk()}
    for side in sides:
        for e in side.walk():
            if isinstance(e, Ref) and e.copy is not None and e.copy.letter is None and id(e) not in below:
                message = f"'{e.symbol.name}' at step {e.copy} may be its copy there or another quantity, a layer's"
                raise Problem("SR190", message, claim.span)


def elaborate_side(context: Context, tree: t.Tree, reading: Reading) -> Typed | None:
    """An expression that claims nothing yet, typed against itself."""
    elab = Elaborator(context, reading)
    value = elab.expr(tree)
    used = set(elab.conditions.values())
    if any(getattr(reading, f.name) and f.name not in used for f in fields(reading)):
        return None
    return Typed(value, value, {}, tuple(sorted(elab.conditions)), tuple(elab.shorthands))


def _mentions(claim: Claim, letter: str) -> bool:
    trees = [claim.rhs] if claim.lhs is None else [claim.lhs, claim.rhs]
    return any(isinstance(node, t.Name) and node.text == letter for tree in trees for node in tree.walk())


def _account_for_letters(elab: Elaborator, known: set[str], claim: Claim) -> None:
    """An index that only the right side uses, or that runs over nothing known, makes no claim."""
    for name, letter in elab.scope.free.items():
        place = letter.span or claim.rhs.span
        if letter.dim is None and not letter.timed:
            raise Problem("SR206", f"the letter {name} runs over no known range", place)
        if name not in known and not letter.timed and claim.kind != "label":
            raise Problem(
                "SR209",
                f"the index {name} is free: no sum binds it and the left side does not have it",
                place,
            )
