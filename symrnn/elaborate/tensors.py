r"""Equations between derivatives of three indices, ``\frac{∂h_t}{∂W} = \frac{∂h_t}{∂h_{t-1}} \frac{∂h_{t-1}}{∂W} + …``.

Both sides are summed with one arbitrary vector v, Σ_k v_k ∂h_k/∂W: they are equal if and only if these matrices are,
whatever v is. A Jacobian before a derivative (after it, in denominator layout) goes to the vector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symrnn.diagnostic import Problem
from symrnn.elaborate import derivative, sums
from symrnn.elaborate.contraction import Cubic, contracted
from symrnn.expr import Add, Dim, Expr, MatMul, Ref, Symbol, Times, transpose
from symrnn.latex import tree as t

if TYPE_CHECKING:
    from symrnn.elaborate.context import Context
    from symrnn.elaborate.expression import Elaborator


def test_vector(context: Context, cubic: Cubic) -> Expr:
    """An arbitrary vector with a component for each of what a derivative is of."""
    dim: Dim = max(cubic.of.shape, key=lambda d: d != 1)
    symbol = context.tests.setdefault(dim, Symbol(f"any {dim}", "", "", (dim, 1)))
    return Ref(symbol.shape, symbol)


def weighed(elab: Elaborator, tree: t.Tree, v: Expr) -> Expr:
    """Σ_k v_k T_k of a sum of derivatives of three indices. Raises Problem where it is something else."""
    match tree:
        case t.Additive(terms) if all(sign in ("", "+", "-") for sign, _ in terms):
            parts = tuple((-1 if sign == "-" else 1, weighed(elab, term, v)) for sign, term in terms)
            if any(not elab.same(p.shape, parts[0][1].shape) for _, p in parts):
                raise _mixed(tree)
            return Add(parts[0][1].shape, parts)
        case t.Fence("(" | "[", body, _) if not isinstance(body, t.Listing):
            return weighed(elab, body, v)
        case t.Stand(_, body, _) | t.Brace(_, body, _):
            return weighed(elab, body, v)
        case t.Big("\\sum"):
            return sums.big(elab, tree, lambda body: weighed(elab, body, v))
        case t.Product():
            return _product(elab, tree, v)
    found = elab.factor(tree)
    if not isinstance(found, Cubic):
        raise _mixed(tree)
    return _alone(elab, found, v, tree)


def _product(elab: Elaborator, tree: t.Product, v: Expr) -> Expr:
    """Numbers and Jacobians beside a derivative of three indices."""
    factors = derivative.grouped(elab, tree)
    if any(op not in ("", "\\cdot") for op, _ in factors[1:]):
        raise _mixed(tree)
    last = 0 if elab.context.denominator else len(factors) - 1
    _, core = factors[last]
    others = [elab.expr(x) if isinstance(x, t.Tree) else x for k, (_, x) in enumerate(factors) if k != last]
    scale: list[Expr] = []
    for other in reversed(others) if elab.context.denominator else others:
        if isinstance(other, Cubic):
            raise _mixed(tree)
        if other.scalar:
            scale.append(other)
            continue
        matrix = other if elab.context.denominator else transpose(other)
        if not elab.scope.same(matrix.shape[1], v.shape[0]):
            raise _mixed(tree)
        v = MatMul((matrix.shape[0], 1), matrix, v)
    if isinstance(core, Expr):
        raise _mixed(tree)
    value = _alone(elab, core, v, tree) if isinstance(core, Cubic) else weighed(elab, core, v)
    for number in scale:
        value = Times(value.shape, number, value)
    return value


def _alone(elab: Elaborator, cubic: Cubic, v: Expr, tree: t.Tree) -> Expr:
    found = contracted(elab.scope, v, cubic)
    if found is None:
        raise _mixed(tree)
    return found


def _mixed(tree: t.Tree) -> Problem:
    return Problem("SR190", "a derivative of three indices beside what has fewer is not yet understood", tree.span)
