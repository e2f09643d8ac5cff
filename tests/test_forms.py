"""Forms against plain arithmetic: every operation keeps the value, whatever letters it meets."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction
from itertools import product

import pytest

from symrnn.expr import Index, Symbol
from symrnn.general.form import Atom, Comp, Fn, Form, Size, Tally
from symrnn.general.ring import Ring
from symrnn.general.times import Guard, at_least, both, cells, closed, implies, opposite
from symrnn.general.zero import laid_out, trimmed, vanishes

Env = dict[str, int]
Meaning = Callable[[Env], float]
V, M = Symbol("v", "", "", ("n", 1)), Symbol("M", "", "", ("n", "n"))
X = Symbol("x", "", "", (1, 1), "sup")
ONE = Index(None, 1)
SIZE = 3


def value(name: str, *at: int) -> float:
    return 0.3 + random.Random(f"{name}{at}").random()


# -- what a form means, computed in the plainest way ----------------------------------------------


def number(i: Index, env: Env) -> int:
    return i.offset + (env[i.letter] if i.letter else 0)


def of_atom(a: Atom, env: Env, size: int) -> float:
    match a:
        case Comp():
            time = () if a.time is None else (number(a.time, env),)
            return value(a.symbol.key, number(a.row, env), number(a.col, env), *time)
        case Fn():
            x = of_form(a.arg, env, size)
            return 1 / x if a.name == "inv" else {"ln": math.log}.get(a.name, getattr(math, a.name, None))(x)  # type: ignore[misc]
        case Size():
            return size
        case Tally():
            return env[a.letter]
    raise AssertionError(a)


def of_form(f: Form, env: Env, size: int) -> float:
    total = 0.0
    for m, q in f.terms:
        names = [s for s, _ in m.sums]
        ranges = [range(1, size + 1)] * len(names) + [range(-2, 12)] * len(m.steps)
        for values in product(*ranges):
            here = {**env, **dict(zip([*names, *m.steps], values, strict=True))}
            if any((here[a] if a else 0) - (here[b] if b else 0) < c for a, b, c in m.guard):
                continue
            if any(number(a, here) != number(b, here) for a, b in m.deltas):
                continue
            total += float(q) * math.prod(of_atom(a, here, size) ** p for a, p in m.atoms)
    return total


# -- random forms, built twice --------------------------------------------------------------------


class Builder:
    """A form and its meaning, by the same random steps."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)
        self.ring = Ring({"n": SIZE} if seed % 4 == 0 else {})

    def letter(self) -> str:
        return self.pick.choice("ijk")

    def leaf(self) -> tuple[Form, Meaning]:
        i, j = self.letter(), self.letter()
        match self.pick.randrange(4):
            case 0:
                return self.ring.constant(Fraction(2, 3)), lambda e: 2 / 3
            case 1:
                return self.ring.atom(Comp(V, Index(i), ONE, None)), lambda e: value("v", e[i], 1)
            case 2:
                return self.ring.delta(Index(i), Index(j)), lambda e: float(e[i] == e[j])
            case _:
                return self.ring.atom(Comp(M, Index(i), Index(j), None)), lambda e: value("M", e[i], e[j])

    def build(self, depth: int) -> tuple[Form, Meaning]:
        if depth == 0:
            return self.leaf()
        ring, (f, a) = self.ring, self.build(depth - 1)
        match self.pick.randrange(8):
            case 0 | 1:
                g, b = self.build(depth - 1)
                return ring.mul(f, g), lambda e: a(e) * b(e)
            case 2:
                g, b = self.build(depth - 1)
                return ring.sub(f, g), lambda e: a(e) - b(e)
            case 3 | 4:
                x = self.letter()
                return ring.bind(f, x, "n"), lambda e: sum(a({**e, x: k}) for k in range(1, SIZE + 1))
            case 5:
                x, y = self.letter(), self.letter()
                return ring.rename(f, {x: Index(y)}), lambda e: a({**e, x: e[y]})
            case 6:
                name = self.pick.choice(["tanh", "exp", "sin"])
                small, mean = ring.scale(f, Fraction(1, 50)), lambda e: a(e) / 50
                return ring.fn(name, small), lambda e: getattr(math, name)(mean(e))
            case _:
                big = ring.add(ring.power(f, 2), ring.one)
                if self.pick.random() < 0.5:
                    return ring.inverse(big), lambda e: 1 / (a(e) ** 2 + 1)
                return ring.fn("ln", big), lambda e: math.log(a(e) ** 2 + 1)


def check(seed: int, depth: int) -> None:
    form, meaning = Builder(seed).build(depth)
    for values in product((1, 2, SIZE), repeat=3):
        env = dict(zip("ijk", values, strict=True))
        want = meaning(env)
        assert of_form(form, env, SIZE) == pytest.approx(want, rel=1e-6, abs=1e-8), (seed, env, form)


@pytest.mark.parametrize("seed", range(60))
def test_operations_keep_the_value(seed: int) -> None:
    check(seed, 3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60, 700))
def test_operations_keep_the_value_of_larger_forms(seed: int) -> None:
    check(seed, 4)


def test_no_letter_is_captured() -> None:
    """Σ_i v_i v_j with j renamed to i, and Σ over j of a form that has an inner Σ over i in an exp."""
    ring = Ring({})
    v = {x: ring.atom(Comp(V, Index(x), ONE, None)) for x in "ij"}
    inner = ring.mul(ring.bind(v["i"], "i", "n"), v["j"])
    assert ring.rename(inner, {"j": Index("i")}) == ring.mul(ring.bind(v["i"], "i", "n"), v["i"])
    nested = ring.fn("exp", inner)
    once = ring.bind(nested, "j", "n")
    assert once == ring.bind(ring.rename(nested, {"j": Index("i")}), "i", "n")
    assert "i" not in once.letters and "j" not in once.letters


def test_bound_letters_have_no_names() -> None:
    ring = Ring({})

    def m(a: str, b: str) -> Form:
        return ring.atom(Comp(M, Index(a), Index(b), None))

    def trace(order: str, *names: str) -> Form:
        a, b, c = names
        f = ring.mul(m(a, b), m(b, c), m(c, a))
        for x in order:
            f = ring.bind(f, x, "n")
        return f

    assert trace("ijk", "i", "j", "k") == trace("kji", "k", "i", "j") == trace("jik", "j", "k", "i")
    assert trace("ijk", "i", "j", "k") != ring.bind(
        ring.bind(ring.bind(ring.mul(m("i", "j"), m("i", "k"), m("j", "k")), "i", "n"), "j", "n"), "k", "n"
    )


# -- steps ----------------------------------------------------------------------------------------


def test_inequalities_follow_from_each_other() -> None:
    guard: Guard = (("s", "", 1), ("t", "s", 2))
    assert implies(guard, ("t", "", 3)) and not implies(guard, ("t", "", 4))
    assert closed((*guard, ("", "t", -2))) is None
    assert opposite(("a", "b", 3)) == ("b", "a", -2)


def test_cells_cover_the_domain_once() -> None:
    items = [(0, (("s", "", 2),)), (1, (("", "s", -4),)), (2, (("s", "t", 0),))]
    found = list(cells((), items))
    for s, t in product(range(-1, 8), repeat=2):
        here = {"s": s, "t": t, "": 0}
        inside = [present for cell, present in found if all(here[a] - here[b] >= c for a, b, c in cell)]
        assert len(inside) == 1
        assert set(inside[0]) == {n for n, g in items if all(here[a] - here[b] >= c for a, b, c in g)}


def at(ring: Ring, i: Index) -> Form:
    return ring.atom(Comp(X, ONE, ONE, i))


def total(ring: Ring, low: Index, high: Index, shift: int = 0) -> Form:
    return ring.bind_step(at(ring, Index("~s", shift)), "~s", low, high)


T, END = Index("t"), Index("τ")
DOMAIN = both((), (at_least(T, ONE), at_least(END, T)))


@pytest.mark.parametrize(
    ("zero", "gap"),
    [
        (True, lambda r: r.sub(total(r, T, END), r.add(at(r, T), total(r, T.shifted(1), END)))),
        (True, lambda r: r.sub(total(r, ONE, END), r.add(total(r, ONE, T), total(r, T.shifted(1), END)))),
        (True, lambda r: r.sub(total(r, ONE, END), total(r, Index(None, 0), END.shifted(-1), 1))),
        (True, lambda r: r.sub(total(r, END, END), at(r, END))),
        (True, lambda r: total(r, END.shifted(1), END)),
        (False, lambda r: r.sub(total(r, T, END), total(r, T.shifted(1), END))),
        (False, lambda r: r.sub(total(r, ONE, END), total(r, ONE, END, 1))),
        (False, lambda r: r.sub(total(r, ONE, END), r.add(total(r, ONE, T), total(r, T, END)))),
        (False, lambda r: r.sub(total(r, ONE, END), total(r, ONE, END.shifted(-1)))),
        (False, lambda r: r.sub(total(r, ONE, T), at(r, T))),
    ],
)
def test_sums_over_steps_are_laid_over_each_other(zero: bool, gap: Callable[[Ring], Form]) -> None:
    ring = Ring({})
    assert DOMAIN is not None
    found = vanishes(ring, gap(ring), DOMAIN, "τ", lambda f, d: not laid_out(ring, trimmed(ring, f, d), d))
    assert found is zero
