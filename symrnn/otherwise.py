"""What a line that is false as printed may mean otherwise, where the manifest could say so.

* In the other layout of Jacobians it may be true: the verdict stays, and the report says so.
* ∂u/∂v of a quantity by what its definition mentions may mean that mention alone: true then, it is undecided.
* Where shapes clash, ∂L/∂x may be a row, and ⊗ something else than the outer product: it is undecided.
* The factors of a product of matrices over a letter may stand in the other order: true then, it is undecided.
* A derivative by a quantity from which nothing is computed is 0, which nobody means: it is undecided.
"""

from __future__ import annotations

from collections.abc import Callable

from symrnn.claims import Claim, Typed
from symrnn.diagnostic import Diagnostic
from symrnn.elaborate.context import AS_PRINTED, Context, Reading
from symrnn.expr import Entry, Expr, Gradient, Reduce, Ref
from symrnn.judgement import Judgement
from symrnn.latex.tree import Frac, Product, Tree
from symrnn.verdict import Kind

Judge = Callable[[Claim, str, Reading], Judgement | None]


def holds_flipped(context: Context, judge: Judge, claim: Claim, number: str) -> bool:
    """Whether a line with a derivative is true in the layout that the manifest does not declare."""
    trees: list[Tree] = [tree for tree in (claim.lhs, claim.rhs) if tree is not None]
    if not any(isinstance(node, Frac) for tree in trees for node in tree.walk()):
        return False
    return _holds(context, ("flipped",), judge, claim, number)


def _holds(context: Context, otherwise: tuple[str, ...], judge: Judge, claim: Claim, number: str) -> bool:
    """Whether a line is proved when some things are read otherwise."""
    before = {name: getattr(context, name) for name in otherwise}
    try:
        for name, value in before.items():
            setattr(context, name, not value)
        found = judge(claim, number, AS_PRINTED)
    finally:
        for name, value in before.items():
            setattr(context, name, value)
    return found is not None and found.kind is Kind.PROVED


def unsettled(context: Context, judge: Judge, claim: Claim, number: str, first: Judgement) -> Diagnostic | None:
    """Why a line that is false or meaningless as printed is left undecided; None where it is what it seems."""
    if first.diagnostic is not None and first.diagnostic.code in ("SR301", "SR302"):
        return _unclear(context, judge, claim, number)
    return _doubt(context, judge, claim, number, first.typed) if first.kind is Kind.REFUTED else None


def _unclear(context: Context, judge: Judge, claim: Claim, number: str) -> Diagnostic | None:
    """Why a line whose shapes clash as printed is left undecided; None where it is meaningless."""
    if not context.denominator and _holds(context, ("rows",), judge, claim, number):
        kind = "a column" if context.rows else "a row"
        return Diagnostic("SR190", f"true if ∂ of a number by a column is {kind}: see gradient", claim.span)
    trees = [tree for tree in (claim.lhs, claim.rhs) if tree is not None]
    if any(op == "\\otimes" for x in trees for node in x.walk() if isinstance(node, Product) for op, _ in node.factors):
        return Diagnostic("SR190", "'\\otimes' is read as the outer product, and the shapes clash", claim.span)
    return None


def _doubt(context: Context, judge: Judge, claim: Claim, number: str, typed: Typed | None) -> Diagnostic | None:
    """Why a line that is false as printed is left undecided; None where it is false."""
    slopes = [e for side in (typed.lhs, typed.rhs) for e in side.walk() if isinstance(e, Gradient)] if typed else []
    for e in slopes:
        wrt, of = _quantity(e.wrt), _quantity(e.of)
        if wrt is not None and wrt.symbol in context.nodes and (of is None or of.symbol is not wrt.symbol):
            if not any(_uses(d.rhs, wrt) for some in context.defined.values() for d in some):
                name = wrt.symbol.name.removesuffix("(t)")
                message = f"no definition uses '{name}': is what is derived computed from it, spelled otherwise?"
                return Diagnostic("SR190", message, claim.span)
    told = any((of := _quantity(e.of)) is not None and of.time for e in slopes)
    told = told and not any(e.direct for e in slopes)  # else the two are told apart
    sides = (typed.lhs, typed.rhs) if typed is not None else ()
    ordered = any(isinstance(e, Reduce) and e.op == "product" and not e.scalar for side in sides for e in side.walk())
    if told and _holds(context, ("all_direct",), judge, claim, number):
        message = "true if ∂ is by what definitions mention, the rest held fixed, false along all paths: see direct"
        return Diagnostic("SR190", message, claim.span)
    if ordered and (
        _holds(context, ("reversed",), judge, claim, number)
        or (told and _holds(context, ("reversed", "all_direct"), judge, claim, number))
    ):
        message = "true if the factors of Π stand in the other order, which nothing says"
        return Diagnostic("SR190", message, claim.span)
    return None


def _quantity(e: Expr) -> Ref | None:
    base = e.body if isinstance(e, Entry) else e
    return base if isinstance(base, Ref) else None


def _uses(e: Expr, ref: Ref) -> bool:
    return any(isinstance(x, Ref) and x.symbol is ref.symbol for x in e.walk())
