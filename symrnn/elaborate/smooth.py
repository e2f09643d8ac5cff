r"""Functions and quantities of which a document says only what they depend on, and that they are smooth.

``smooth = ['f(x_t, h_{t-1}, w) \in \mathbb{R}', 'loss(h_1, \dots, h_T)']`` in the manifest. A name that is printed with
arguments at a generic step is a function, ``f(x_1, h_0, w)`` its value there; one whose arguments are all given, or one
with a step, is a quantity that depends on them. What is proved holds for every such function.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from symrnn.claims import Definition
from symrnn.diagnostic import Problem, UsageError
from symrnn.elaborate.names import head, label, spaces
from symrnn.expr import SCALAR, Count, Each, Entry, Expr, Index, Ref, Shape, Smooth, show_shape
from symrnn.latex import tree as t
from symrnn.latex.parser import parse_expression
from symrnn.latex.printer import short

if TYPE_CHECKING:
    from symrnn.elaborate.context import Context
    from symrnn.elaborate.expression import Elaborator

Key = tuple[str, str, str]  # letter, style, scripts


@dataclass(frozen=True)
class Unknown:
    """A function: its name in certificates, the arguments that the manifest prints, their shapes, its own."""

    name: str
    printed: tuple[t.Tree, ...]
    takes: tuple[Shape, ...]
    shape: Shape


def declare(context: Context, entries: tuple[str, ...], words: frozenset[str]) -> Iterator[Definition]:
    """The functions of the manifest, noted down, and the definitions of its quantities.

    Raises UsageError for an entry that cannot be read.
    """
    for text in entries:
        try:
            yield from _declare(context, parse_expression(text, words))
        except Problem as problem:
            raise UsageError(f"manifest: smooth: '{text}': {problem.diagnostic.message}") from problem


def _declare(context: Context, tree: t.Tree) -> Iterator[Definition]:
    from symrnn.elaborate.expression import Elaborator

    shape: Shape = SCALAR
    if isinstance(tree, t.Chain) and len(tree.links) == 2 and tree.links[1][0] == "\\in":
        found = spaces(tree.links[1][1])
        if found is None:
            raise Problem("SR203", "what stands after \\in is no space", tree.span)
        tree, shape = tree.links[0][1], found
    match tree:
        case t.Product(((_, name), ("", t.Fence("(", body, ")")))) | t.Call(name, t.Fence("(", body, ")")) if (
            head(name) is not None
        ):
            printed = body.items if isinstance(body, t.Listing) else (body,)
        case _:
            raise Problem("SR203", "write a name and its arguments: f(x_t, h_{t-1})", tree.span)
    elab = Elaborator(context)
    arguments = tuple(_arguments(elab, printed))
    symbol = context.names.declared(name, shape)
    assert symbol is not None
    if elab.scope.free and not symbol.timed:
        entry = Unknown(symbol.name, printed, tuple(a.shape for a in arguments), shape)
        context.unknown.setdefault((symbol.key, symbol.style, symbol.label), []).append(entry)
        return
    if set(elab.scope.free) - {context.manifest.steps.index}:
        raise Problem("SR206", "a quantity with a step depends on that step, or on given ones", tree.span)
    context.names.declare(symbol)
    symbol = context.names.known(symbol) or symbol
    context.arguments[symbol] = body
    context.nodes.add(symbol)
    time = Index(context.manifest.steps.index) if symbol.timed else None
    own = (Count(SCALAR, time),) if time is not None else ()  # another function at each step
    name_of = symbol.name.removesuffix("(t)")
    yield Definition(symbol, time, None, None, Smooth(shape, name_of, (*arguments, *own)), "the manifest")


def _arguments(elab: Elaborator, printed: tuple[t.Tree, ...]) -> Iterator[Expr]:
    r"""The arguments as typed expressions; ``h_1, \dots, h_T`` is h at each of these steps."""
    k = 0
    while k < len(printed):
        if k + 2 < len(printed) and isinstance(printed[k + 1], t.Dots):
            yield _each(elab, printed[k], printed[k + 2])
            k += 3
        else:
            yield elab.expr(printed[k])
            k += 1


def _each(elab: Elaborator, first: t.Tree, last: t.Tree) -> Expr:
    one, two = elab.expr(first), elab.expr(last)
    if not isinstance(one, Ref) or not isinstance(two, Ref) or one.symbol is not two.symbol:
        raise Problem("SR190", f"'{short(first)}' and '{short(last)}' are not one quantity at two steps", first.span)
    if one.time is None or two.time is None or one.time.letter is not None:
        raise Problem("SR190", f"'{short(first)}' is at no given step", first.span)
    return Each(one.shape, "s'", one.time, two.time, Ref(one.shape, one.symbol, Index("s'")))


# -- in formulas ----------------------------------------------------------------------------------


def _key(tree: t.Tree) -> tuple[Key, int] | None:
    """A name without its primes, and how many there are."""
    found = head(tree)
    if found is None:
        return None
    bare = found.key.rstrip("'")
    return (bare, found.style, label(list(found.subs), list(found.sups))), len(found.key) - len(bare)


def functions(context: Context, tree: t.Tree) -> list[Unknown]:
    """The unknown functions of this name: they differ in what they take."""
    found = _key(tree) if context.unknown else None
    return context.unknown.get(found[0], []) if found is not None else []


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
    base = wrt.body if isinstance(wrt, Entry) else wrt
    return isinstance(of, Smooth) and base in of.arguments
