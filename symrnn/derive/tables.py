"""Products of matrices with every entry printed, and below each matrix what it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from symrnn.expr import Add, Constant, Dim, Expr, Index, MatMul, Table, Times, Transpose
from symrnn.general.form import Abstain

MOST_ROWS = 6
ONE = Index(None, 1)

Component = Callable[[Expr, Index, Index], Expr]


@dataclass(frozen=True)
class Braced(Expr):
    """``body`` with a brace below it, and below that what it is equal to."""

    body: Expr
    label: Expr


def explicit(e: Expr, component: Component, number: Callable[[Dim], int]) -> Expr:
    """A product with each factor as its table of components, braced. Abstain where that says nothing or is too wide."""
    made = _tables(e, component, number)
    if isinstance(made, Braced):
        if 1 not in made.shape:
            raise Abstain("one matrix alone")
        return made.body
    return made


def table(e: Expr, component: Component, number: Callable[[Dim], int]) -> Table:
    """A value by its components."""
    rows, cols = (number(d) for d in e.shape)
    if max(rows, cols) > MOST_ROWS or e.scalar:
        raise Abstain("too many components to print")
    at = [Index(None, k) for k in range(1, max(rows, cols) + 1)]
    return Table(e.shape, tuple(tuple(component(e, i, j) for j in at[:cols]) for i in at[:rows]))


def _tables(e: Expr, component: Component, number: Callable[[Dim], int]) -> Expr:
    if isinstance(e, MatMul):
        return MatMul(e.shape, *(_tables(x, component, number) for x in (e.left, e.right)))
    if isinstance(e, Times):
        if e.left.scalar or e.right.scalar:
            raise Abstain("a number before a matrix")
        return Times(e.shape, *(_tables(x, component, number) for x in (e.left, e.right)))
    if isinstance(e, Add) and any(isinstance(x, (MatMul, Constant)) for x in e.walk()):
        raise Abstain("a sum of products")
    if isinstance(e.body if isinstance(e, Transpose) else e, Constant):
        raise Abstain("a vector of ones")
    return Braced(e.shape, table(e, component, number), e)


__all__ = ["Braced", "Component", "explicit", "table"]
