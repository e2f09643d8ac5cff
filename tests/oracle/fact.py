"""What is claimed: a Fact is one printed relation, label or definition, transcribed by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .forward import Mat, Meaningless, World

PER_STEP = "per-step copy"
T_AS_TAU = "(t) as (tau)"
COMPONENT = "component in hand"
READINGS = (PER_STEP, T_AS_TAU, COMPONENT)  # tried in this order, few before many


@dataclass(frozen=True)
class Ctx:
    """Where and how a fact is evaluated: the generic letters and the readings in force."""

    t: int = 0
    i: int = 0
    z: object = None  # the dummy real variable of a calculus reminder
    readings: frozenset[str] = frozenset()

    def copy(self, step: int) -> int | None:
        """For a derivative of a quantity of step `step` by a shared parameter.

        As printed: None, the total derivative.  Under the per-step reading: the copy used there.
        """
        return step if PER_STEP in self.readings else None

    def hand(self, vector: Mat, i: int):
        """A free shorthand for a vector where its neighbours carry the component index i."""
        if COMPONENT not in self.readings:
            raise Meaningless("an undeclared shorthand for a vector, added to a scalar")
        return vector[i]


Side = Callable[[World, Ctx], object]


@dataclass(frozen=True)
class Fact:
    number: str
    kind: str  # relation | label | definition | none
    name: str
    lhs: Side | None
    rhs: Side | None
    readings: tuple[str, ...] = ()
    meaningless: str = ""
    over: tuple[str, ...] = ()  # generic letters: "t", "t<tau", "i3", "i5", "z"
    y: str = "class1"  # which targets the claim is about: class1 | onehot | positive


@dataclass
class Book:
    """Collects the facts, and beside them the steps (does a line follow from the one above)."""

    facts: list[Fact] = field(default_factory=list)
    steps: list[Fact] = field(default_factory=list)

    def chain(
        self,
        head_text: str,
        head: Side | None,
        *members: tuple,
        no_head: str = "",
        **common,
    ) -> None:
        """head = m1 = m2 = ...; a member is (number, text, side[, options of its own]).

        Each member is compared with the head (a fact) and with the member before it (a step).
        no_head: why the head means nothing (then no comparison with it means anything).
        """
        before: tuple | None = None
        for number, text, side, *rest in members:
            options = {**common, **(rest[0] if rest else {})}
            kind = options.pop("kind", "relation")
            name = f"{head_text} = {text}"
            claim = {
                **options,
                "meaningless": no_head or options.get("meaningless", ""),
            }
            self.facts.append(Fact(number, kind, name, head, side, **claim))
            if before is not None:
                merged = {**before[1], **options}
                for key in ("readings", "over"):
                    both = (*before[1].get(key, ()), *options.get(key, ()))
                    merged[key] = tuple(dict.fromkeys(both))
                merged["meaningless"] = options.get("meaningless") or before[1].get("meaningless", "")
                name = f"step: {before[2]} = {text}"
                self.steps.append(Fact(number, "relation", name, before[0], side, **merged))
            before = (side, options, text)

    def label(self, number: str, name: str, inside: Side, label: Side, **options) -> None:
        self.facts.append(Fact(number, "label", name, inside, label, **options))

    def define(self, number: str, name: str, lhs: Side | None, rhs: Side | None, **options):
        self.facts.append(Fact(number, "definition", name, lhs, rhs, **options))

    def none(self, number: str, name: str, expression: Side | None, **options) -> None:
        self.facts.append(Fact(number, "none", name, expression, None, **options))
