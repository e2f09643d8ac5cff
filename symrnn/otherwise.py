"""What a line that is false as printed may mean otherwise, where the manifest could say so.

* In the other layout of Jacobians it may be true: the verdict stays, and the report says so.
* ∂u/∂v of a quantity by what its definition mentions may mean that mention alone: true then, it is undecided.
* A derivative by a quantity from which nothing is computed is 0, which nobody means: it is undecided.
"""

from __future__ import annotations

from collections.abc import Callable

from symrnn.claims import Claim, Typed
from symrnn.diagnostic import Diagnostic
from symrnn.elaborate.context import AS_PRINTED, Context, Reading
from symrnn.expr import Entry, Expr, Gradient, Ref
from symrnn.judgement import Judgement
from symrnn.latex.tree import Frac, Tree
from symrnn.verdict import Kind

Judge = Callable[[Claim, str, Reading], Judgement | None]


def holds_flipped(context: Context, judge: Judge, claim: Claim, number: str) -> bool:
    """Whether a line with a derivative is true in the layout that the manifest does not declare."""
    trees: list[Tree] = [tree for tree in (claim.lhs, claim.rhs) if tree is not None]
    if not any(isinstance(node, Frac) for tree in trees for node in tree.walk()):
        return False
    context.flipped = True
    try:
        found = judge(claim, number, AS_PRINTED)
    finally:
        context.flipped = False
    return found is not None and found.kind is Kind.PROVED


def doubt(context: Context, judge: Judge, claim: Claim, number: str, typed: Typed | None) -> Diagnostic | None:
    """Why a line that is false as printed is left undecided; None where it is false."""
    slopes = [e for side in (typed.lhs, typed.rhs) for e in side.walk() if isinstance(e, Gradient)] if typed else []
    for e in slopes:
        wrt, of = _quantity(e.wrt), _quantity(e.of)
        if wrt is not None and wrt.symbol in context.nodes and (of is None or of.symbol is not wrt.symbol):
            if not any(_uses(d.rhs, wrt) for some in context.defined.values() for d in some):
                name = wrt.symbol.name.removesuffix("(t)")
                message = f"no definition uses '{name}': is what is derived computed from it, spelled otherwise?"
                return Diagnostic("SR190", message, claim.span)
    if any((of := _quantity(e.of)) is not None and of.time and not e.direct for e in slopes):
        context.all_direct = True
        try:
            found = judge(claim, number, AS_PRINTED)
        finally:
            context.all_direct = False
        if found is not None and found.kind is Kind.PROVED:
            message = "true if ∂ is by what definitions mention, the rest held fixed, false along all paths: see direct"
            return Diagnostic("SR190", message, claim.span)
    return None


def _quantity(e: Expr) -> Ref | None:
    base = e.body if isinstance(e, Entry) else e
    return base if isinstance(base, Ref) else None


def _uses(e: Expr, ref: Ref) -> bool:
    return any(isinstance(x, Ref) and x.symbol is ref.symbol for x in e.walk())
