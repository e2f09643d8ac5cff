"""Exported modules: they need nothing of ours, and give the loss and gradients that the network gives."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from symrnn.cli import main
from symrnn.train.export import module, onnx
from symrnn.train.net import one_hot
from tests.train.nets import DERIVATIONS, OPTIONS, net, point
from tests.train.test_cells import cell
from tests.train.test_cells import given as cell_data


def load(name: str, target: str) -> tuple[Any, dict[str, Any]]:
    n = net(name)
    text = module(n, target)
    assert "symrnn." not in text.replace("symrnn proved", "") and "import symrnn" not in text
    space: dict[str, Any] = {"__name__": "exported"}
    exec(compile(text, f"<{name} {target}>", "exec"), space)
    return n, space


def given(n: Any, steps: int) -> tuple[Any, ...]:
    params, x, y, _ = point(n, steps, 3, seed=steps)
    hot = one_hot(y, n._shape(n._targets[0])[0], "y", float)
    return params, x, hot, *n.value_and_grad(params, x, hot)


@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize("name", OPTIONS)
def test_numpy(name: str, steps: int) -> None:
    n, space = load(name, "numpy")
    params, x, y, loss, grads = given(n, steps)
    mine, slopes = space["loss_and_grad"](params, x, y)
    assert mine == pytest.approx(loss, rel=1e-13)
    assert all(np.allclose(slopes[k], grads[k], atol=1e-12) for k in grads)


@pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed")
@pytest.mark.parametrize("name", OPTIONS)
def test_jax(name: str) -> None:
    import jax

    jax.config.update("jax_enable_x64", True)
    n, space = load(name, "jax")
    for steps in (1, 5):
        params, x, y, loss, grads = given(n, steps)
        mine, slopes = space["loss_and_grad"](params, x, y)
        assert float(mine) == pytest.approx(loss, rel=1e-12)
        assert all(np.allclose(slopes[k], grads[k], atol=1e-11) for k in grads)
        again = jax.grad(lambda p, x=x, y=y: 2 * space["loss"](p, x, y))(params)
        assert all(np.allclose(again[k], 2 * grads[k], atol=1e-11) for k in grads)


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
@pytest.mark.parametrize("name", OPTIONS)
def test_torch(name: str) -> None:
    import torch

    n, space = load(name, "torch")
    for steps in (1, 5):
        params, x, y, loss, grads = given(n, steps)
        made = space["Net"]()
        made.load_state_dict({k: torch.tensor(v) for k, v in params.items()})
        value = made(torch.tensor(x), torch.tensor(y))
        (3 * value).backward()
        assert value.item() == pytest.approx(loss, rel=1e-12)
        assert all(np.allclose(getattr(made, k).grad, 3 * grads[k], atol=1e-11) for k in grads)


@pytest.mark.skipif(find_spec("onnx") is None or find_spec("onnxruntime") is None, reason="onnx is not installed")
@pytest.mark.parametrize("name", ["elman", "gru", "attention", "lstm", "softmax-regression"])
def test_onnx(name: str) -> None:
    """Predictions, last states, loss and gradients by onnxruntime, with as many steps and sequences as there are."""
    import onnxruntime

    n = net(name) if name in ("elman", "bptt") else cell(name)
    for steps in (2, 7):
        params, x, y = cell_data(n, steps)
        feed = {n._inputs[0].name: x}
        feed |= {f"{k}_0": np.zeros((shape[0], 3, *shape[1:])) for k, shape in n.states.items()}
        wanted, last = n.predict(params, x)
        run = onnxruntime.InferenceSession(onnx(n, params))
        assert [o.name for o in run.get_outputs()] == ["prediction", *(f"{k}_n" for k in n.states)]
        mine, *states = run.run(None, feed)
        assert np.allclose(mine, wanted, atol=1e-12)
        assert all(np.allclose(a, last[k], atol=1e-12) for a, k in zip(states, n.states, strict=True))
        run = onnxruntime.InferenceSession(onnx(n, params, training=True))
        value, *slopes = run.run(None, {**feed, n._targets[0].name: y})
        loss, grads = n.value_and_grad(params, x, y)
        assert value == pytest.approx(loss, rel=1e-12)
        assert all(np.allclose(a, grads[k], atol=1e-11) for a, k in zip(slopes, grads, strict=True))


@pytest.mark.skipif(find_spec("onnx") is None, reason="onnx is not installed")
def test_the_command_writes_a_model(tmp_path: Path) -> None:
    import onnx as package

    document, file, model = str(DERIVATIONS / "elman" / "note.md"), str(tmp_path / "c.npz"), tmp_path / "m.onnx"
    call = CliRunner().invoke
    args = ["--data", "reber:20", "--hidden", "4", "--epochs", "1", "--checkpoint", file]
    assert call(main, ["train", document, *args]).exit_code == 0
    found = call(main, ["export", file, "--to", "onnx", "--output", str(model)])
    assert found.exit_code == 0, found.output
    made = package.load(str(model))
    assert [i.name for i in made.graph.input] == ["x", "h_0"] and "proved by symrnn" in made.graph.doc_string
    assert any(node.op_type == "Scan" for node in made.graph.node)  # a loop over any number of steps, not unrolled
