r"""Functions of which a document says only what they take, and that they are smooth.

``smooth = ['f(x_t, h_{t-1}, w) \in \mathbb{R}']`` in the manifest: f may be printed with other arguments, and is
another number there. A derivative by an argument that is printed holds the others fixed. A function of one number acts
on a vector entry by entry, and has a prime. What is proved holds for every such function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from symrnn.diagnostic import Problem, UsageError
from symrnn.elaborate.names import Names, head, label, spaces, taken_apart
from symrnn.expr import SCALAR, Expr, Shape, Smooth, show_shape, variable
from symrnn.latex import tree as t
from symrnn.latex.parser import parse_expression
from symrnn.latex.printer import short

if TYPE_CHECKING:
    from symrnn.elaborate.context import Context
    from symrnn.elaborate.expression import Elaborator

Key = tuple[str, str, str]  # letter, style, scripts


@dataclass(frozen=True)
class Function:
    """A function: its name in certificates, the arguments that the manifest prints, their shapes, its own, and
    where it is known: in the document or in one of its sections.
    """

    name: str
    printed: tuple[t.Tree, ...]
    takes: tuple[Shape, ...]
    shape: Shape
    names: Names


def declare(context: Context, entries: tuple[str, ...], words: frozenset[str]) -> None:
    """Note down the functions of the manifest. Raises UsageError for an entry that cannot be read."""
    for text in entries:
        try:
            _declare(context, parse_expression(text, words))
        except Problem as problem:
            raise UsageError(f"manifest: smooth: '{text}': {problem.diagnostic.message}") from problem


def _declare(context: Context, tree: t.Tree) -> None:
    from symrnn.elaborate.expression import Elaborator

    shape: Shape = SCALAR
    if isinstance(tree, t.Chain) and len(tree.links) == 2 and tree.links[1][0] == "\\in":
        found = spaces(tree.links[1][1])
        if found is None:
            raise Problem("SR203", "what stands after \\in is no space", tree.span)
        tree, shape = tree.links[0][1], found
    name, body = taken_apart(tree)
    if body is None or head(name) is None:
        raise Problem("SR203", "write a name and its arguments: f(x_t, h_{t-1})", tree.span)
    symbol = context.names.declared(name, shape)
    if symbol is None or symbol.timed or context.names.match(name) is not None:
        raise Problem("SR203", f"'{short(name)}' is a quantity, or has a step: see unknown", tree.span)
    elab = Elaborator(context)
    printed = body.items if isinstance(body, t.Listing) else (body,)
    takes = tuple(elab.expr(item).shape for item in printed)
    key = (symbol.key, symbol.style, symbol.label)
    context.smooth.setdefault(key, []).append(Function(symbol.name, printed, takes, shape, context.names))


# -- in formulas ----------------------------------------------------------------------------------


def _key(tree: t.Tree) -> tuple[Key, int] | None:
    """A name without its primes, and how many there are."""
    found = head(tree)
    if found is None:
        return None
    bare = found.key.rstrip("'")
    return (bare, found.style, label(list(found.subs), list(found.sups))), len(found.key) - len(bare)


def functions(context: Context, tree: t.Tree) -> list[Function]:
    """The unknown functions of this name: they differ in what they take."""
    found = _key(tree) if context.smooth else None
    here = (context.names, context.names.outer or context.names)
    return [f for f in context.smooth.get(found[0], []) if any(f.names is n for n in here)] if found is not None else []


def apply(elab: Elaborator, fn: t.Tree, fence: t.Fence) -> Expr | None:
    """An unknown function at the arguments in a bracket; None where the name is none."""
    entries = functions(elab.context, fn)
    if not entries:
        return None
    items = fence.body.items if isinstance(fence.body, t.Listing) else (fence.body,)
    values = tuple(elab.expr(i) for i in items)
    primes = (_key(fn) or ((), 0))[1]
    for entry in entries:
        if len(values) == 1 and entry.takes == (SCALAR,) and entry.shape == SCALAR and primes <= 1:
            return Smooth(values[0].shape, entry.name, values, True, primes == 1)
        if (
            primes == 0
            and len(values) == len(entry.takes)
            and all(map(elab.same, (v.shape for v in values), entry.takes))
        ):
            return Smooth(entry.shape, entry.name, values)
    if primes:
        raise Problem("SR190", f"the prime of '{short(fn)}' is not yet understood: by which argument?", fn.span)
    given = ", ".join(show_shape(v.shape) for v in values)
    wanted = " or ".join("(" + ", ".join(map(show_shape, e.takes)) + ")" for e in entries)
    raise Problem("SR190", f"'{short(fn)}' takes {wanted} in the manifest, here ({given})", fence.span)


def bare(elab: Elaborator, tree: t.Tree) -> Expr | None:
    """An unknown function without arguments stands for its value at those of the manifest."""
    found = functions(elab.context, tree)
    if len(found) != 1 or (_key(tree) or ((), 1))[1]:
        return None
    return Smooth(found[0].shape, found[0].name, tuple(elab.expr(a) for a in found[0].printed))


def by_argument(of: Expr, wrt: Expr) -> bool:
    """Whether a derivative is by an argument of an unknown function: then all the others are held fixed."""
    return isinstance(of, Smooth) and variable(wrt) in of.arguments
