"""The embedded Reber grammar, learned by the proved equations and by the same network in PyTorch.

    python benchmarks/reber.py [--hidden 32] [--rate 0.005] [--epochs 200] [--backend c]

Both begin with the same parameters and take the same steps: the same batches in the same order, clipping, Adam. What
is printed are the losses of both, and on how many held-out steps every symbol that the automaton allows gets more
probability than any it forbids.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

import symrnn  # noqa: E402
from symrnn.train import data, loop  # noqa: E402


def torch_run(net: Any, part: Any, held: Any, settings: Any, marks: list[int]) -> tuple[dict[int, Any], Any]:
    """The same network, differentiated by PyTorch: losses at some epochs, and the parameters at the end."""
    import torch

    torch.set_num_threads(1)
    p = {k: torch.tensor(v, requires_grad=True) for k, v in net.init(settings.seed).items()}
    optimiser = torch.optim.Adam(p.values(), lr=settings.rate)

    def loss_of(batch: Any) -> Any:
        h, total = torch.zeros(batch.x.shape[1], len(p["b_h"]), dtype=torch.float64), 0.0
        for x, y in zip(torch.tensor(batch.x), torch.tensor(batch.y), strict=True):
            h = torch.tanh(h @ p["W_h_h"].T + x @ p["W_x_h"].T + p["b_h"])
            logits = h @ p["W_h_y"].T + p["b_y"]
            total = total + torch.nn.functional.cross_entropy(logits, y, reduction="sum")
        return total

    found = {}
    for epoch in range(settings.epochs):
        total = count = 0.0
        for batch in loop._batches(part, settings, epoch):
            optimiser.zero_grad()
            loss = loss_of(batch)
            (loss / batch.y.size).backward()
            norm = float(torch.sqrt(sum((v.grad**2).sum() for v in p.values())))
            for v in p.values() if norm > settings.clip else ():
                v.grad *= settings.clip / norm
            optimiser.step()
            total, count = total + loss.item(), count + batch.y.size
        if epoch + 1 in marks:
            with torch.no_grad():
                pieces = list(data.batches(held, settings.batch, settings.window, None))
                value = sum(loss_of(b).item() for b in pieces) / sum(b.y.size for b in pieces)
            found[epoch + 1] = (total / count, value)
    return found, {k: v.detach().numpy() for k, v in p.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--rate", type=float, default=0.005)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--backend", default="numpy")
    options = parser.parse_args()
    settings = loop.Settings(
        rate=options.rate, epochs=options.epochs, validation=0.2, seed=options.seed, window=1000, batch=16
    )
    net = symrnn.compile(
        ROOT / "derivations" / "elman" / "note.md", backend=options.backend,
        sizes={"n": options.hidden, "d": 7, "m": 7},
    )  # fmt: skip
    part, held = data.reber(500).split(settings.validation, settings.seed)
    marks = sorted({1, 10, 25, *range(50, options.epochs + 1, 50), options.epochs} & set(range(1, options.epochs + 1)))
    state = loop.start(net, settings)
    begun = time.perf_counter()
    for _ in loop.train(net, part, held, settings, state):
        pass
    mine = time.perf_counter() - begun
    begun = time.perf_counter()
    other, params = torch_run(net, part, held, settings, marks)
    theirs = time.perf_counter() - begun
    print(f"{'epoch':>6} {'symrnn':>22} {'PyTorch':>22}   (loss of training, of held-out strings)")
    assert state.history is not None
    for epoch in marks:
        _, one, two = state.history[epoch - 1]
        a, b = other[epoch]
        print(f"{epoch:>6} {one:>11.6f} {two:>10.6f} {a:>11.6f} {b:>10.6f}")
    gap = max(float(np.max(np.abs(params[k] - state.params[k]))) for k in params)
    print(f"greatest difference of a parameter after {state.step} steps: {gap:.1e}")
    for name, found in (("symrnn", state.params), ("PyTorch", params)):
        good, total = loop.reber_score(net, found, held)
        print(f"{name}: {good} of {total} held-out steps rank every allowed symbol above all others")
    print(f"seconds: symrnn ({options.backend}) {mine:.1f}, PyTorch {theirs:.1f}")


if __name__ == "__main__":
    main()
