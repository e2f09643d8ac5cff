"""Floating-point scalars with the operations of ``terms``: numbers, or arrays of them, elementwise.

They carry hints, never verdicts: a search for repairs asks here which of thousands of edits is worth the
exact decision. Functions keep their laws (exp of a sum, tanh against exp), which residues modulo a prime do not.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import reduce
from operator import add as _plus
from operator import mul as _by
from typing import Any

import numpy as np

from symrnn.algebra.terms import Term, parts, postorder
from symrnn.algebra.unknown import value as member

Number = Any  # a float or an array of floats

_FUNCTIONS: dict[str, Callable[[Number], Number]] = {
    "exp": np.exp,
    "ln": np.log,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "sinh": np.sinh,
    "cosh": np.cosh,
    "sin": np.sin,
    "cos": np.cos,
    "softplus": lambda x: np.log1p(np.exp(x)),
    "relu": lambda x: np.maximum(x, 0.0),
    "step": lambda x: np.where(x > 0, 1.0, 0.0),
    "arctan": np.arctan,
}


def rational(value: Fraction | int) -> Number:
    """The number ``value``."""
    return np.float64(value)


def symbol(name: str) -> Number:
    """A formula's own variable: a value fixed by its name."""
    return np.float64(chance(name))


def chance(name: object) -> float:
    """A number between 0.05 and 0.65 that depends on the name alone: small, so that nothing saturates."""
    return 0.05 + 0.6 * zlib.crc32(str(name).encode()) / 2**32


def add(*xs: Number) -> Number:
    """The sum."""
    return reduce(_plus, xs)


def mul(*xs: Number) -> Number:
    """The product."""
    return reduce(_by, xs)


def neg(x: Number) -> Number:
    """The opposite."""
    return -x


def div(x: Number, y: Number) -> Number:
    """The quotient; infinite or nan by zero."""
    return x / y


def power(x: Number, exponent: Fraction | int) -> Number:
    """A rational power; nan for a root of a negative number."""
    return np.power(x, float(exponent)) if exponent != 2 else x * x


def raised(x: Number, exponent: Number) -> Number:
    """Any power."""
    return np.power(x, exponent)


def apply(name: str, x: Number) -> Number:
    """A row of ``functions.TABLE``."""
    return _FUNCTIONS[name](x)


def unknown(name: str, slot: int, arguments: Iterable[Number]) -> Number:
    """A smooth function of which nothing is known: one of a family, by its name (see ``algebra.unknown``)."""
    return member(name, slot, list(arguments), chance, np.sin, np.cos)


class Values:
    """The values of terms at one point: ``at(name)`` for every symbol; remembers what it has computed."""

    def __init__(self, at: Callable[[Any], float]) -> None:
        self._at = at
        self._known: dict[int, Number] = {}

    def __call__(self, term: Term) -> Number:
        """The value of a term, vertices by their definitions; nan where it is undefined."""
        found = self._known.get(term.id)
        if found is None:
            for t in postorder([term], self._unknown):
                self._known[t.id] = self._value(t)
            found = self._known[term.id]
        return found

    def _unknown(self, term: Term) -> tuple[Term, ...]:
        if term.id in self._known or term.op in ("num", "sym"):
            return ()
        return tuple(parts(term))

    def _value(self, t: Term) -> Number:
        known = self._known
        if t.id in known:
            return known[t.id]
        match t.op:
            case "num":
                return rational(t.args[0])
            case "sym":
                return np.float64(self._at(t.args[0]))
            case "add":
                return add(*(known[a.id] for a in t.args))
            case "mul":
                return mul(*(known[a.id] for a in t.args))
            case "pow":
                return power(known[t.args[0].id], t.args[1])
            case "any":
                return unknown(t.args[0], t.args[1], [known[a.id] for a in t.args[2:]])
            case "fn":
                return apply(t.args[0], known[t.args[1].id])
            case _:
                return known[t.args[1].id]
