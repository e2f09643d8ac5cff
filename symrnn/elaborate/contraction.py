r"""The chain rule as it is printed: products of derivatives, each by what the next one is of.

``\frac{∂L}{∂z} \frac{∂z}{∂W}``: Σ_k ∂L/∂z_k · ∂z_k/∂W has the shape of W, in either layout. In numerator layout
``\frac{∂L}{∂y} \frac{∂y}{∂x}``, Σ_k ∂L/∂y_k · ∂y_k/∂x, is ∂L/∂x, of whatever shape a gradient has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symrnn.diagnostic import Problem
from symrnn.elaborate.scope import Scope
from symrnn.expr import (
    SCALAR,
    Entry,
    Expr,
    Gradient,
    Index,
    MatMul,
    Reduce,
    Ref,
    Symbol,
    Times,
    show_shape,
    transpose,
)
from symrnn.latex import tree as t
from symrnn.span import Span

if TYPE_CHECKING:
    from symrnn.elaborate.expression import Elaborator

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


class Inside(Problem):
    """A derivative of three indices as a part of what has no place for it."""

    def __init__(self, cubic: Cubic) -> None:
        d = cubic.diagnostic
        super().__init__(d.code, d.message, d.span)
        self.cubic = cubic


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


class Chains:
    """Products of derivatives that are the derivative of a number by a column, with what that is by."""

    def __init__(self) -> None:
        self.ends: dict[int, tuple[Expr, Expr]] = {}  # by identity; the expression is kept, so that it stays its own

    def end(self, e: Expr) -> Expr | None:
        """The column by which a product derives a number, a factor in front left out; None where it is no such."""
        if isinstance(e, Times) and (e.left.scalar or e.right.scalar):
            return self.end(e.right if e.left.scalar else e.left)
        if isinstance(e, Gradient) and e.of.scalar and e.shape[1] == 1 and not e.scalar:
            return e.wrt
        return self.ends[id(e)][1] if id(e) in self.ends else None

    def joined(self, left: Expr, right: Expr) -> Expr | None:
        """``∂L/∂y ∂y/∂x``, or a product over steps of such ∂y/∂x; None where the two do not meet."""
        end = self.end(left)
        jacobian = right.body if isinstance(right, Reduce) and right.op == "product" else right
        if end is None or not isinstance(jacobian, Gradient) or jacobian.denominator or 1 in (*right.shape,):
            return None
        meets = jacobian.of == end if jacobian is right else _symbol(jacobian.of) is _symbol(end) is not None
        if not meets or left.shape[0] != right.shape[0]:
            return None
        value = MatMul((right.shape[1], 1), transpose(right), left)
        self.ends[id(value)] = value, jacobian.wrt
        return value

    def composed(self, scope: Scope, left: Expr | Cubic, right: Expr | Cubic) -> Expr | None:
        """The chain rule in any layout; None where the second is not of what the first is by."""
        end = self.end(left) if isinstance(left, Expr) else None
        if end is None or isinstance(left, Cubic):
            return None
        if isinstance(right, Cubic):
            return contracted(scope, left, right) if right.of == end else None
        if not isinstance(right, Gradient) or right.of != end or 1 in right.shape:
            return None
        matrix = right if right.denominator else transpose(right)
        value = MatMul((matrix.shape[0], 1), matrix, left)
        self.ends[id(value)] = value, right.wrt
        return value


def composed(elab: Elaborator, items: tuple[t.Tree, ...], span: Span) -> Expr:
    r"""``\mathrm{prod}(\frac{∂L}{∂y}, \frac{∂y}{∂x})``: the chain rule, whatever has to be transposed for it."""
    result, *more = [elab.factor(item) for item in items]
    for value in more:
        found = elab.chains.composed(elab.scope, result, value)
        if found is None:
            raise Problem("SR190", "'prod' is understood of derivatives, each by what the next is of", span)
        result = found
    if isinstance(result, Cubic):
        raise Inside(result)
    return result


def _symbol(e: Expr) -> Symbol | None:
    return e.symbol if isinstance(e, Ref) else None


def _entry(e: Expr, k: Index) -> Expr:
    return Entry(SCALAR, e, k, FIRST) if e.shape[1] == 1 else Entry(SCALAR, e, FIRST, k)


def _uses(e: Expr, k: Index) -> bool:
    return any(isinstance(x, Reduce) and x.letter == k.letter for x in e.walk())
