r"""Derivatives of known functions by their argument, ``\sigma'(z)``, ``\tanh'(u)``, ``g''(x)``: those of SymPy."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

from symrnn.algebra import terms as T
from symrnn.algebra.functions import TABLE
from symrnn.algebra.terms import Term
from symrnn.diagnostic import Problem
from symrnn.elaborate.context import Context
from symrnn.expr import Add, Apply, Expr, Power, Times, number
from symrnn.partials import NoTerm, Partials
from symrnn.span import Span

_X = "argument"


def known(context: Context, key: str) -> tuple[str, int] | None:
    """The function that a letter with primes names, and how often it is derived."""
    bare = key.rstrip("'")
    function = context.function(bare)
    return None if function is None else (function, len(key) - len(bare))


def derived(function: str, order: int, at: Expr, span: Span) -> Expr:
    """The derivative of this order of a function of the table, entry by entry."""
    if function not in TABLE or function == "step":
        raise Problem("SR190", f"the derivative of the function '{function}' is not yet understood", span)
    try:
        return _written(_slope(function, order), at)
    except NoTerm:
        raise Problem("SR190", f"the derivative of the function '{function}' is not yet understood", span) from None


@cache
def _slope(function: str, order: int) -> Term:
    x = T.symbol(_X)
    if order == 0:
        return T.apply(function, x)
    slopes = Partials(_slope(function, order - 1))
    return slopes.by(x) if x in slopes.variables else T.rational(0)


def _written(term: Term, at: Expr) -> Expr:
    """A term in one variable as an expression in ``at``, entry by entry."""
    match term.op:
        case "num":
            return number(term.args[0])
        case "sym":
            return at
        case "add":
            return Add(at.shape, tuple((1, _written(a, at)) for a in term.args))
        case "mul":
            out: Expr = number(1)
            for a in term.args:
                part = _written(a, at)
                shape = at.shape if at.shape in (part.shape, out.shape) else part.shape
                out = part if out == number(1) else Times(shape, out, part)
            return out
        case "pow":
            return Power(at.shape, _written(term.args[0], at), number(Fraction(term.args[1])))
        case _:
            return Apply(at.shape, term.args[0], _written(term.args[1], at))
