"""Σ and Π: bound letters, with the limits that are printed or the whole range of what they index."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from symrnn.diagnostic import Problem
from symrnn.elaborate.names import parts
from symrnn.elaborate.reindex import reindexed
from symrnn.elaborate.scope import Letter, to_index
from symrnn.expr import SCALAR, Expr, Gradient, Index, Reduce, Ref, show_shape
from symrnn.latex import tree as t
from symrnn.latex.printer import short

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator

_OPERATIONS = {"\\sum": "sum", "\\prod": "product"}


def big(elab: Elaborator, tree: t.Big, of: Callable[[t.Tree], Expr] | None = None) -> Expr:
    """A sum or product over one or several letters; ``of``: how its body is read."""
    op = _OPERATIONS.get(tree.op)
    if op is None:
        raise Problem("SR190", f"'{tree.op}' is not yet understood", tree.span)
    if tree.sub is None:
        raise Problem("SR190", f"this '{tree.op}' does not say over which letter it runs", tree.span)
    tree = reindexed(tree)
    assert tree.sub is not None
    bounds = _bounds(elab, tree.sub)
    _one_letter(elab, tree, bounds)
    if op == "product":
        _extent(tree, {bound.letter for bound in bounds})
    with ExitStack() as stack:
        frames = [(b, stack.enter_context(elab.scope.binding([b.letter], tree.span))) for b in bounds]
        body = (of or elab.expr)(tree.body)
        letters = [frame[b.letter] for b, frame in frames]
    value = body
    for bound, info in zip(reversed(bounds), reversed(letters), strict=True):
        high = bound.high or _upper(elab, tree.sup)
        value = reduce(elab, op, bound.letter, bound.low, high, bound.without, info, value, tree, bound.down)
    return value


@dataclass(frozen=True)
class Bound:
    """What stands below a sum: its letter, the limits and the values left out; ``down``: from the upper limit on."""

    letter: str
    low: Index | None = None
    high: Index | None = None
    without: tuple[Index, ...] = ()
    down: bool = False


def _bounds(elab: Elaborator, sub: t.Tree) -> list[Bound]:
    """The letters over which a sum runs."""
    match sub:
        case t.Chain((("", a), ("=", b))):
            letter, low = _letter(a), to_index(b)
            if low is None:
                raise Problem("SR190", f"the lower limit '{short(b)}' is not yet understood", b.span)
            return [Bound(letter, low)]
        case t.Chain((("", a), ("\\neq" | "\\ne", b))):
            without = to_index(b)
            if without is None:
                raise Problem("SR190", f"the condition '{short(sub)}' is not yet understood", sub.span)
            return [Bound(_letter(a), without=(without,))]
        case t.Chain(links):
            return [_between(elab, sub, links)]
        case _:
            return [Bound(_letter(p)) for p in parts(sub)]


_ORDER = {"<": ("<", 1), "\\le": ("<", 0), "\\leq": ("<", 0), ">": (">", 1), "\\ge": (">", 0), "\\geq": (">", 0)}


def _between(elab: Elaborator, sub: t.Tree, links: tuple[tuple[str, t.Tree], ...]) -> Bound:
    r"""``1 \le k < t``, ``t \ge i > k``: the letter in the middle runs from one limit to the other; ``s > t``."""
    relations = [_ORDER.get(relation) for relation, _ in links[1:]]
    sides = [to_index(side) for _, side in links]
    middle = 0 if len(links) == 2 else 1
    known = [i for k, i in enumerate(sides) if k != middle and i is not None]
    outside = all(i.letter is None or elab.scope.find(i.letter) or elab.context.fixed(i.letter) for i in known)
    directions = {r[0] for r in relations if r is not None}
    if None in relations or len(directions) != 1 or len(known) != len(links) - 1 or len(links) > 3 or not outside:
        raise Problem("SR190", f"the condition '{short(sub)}' is not yet understood", sub.span)
    letter, down = _letter(links[middle][1]), directions == {">"}
    gaps = [r[1] for r in relations if r is not None]
    if len(links) == 2:
        return Bound(letter, known[0].shifted(gaps[0])) if down else Bound(letter, high=known[0].shifted(-gaps[0]))
    (first, last), (one, two) = known, gaps
    low, high = (last.shifted(two), first.shifted(-one)) if down else (first.shifted(one), last.shifted(-two))
    return Bound(letter, low, high, down=down)


def _one_letter(elab: Elaborator, tree: t.Big, bounds: list[Bound]) -> None:
    r"""``\sum_{i \neq j} A_{ij}`` runs over i for a given j, or over both: j must be known from outside."""
    for bound in bounds:
        for other in bound.without:
            letter = other.letter
            if letter is None or elab.scope.find(letter) is not None or elab.context.fixed(letter):
                continue
            if any(isinstance(node, t.Name) and node.text == letter for node in tree.body.walk()):
                raise Problem("SR190", f"does this sum run over {letter} too? Nothing before it says", tree.span)


def _extent(tree: t.Big, letters: set[str]) -> None:
    r"""How far a product reaches shows only if its last factor has its letter: ``\prod_i a_i \prod_j b_j``."""
    if not isinstance(tree.body, t.Product):
        return
    last = tree.body.factors[-1][1]
    if isinstance(last, t.Big) or not any(isinstance(x, t.Name) and x.text in letters for x in last.walk()):
        raise Problem("SR190", f"does this product take in '{short(last)}'? A bracket would say", last.span)


def _letter(tree: t.Tree) -> str:
    index = to_index(tree)
    if index is None or index.letter is None or index.offset:
        raise Problem("SR190", f"'{short(tree)}' is not one letter that a sum can run over", tree.span)
    return index.letter


def _upper(elab: Elaborator, sup: t.Tree | None) -> Index | None:
    if sup is None:
        return None
    high = to_index(sup)
    if high is None:
        raise Problem("SR190", f"the upper limit '{short(sup)}' is not yet understood", sup.span)
    if high.letter is not None and not elab.context.fixed(high.letter):
        letter = elab.scope.find(high.letter)
        if letter is None:
            letter = elab.scope.mention(high, sup.span)
    return high


def reduce(
    elab: Elaborator,
    op: str,
    letter: str,
    low: Index | None,
    high: Index | None,
    without: tuple[Index, ...],
    info: Letter,
    body: Expr,
    tree: t.Big,
    down: bool = False,
) -> Expr:
    """Σ or Π of a body over one letter, which ``info`` says what it indexes."""
    steps = elab.context.manifest.steps
    if info.timed:
        low = low or Index(None, steps.first)
        high = high or Index(steps.last)
    elif info.dim is not None:
        low = low or Index(None, 1)
        high = high or (Index(None, info.dim) if isinstance(info.dim, int) else Index(info.dim))
        for left_out in without:
            elab.scope.use_axis(left_out, info.dim, tree.span)
        _check_range(elab, letter, low, high, info, tree)
    if low is None and high is None:
        low, high = _declared(elab, letter, tree)
    if low is None or high is None:
        raise Problem(
            "SR206",
            f"nothing in this sum or product has the index {letter}, and its limits are not given",
            tree.span,
        )
    if (low.letter == high.letter and low.offset > high.offset + 1) or (
        low.letter is not None and high.letter is None and elab.context.fixed(low.letter)
    ):
        raise Problem("SR190", "limits that run downward are not yet understood", tree.span)
    for limit in (low, high):
        if info.timed and limit.letter is not None:
            elab.scope.use_time(limit, elab.context.fixed, tree.span)
    shape = body.shape
    if op == "product" and shape != SCALAR and (1 in shape or not elab.scope.same(*shape)):
        raise Problem("SR190", f"a product of {show_shape(shape)} matrices over a letter is not understood", tree.span)
    turned = op == "product" and shape != SCALAR and down != elab.context.reversed
    if (composed := _composed(body, letter)) is not None:
        turned = op == "product" and composed
    return Reduce(shape, op, letter, low, high, body, without, info.timed, turned)


def _composed(body: Expr, letter: str) -> bool | None:
    """Whether the factors ∂h_j/∂h_{j-1} of a product stand from the last step on, as the chain rule composes them."""
    match body:
        case Gradient(_, Ref() as of, Ref() as wrt, denominator) if of.symbol is wrt.symbol and of.time and wrt.time:
            if of.time.letter == wrt.time.letter == letter and of.time.offset > wrt.time.offset:
                return not denominator
    return None


def _declared(elab: Elaborator, letter: str, tree: t.Big) -> tuple[Index | None, Index | None]:
    """The values of a declared whole number that a sum runs over."""
    found = elab.context.names.match(t.Name(letter))
    values = found.symbol.values if found is not None else ""
    if isinstance(values, str):
        return (Index(None, 1), Index(values)) if values else (None, None)
    if values != tuple(range(values[0], values[-1] + 1)):
        raise Problem("SR190", f"a sum over the values of {letter} is not yet understood", tree.span)
    return Index(None, values[0]), Index(None, values[-1])


def _check_range(elab: Elaborator, letter: str, low: Index, high: Index, info: Letter, tree: t.Big) -> None:
    """The printed limits must stay on the axis that the letter indexes."""
    assert info.dim is not None
    length = elab.scope.size(info.dim)
    if length is not None and low.letter is None and low.offset > length:
        raise Problem(
            "SR190", f"a sum from {low} is empty at {info.dim} = {length}: a larger size would tell", tree.span
        )
    top = high.offset if high.letter is None else elab.scope.size(high.letter)
    if isinstance(info.dim, str) and high.letter is not None and high.letter != info.dim and not high.offset:
        if elab.context.fixed(high.letter):
            raise Problem("SR305", f"{letter} runs to {high}, the axis has length {info.dim}", tree.span)
    if length is not None and top is not None and (top > length or (low.letter is None and low.offset < 1)):
        raise Problem(
            "SR305",
            f"{letter} runs from {low} to {high}, but the axis it indexes has length {info.dim}",
            tree.span,
        )
