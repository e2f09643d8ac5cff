r"""Smooth functions of which nothing is known: terms ``f(a_1, …, a_n)`` and their derivatives ``f_k(a_1, …, a_n)``.

Equal arguments give equal values, and nothing else is used in a proof: it holds for every smooth function. Where points
are looked at, a function is one of a family, ``c_0 + Σ c_k sin a_k + (Σ d_k sin a_k)²``, whose coefficients are drawn
like the values of symbols and are named in the witness: what differs there is false of that function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from symrnn.algebra.terms import Term, unknown


def coefficients(t: Term) -> list[str]:
    """The names of the coefficients that a value of an unknown function rests on."""
    name, slot, *arguments = t.args
    numbers = range(1, len(arguments) + 1)
    if slot >= 0:
        return [f"{name}.c{slot + 1}", *(f"{name}.d{k}" for k in numbers)]
    return [f"{name}.c0", *(f"{name}.{x}{k}" for x in "cd" for k in numbers)]


def value(name: str, slot: int, arguments: Sequence[Any], at: Callable[[str], Any], sin: Any, cos: Any) -> Any:
    """The member of the family with the coefficients ``at``, or its derivative by the argument ``slot``."""
    waves = [sin(a) for a in arguments]
    inner = sum((at(f"{name}.d{k}") * s for k, s in enumerate(waves, 1)), start=0 * at(f"{name}.d1"))
    if slot >= 0:
        own = at(f"{name}.d{slot + 1}")
        return cos(arguments[slot]) * (at(f"{name}.c{slot + 1}") + 2 * own * inner)
    return sum((at(f"{name}.c{k}") * s for k, s in enumerate(waves, 1)), start=at(f"{name}.c0")) + inner * inner


def slopes(t: Term) -> list[tuple[Term, Term]]:
    """The arguments of an unknown function, each with the derivative by it. Of a derivative, there are none."""
    name, slot, *arguments = t.args
    if slot >= 0:
        raise ValueError("a second derivative of an unknown function")
    return [(unknown(name, k, arguments), a) for k, a in enumerate(arguments)]
