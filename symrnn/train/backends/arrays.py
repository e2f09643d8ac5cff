"""What the array code is made of: named arrays with their axes, functions, literals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symrnn.train.index import Get, Node, Num, split

STEP, BATCH = "t", "b"
HEAD = "import numpy as np\n\nfrom numpy import add, divide, empty, exp, log, multiply, ones, subtract, tanh, zeros\n"
UNARY = {
    "exp": "exp({0}, {1})",
    "ln": "log({0}, {1})",
    "tanh": "tanh({0}, {1})",
    "sinh": "np.sinh({0}, {1})",
    "cosh": "np.cosh({0}, {1})",
    "sin": "np.sin({0}, {1})",
    "cos": "np.cos({0}, {1})",
    "arctan": "np.arctan({0}, {1})",
    "relu": "np.maximum({0}, 0, out={1})",
    "step": "np.heaviside({0}, 0, {1})",
    "softplus": "np.logaddexp(0, {0}, {1})",
}


@dataclass(frozen=True)
class Val:
    """An array of the generated code and its axes. ``still``: known before the run; ``own``: may be overwritten."""

    code: str
    axes: tuple[str, ...]
    still: bool = False
    own: bool = False


def matrix(a: Val, b: Val, axes: frozenset[str]) -> bool:
    """Whether the two are one matrix product: all that they share is summed over, and by nothing else."""
    both = set(a.axes) & set(b.axes)
    return both == axes & (set(a.axes) | set(b.axes)) and bool(both)


def plain_term(a: Node) -> bool:
    """Whether a term is there already, so that nothing is computed into the result by it."""
    return isinstance(split(a)[1], (Get, Num))


def em_end(shift: int) -> str:
    """``T + shift`` as code."""
    return f"T {'+' if shift > 0 else '-'} {abs(shift)}" if shift else "T"


def literal(value: Any) -> str:
    """A rational as Python writes it, rounded once."""
    return repr(float(value)) if value.denominator == 1 else f"({value.numerator} / {value.denominator})"
