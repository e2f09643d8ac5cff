"""The functions of one argument: one row each, with what the deciders may use of them.

A new activation is a row here and, if it has a new name in LaTeX, a row in ``latex.notation.WORDS``.
Its derivative comes from SymPy's function of the name in ``sympy``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symrnn.algebra.terms import Term, add, apply, div, mul, power, rational, sub


@dataclass(frozen=True, slots=True)
class Function:
    """``parity``: f(−x) = parity·f(x), or 0; ``ball``: its enclosure; ``rewrite``: the same in exp, ln and powers."""

    ball: Callable[[Any], Any]
    parity: int = 0
    rewrite: Callable[[Term], Term] | None = None


def _exp(x: Term, k: int) -> Term:
    return apply("exp", mul(rational(k), x))


def _sigmoid(x: Term) -> Term:
    return power(add(rational(1), _exp(x, -1)), -1)


def _tanh(x: Term) -> Term:
    return sub(rational(1), div(rational(2), add(_exp(x, 2), rational(1))))


def _cosh(x: Term) -> Term:
    return mul(rational(Fraction(1, 2)), add(_exp(x, 1), _exp(x, -1)))


def _sinh(x: Term) -> Term:
    return mul(rational(Fraction(1, 2)), sub(_exp(x, 1), _exp(x, -1)))


def _softplus(x: Term) -> Term:
    return apply("ln", add(rational(1), _exp(x, 1)))


def _relu_ball(x: Any) -> Any:
    return (x + abs(x)) / 2


def _step_ball(x: Any) -> Any:
    """1 right of zero, 0 left of it; no enclosure across the jump."""
    return x / x if x > 0 else (x - x if x < 0 else (x - x) / (x - x))


TABLE: dict[str, Function] = {
    "exp": Function(lambda x: x.exp()),
    "ln": Function(lambda x: x.log()),
    "tanh": Function(lambda x: x.tanh(), -1, _tanh),
    "sigmoid": Function(lambda x: 1 / (1 + (-x).exp()), 0, _sigmoid),
    "sinh": Function(lambda x: x.sinh(), -1, _sinh),
    "cosh": Function(lambda x: x.cosh(), 1, _cosh),
    "sin": Function(lambda x: x.sin(), -1),
    "cos": Function(lambda x: x.cos(), 1),
    "softplus": Function(lambda x: (1 + x.exp()).log(), 0, _softplus),
    "relu": Function(_relu_ball),
    "step": Function(_step_ball),
    "arctan": Function(lambda x: x.atan(), -1),
}
