"""Documents for the tests of training, compiled once, and points to evaluate them at."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import symrnn
from symrnn.algebra.ball import Point
from symrnn.evaluate import Evaluator, Leaf
from symrnn.expr import Entry, Gradient, Ref
from symrnn.train.backends.names import plain
from symrnn.train.net import Net

ROOT = Path(__file__).resolve().parent.parent.parent
DERIVATIONS = ROOT / "derivations"
# What is mended in the note, so that its gradients are proved: a missing ∂, a missing L, V in place of v, and the
# copy of W at its step in the sum by components.
MENDED = (
    (r"L^{(t)}} \frac{L^{(t)}}", r"L^{(t)}} \frac{\partial L^{(t)}}"),
    (r"\nabla_{\mathbf{b}} = ", r"\nabla_{\mathbf{b}} L = "),
    (r"\nabla_{\mathbf{v}}", r"\nabla_{\mathbf{V}}"),
    (r"\nabla_{\mathbf{W}} h_i", r"\nabla_{\mathbf{W}^{(t)}} h_i"),
)  # fmt: skip
UNTIMED = {"inputs": ("x",), "targets": ("y",)}
OPTIONS: dict[str, dict[str, Any]] = {"bptt": {}, "elman": {}, "mlp": UNTIMED, "softmax-regression": UNTIMED}


def mended() -> str:
    """The note with what it needs to run."""
    text = (DERIVATIONS / "bptt" / "note.md").read_text(encoding="utf-8")
    for wrong, right in MENDED:
        assert wrong in text
        text = text.replace(wrong, right)
    return text


@cache
def report(name: str) -> symrnn.Report:
    """The report of a document; of the note, mended."""
    if name == "bptt":
        return symrnn.check(mended(), DERIVATIONS / "bptt" / "note.toml")
    return symrnn.check(DERIVATIONS / name / "note.md")


@cache
def net(name: str, backend: str = "numpy", dtype: str = "float64", sizes: tuple[tuple[str, int], ...] = ()) -> Net:
    """A compiled document."""
    return report(name).compile(backend, dtype, sizes=dict(sizes), **OPTIONS[name])


def point(
    n: Net, steps: int, batch: int, seed: int, scale: float = 0.5
) -> tuple[dict[str, Any], Any, Any, dict[str, Any]]:
    """Random parameters, inputs, classes and states."""
    rng = np.random.default_rng(seed)
    params = {k: scale * rng.standard_normal(s) for k, s in n.parameters.items()}
    lead = (steps, batch) if n.program.timed else (batch,)
    (inputs,), (targets,) = (n._shape(n._inputs[0]), n._shape(n._targets[0]))
    states = {k: scale * rng.standard_normal((s[0], batch, *s[1:])) for k, s in n.states.items()}
    return params, rng.standard_normal((*lead, inputs)), rng.integers(0, targets, lead), states


class Exact:
    """A document at a rational point, in balls of 160 bits: its loss, and both sides of its gradient equations."""

    def __init__(self, name: str, n: Net, steps: int, seed: int) -> None:
        self.name, self.net, self.steps = name, n, steps
        self.checker = report(name).checker
        self.point = Point(seed)
        premises = tuple(p.name for p in n.program.premises)
        self.network = self.checker.network(steps, premises)

    def _array(self, symbol: Any, times: list[int | None]) -> Any:
        shape = [self.network.model.size(d) for d in symbol.shape]
        cells = [
            [[self.point.value(self.network.leaf(Leaf(symbol, i, j, t))) for j in range(1, shape[1] + 1)]
             for i in range(1, shape[0] + 1)] for t in times
        ]  # fmt: skip
        whole = np.array([[[float(c.mid()) for c in row] for row in step] for step in cells])
        keep = [k for k, d in enumerate(symbol.shape) if d != 1]
        return whole.reshape([len(times), *(shape[k] for k in keep)])

    def given(self) -> tuple[dict[str, Any], Any, Any, dict[str, Any]]:
        """Parameters, input, target and states at the point, for one sequence."""
        program = self.net.program
        first = self.network.model.first
        times: list[int | None] = [*range(first, first + self.steps)] if program.timed else [None]
        params = {plain(s): self._array(s, [None])[0] for s in program.parameters}
        x, y = (self._array(s[0], times) for s in (program.inputs, program.targets))
        states = {
            plain(s): self._array(s, [first - k for k in range(lag, 0, -1)])[:, None]
            for s, lag in program.states.items()
        }
        return params, x[:, None] if program.timed else x, y[:, None] if program.timed else y, states

    def loss(self) -> float:
        """The printed definition of the loss."""
        return float(self.point.value(self.network.leaf(Leaf(self.net.program.loss, 1, 1, None))).mid())

    def gradients(self) -> dict[str, Any]:
        """The right sides of the proved equations that the network runs, as the document prints them."""
        out = {}
        for symbol, slope in self.net.program.gradients.items():
            (rule,) = self.net.program.quantities[slope].rules
            shape = self.net.parameters[plain(symbol)]
            typed, letters = self._typed(rule.number, symbol)
            if not letters:
                rows = self._value(typed.rhs, {}).rows
                values = [self.point.value(x) for row in rows for x in row]
            else:
                places = np.ndindex(*shape)
                entries = [self._value(typed.rhs, dict(zip(letters, (i + 1 for i in p), strict=True))) for p in places]
                values = [self.point.value(e.rows[0][0]) for e in entries]
            out[plain(symbol)] = np.array([float(v.mid()) for v in values]).reshape(shape)
        return out

    def _value(self, side: Any, letters: dict[str, int]) -> Any:
        return Evaluator(self.network, {**self.network.values, **letters})(side)

    def _typed(self, number: str, symbol: Any) -> tuple[Any, list[str]]:
        """The claim of an equation about the gradient by a symbol, and the letters of its entries if it has them."""
        equation = next(e for e in self.checker.paper.equations if e.number == number)
        for claim in equation.claims:
            typed = self.checker.judged[id(claim.rhs)].typed
            lhs = typed.lhs if typed else None
            if isinstance(lhs, Gradient):
                ref = lhs.wrt.body if isinstance(lhs.wrt, Entry) else lhs.wrt
                if isinstance(ref, Ref) and ref.symbol is symbol:
                    return typed, [str(i.letter) for i in (lhs.wrt.row, lhs.wrt.col)] if ref is not lhs.wrt else []
        raise AssertionError(f"({number}) says nothing of {symbol.name}")
