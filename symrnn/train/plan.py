"""Program to plan: the same equations, arranged so that little is computed, and little of it step by step.

Five rewritings, none of which changes a value:
*open logarithms* of what is printed as a softmax or a sigmoid (``ln softmax(o)_i = o_i − logsumexp(o)``: the same
function, finite where the quotient of exponentials is 0); *cancel quotients* (``ŷ · (y/ŷ) = y``, likewise); *inline*
what is used once; *share* what occurs twice, at any step; *hoist* out of recursions what does not depend on them, to
be computed for all steps at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from symrnn.diagnostic import UsageError
from symrnn.expr import Symbol
from symrnn.train.index import (
    Fn,
    Get,
    Max,
    Node,
    Num,
    Plus,
    Pow,
    Prod,
    Steps,
    Sum,
    When,
    at,
    canonical,
    fn,
    free,
    plus,
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


@dataclass(frozen=True)
class Stage:
    """Quantities computed together: each for all steps at once (``once``), or all step by step."""

    kind: str  # once | forward | backward
    keys: tuple[Any, ...]


@dataclass
class Plan:
    """Quantities with their rewritten rules, in stages."""

    program: Program
    quantities: dict[Any, Quantity]
    stages: list[Stage]
    outputs: tuple[Any, ...]

    def summed(self, key: Any) -> bool:
        """Whether an output is a total over the batch: the loss and its gradients are, predictions are not."""
        return key == self.program.loss or not isinstance(key, Symbol)

    @property
    def direct(self) -> set[Any]:
        """The outputs that nothing else mentions, totals that need not be kept for each sequence."""
        mentioned = {g.key for q in self.quantities.values() for r in q.rules for g, _ in gets(r.body)}
        return {k for k in self.outputs if k not in mentioned and self.summed(k) and not self.quantities[k].timed}


def plan(program: Program, outputs: tuple[Any, ...] | None = None) -> Plan:
    """Arrange a program for what is wanted (by default the loss and all gradients).

    Raises UsageError when its recursions run in both directions.
    """
    made = _Rewriting(program, outputs or (program.loss, *program.gradients.values()))
    made.open_logarithms()
    made.cancel_quotients()
    made.inline()
    made.share()
    stages = made.stages()
    made.hoist(stages)
    return Plan(program, made.quantities, made.stages(), made.outputs)


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


class _Rewriting:
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

    # -- order --------------------------------------------------------------------------------

    def stages(self) -> list[Stage]:
        """Strongly connected quantities in the order of need; each such set recurs in one direction."""
        needs = {
            k: {
                (g.key, g.time.shift if g.time is not None and g.time.base == "t" and not summed else 0)
                for r in q.rules
                for g, summed in gets(r.body)
                if g.key in self.quantities
            }
            for k, q in self.quantities.items()
        }
        reach: dict[Any, set[Any]] = {}
        for k in needs:
            seen: set[Any] = set()
            stack = [k]
            while stack:
                for n, _ in needs[stack.pop()]:
                    if n not in seen:
                        seen.add(n)
                        stack.append(n)
            reach[k] = seen
        out: list[Stage] = []
        done: set[Any] = set()
        while len(done) < len(needs):
            ready = next(k for k in needs if k not in done and all(n in done or k in reach[n] for n in reach[k]))
            members = [k for k in needs if k == ready or (k in reach[ready] and ready in reach[k])]
            done |= set(members)
            out.append(self._stage(members, needs))
        return out

    def _stage(self, members: list[Any], needs: dict[Any, set[tuple[Any, int]]]) -> Stage:
        shifts = {by for k in members for n, by in needs[k] if n in members and by}
        fixed = any(r.when is not None and r.when.base == "last" for k in members for r in self.quantities[k].rules)
        if not shifts and len(members) == 1 and not fixed and not any(n in members for n, _ in needs[members[0]]):
            return Stage("once", tuple(members))
        if min(shifts, default=0) < 0 < max(shifts, default=0):
            raise UsageError("a recursion that runs both ways in time does not compile")
        order: list[Any] = []
        while len(order) < len(members):
            free_ = [
                k for k in members if k not in order and all(n in order or by or n not in members for n, by in needs[k])
            ]
            if not free_:
                raise UsageError("quantities of one step are defined in a circle")
            order.append(free_[0])
        return Stage("forward" if min(shifts, default=0) < 0 else "backward", tuple(order))

    # -- hoisting -----------------------------------------------------------------------------

    def hoist(self, stages: list[Stage]) -> None:
        """Name what a recursion's rules mention that does not depend on the recursion, for all steps at once."""
        for stage in stages:
            if stage.kind == "once":
                continue
            inside = set(stage.keys)
            for key in stage.keys:
                self.quantities[key] = self._hoisted(self.quantities[key], inside)

    def _hoisted(self, q: Quantity, inside: set[Any]) -> Quantity:
        def loose(x: Node) -> bool:
            return all(g.key not in inside for g, _ in gets(x))

        def timed(x: Node) -> bool:
            return any(g.time is not None for g, _ in gets(x))

        def out(x: Node) -> Node:
            found = self.form(x)
            if found is None:
                return x
            form, index, step = found
            for key, other in self.quantities.items():
                if isinstance(key, Extra) and self.form_of(other) == form:
                    return Get(key, index, step)
            key = Extra(self.count)
            self.count += 1
            order = tuple(i for i in q.index if i in index) + tuple(i for i in index if i not in q.index)
            own = {i: fresh("i") for i in order}
            generic = x if step is None else counted(x, step)
            new = tuple(own[i] for i in order)
            body = renamed(replace_index(generic, dict(own)))
            self.quantities[key] = Quantity(key, new, step is not None, (Rule(body, new, ""),))
            return Get(key, order, step)

        def leaf(x: Node) -> Node | None:
            if isinstance(x, Get):
                return x
            if loose(x):
                return out(x) if timed(x) else x
            if isinstance(x, Plus):
                still = [a for a in x.args if loose(a)]
                if any(map(timed, still)):
                    rest = [rebuild(a, leaf) for a in x.args if not loose(a)]
                    return plus(*rest, out(plus(*still)))
            if isinstance(x, Prod):
                for group in groups(x):
                    still = [a for a in group if loose(a)]
                    if any(map(timed, still)) and not (len(still) == 1 and isinstance(still[0], Get)):
                        named = out(times(*still))
                        if named != times(*still):
                            return rebuild(times(*(a for a in x.args if a not in still), named), leaf)
            return None

        return map_rules(q, lambda body: rebuild(body, leaf))

    def form_of(self, q: Quantity) -> Node | None:
        """The form of an extra quantity's body, to be found again."""
        found = self.form(q.rules[0].body)
        return found[0] if found is not None and found[2] in (None, When("t")) else None


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
