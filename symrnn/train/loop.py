"""Training: truncated BPTT with carried states, the same bits for the same seed, resumable at any step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from symrnn.diagnostic import UsageError
from symrnn.train.checkpoint import Checkpoint
from symrnn.train.data import Batch, Data, batches
from symrnn.train.net import Net
from symrnn.train.optimise import Optimiser, clip

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = dict[str, Array]
ITERATIONS = 10  # of L-BFGS, in an epoch


@dataclass(frozen=True)
class Settings:
    """How to train. ``window``: steps of one truncated pass; ``patience``: epochs without a better validation loss
    before training stops (0: never); ``clip``: the greatest norm of a gradient (0: none).
    """

    optimiser: str = "adam"
    rate: float = 0.01
    epochs: int = 10
    batch: int = 16
    window: int = 100
    clip: float = 5.0
    validation: float = 0.1
    patience: int = 0
    seed: int = 0
    shuffle: bool = True


@dataclass
class State:
    """Where a run stands. Losses are per step of a sequence."""

    params: Arrays
    optimiser: Optimiser
    epoch: int = 0
    done: int = 0  # batches of this epoch
    step: int = 0
    total: float = 0.0  # of this epoch so far
    count: int = 0
    best: Arrays | None = None
    best_loss: float = math.inf
    waited: int = 0
    carried: Arrays | None = None
    history: list[tuple[int, float, float]] | None = None  # step, training loss, validation loss

    def checkpoint(self, about: dict[str, Any]) -> Checkpoint:
        """This state as a checkpoint."""
        progress = {
            "epoch": self.epoch, "done": self.done, "step": self.step, "total": self.total, "count": self.count,
            "best_loss": None if math.isinf(self.best_loss) else self.best_loss, "waited": self.waited,
            "history": self.history or [], "optimiser_steps": self.optimiser.steps,
        }  # fmt: skip
        return Checkpoint(about, progress, self.params, self.best or {}, self.optimiser.state, self.carried or {})


def start(net: Net, settings: Settings) -> State:
    """The state before the first step."""
    return State(net.init(settings.seed), Optimiser(settings.optimiser, settings.rate), history=[])


def resume(found: Checkpoint, settings: Settings) -> State:
    """The state that a checkpoint holds."""
    p = found.progress
    optimiser = Optimiser(settings.optimiser, settings.rate, found.optimiser, p["optimiser_steps"])
    best_loss = math.inf if p["best_loss"] is None else p["best_loss"]
    history = [(int(a), float(b), float(c)) for a, b, c in p["history"]]
    return State(
        found.params, optimiser, p["epoch"], p["done"], p["step"], p["total"], p["count"], found.best or None,
        best_loss, p["waited"], found.states or None, history,
    )  # fmt: skip


@dataclass(frozen=True)
class Event:
    """What the caller hears: a step done, or (``epoch`` true) an epoch done with its losses."""

    state: State
    loss: float
    symbols: int = 0
    epoch: bool = False
    validation: float = math.nan


def train(
    net: Net, data: Data, held: Data, settings: Settings, state: State, stop: Callable[[], bool] = lambda: False
) -> Iterator[Event]:
    """Run from ``state`` on, which is changed in place; yields after every step and every epoch.

    ``stop`` is asked between steps, so that the state is always whole. Raises UsageError when the loss is no
    longer finite.
    """
    while state.epoch < settings.epochs:
        for batch in islice(_batches(data, settings, state.epoch), state.done, None):
            loss, size = _step(net, batch, settings, state)
            yield Event(state, loss / size, size)
            if stop():
                return
        yield _close(net, held, settings, state, state.total / max(1, state.count))
        if stop() or (settings.patience and state.waited >= settings.patience):
            return


def _close(net: Net, held: Data, settings: Settings, state: State, loss: float) -> Event:
    """The end of an epoch with this training loss: the validation loss, the best parameters so far, a new epoch."""
    validation = evaluate(net, state.params, held, settings)
    assert state.history is not None
    state.history.append((state.step, loss, validation))
    watched = loss if math.isnan(validation) else validation
    if watched < state.best_loss:
        state.best_loss, state.waited = watched, 0
        state.best = {k: v.copy() for k, v in state.params.items()}
    else:
        state.waited += 1
    state.epoch, state.done, state.total, state.count, state.carried = state.epoch + 1, 0, 0.0, 0, None
    return Event(state, loss, epoch=True, validation=validation)


def _batches(data: Data, settings: Settings, epoch: int) -> Iterator[Batch]:
    """The batches of an epoch: the same for the same seed, however often the run was interrupted."""
    rng = np.random.default_rng([settings.seed, epoch]) if settings.shuffle else None
    return batches(data, settings.batch, settings.window, rng)


def arrays(net: Net, batch: Batch) -> tuple[Array, Array]:
    """The checked arrays of a batch; for a network without steps, every step is a sample of its own."""
    if net.program.timed:
        return net.checked(batch.x, batch.y)
    return net.checked(*(a.reshape(-1, *a.shape[2:]) for a in (batch.x, batch.y)))


def predicted(net: Net, params: Arrays, x: Array) -> Array:
    """The predictions of one sequence, step by step (T, m)."""
    out = net.predict(params, x[:, None, :] if net.program.timed else x)[0]
    return out[:, 0] if net.program.timed else out


def _step(net: Net, batch: Batch, settings: Settings, state: State) -> tuple[float, int]:
    x, y = arrays(net, batch)
    carried = None if batch.fresh else state.carried
    loss, grads, state.carried = net.raw(state.params, x, y, carried)
    if not math.isfinite(loss):
        raise UsageError(f"the loss is {loss} at step {state.step + 1}: a smaller --rate or --clip may help")
    size = batch.y.shape[0] * batch.y.shape[1]
    for g in grads.values():
        g /= size
    clip(grads, settings.clip or None)
    state.optimiser.step(state.params, grads)
    state.step += 1
    state.done += 1
    state.total += loss
    state.count += size
    return loss, size


def evaluate(net: Net, params: Arrays, data: Data, settings: Settings) -> float:
    """The loss a step on other data; nan when there is none."""
    total, count, carried = 0.0, 0, None
    run: Any = None
    for batch in batches(data, settings.batch, settings.window, None) if data.sequences else ():
        x, y = arrays(net, batch)
        run = net.function((net.program.loss,), net._steps(x), net._batch(x))
        given = net._given(None if batch.fresh else carried, net._batch(x))
        loss, *states = run(*net.ready(params).values(), x, y, *given)
        carried = {r.name: s for r, s in zip(net._states, states, strict=True)}
        total += float(loss)
        count += batch.y.shape[0] * batch.y.shape[1]
    return total / count if count else math.nan


def gradient_check(net: Net, params: Arrays, batch: Batch, seed: int = 0) -> dict[str, float]:
    """For every parameter, the proved gradient in a random direction against a central difference of the loss:
    the difference over the greater of both (or of 1).
    """
    rng = np.random.default_rng(seed)
    x, y = arrays(net, Batch(batch.x[:8, :2], batch.y[:8, :2]))
    _, grads, _ = net.raw(net.ready(params), x, y)
    out = {}
    for name, g in grads.items():
        direction = rng.standard_normal(g.shape)
        direction /= np.sqrt(np.vdot(direction, direction))
        values = []
        for sign in (1, -1):
            moved = dict(params)
            moved[name] = params[name] + sign * 1e-5 * direction
            values.append(net.raw(net.ready(moved), x, y)[0])
        numeric, exact = (values[0] - values[1]) / 2e-5, float(np.vdot(g, direction))
        out[name] = abs(numeric - exact) / max(1.0, abs(numeric), abs(exact))
    return out


def lbfgs(
    net: Net, data: Data, held: Data, settings: Settings, state: State, stop: Callable[[], bool] = lambda: False
) -> Iterator[Event]:
    """L-BFGS (scipy) on the whole training set. An epoch is ten iterations from the parameters alone: the memory of
    earlier gradients begins anew, and so a run resumed after any epoch takes the same steps to the bit.
    """
    try:
        from scipy.optimize import fmin_l_bfgs_b
    except ImportError:
        raise UsageError("--optimiser lbfgs needs scipy: pip install 'symrnn[scipy]'") from None
    names, shapes = list(state.params), [state.params[k].shape for k in state.params]
    cuts = np.cumsum([math.prod(s) for s in shapes])[:-1]
    whole = [(b, *arrays(net, b)) for b in batches(data, settings.batch, settings.window, None)]
    size = sum(b.y.size for b, _, _ in whole)

    def unpack(flat: Array) -> Arrays:
        return {
            k: np.ascontiguousarray(a.reshape(s), net.dtype)
            for k, a, s in zip(names, np.split(flat, cuts), shapes, strict=True)
        }

    def function(flat: Array) -> tuple[float, Array]:
        params, total, carried = unpack(flat), 0.0, None
        gradient = np.zeros(len(flat))
        for b, x, y in whole:
            loss, grads, carried = net.raw(params, x, y, None if b.fresh else carried)
            total += loss
            gradient += np.concatenate([grads[k].ravel() for k in names])
        return total / size, gradient / size

    while state.epoch < settings.epochs:
        flat = np.concatenate([state.params[k].ravel() for k in names]).astype(float)
        flat, loss, _ = fmin_l_bfgs_b(function, flat, maxiter=ITERATIONS, m=20)
        state.params = unpack(flat)
        state.step += ITERATIONS
        yield _close(net, held, settings, state, float(loss))
        if stop() or (settings.patience and state.waited >= settings.patience):
            return


def reber_score(net: Net, params: Arrays, data: Data) -> tuple[int, int]:
    """On how many of how many steps every symbol that the automaton allows is more probable than any other."""
    good = total = 0
    for (x, _), allowed in zip(data.sequences, data.allowed, strict=True):
        for p, symbols in zip(predicted(net, params, x), allowed, strict=True):
            low = min(p[k] for k in symbols)
            high = max(p[k] for k in range(len(p)) if k not in symbols)
            good += bool(low > high)
            total += 1
    return good, total


def accuracy(net: Net, params: Arrays, data: Data) -> float:
    """The share of sequences whose class is the most probable one at their last step."""
    hits = 0
    for x, y in data.sequences:
        hits += int(predicted(net, params, x)[-1].argmax()) == int(y[-1])
    return hits / max(1, len(data.sequences))


def describe(settings: Settings) -> dict[str, Any]:
    """The settings for a checkpoint."""
    return asdict(settings)


__all__ = ["Event", "Path", "Settings", "State", "gradient_check", "lbfgs", "resume", "start", "train"]
