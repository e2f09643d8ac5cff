"""Optimisers: SGD, momentum, Adam; clipping. Their state is arrays by name, for checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symrnn.diagnostic import UsageError

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = dict[str, Array]
NAMES = ("sgd", "momentum", "adam", "lbfgs")


def clip(grads: Arrays, limit: float | None) -> float:
    """Scale the gradients so that their common Euclidean norm is at most ``limit``; the norm before."""
    norm = float(np.sqrt(sum(float(np.vdot(g, g)) for g in grads.values())))
    if limit is not None and norm > limit:
        for g in grads.values():
            g *= limit / norm
    return norm


@dataclass
class Optimiser:
    """``θ ← θ − rate · direction(gradient)``, in place.

    sgd: the gradient; momentum: v ← 0.9 v + g; adam: m̂ / (√v̂ + 1e-8) with β = (0.9, 0.999).
    """

    name: str
    rate: float
    state: Arrays = field(default_factory=dict)
    steps: int = 0

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise UsageError(f"no optimiser '{self.name}'; there are {', '.join(NAMES)}")
        if not self.rate > 0:
            raise UsageError(f"the learning rate {self.rate} is not positive")

    def step(self, params: Arrays, grads: Arrays) -> None:
        """One step."""
        self.steps += 1
        for name, g in grads.items():
            params[name] -= self.rate * self._direction(name, g)

    def _direction(self, name: str, g: Array) -> Array:
        if self.name == "sgd":
            return g
        if self.name == "lbfgs":
            raise UsageError("L-BFGS takes no single steps: see loop.lbfgs")
        m = self.state.setdefault(f"{name}.m", np.zeros_like(g))
        if self.name == "momentum":
            m *= 0.9
            m += g
            return m
        v = self.state.setdefault(f"{name}.v", np.zeros_like(g))
        m += 0.1 * (g - m)
        v += 0.001 * (g * g - v)
        top: Array = m / (1 - 0.9**self.steps)
        return top / (np.sqrt(v / (1 - 0.999**self.steps)) + 1e-8)
