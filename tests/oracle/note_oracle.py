"""An independent numeric referee for the note's 88 numbered equations.

    python -m tests.oracle.note_oracle [--steps]

It shares nothing with the package under test.  Every printed relation, chain member and label
stands in facts_a, facts_b and facts_c, transcribed by hand with its mistakes; forward has the network and
its derivatives by central differences at 50 digits.  A judgement is computed from the two sides
at several random points, tau = 3 and 4, every admissible step and component; none is typed in.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from . import facts_a, facts_b, facts_c
from .fact import READINGS, T_AS_TAU, Book, Ctx, Fact
from .forward import MP, Mat, Meaningless, ShapeError, World

SEEDS, TAUS = (1, 2), (3, 4)
SAME = MP.mpf(10) ** -25  # relative: what agrees agrees this well
APART = MP.mpf(10) ** -4  # absolute: what differs differs this much somewhere
SEVERITY = ("refuted", "ill-formed", "conditional", "proved", "defined")


@dataclass(frozen=True)
class Outcome:
    """One fact under one set of readings: has it a meaning, how far apart are the sides."""

    meaningless: str = ""
    difference: object = None  # the largest absolute difference over all points
    agrees: bool = False
    apart: int = 0  # how many of the places evaluated differ
    places: int = 0


@cache
def _book() -> Book:
    book = Book()
    facts_a.fill(book)
    facts_b.fill(book)
    facts_c.fill(book)
    return book


def facts() -> list[Fact]:
    """Every printed relation, label and definition, in the order of the note."""
    return list(_book().facts)


def steps() -> list[Fact]:
    """Does a chain member follow from the one before?  Information: no part of a verdict."""
    return list(_book().steps)


def numbers() -> list[str]:
    return [str(n) for n in range(1, 89)]


@cache
def worlds(labels: str) -> tuple[World, ...]:
    return tuple(World(seed, tau, labels) for tau in TAUS for seed in SEEDS)


def places(fact: Fact, world: World, readings: frozenset[str]) -> Iterator[Ctx]:
    """Every admissible value of the generic letters of a fact."""
    ts, units, reals = [0], [0], [None]
    for letter in fact.over:
        if letter == "t":
            ts = [world.tau] if T_AS_TAU in readings else list(range(1, world.tau + 1))
        elif letter == "t<tau":
            ts = list(range(1, world.tau))
        elif letter in ("i3", "i5"):
            units = list(range(1, int(letter[1]) + 1))
        elif letter == "z":
            reals = [MP.mpf(k * world.seed) / 7 for k in (-9, -4, 1, 3, 8)]
        else:
            raise ValueError(letter)
    for t, i, z in itertools.product(ts, units, reals):
        yield Ctx(t=t, i=i, z=z, readings=readings)


def distance(left, right) -> tuple[object, object]:
    """The largest absolute difference of two values of one shape, and their size."""
    if isinstance(left, Mat) or isinstance(right, Mat):
        shapes = getattr(left, "shape", "scalar"), getattr(right, "shape", "scalar")
        if shapes[0] != shapes[1]:
            raise ShapeError("{} compared with {}".format(*shapes))
        pairs = [pair for rows in zip(left.rows, right.rows, strict=True) for pair in zip(*rows, strict=True)]
    else:
        pairs = [(left, right)]
    gap = max(abs(p - q) for p, q in pairs)
    return gap, max(1, *(abs(p) for p, _ in pairs), *(abs(q) for _, q in pairs))


_outcomes: dict[tuple, Outcome] = {}


def evaluate(fact: Fact, readings: frozenset[str] = frozenset(), labels: str = "") -> Outcome:
    """Both sides at every point; `labels` asks about other targets than the fact's own."""
    key = (id(fact), readings, labels or fact.y)
    if key not in _outcomes:
        _outcomes[key] = _evaluate(fact, readings, labels or fact.y)
    return _outcomes[key]


def _evaluate(fact: Fact, readings: frozenset[str], labels: str) -> Outcome:
    if fact.meaningless:
        return Outcome(meaningless=fact.meaningless)
    largest, agrees, apart, seen = MP.mpf(0), True, 0, 0
    try:
        for world in worlds(labels):
            for ctx in places(fact, world, readings):
                left = fact.lhs(world, ctx) if fact.lhs else MP.mpf(0)
                right = fact.rhs(world, ctx) if fact.rhs else left
                gap, size = distance(left, right)
                largest = max(largest, gap)
                agrees = agrees and gap <= SAME * size
                apart += gap > APART
                seen += 1
    except Meaningless as error:
        return Outcome(meaningless=str(error))
    if not agrees and not largest > APART:
        raise AssertionError(f"({fact.number}) {fact.name}: neither same nor apart: {largest}")
    return Outcome("", largest, agrees, apart, seen)


def combinations(fact: Fact) -> Iterator[frozenset[str]]:
    """No reading, then each of the fact's own, then two of them, in the fixed order."""
    mine = [r for r in READINGS if r in fact.readings]
    for n in range(len(mine) + 1):
        yield from map(frozenset, itertools.combinations(mine, n))


def winning(fact: Fact) -> frozenset[str] | None:
    """The first readings under which the fact holds, if any."""
    return next((r for r in combinations(fact) if evaluate(fact, r).agrees), None)


def judge(fact: Fact) -> str:
    if fact.kind == "definition":
        if fact.rhs is not None and not evaluate(fact).agrees:
            raise AssertionError(f"({fact.number}): the forward pass is not the definition")
        return "definition"
    readings = winning(fact)
    if readings is None:
        outcomes = [evaluate(fact, r) for r in combinations(fact)]
        return "meaningless" if all(o.meaningless for o in outcomes) else "differs"
    if not readings:
        return "agrees"
    return "agrees under " + " + ".join(r for r in READINGS if r in readings)


def severity(judgement: str) -> str:
    if judgement.startswith("agrees under"):
        return "conditional"
    return {
        "differs": "refuted",
        "meaningless": "ill-formed",
        "agrees": "proved",
        "definition": "defined",
    }[judgement]


def verdict(number: str) -> str:
    found = {severity(judge(f)) for f in facts() if f.number == number}
    return next(s for s in SEVERITY if s in found)


def general(fact: Fact) -> bool | None:
    """Does a fact that holds for class 1 hold for every target?  None: not the question."""
    readings = winning(fact)
    if fact.y != "class1" or fact.kind == "definition" or readings is None:
        return None
    return evaluate(fact, readings, "positive").agrees


def _evidence(fact: Fact) -> str:
    if fact.meaningless or (fact.kind == "definition" and fact.rhs is None):
        return fact.meaningless
    plain, readings = evaluate(fact), winning(fact)
    text = (
        f"no meaning as printed: {plain.meaningless}"
        if plain.meaningless
        else (f"max|d| {MP.nstr(plain.difference, 3)}, apart at {plain.apart}/{plain.places}")
    )
    if readings:
        text += f"; as read max|d| {MP.nstr(evaluate(fact, readings).difference, 3)}"
    elif readings is None:
        for r in combinations(fact):
            other = evaluate(fact, r)
            if r and not other.meaningless:
                read = " + ".join(n for n in READINGS if n in r)
                text += f"; under {read} max|d| {MP.nstr(other.difference, 3)}"
    if general(fact) is not None:
        text += "; any y" if general(fact) else "; class 1 only"
    return text


def main(argv: list[str]) -> int:
    start = time.perf_counter()
    counts = dict.fromkeys(SEVERITY, 0)
    for number in numbers():
        result = verdict(number)
        counts[result] += 1
        print(f"({number}) {result}")
        for fact in facts():
            if fact.number == number:
                print(f"      {fact.kind:<10} {fact.name}")
                print(f"                 {judge(fact)}  [{_evidence(fact)}]")
    if "--steps" in argv:
        print("\nDoes each chain member follow from the one before?")
        for fact in steps():
            print(f"({fact.number}) {fact.name}: {judge(fact)}")
    print(", ".join(f"{n} {name}" for name, n in counts.items()), end="; ")
    print(f"{len(facts())} facts, {time.perf_counter() - start:.1f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
