"""Python names for the quantities of a plan."""

from __future__ import annotations

import keyword
import re
from typing import Any

from symrnn.expr import Symbol
from symrnn.train.lower import Slope
from symrnn.train.plan import Plan

RESERVED = frozenset(
    [
        "np",
        "add",
        "divide",
        "empty",
        "exp",
        "log",
        "multiply",
        "ones",
        "subtract",
        "tanh",
        "zeros",
        "T",
        "B",
        "dtype",
        "plan",
        "run",
        "math",
        "jax",
        "jnp",
        "torch",
        "lax",
        "nn",
        "range",
        "zip",
        "list",
        "reversed",
        "params",
        "xs",
        "ys",
        "state",
        "states",
        "self",
        "loss",
    ]
)


def plain(symbol: Symbol) -> str:
    """The name of a quantity as users say it: ``W``, ``hat_y``, ``W_xh``."""
    return re.sub(r"[\W_]+", "_", symbol.name.removesuffix("(t)")).strip("_") or "q"


class Names:
    """One name for each key of a plan; a parameter's or input's is its plain one."""

    def __init__(self, plan: Plan, reserved: frozenset[str] = frozenset()) -> None:
        program = plan.program
        self._names: dict[Any, str] = {}
        self._taken: set[str] = set(RESERVED | reserved)
        for symbol in (*program.parameters, *program.inputs, *program.targets):
            self._give(symbol, plain(symbol))
        for key in plan.quantities:
            if isinstance(key, Slope):
                self._give(key, f"g_{plain(key.wrt)}")
            else:
                self._give(key, plain(key) if isinstance(key, Symbol) else str(key))

    def _give(self, key: Any, name: str) -> None:
        if name[0].isdigit() or keyword.iskeyword(name):
            name = f"q_{name}"
        while name in self._taken or re.fullmatch(r"[wvsikmp]\d+|out\d+", name):
            name += "_"
        self._taken.add(name)
        self._names[key] = name

    def __getitem__(self, key: Any) -> str:
        return self._names[key]

    def size(self, name: str) -> str:
        """The name of a size's number."""
        return "n_" + re.sub(r"\W+", "_", name)
