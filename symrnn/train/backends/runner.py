"""Calls of compiled loops: arrays of the shapes of a plan in, results out; bound once or given anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class Runner:
    """Called like the functions of the other backends; ``bound`` gives a call that costs next to nothing."""

    def __init__(
        self, loops: Any, steps: int, batch: int, dtype: Any, bind: Callable[[list[Any]], Callable[..., None]]
    ) -> None:
        program = loops.program
        self.bind = bind
        self.dtype = dtype
        self.count = len(program.parameters) + len(program.inputs) + len(program.targets) + len(program.states)
        self.shapes: list[tuple[int, ...]] = []
        for key in loops.plan.outputs:
            q = loops.plan.quantities[key]
            own = tuple(loops.length(i) for i in q.index)
            lead = (steps, batch) if q.timed else () if loops.plan.summed(key) else (batch,)
            self.shapes.append((*lead, *own))
        for symbol, lag in program.states.items():
            self.shapes.append((lag, batch, *(loops.lengths[s.name] for s in loops.sizes.shape(symbol))))

    def results(self) -> list[Any]:
        """New arrays for the results."""
        return [np.empty(s, self.dtype) for s in self.shapes]

    def stepper(self, parameters: list[Any], given: list[Any]) -> Callable[[float], float]:
        """One gradient step in place and the loss before it, with everything bound."""
        out = self.results()
        call = self.bind([*parameters, *given, *out])
        loss = out[0]

        def step(rate: float) -> float:
            call(rate)
            return float(loss)

        return step

    def __call__(self, *given: Any) -> tuple[Any, ...]:
        arrays = [np.zeros(1, self.dtype) if a is None else np.ascontiguousarray(a, self.dtype) for a in given]
        out = self.results()
        self.bind([*arrays, *out])()
        return tuple(out)
