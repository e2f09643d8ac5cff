"""One claim under one reading: both sides typed, shapes compared, free letters accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from symrnn.algebra.functions import TABLE
from symrnn.claims import Claim, Typed
from symrnn.diagnostic import Problem
from symrnn.elaborate import einstein, primes, tensors
from symrnn.elaborate.context import AS_PRINTED, Context, Reading
from symrnn.elaborate.contraction import Inside
from symrnn.elaborate.expression import Elaborator
from symrnn.elaborate.families import no_doubt
from symrnn.elaborate.names import EVERYTHING, head
from symrnn.expr import Cases, Delta, Dim, Expr, Gradient, Number, Reduce, Ref, show_shape
from symrnn.latex import notation as n
from symrnn.latex import tree as t


def elaborate(
    context: Context, claim: Claim, reading: Reading = AS_PRINTED, elaborator: Elaborator | None = None
) -> Typed | None:
    """Both sides of a claim, or None when the reading changes nothing in it. ``elaborator``: a fresh one by default.

    Raises Problem when the claim has no meaning under this reading.
    """
    try:
        return _elaborated(context.within(claim.section), claim, reading, elaborator)
    except Problem as problem:
        if problem.diagnostic.code in ("SR301", "SR302") and any(map(_row_or_column, (claim.lhs, claim.rhs))):
            why = "is 'X_{i,:}' a row or a column? As a row, the shapes do not conform; a shorthand would say"
            raise Problem("SR190", why, claim.span) from None
        raise


def _row_or_column(tree: t.Tree | None) -> bool:
    """Whether ``X_{i,:}`` is printed, and nothing says whether it is a row or a column."""
    match tree:
        case None | t.Stand():
            return False
        case t.Listing((*_, last)) if last == EVERYTHING:
            return True
        case _:
            return any(map(_row_or_column, tree.children()))


def _elaborated(context: Context, claim: Claim, reading: Reading, elaborator: Elaborator | None) -> Typed | None:
    assert claim.lhs is not None
    if reading.last and not _mentions(claim, context.manifest.steps.last):
        return None
    elab = elaborator or Elaborator(context, reading)
    elab.locals += _own(context, claim.lhs)
    try:
        left = elab.expr(claim.lhs)
        known = set(elab.scope.free)
        right = elab.expr(claim.rhs)
    except Inside as inside:  # three indices: both sides with one arbitrary vector
        if elaborator is not None or claim.einstein:
            raise
        elab = Elaborator(context.within(claim.section), reading)
        elab.locals += _own(context, claim.lhs)
        v = tensors.test_vector(context, inside.cubic)
        left = tensors.weighed(elab, claim.lhs, v)
        known = set(elab.scope.free)
        right = tensors.weighed(elab, claim.rhs, v)
    if claim.einstein:
        left, right, known = _convention(elab, left, right, claim)
    no_doubt((left, right), elab.scope.free, claim.span)
    _account_for_letters(elab, known, claim, left, right)
    if not elab.same(left.shape, right.shape) and not (isinstance(right, Number) and right.value == 0):
        what = "label" if claim.kind == "label" else "right side"
        shapes = f"the left side is {show_shape(left.shape)}, the {what} {show_shape(right.shape)}"
        raise Problem("SR302", shapes, claim.rhs.span)
    if elab.numbered:
        _copies(claim, left, right)
    if reading.copy and any(isinstance(e, Gradient) and e.direct for side in (left, right) for e in side.walk()):
        return None  # derivatives at fixed arguments and total ones are told apart
    used = set(elab.conditions.values())
    if any(getattr(reading, f.name) and f.name not in used for f in fields(reading)):
        return None
    letters, values = _letters(context, elab)
    return Typed(left, right, letters, tuple(sorted(elab.conditions)), tuple(elab.shorthands), values)


def _own(context: Context, lhs: t.Tree) -> list[str]:
    r"""The z of ``\sigma(z) = …``, ``\sigma'(z) = …`` where nothing declares it: the formula's own variable."""
    match lhs:
        case t.Product((("", fn), ("", t.Fence("(", t.Name(text, "") as letter, ")")))) | t.Call(
            fn, t.Fence("(", t.Name(text, "") as letter, ")")
        ):
            name = head(fn)
            free = context.names.match(letter) is None and not context.fixed(text)
            if name is not None and free and text != context.manifest.steps.index:
                bare = name.key.removeprefix("\\").rstrip("'")
                if primes.known(context, name.key) is not None or n.WORDS.get(bare, bare) in TABLE:
                    return [text]
    return []


def _convention(elab: Elaborator, left: Expr, right: Expr, claim: Claim) -> tuple[Expr, Expr, set[str]]:
    """Both sides with the sums that the summation convention leaves out, and the indices free on the left."""
    assert claim.lhs is not None
    left, one = einstein.summed(elab, left, claim.lhs.span)
    right, two = einstein.summed(elab, right, claim.rhs.span)
    both = _indices(left) | _indices(right)
    if mixed := sorted((one ^ two) & both):
        raise Problem("SR190", f"the index {mixed[0]} is free on one side and summed over on the other", claim.span)
    for name in [k for k, x in elab.scope.free.items() if k not in one | two and not x.timed and not x.given]:
        del elab.scope.free[name]
    return left, right, set(one) | {k for k, x in elab.scope.free.items() if x.timed}


def _indices(side: Expr) -> set[str]:
    return {e.letter for e in side.walk() if isinstance(e, Reduce)}


def _letters(context: Context, elab: Elaborator) -> tuple[dict[str, Dim | None], dict[str, tuple[int, ...]]]:
    """The letters that a claim depends on, also by the definitions: what they index, and the values of the others."""
    free = elab.scope.free
    letters = {name: (None if x.timed else x.dim) for name, x in free.items() if not x.values}
    values = {name: x.values for name, x in free.items() if x.values}
    for name, known in context.given.items():
        if (met := free.get(name)) is not None and not met.given:
            raise Problem(
                "SR190", f"'{name}' is a whole number that definitions depend on, and an index here", met.span
            )
        if isinstance(known, str):
            letters[name] = known
        else:
            values[name] = known
    return letters, values


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


def _account_for_letters(elab: Elaborator, known: set[str], claim: Claim, *sides: Expr) -> None:
    """An index that only the right side uses, or that runs over nothing known, makes no claim."""
    compared = {n for e in sides for x in e.walk() for n in _compared(x)}
    for name, letter in elab.scope.free.items():
        place = letter.span or claim.rhs.span
        if letter.dim is None and not letter.timed and not letter.values and name in compared:
            letter.dim = len(compared) + 2  # so many values show every pattern of equal ones
        if letter.dim is None and not letter.timed and not letter.values:
            raise Problem("SR206", f"the letter {name} runs over no known range", place)
        if name not in known and not letter.timed and not letter.given and claim.kind != "label":
            if _summed_before(claim.rhs, name):
                raise Problem("SR190", f"does the sum over {name} take in what stands after its first term?", place)
            raise Problem(
                "SR209",
                f"the index {name} is free: no sum binds it and the left side does not have it",
                place,
            )


def _compared(e: Expr) -> Iterator[str]:
    """The letters that an expression only compares, with each other and with small numbers."""
    pairs = (
        [(e.one, e.two)]
        if isinstance(e, Delta)
        else [(a, b) for a, _, b in e.conditions]
        if isinstance(e, Cases)
        else []
    )
    if all(abs(i.offset) <= 2 for pair in pairs for i in pair):
        yield from (i.letter for pair in pairs for i in pair if i.letter is not None)


def _summed_before(tree: t.Tree, letter: str) -> bool:
    """Whether a sum with no bracket around what it takes in runs over a letter that stands in a later term too."""
    for node in tree.walk():
        if isinstance(node, t.Additive):
            summed = [k for k, (_, x) in enumerate(node.terms) if any(_runs(part, letter) for part in x.walk())]
            later = [k for k, (_, x) in enumerate(node.terms) if t.Name(letter) in x.walk()]
            if summed and later and max(later) > min(summed):
                return True
    return False


def _runs(tree: t.Tree, letter: str) -> bool:
    return isinstance(tree, t.Big) and tree.sub is not None and t.Name(letter) in tree.sub.walk()
