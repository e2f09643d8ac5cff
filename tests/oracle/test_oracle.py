"""The oracle is itself checked: its derivatives a second way, its coverage, its shape clashes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from . import note_oracle
from .fact import Ctx
from .forward import NODE_SIZES, SIZES, Mat, Meaningless, World, loss, total

TINY = 1e-30


def floats(m: Mat) -> np.ndarray:
    return np.array([[complex(p) for p in r] for r in m.rows])


def complex_losses(world: World, bump: tuple) -> list[complex]:
    """A second forward pass, in complex128, with an imaginary bump: the losses of all steps."""
    h = floats(world.h0)
    losses = []
    for t in range(1, world.tau + 1):
        p = {name: floats(m) for name, m in world.par.items()}
        if bump[0] == "par" and bump[3] in (None, t):
            i, j = bump[2]
            p[bump[1]][i - 1, j - 1] += 1j * TINY

        def poke(name: str, value: np.ndarray, t: int = t) -> np.ndarray:
            if bump[:3] == ("node", name, t):
                value[bump[3] - 1, 0] += 1j * TINY
            return value

        a = poke("a", p["b"] + p["W"] @ h + p["U"] @ floats(world.x(t)))
        h = poke("h", np.tanh(a))
        o = poke("o", p["c"] + p["V"] @ h)
        y = poke("yh", np.exp(o) / np.exp(o).sum())
        losses.append(-(floats(world.y(t)) * np.log(y)).sum())
    return losses


def bumps(world: World):
    steps = range(1, world.tau + 1)
    for name, (n, m) in SIZES.items():
        for step in (None, *steps):
            for i in range(1, n + 1):
                yield from (("par", name, (i, j), step) for j in range(1, m + 1))
    for name, n in NODE_SIZES.items():
        for t in steps:
            yield from (("node", name, t, i) for i in range(1, n + 1))


@pytest.mark.parametrize("labels", ["class1", "onehot", "positive"])
def test_differences_agree_with_a_complex_step(labels: str) -> None:
    world = World(7, 3, labels)
    for bump in bumps(world):
        second = [value.imag / TINY for value in complex_losses(world, bump)]
        first = [float(world.d(loss(t), bump)) for t in range(1, world.tau + 1)]
        assert first == pytest.approx(second, rel=1e-11, abs=1e-13), bump
        assert float(world.d(total, bump)) == pytest.approx(sum(second), rel=1e-11, abs=1e-13)


def test_every_number_has_facts_and_a_verdict() -> None:
    found = {f.number for f in note_oracle.facts()}
    assert found == set(note_oracle.numbers())
    for number in note_oracle.numbers():
        assert note_oracle.verdict(number) in note_oracle.SEVERITY


def test_what_is_called_a_clash_does_clash() -> None:
    """Where both sides are transcribed and said to mean nothing, the shapes say so too."""
    world = note_oracle.worlds("class1")[0]
    seen = set()
    for fact in note_oracle.facts():
        if fact.meaningless and fact.lhs is not None and fact.rhs is not None:
            bare = replace(fact, meaningless="")
            with pytest.raises(Meaningless):
                left, right = (side(world, Ctx(t=2, i=1)) for side in (bare.lhs, bare.rhs))
                note_oracle.distance(left, right)
            seen.add(fact.number)
    assert len(seen) >= 3


def test_an_agreement_is_never_close_to_a_difference() -> None:
    """evaluate raises where two sides are neither the same nor clearly apart."""
    for fact in [*note_oracle.facts(), *note_oracle.steps()]:
        for readings in note_oracle.combinations(fact):
            note_oracle.evaluate(fact, readings)
