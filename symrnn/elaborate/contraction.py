r"""Derivatives of three indices in a product, ``\frac{∂L}{∂z} \frac{∂z}{∂W}``: the vector beside it takes one up.

Σ_k ∂L/∂z_k · ∂z_k/∂W has the shape of W, in either layout.
"""

from __future__ import annotations

from symrnn.diagnostic import Problem
from symrnn.elaborate.scope import Scope
from symrnn.expr import SCALAR, Entry, Expr, Gradient, Index, Reduce, Times, show_shape
from symrnn.span import Span

FIRST = Index(None, 1)
_LETTER = "k'"


class Cubic(Problem):
    """The derivative of a vector by a matrix, which has a meaning beside a vector alone."""

    def __init__(self, of: Expr, wrt: Expr, direct: bool, span: Span) -> None:
        shapes = f"a {show_shape(of.shape)} quantity by a {show_shape(wrt.shape)} one"
        super().__init__(
            "SR190", f"the derivative of {shapes} has three or more indices, which is not yet understood", span
        )
        self.of, self.wrt, self.direct = of, wrt, direct


def contracted(scope: Scope, left: Expr | Cubic, right: Expr | Cubic) -> Expr | None:
    """The product of a vector and a derivative of three indices; None where this is none."""
    cubic, vector = (left, right) if isinstance(left, Cubic) else (right, left)
    if not isinstance(cubic, Cubic) or isinstance(vector, Cubic) or 1 not in cubic.of.shape or 1 not in vector.shape:
        return None
    length = max(cubic.of.shape, key=lambda d: d != 1)
    if length == 1 or not scope.same(max(vector.shape, key=lambda d: d != 1), length):
        return None
    k = Index(_LETTER)
    while any(_uses(e, k) for e in (vector, cubic.of, cubic.wrt)):
        k = Index(f"{k.letter}'")
    part = Gradient(cubic.wrt.shape, _entry(cubic.of, k), cubic.wrt, direct=cubic.direct)
    term = Times(cubic.wrt.shape, _entry(vector, k), part)
    high = Index(None, length) if isinstance(length, int) else Index(length)
    assert k.letter is not None
    return Reduce(cubic.wrt.shape, "sum", k.letter, FIRST, high, term)


def _entry(e: Expr, k: Index) -> Expr:
    return Entry(SCALAR, e, k, FIRST) if e.shape[1] == 1 else Entry(SCALAR, e, FIRST, k)


def _uses(e: Expr, k: Index) -> bool:
    return any(isinstance(x, Reduce) and x.letter == k.letter for x in e.walk())
