"""The networks whose derivations ``symrnn derive`` wrote: they train through the same door as the note's.

Each is written a second time here, its forward pass alone, for the frameworks to differentiate.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from symrnn.cli import main
from symrnn.library import draft
from symrnn.train import data, loop
from symrnn.train.net import Net, one_hot
from tests.train.nets import DERIVATIONS, point

BACKENDS = [
    "numpy",
    *(["c"] if shutil.which("cc") else []),
    *([pytest.param("numba", marks=pytest.mark.slow)] if find_spec("numba") else []),
]
SIGMOID, TANH, RELU = "sigmoid", "tanh", "relu"


def entropy(f: Any, logits: Any, y: Any) -> Any:
    return -(y * f.log_softmax(logits)).sum()


def squares(f: Any, out: Any, y: Any) -> Any:
    return ((out - y) ** 2).sum() / 2


def rnn(kind: str) -> Callable[..., Any]:
    def loss(f: Any, p: Any, x: Any, y: Any) -> Any:
        h, total = 0 * (x[0] @ p["U"].T), 0.0
        for t in range(len(x)):
            h = getattr(f, kind)(h @ p["W"].T + x[t] @ p["U"].T + p["b"])
            total = total + entropy(f, h @ p["V"].T + p["c"], y[t])
        return total

    return loss


def two_layers(f: Any, p: Any, x: Any, y: Any) -> Any:
    h, g, total = 0 * (x[0] @ p["U"].T), 0 * (x[0] @ p["U"].T) @ p["R"].T, 0.0
    for t in range(len(x)):
        h = f.tanh(h @ p["W"].T + x[t] @ p["U"].T + p["b"])
        g = f.tanh(g @ p["Q"].T + h @ p["R"].T + p["e"])
        total = total + entropy(f, g @ p["V"].T + p["c"], y[t])
    return total


def gru(f: Any, p: Any, x: Any, y: Any) -> Any:
    h, total = 0 * (x[0] @ p["W_z"].T), 0.0
    for t in range(len(x)):
        z, r = (f.sigmoid(x[t] @ p[f"W_{k}"].T + h @ p[f"U_{k}"].T + p[f"b_{k}"]) for k in "zr")
        s = f.tanh(x[t] @ p["W_s"].T + (r * h) @ p["U_s"].T + p["b_s"])
        h = (1 - z) * h + z * s
        total = total + squares(f, h @ p["V"].T + p["c"], y[t])
    return total


def lstm(peephole: bool) -> Callable[..., Any]:
    def loss(f: Any, p: Any, x: Any, y: Any) -> Any:
        h, c, total = 0 * (x[0] @ p["W_f"].T), 0 * (x[0] @ p["W_f"].T), 0.0
        for t in range(len(x)):
            held = {k: x[t] @ p[f"W_{k}"].T + h @ p[f"U_{k}"].T + p[f"b_{k}"] for k in "figo"}
            gates = [held[k] + p[f"p_{k}"] * c if peephole else held[k] for k in "fi"]
            c = f.sigmoid(gates[0]) * c + f.sigmoid(gates[1]) * f.tanh(held["g"])
            h = f.sigmoid(held["o"] + p["p_o"] * c if peephole else held["o"]) * f.tanh(c)
            total = total + squares(f, h @ p["V"].T + p["b_y"], y[t])
        return total

    return loss


def attention(f: Any, p: Any, x: Any, y: Any) -> Any:
    scores = p["beta"] * ((x @ p["W_Q"]) @ (x @ p["W_K"]).swapaxes(-1, -2))
    return squares(f, f.exp(f.log_softmax(scores)) @ (x @ p["W_V"]), y)


CELLS: dict[str, Callable[..., Any]] = {
    "softmax-regression": lambda f, p, x, y: entropy(f, x @ p["W"].T + p["b"], y),
    "mlp": lambda f, p, x, y: squares(
        f, f.sigmoid(f.sigmoid(x @ p["W_1"].T + p["b_1"]) @ p["W_2"].T + p["b_2"]), y
    ),
    "rnn-tanh": rnn(TANH), "rnn-relu": rnn(RELU), "rnn-sigmoid": rnn(SIGMOID), "rnn-two-layers": two_layers,
    "gru": gru, "lstm": lstm(False), "lstm-peephole": lstm(True), "attention": attention,
}  # fmt: skip
QUICK = ["gru", "rnn-relu"]
ALL = [pytest.param(k, marks=() if k in QUICK else pytest.mark.slow) for k in CELLS]


@cache
def cell(name: str) -> Net:
    """The network of a generated derivation; its inputs and targets are what the manifest and the steps say."""
    return draft(DERIVATIONS / name / "derivation.md").compile()


def at(name: str, backend: str = "numpy") -> Net:
    """The network at other sizes than those of the proofs."""
    n = cell(name)
    return n.other({k: 3 + 2 * j for j, k in enumerate(n.sizes)}, backend=backend)


def given(n: Net, steps: int) -> tuple[dict[str, Any], Any, Any]:
    """Parameters, inputs and targets, for a batch of three."""
    if n._inputs[0].axes[1:]:
        rng = np.random.default_rng(steps)
        shapes = ((3, *n._shape(r)) for r in (*n._inputs, *n._targets))
        x, y = (rng.standard_normal(s) for s in shapes)
        return {k: rng.standard_normal(s) for k, s in n.parameters.items()}, x, y
    params, x, classes, _ = point(n, steps, 3, seed=steps)
    return params, x, one_hot(classes, n._shape(n._targets[0])[0], "y", float)


def near(a: Any, b: Any, tolerance: float) -> bool:
    return bool(np.max(np.abs(np.asarray(a) - b)) <= tolerance * max(1.0, np.max(np.abs(b))))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ALL)
def test_differences(name: str, backend: str) -> None:
    n = at(name, backend)
    rng = np.random.default_rng(5)
    for steps in (1, 6):
        params, x, y = given(n, steps)
        _, grads = n.value_and_grad(params, x, y)
        assert set(grads) == set(n.parameters)
        for key, g in grads.items():
            d = rng.standard_normal(g.shape)
            d /= np.linalg.norm(d)
            values = [n.value({**params, key: params[key] + s * 1e-5 * d}, x, y) for s in (1, -1)]
            assert near((values[0] - values[1]) / 2e-5, np.vdot(g, d), 1e-7), key


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
@pytest.mark.parametrize("name", ALL)
def test_torch_autograd(name: str) -> None:
    import torch

    f = SimpleNamespace(
        sigmoid=torch.sigmoid, tanh=torch.tanh, relu=torch.relu, exp=torch.exp, log_softmax=lambda z: z.log_softmax(-1)
    )
    n = at(name)
    params, x, y = given(n, 7)
    p = {k: torch.tensor(v, dtype=torch.float64, requires_grad=True) for k, v in params.items()}
    loss = CELLS[name](f, p, torch.tensor(x), torch.tensor(y))
    loss.backward()
    mine, grads = n.value_and_grad(params, x, y)
    assert near(mine, loss.item(), 1e-12)
    assert all(near(grads[k], p[k].grad.numpy(), 1e-10) for k in p)


@pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed")
@pytest.mark.parametrize("name", ALL)
def test_jax_autograd(name: str) -> None:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    f = SimpleNamespace(
        sigmoid=jax.nn.sigmoid, tanh=jnp.tanh, relu=jax.nn.relu, exp=jnp.exp, log_softmax=jax.nn.log_softmax
    )
    n = at(name)
    params, x, y = given(n, 5)
    x, y = jnp.asarray(x), jnp.asarray(y)
    value, slopes = jax.value_and_grad(lambda p: CELLS[name](f, p, x, y))(
        {k: jnp.asarray(v) for k, v in params.items()}
    )
    mine, grads = n.value_and_grad(params, np.asarray(x), np.asarray(y))
    assert near(mine, float(value), 1e-12)
    assert all(near(grads[k], np.asarray(slopes[k]), 1e-10) for k in grads)


@pytest.mark.parametrize("name", ["softmax-regression", "rnn-relu"])
def test_a_quotient_by_what_underflows(name: str) -> None:
    """∂ℓ/∂ŷ is printed as −y/ŷ, and ŷ is 0 at logits of ±1000: the product ŷ·(y/ŷ) is y all the same."""
    n = cell(name)
    params, x, _, _ = point(n, 3, 2, seed=4)
    bias = "b" if name == "softmax-regression" else "c"
    params[bias] = np.where(np.arange(3) % 2, -1000.0, 1000.0)
    y = np.full(x.shape[:-1], 1)
    loss, grads = n.value_and_grad(params, x, y)
    assert 1900 * y.size < loss < 2100 * y.size
    assert all(np.isfinite(g).all() for g in grads.values())
    assert near(grads[bias][1], -float(y.size), 1e-12)


# -- training ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gru"])
def test_the_command_trains_a_cell(name: str, tmp_path: Path) -> None:
    args = ["--data", "reber:40", "--hidden", "8", "--epochs", "15", "--checkpoint", str(tmp_path / "c.npz")]
    found = CliRunner().invoke(main, ["train", str(DERIVATIONS / name), *args])
    assert found.exit_code == 0, found.output
    losses = [float(line.split(": loss ")[1].split(",")[0]) for line in found.output.splitlines() if ": loss " in line]
    assert losses[-1] < 0.75 * losses[0] and "gradient check against central differences: V" in found.output


def test_a_network_without_steps_learns_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = ["s,class,v,w"]
    for k in range(200):
        v, w = rng.normal(size=2)
        rows.append(f"{k},{'up' if v > w else 'down'},{v:.3f},{w:.3f}")
    table = tmp_path / "t.csv"
    table.write_text("\n".join(rows), encoding="utf-8")
    path = str(tmp_path / "c.npz")
    for name in ("softmax-regression", "mlp"):
        args = ["--data", str(table), "--epochs", "40", "--rate", "0.1", "--validation", "0.2", "--checkpoint", path]
        found = CliRunner().invoke(main, ["train", str(DERIVATIONS / name / "derivation.md"), *args])
        assert found.exit_code == 0, found.output
        assert float(found.output.split("held-out accuracy ")[1].split()[0]) > 0.9
    told = CliRunner().invoke(main, ["train", str(DERIVATIONS / "attention"), "--data", str(table)])
    assert told.exit_code == 2 and "X is no vector" in told.output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rate", "seed"),
    [
        ("gru", 0.01, 1),
        ("lstm", 0.005, 1),
        ("lstm-peephole", 0.005, 2),
        ("rnn-two-layers", 0.01, 1),
        ("rnn-tanh", 0.005, 1),
    ],
)
def test_the_reber_grammar_is_learned(name: str, rate: float, seed: int) -> None:
    """Every symbol that the automaton allows gets more than any it forbids, on strings that were held out."""
    n = cell(name).other({**cell(name).sizes, **sizes(name)}, backend="c" if "c" in BACKENDS else "numpy")
    settings = loop.Settings(rate=rate, epochs=150, validation=0.2, seed=seed)
    part, held = data.reber(500).split(settings.validation, settings.seed)
    state = loop.start(n, settings)
    for _ in loop.train(n, part, held, settings, state):
        pass
    good, total = loop.reber_score(n, state.best or state.params, held)
    assert good == total


def sizes(name: str) -> dict[str, int]:
    """Seven symbols in and out, thirty-two components of every state."""
    n = cell(name)
    data_axes = {a for r in (*n._inputs, *n._targets) for a in r.axes}
    return {k: 7 if k in data_axes else 32 for k in n.sizes}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_prediction_without_steps_is_one_for_each_row(backend: str) -> None:
    n = at("softmax-regression", backend)
    params, x, _ = given(n, 1)
    logits = x @ params["W"].T + params["b"]
    wanted = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    assert near(n.predict(params, x)[0], wanted, 1e-13)
