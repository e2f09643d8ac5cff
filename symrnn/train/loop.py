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
    """Where a run stands. Losses are per step of a sequence, in nats."""

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
        validation = evaluate(net, state.params, held, settings)
        mean = state.total / max(1, state.count)
        assert state.history is not None
        state.history.append((state.step, mean, validation))
        watched = mean if math.isnan(validation) else validation
        if watched < state.best_loss:
            state.best_loss, state.waited = watched, 0
            state.best = {k: v.copy() for k, v in state.params.items()}
        else:
            state.waited += 1
        state.epoch, state.done, state.total, state.count, state.carried = state.epoch + 1, 0, 0.0, 0, None
        yield Event(state, mean, epoch=True, validation=validation)
        if stop() or (settings.patience and state.waited >= settings.patience):
            return


def _batches(data: Data, settings: Settings, epoch: int) -> Iterator[Batch]:
    """The batches of an epoch: the same for the same seed, however often the run was interrupted."""
    rng = np.random.default_rng([settings.seed, epoch]) if settings.shuffle else None
    return batches(data, settings.batch, settings.window, rng)


def _step(net: Net, batch: Batch, settings: Settings, state: State) -> tuple[float, int]:
    x, y = net.checked(batch.x, batch.y)
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
        x, y = net.checked(batch.x, batch.y)
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
    part = slice(8) if net.program.timed else slice(None)
    x, y = net.checked(batch.x[part, :2], batch.y[part, :2])
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
    """L-BFGS (scipy) on the whole training set: an epoch is one iteration."""
    try:
        from scipy.optimize import fmin_l_bfgs_b
    except ImportError:
        raise UsageError("--optimiser lbfgs needs scipy: pip install 'symrnn[scipy]'") from None
    names, shapes = list(state.params), [state.params[k].shape for k in state.params]
    cuts = np.cumsum([math.prod(s) for s in shapes])[:-1]
    whole = [(b, *net.checked(b.x, b.y)) for b in batches(data, settings.batch, settings.window, None)]
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

    flat = np.concatenate([state.params[k].ravel() for k in names]).astype(float)
    while state.epoch < settings.epochs and not stop():
        flat, loss, _ = fmin_l_bfgs_b(function, flat, maxiter=10, m=20)
        state.params = unpack(flat)
        state.epoch += 1
        state.step += 10
        validation = evaluate(net, state.params, held, settings)
        assert state.history is not None
        state.history.append((state.step, float(loss), validation))
        watched = float(loss) if math.isnan(validation) else validation
        if watched < state.best_loss:
            state.best_loss, state.best = watched, {k: v.copy() for k, v in state.params.items()}
        yield Event(state, float(loss), epoch=True, validation=validation)


def reber_score(net: Net, params: Arrays, data: Data) -> tuple[int, int]:
    """On how many of how many steps every symbol that the automaton allows is more probable than any other."""
    good = total = 0
    for (x, _), allowed in zip(data.sequences, data.allowed, strict=True):
        probabilities, _ = net.predict(params, x[:, None, :])
        for p, symbols in zip(probabilities[:, 0], allowed, strict=True):
            low = min(p[k] for k in symbols)
            high = max(p[k] for k in range(len(p)) if k not in symbols)
            good += bool(low > high)
            total += 1
    return good, total


def accuracy(net: Net, params: Arrays, data: Data) -> float:
    """The share of sequences whose class is the most probable one at their last step."""
    hits = 0
    for x, y in data.sequences:
        probabilities, _ = net.predict(params, x[:, None, :])
        hits += int(probabilities[-1, 0].argmax()) == int(y[-1])
    return hits / max(1, len(data.sequences))


def describe(settings: Settings) -> dict[str, Any]:
    """The settings for a checkpoint."""
    return asdict(settings)


__all__ = ["Event", "Path", "Settings", "State", "gradient_check", "lbfgs", "resume", "start", "train"]
