r"""Second derivatives: ``\frac{\partial^2 f}{\partial x_i \partial x_j}``, ``\frac{d^2 f}{dx^2}``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symrnn.diagnostic import Problem
from symrnn.elaborate import derivative
from symrnn.elaborate.names import is_transpose
from symrnn.expr import SCALAR, Expr, Gradient, Local
from symrnn.latex import tree as t
from symrnn.span import Span

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator

TWO = t.Num("2")


def second(elab: Elaborator, tree: t.Tree, num: t.Tree, den: t.Tree) -> Expr:
    """The derivative by the last variable, derived by the first."""
    of, by = _derived(num), _variables(den)
    if of is None or by is None:
        raise Problem("SR190", "a derivative of this order is not yet understood", tree.span)
    return twice(elab, of, by, tree.span)


def twice(elab: Elaborator, of: t.Tree, by: tuple[t.Tree, t.Tree], span: Span) -> Expr:
    """The derivative by one variable of that by the other."""
    outer, inner = by
    value = derivative.gradient(elab, of, inner, span)
    settled(elab, span)
    if isinstance(outer, t.Name) and outer.text in elab.locals:
        return Gradient(value.shape, value, Local(SCALAR, outer.text))
    return derivative.typed_gradient(elab, value, elab.expr(outer), span)


def operator(tree: t.Tree) -> tuple[t.Tree, t.Tree] | None:
    r"""The variables of ``\frac{d^2}{dx^2}``, which acts on what follows."""
    match tree:
        case t.Frac(t.Script(mark, None, sup, 0), den) if derivative.is_mark(mark) and sup == TWO:
            return _variables(den)
    return None


def _derived(num: t.Tree) -> t.Tree | None:
    """The f of ``∂² f``."""
    match num:
        case t.Product((("", t.Script(mark, None, sup, 0)), *rest)) if derivative.is_mark(mark) and sup == TWO:
            if len(rest) == 1:
                return rest[0][1]
            return t.Product((("", rest[0][1]), *rest[1:]), span=rest[0][1].span | rest[-1][1].span)
    return None


def _variables(den: t.Tree) -> tuple[t.Tree, t.Tree] | None:
    """x and y of ``∂x ∂y``, x twice of ``∂x²``; the transpose of the second says nothing more."""
    match den:
        case t.Product((("", mark), ("", t.Script(base, sub, sup, 0) as x))) if derivative.is_mark(mark) and sup == TWO:
            one = base if sub is None else replace(x, sup=None)
            return one, one
        case t.Product((("", first), ("", x), ("", second_), ("", y))):
            if derivative.is_mark(first) and derivative.is_mark(second_):
                if isinstance(y, t.Script) and y.sup is not None and is_transpose(y.sup):
                    y = y.base if y.sub is None else replace(y, sup=None)
                return x, y
    return None


def settled(elab: Elaborator, span: Span) -> None:
    """Unknown functions stand for their values and first derivatives alone (``prose``): nothing else follows."""
    if elab.context.manifest.has_unknown:
        raise Problem("SR190", "a second derivative beside unknown functions is not yet understood", span)


def is_second(e: Gradient) -> bool:
    """Whether a derivative is a second one."""
    return any(isinstance(x, Gradient) for x in e.of.walk())
