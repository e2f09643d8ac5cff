"""The decider: laws that it must prove, near misses that it must not, and the two deciders against each other."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symrnn.algebra.ball import Point
from symrnn.algebra.decide import Decider, Outcome
from symrnn.algebra.normal import Tower, unfolded
from symrnn.algebra.terms import Term, add, apply, div, let, mul, neg, power, rational, sub, symbol
from symrnn.partials import Partials, _Shape, from_sympy, to_sympy

x, y, z = map(symbol, "xyz")
HALF = Fraction(1, 2)
E, LN, TANH, SIG = (lambda t, f=f: apply(f, t) for f in ("exp", "ln", "tanh", "sigmoid"))
S = add(E(x), E(y))

EQUAL = {
    "exp of a sum": (E(add(x, y)), mul(E(x), E(y))),
    "exp of a difference": (E(sub(x, y)), div(E(x), E(y))),
    "softmax": (LN(div(E(x), S)), sub(x, LN(S))),
    "odd": (TANH(sub(x, y)), neg(TANH(sub(y, x)))),
    "tanh by sigmoid": (TANH(x), sub(mul(rational(2), SIG(mul(rational(2), x))), rational(1))),
    "sigmoid reflects": (SIG(neg(x)), sub(rational(1), SIG(x))),
    "root of a positive": (power(mul(S, S), HALF), S),
    "root squared": (mul(power(x, HALF), power(x, HALF)), x),
    "negative half power": (power(S, -3 * HALF), div(power(S, HALF), mul(S, S))),
    "shift of softmax": (div(E(add(x, z)), add(E(add(x, z)), E(add(y, z)))), div(E(x), S)),
    "ln of a power": (E(mul(rational(3), LN(x))), power(x, 3)),
    "fractions": (add(div(x, y), div(y, x)), div(add(mul(x, x), mul(y, y)), mul(x, y))),
}
DIFFERENT = {
    "root of a square": (power(mul(x, x), HALF), x),
    "roots that change sign": (
        mul(power(mul(x, y), HALF), power(mul(x, z), HALF), power(mul(y, z), HALF)),
        mul(x, y, z),
    ),
    "half of ln of a square": (E(mul(rational(HALF), LN(mul(x, x)))), x),
    "tanh by sigmoid, factor lost": (TANH(x), sub(mul(rational(2), SIG(x)), rational(1))),
    "tanh is nearly linear": (TANH(mul(rational(Fraction(1, 1000)), x)), mul(rational(Fraction(1, 1000)), x)),
}


@pytest.mark.parametrize("name", EQUAL)
def test_laws_are_proved(name: str) -> None:
    assert Decider().decide(*EQUAL[name]) is Outcome.EQUAL


@pytest.mark.parametrize("name", DIFFERENT)
def test_near_misses_are_not_proved(name: str) -> None:
    a, b = DIFFERENT[name]
    assert Decider().decide(a, b) is not Outcome.EQUAL
    assert not Tower().is_zero(sub(a, b)) and not Tower(fine=True).is_zero(sub(a, b))


def test_a_refutation_comes_with_a_point() -> None:
    found = Decider().difference(TANH(x), SIG(x))
    assert found is not None and set(found.at) == {"x"} and found.lhs != found.rhs


def test_division_by_zero_is_never_decided() -> None:
    nothing = sub(x, x)
    assert Decider().decide(div(x, nothing), div(y, nothing)) is Outcome.NOWHERE
    assert Decider().decide(div(x, nothing), div(x, nothing)) is Outcome.NOWHERE


def test_a_zero_factor_hides_no_factor_without_a_value() -> None:
    nothing = sub(x, x)
    for lost in (div(y, nothing), apply("ln", nothing), power(apply("ln", nothing), 0)):
        assert not mul(rational(0), lost).total
        assert Decider().decide(mul(rational(0), lost), rational(0)) is Outcome.NOWHERE
    assert mul(rational(0), apply("ln", apply("exp", x))) is rational(0)
    assert Decider().decide(mul(rational(0), apply("ln", x)), rational(0)) is Outcome.EQUAL


def test_opaque_vertices_are_opened_only_as_far_as_needed() -> None:
    deep = let("deep", add(mul(x, y), z), opaque=True)
    high = let("high", add(mul(deep, x), y), opaque=True)
    tower = Tower()
    assert tower.is_zero(sub(high, add(mul(x, deep), y)))
    assert tower.lookup.get(("sym", "z")) is None  # the definition of «deep» was never needed
    assert tower.is_zero(sub(high, add(mul(x, x, y), mul(x, z), y)))
    assert not tower.is_zero(sub(high, add(mul(x, x, y), mul(x, z), x)))


def test_a_small_room_grows() -> None:
    many = [symbol(f"s{k}") for k in range(200)]
    total = add(*(mul(a, a) for a in many))
    decider = Decider()
    assert decider.decide(mul(total, x), add(*(mul(a, x, a) for a in reversed(many)))) is Outcome.EQUAL


leaves = st.sampled_from([x, y, z, rational(2), rational(Fraction(-1, 3))])
terms = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(add, inner, inner),
        st.builds(mul, inner, inner),
        st.builds(lambda t: apply("exp", mul(rational(Fraction(1, 4)), TANH(t))), inner),
        st.builds(lambda t: apply("tanh", t), inner),
        st.builds(lambda t: apply("sigmoid", t), inner),
        st.builds(lambda t: power(add(mul(t, t), rational(1)), -1), inner),
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(terms, terms)
def test_the_two_deciders_never_disagree(a: Term, b: Term) -> None:
    proved = Tower(256).is_zero(sub(a, b))
    refuted = any(Point(k).differ(a, b) for k in range(5, 8))
    assert not (proved and refuted)


@settings(max_examples=100, deadline=None)
@given(terms, terms, terms)
def test_field_laws_are_proved(a: Term, b: Term, c: Term) -> None:
    decider = Decider()
    assert decider.decide(mul(a, add(b, c)), add(mul(a, b), mul(a, c))) is Outcome.EQUAL
    assert decider.decide(sub(mul(a, a), mul(b, b)), mul(sub(a, b), add(a, b))) is Outcome.EQUAL


# -- derivatives -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outer", ["tanh", "sigmoid", "exp", "ln", "softmax"])
@pytest.mark.parametrize("count", [3, 12])
def test_partials_of_wide_sums_are_those_of_sympy_on_the_whole(outer: str, count: int) -> None:
    """Term by term, and shape by shape, as SymPy's derivative of the whole expression in one piece."""
    v = [symbol(f"v{k}") for k in range(count)]
    w = [symbol(f"w{k}") for k in range(count)]
    dot = add(x, *(mul(a, b) for a, b in zip(v, w, strict=True)), mul(v[0], v[0]), power(w[1], 3))
    term = div(E(x), add(*map(E, v), E(x))) if outer == "softmax" else mul(v[0], apply(outer, dot))
    names: dict = {}
    whole = to_sympy(term, {}, names)
    found, decider = Partials(term), Decider()
    assert {t.id for t in found.variables} == {t.id for t in names.values()}
    for name, variable in names.items():
        exact = from_sympy(whole.diff(name), names, {})
        assert decider.decide(found.by(variable), exact) is Outcome.EQUAL


def test_the_cost_of_a_derivative_does_not_grow_with_its_shape() -> None:
    """A sum of a hundred products asks SymPy what a sum of ten does."""

    def shapes(count: int) -> int:
        before = len(_Shape.known)
        parts = [mul(symbol(f"p{k}"), symbol(f"q{k}")) for k in range(count)]
        found = Partials(apply("arctan", add(*parts)))
        assert len([found.by(t) for t in found.variables]) == 2 * count
        return len(_Shape.known) - before

    assert shapes(10) <= 3 and shapes(100) == 0


def test_a_vertex_above_all_others_needs_no_generator() -> None:
    low = let("low", add(x, y), opaque=True)
    high = let("high", mul(low, z), opaque=True)
    tower = Tower(8)
    assert tower.is_zero(sub(mul(x, high), mul(x, low, z))) and high not in tower.vertices.values()
    assert [t.op for t in unfolded(sub(high, mul(low, z)))].count("let") == 0
    assert unfolded(add(high, mul(x, high)))[0] is high  # two terms with it: they may cancel
