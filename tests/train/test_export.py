"""Exported modules: they need nothing of ours, and give the loss and gradients that the network gives."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from symrnn.train.export import module
from symrnn.train.net import one_hot
from tests.train.nets import OPTIONS, net, point


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
