"""Rewritings of a program's equations, none of which changes a value.

*Open logarithms* of what is printed as a softmax or a sigmoid (``ln softmax(o)_i = o_i − logsumexp(o)``: the same
function, finite where the quotient of exponentials is 0); *cancel quotients* (``ŷ · (y/ŷ) = y``, likewise); *inline*
what is used once; *share* what occurs twice, at any step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from symrnn.train.index import (
    Fn,
    Get,
    Max,
    Node,
    Num,
    Pow,
    Prod,
    Steps,
    Sum,
    When,
    at,
    canonical,
    fn,
    free,
    rebuild,
    replace_index,
    shift,
    times,
)
from symrnn.train.lower import fresh
from symrnn.train.program import Program, Quantity, Rule, gets


class Extra(NamedTuple):
    """The name of a quantity that a rewriting introduced."""

    number: int

    def __str__(self) -> str:
        return f"e{self.number}"


def map_rules(q: Quantity, f: Callable[[Node], Node]) -> Quantity:
    """The quantity with every body mapped."""
    rules = tuple(replace(r, body=f(r.body)) for r in q.rules)
    return Quantity(q.key, q.index, q.timed, rules)


def renamed(x: Node) -> Node:
    """The expression with fresh names for its bound indices."""

    def leaf(y: Node) -> Node | None:
        if isinstance(y, (Sum, Max)):
            new = fresh()
            return type(y)(new, renamed(replace_index(y.body, {y.ix: new})))
        return None

    return rebuild(x, leaf)


def placed(q: Quantity, get: Get) -> Node:
    """The body of a quantity's one rule at the entry and step of a mention."""
    body = renamed(q.rules[0].body)
    body = replace_index(body, dict(zip(q.rules[0].index, get.index, strict=True)))
    if get.time is None:
        return body
    return shift(body, get.time.shift) if get.time.base == "t" else at(body, get.time)


class Rewriting:
    """The quantities of a program on their way to a plan."""

    def __init__(self, program: Program, outputs: tuple[Any, ...]) -> None:
        self.program = program
        self.quantities = dict(program.quantities)
        self.outputs = outputs
        self.count = 0

    # -- opening and inlining -----------------------------------------------------------------

    def simple(self, key: Any) -> Quantity | None:
        """The quantity, when one rule for all steps computes it."""
        q = self.quantities.get(key)
        if q is None or len(q.rules) != 1:
            return None
        (rule,) = q.rules
        return q if rule.when is None and not rule.low and not rule.high else None

    def open_logarithms(self) -> None:
        """ln of a quantity whose definition is positive by its form: the logarithm of the definition."""

        def leaf(x: Node) -> Node | None:
            if isinstance(x, Fn) and x.name == "ln":
                opened = fn("ln", rebuild(x.body, inner))
                return None if isinstance(opened, Fn) and opened.name == "ln" else opened
            return None

        def inner(x: Node) -> Node | None:
            if isinstance(x, Get) and (q := self.simple(x.key)) is not None and not isinstance(q.rules[0].body, Steps):
                return placed(q, x)
            return None

        self._map(lambda body: rebuild(body, leaf))

    def cancel_quotients(self) -> None:
        """Put a quotient where it is multiplied by what it divides by: ŷ · (y/ŷ) is y, also where ŷ underflows to 0."""
        for key in list(self.quantities):
            if not self._may_inline(key) or not self._divides(self.quantities[key]):
                continue
            users = {k: q for k, q in self.quantities.items() if _mentions(q, key)}
            opened = {k: map_rules(q, partial(self._opened, key)) for k, q in users.items()}
            if all(self._divides(opened[k]) <= self._divides(q) for k, q in users.items()):
                self.quantities.update(opened)

    def _opened(self, key: Any, body: Node) -> Node:
        """The body with every mention of a quantity replaced by what computes it."""
        q = self.quantities[key]
        return rebuild(body, lambda x: placed(q, x) if isinstance(x, Get) and x.key == key else None)

    def _divides(self, q: Quantity) -> int:
        """How often a quantity is divided by something that is computed."""
        return sum(
            isinstance(x, Pow) and x.exponent < 0 and any(g.key in self.quantities for g, _ in gets(x.base))
            for r in q.rules
            for x in r.body.walk()
        )

    def _map(self, f: Callable[[Node], Node]) -> None:
        self.quantities = {k: map_rules(q, f) for k, q in self.quantities.items()}

    def inline(self) -> None:
        """Put what is mentioned once where it is mentioned; drop what is not needed."""
        while True:
            self._drop()
            uses: dict[Any, int] = {}
            for _, rule in self._rules():
                for get, _ in gets(rule.body):
                    uses[get.key] = uses.get(get.key, 0) + 1
            target = next((k for k in self.quantities if uses.get(k) == 1 and self._may_inline(k)), None)
            if target is None:
                return
            self._map(partial(self._opened, target))
            del self.quantities[target]

    def _may_inline(self, key: Any) -> bool:
        q = self.simple(key)
        if q is None or key in self.outputs or key in self.program.states:
            return False
        body = q.rules[0].body
        return not isinstance(body, Steps) and all(get.key != key for get, _ in gets(body))

    def _drop(self) -> None:
        needed = set(self.outputs) | set(self.program.states)
        stack = list(needed)
        while stack:
            q = self.quantities.get(stack.pop())
            for rule in q.rules if q else ():
                for get, _ in gets(rule.body):
                    if get.key not in needed:
                        needed.add(get.key)
                        stack.append(get.key)
        self.quantities = {k: q for k, q in self.quantities.items() if k in needed}

    def _rules(self) -> Iterator[tuple[Quantity, Rule]]:
        for q in self.quantities.values():
            for rule in q.rules:
                yield q, rule

    # -- sharing ------------------------------------------------------------------------------

    def share(self) -> None:
        """Name every part that occurs twice, at whatever steps and under whatever indices; the largest first."""
        while True:
            seen: dict[Node, int] = {}
            for _, rule in self._rules():
                for part in parts(rule.body):
                    form = self.form(part)
                    if form is not None:
                        seen[form[0]] = seen.get(form[0], 0) + 1
            twice = [form for form, n in seen.items() if n > 1]
            if not twice:
                return
            self.name(max(twice, key=lambda x: sum(1 for _ in x.walk())))

    def form(self, part: Node) -> tuple[Node, tuple[str, ...], When | None] | None:
        """A part up to names and steps: its form, the indices it stands at and its step; None for what stays."""
        if isinstance(part, (Get, Num)) or any(isinstance(x, Steps) for x in part.walk()):
            return None
        mentions = [g for g, _ in gets(part)]
        bases = {g.time.base for g in mentions if g.time is not None}
        if len(bases) > 1 or "at" in bases:
            return None
        if not bases and (self.program.timed or not any(g.key in self.quantities for g in mentions)):
            return None
        step = None
        generic = part
        if bases:
            step = When(bases.pop(), max(g.time.shift for g in mentions if g.time is not None))
            states = self.program.states
            if any(step.shift - g.time.shift > states.get(g.key, 0) for g in mentions if g.time is not None):
                return None
            generic = counted(part, step)
        index = tuple(dict.fromkeys(i for x in part.walk() for i in _own(x) if i in free(part)))
        return canonical(replace_index(generic, {i: f"?{k}" for k, i in enumerate(index)})), index, step

    def name(self, form: Node) -> Extra:
        """Make a quantity of a form and put its name wherever the form occurs."""
        key = Extra(self.count)
        self.count += 1
        index = tuple(sorted(free(form), key=lambda i: int(i[1:])))
        own = {i: fresh("i") for i in index}
        body = renamed(replace_index(form, dict(own)))
        self._map(lambda b: self.swap(b, form, key))
        timed = any(g.time is not None for g, _ in gets(form))
        order = tuple(own[i] for i in index)
        self.quantities[key] = Quantity(key, order, timed, (Rule(body, order, ""),))
        return key

    def swap(self, body: Node, form: Node, key: Extra) -> Node:
        """The body with every occurrence of the form replaced by the name."""

        def mention(part: Node) -> Node | None:
            found = self.form(part)
            if found is None or found[0] != form:
                return None
            return Get(key, found[1], found[2])

        def leaf(x: Node) -> Node | None:
            found = mention(x)
            if found is not None:
                return found
            if isinstance(x, Prod):
                for group in groups(x):
                    found = mention(times(*group))
                    if found is not None:
                        rest = [a for a in x.args if a not in group]
                        return rebuild(times(*rest, found), leaf)
            return None

        return rebuild(body, leaf)


def _mentions(q: Quantity, key: Any) -> bool:
    return any(g.key == key for r in q.rules for g, _ in gets(r.body))


def counted(x: Node, step: When) -> Node:
    """An expression whose steps all have one base, counted from ``step``."""

    def leaf(y: Node) -> Node | None:
        if isinstance(y, Get) and y.time is not None:
            return Get(y.key, y.index, When("t", y.time.shift - step.shift))
        return None

    return rebuild(x, leaf)


def _own(x: Node) -> tuple[str, ...]:
    """The indices that a node itself writes."""
    if isinstance(x, Get):
        return tuple(i for i in x.index if isinstance(i, str))
    return ()


def groups(x: Prod) -> list[list[Node]]:
    """The factors of a product that stand at the same indices and have steps or are computed."""
    table: dict[frozenset[str], list[Node]] = {}
    for a in x.args:
        if any(g.time is not None for g, _ in gets(a)) or any(not isinstance(b, (Get, Num)) for b in a.walk()):
            table.setdefault(free(a), []).append(a)
    return [g for g in table.values() if len(g) < len(x.args)]


def parts(x: Node) -> Iterator[Node]:
    """The parts of an expression that may be named: subexpressions and groups of factors."""
    yield x
    if isinstance(x, Prod):
        for group in groups(x):
            if len(group) > 1:
                yield times(*group)
    for child in x.children():
        yield from parts(child)
