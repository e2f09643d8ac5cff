"""Σ and Π: bound letters, with the limits that are printed or the whole range of what they index."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from symrnn.diagnostic import Problem
from symrnn.elaborate.names import parts
from symrnn.elaborate.scope import Letter, to_index
from symrnn.expr import SCALAR, Expr, Index, Reduce
from symrnn.latex import tree as t
from symrnn.latex.printer import short

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator

_OPERATIONS = {"\\sum": "sum", "\\prod": "product"}


def big(elab: Elaborator, tree: t.Big) -> Expr:
    """A sum or product over one or several letters."""
    op = _OPERATIONS.get(tree.op)
    if op is None:
        raise Problem("SR190", f"'{tree.op}' is not yet understood", tree.span)
    if tree.sub is None:
        raise Problem("SR190", f"this '{tree.op}' does not say over which letter it runs", tree.span)
    bounds = _bounds(tree.sub)
    _one_letter(elab, tree, bounds)
    if op == "product":
        _extent(tree, {letter for letter, _, _ in bounds})
    with ExitStack() as stack:
        frames = [(b, stack.enter_context(elab.scope.binding([b[0]], tree.span))) for b in bounds]
        body = elab.expr(tree.body)
        letters = [frame[b[0]] for b, frame in frames]
    value = body
    for (letter, low, without), info in zip(reversed(bounds), reversed(letters), strict=True):
        high = _upper(elab, tree.sup)
        value = reduce(elab, op, letter, low, high, without, info, value, tree)
    return value


def _bounds(sub: t.Tree) -> list[tuple[str, Index | None, tuple[Index, ...]]]:
    """Letter, lower limit, left-out values."""
    match sub:
        case t.Chain((("", a), ("=", b))):
            letter, low = _letter(a), to_index(b)
            if low is None:
                raise Problem("SR190", f"the lower limit '{short(b)}' is not yet understood", b.span)
            return [(letter, low, ())]
        case t.Chain((("", a), ("\\neq" | "\\ne", b))):
            without = to_index(b)
            if without is None:
                raise Problem("SR190", f"the condition '{short(sub)}' is not yet understood", sub.span)
            return [(_letter(a), None, (without,))]
        case t.Chain():
            raise Problem("SR190", f"the condition '{short(sub)}' is not yet understood", sub.span)
        case _:
            return [(_letter(p), None, ()) for p in parts(sub)]


def _one_letter(elab: Elaborator, tree: t.Big, bounds: list[tuple[str, Index | None, tuple[Index, ...]]]) -> None:
    r"""``\sum_{i \neq j} A_{ij}`` runs over i for a given j, or over both: j must be known from outside."""
    for _, _, without in bounds:
        for other in without:
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
    if op == "product" and shape != SCALAR:
        raise Problem("SR190", "a product of matrices over a letter is not yet understood", tree.span)
    return Reduce(shape, op, letter, low, high, body, without, info.timed)


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
