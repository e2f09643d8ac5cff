"""Gradients as SymPy matrices at the declared sizes, every node opened down to inputs and parameters."""

from __future__ import annotations

from typing import Any

from symrnn.algebra import terms as T
from symrnn.checker import Checker
from symrnn.evaluate import Leaf
from symrnn.expr import Symbol
from symrnn.partials import to_sympy


def opened(checker: Checker, loss: Symbol, symbol: Symbol, steps: int) -> Any:
    """∂loss/∂symbol over ``steps`` steps; of a quantity with a step, at the last. Raises ValueError below one step."""
    import sympy

    if steps < 1:
        raise ValueError("a sequence has at least one step")
    network = checker.network(steps, ())
    rows, cols = (checker.model.size(d) for d in symbol.shape)
    time = steps if symbol.timed else None
    of = network.leaf(Leaf(loss, 1, 1, None))
    made: dict[int, Any] = {}

    def value(i: int, j: int) -> Any:
        wrt = Leaf(symbol, i + 1, j + 1, time)
        return _plain(network.derivative(of, wrt, None), made)

    return sympy.Matrix(rows, cols, lambda i, j: value(int(i), int(j)))


def _plain(term: T.Term, made: dict[int, Any]) -> Any:
    """The SymPy expression of a term with all its vertices opened."""
    for t in T.postorder([term], lambda x: (x.args[1],) if x.op == "let" else T.parts(x)):
        if t.op == "let" and t.id not in made:
            made[t.id] = made[t.args[1].id]
        elif t.id not in made:
            to_sympy(t, made, {})
    return made[term.id]
