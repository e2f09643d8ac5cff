"""Why a name means nothing: not declared, without its step, open, or with scripts that do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symrnn.diagnostic import Problem
from symrnn.elaborate.context import Context
from symrnn.elaborate.families import COUNTING, indices_of, loose
from symrnn.elaborate.names import EVERYTHING, Head, head
from symrnn.expr import Symbol, show_shape
from symrnn.latex import tree as t
from symrnn.latex.printer import short

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator


def undeclared(context: Context, tree: t.Tree) -> Problem:
    """Why a name means nothing here."""
    shown = short(tree)
    found = head(tree)
    if tree == EVERYTHING:
        return Problem("SR190", "a colon is no quantity", tree.span)
    if found is not None:
        if (why := context.unnamed.get((found.key, found.style))) is not None:
            return Problem("SR192", f"'{shown}' is open here: {why}", tree.span)
        family = list(context.names.family(found.key))
        if found.key in ("\\nabla", "\\partial"):
            return Problem("SR205", f"'{shown}' has nothing to act on", tree.span)
        stepless = [s for s in family if _stepless(s, found)]
        if stepless and (len(stepless) == len(family) or not (found.subs or found.sups)):
            return Problem("SR202", f"'{shown}' lacks its step", tree.span)
        if any(loose(s) & COUNTING for s in family) and any(x.letter in COUNTING for x in indices_of(found.subs)):
            return Problem("SR190", f"'{shown}' is not declared, and no range for one like it", tree.span)
        if family and all(s in context.introduced for s in family):
            return Problem("SR190", f"no line says what '{shown}' is, as some say it of others like it", tree.span)
        if family and (found.subs or found.sups):
            shapes = ", ".join(show_shape(s.shape) for s in family)
            return Problem("SR204", f"the scripts of '{shown}' do not fit its declaration ({shapes})", tree.span)
        near = found.key.swapcase()
        if len(found.key) == 1 and any(True for _ in context.names.family(near)):
            return Problem("SR201", f"'{shown}' is not declared ('{near}' is)", tree.span)
    return Problem("SR201", f"'{shown}' is not declared", tree.span)


def _stepless(symbol: Symbol, found: Head) -> bool:
    """Whether a name is printed without the step that its declaration gives it."""
    if symbol.timed == "sup":
        return not any(isinstance(sup, t.Fence) for sup in found.sups)
    return symbol.timed == "sub" and not found.subs


def same_arguments(elab: Elaborator, symbol: Symbol, fence: t.Fence) -> None:
    """A quantity printed with arguments is itself only if they are those of its definition, or plain names."""
    known = elab.context.arguments.get(symbol)
    if known is not None:
        plain = fence.body == known
    else:
        items = fence.body.items if isinstance(fence.body, t.Listing) else (fence.body,)
        plain = all(head(i) is not None or isinstance(i, (t.Fence, t.Dots)) for i in items)
    if not plain or elab.arguments.setdefault(symbol, fence.body) != fence.body:
        raise Problem("SR190", f"{symbol.name} at other arguments is not yet understood", fence.span)
