"""Text from a trained network: a symbol is drawn from its prediction and fed back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from symrnn.diagnostic import UsageError
from symrnn.train.net import Net

Array = np.ndarray[Any, np.dtype[Any]]


def sample(
    net: Net,
    params: dict[str, Array],
    symbols: list[str],
    prime: list[int],
    length: int,
    stop: tuple[int, int] | None = None,
    temperature: float = 1.0,
    seed: int = 0,
) -> Iterator[str]:
    """At most ``length`` symbols after ``prime``, each drawn with probability ∝ p^(1/temperature); 0: the likeliest.

    ``stop``: a symbol, and the how-manieth of it after the first symbol of all ends the sequence.

    Raises UsageError for a network whose predictions are no distribution over its inputs.
    """
    if temperature < 0:
        raise UsageError(f"the temperature {temperature} is negative")
    rng = np.random.default_rng(seed)
    params, states, p, seen = net.ready(params), None, None, 0
    for k, code in enumerate(prime):
        seen += stop is not None and k > 0 and code == stop[0]
        p, states = _next(net, params, code, len(symbols), states)
    for _ in range(length):
        assert p is not None
        code = _draw(p, temperature, rng)
        if stop is not None and code == stop[0]:
            seen += 1
            if seen == stop[1]:
                return
        yield symbols[code]
        p, states = _next(net, params, code, len(symbols), states)


def _next(net: Net, params: dict[str, Array], code: int, size: int, states: Any) -> tuple[Array, Any]:
    x = np.zeros((1, 1, size))
    x[0, 0, code] = 1
    p, states = net.predict(params, x, states)
    total = float(p.sum())
    if p.shape[-1] != size or (p < 0).any() or abs(total - 1) > 1e-3:
        raise UsageError("the network's prediction is no distribution over its inputs, so there is nothing to draw")
    return p[0, 0].astype(float), states


def _draw(p: Array, temperature: float, rng: np.random.Generator) -> int:
    if temperature == 0:
        return int(p.argmax())
    with np.errstate(divide="ignore"):
        weights = np.exp((np.log(p) - np.log(p.max())) / temperature)
    return int(rng.choice(len(p), p=weights / weights.sum()))
