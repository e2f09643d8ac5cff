"""The program of a document: which proved equation computes what, and in which order.

A quantity is computed by *rules*: an equation for every step ``t``, equations for fixed steps (the last), or one
equation outright. Forward quantities get theirs from the document's definitions, derivatives from its proved
claims; a recursion such as ``g_t = f(g_{t+1})`` needs a proved equation for the last step to start from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from symrnn.diagnostic import UsageError
from symrnn.expr import Gradient, Index, Symbol
from symrnn.model import attribute
from symrnn.train.assume import Premise
from symrnn.train.facts import Fact, Knowledge
from symrnn.train.index import Get, Ix, Node, Steps, When, free, replace_index, shift
from symrnn.train.lower import Axis, Links, Lowering, NotRunnable, Slope, fresh


@dataclass(frozen=True)
class Rule:
    """``quantity[index] = body``: at ``when`` if that is a fixed step, else wherever the body has a meaning:
    from ``low`` steps after the first to ``high`` steps before the last.
    """

    body: Node
    index: tuple[str, ...]
    number: str
    when: When | None = None
    low: int = 0
    high: int = 0
    assumptions: tuple[str, ...] = ()
    links: Links = field(default_factory=Links, compare=False, repr=False)
    place: int | None = None  # of the claim's equation in the document


@dataclass(frozen=True)
class Quantity:
    """What is computed: its name, its indices, whether it has steps, and its rules."""

    key: Any
    index: tuple[str, ...]
    timed: bool
    rules: tuple[Rule, ...]

    def generic(self) -> Rule | None:
        """The rule for every step (or the one rule), if there is one."""
        return next((r for r in self.rules if r.when is None), None)


@dataclass
class Program:
    """Everything needed to compute the loss and its gradients from parameters and data."""

    quantities: dict[Any, Quantity]
    loss: Symbol
    gradients: dict[Symbol, Slope]
    parameters: tuple[Symbol, ...]
    inputs: tuple[Symbol, ...]
    targets: tuple[Symbol, ...]
    states: dict[Symbol, int]  # given before the first step: how many steps of them
    timed: bool
    links: Links
    premises: tuple[Premise, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """The numbers of the equations that run."""
        found = dict.fromkeys(r.number for q in self.quantities.values() for r in q.rules if r.number)
        return tuple(found)


def gets(x: Node, summed: bool = False) -> Iterator[tuple[Get, bool]]:
    """What an expression mentions, and whether under a sum over steps."""
    if isinstance(x, Get):
        yield x, summed
    for child in x.children():
        yield from gets(child, summed or isinstance(x, Steps))


class Ungiven(UsageError):
    """A derivative that nothing proved gives. Why is found out, by judging all equations, when somebody reads it."""

    def __init__(self, why: Callable[[], str]) -> None:
        super().__init__()
        self._why = cache(why)

    def __str__(self) -> str:
        return self._why()


class Maker:
    """Makes the program of a document from what is known of it."""

    def __init__(
        self, known: Knowledge, first: int, last: str, sizes: dict[str, int], premises: dict[str, Premise]
    ) -> None:
        self.known = known
        self.first = first
        self.last = last
        self.sizes = sizes
        self.premises = premises
        self.definitions: dict[Symbol, list[Rule]] = {}
        for d in known.definitions:
            self.definitions.setdefault(d.symbol, []).append(self._definition(d))
        self.lags = self._lags()
        self._rules = {at: tuple(self._fact_rules(fact, at[0])) for at, fact in known.facts.items()}
        self.slopes = self._by_slope()
        self.chosen: dict[Any, tuple[Rule, ...]] = {}
        self.sizeless = False

    def _by_slope(self) -> dict[Slope, list[Rule]]:
        slopes: dict[Slope, list[Rule]] = {}
        for at in sorted(self._rules):
            for slope, rule in self._rules[at]:
                slopes.setdefault(slope, []).append(rule)
        return slopes

    def settle(self, places: Iterable[int] | None = None) -> bool:
        """Have equations judged, by default those of all chosen rules; False when one of them had not been."""
        if places is None:
            places = {r.place for rules in self.chosen.values() for r in rules if r.place is not None}
        fresh_ones = [place for place in sorted(places) if self.known.settle(place)]
        for at in [at for at in self._rules if at[0] in fresh_ones]:
            fact = self.known.facts.get(at)
            self._rules[at] = () if fact is None else tuple(self._fact_rules(fact, at[0]))
        self.slopes = self._by_slope()
        return not fresh_ones

    # -- reading ------------------------------------------------------------------------------

    def _definition(self, d: Any) -> Rule:
        step = d.time.letter if d.time is not None else None
        letters: dict[str, Ix] = {}
        fixed: list[Ix] = []
        for index, dim in zip((d.row, d.col), d.symbol.shape, strict=True):
            ix: Ix = fresh("i")
            if dim == 1:
                ix = 0
            elif index is not None and index.letter is not None and not index.offset:
                letters[index.letter] = ix
            elif index is not None:
                raise UsageError(f"equation ({d.number}) defines single components, which does not compile yet")
            fixed.append(ix)
        lower = Lowering(letters, step, self.last, self.first, self.sizes)
        whole = d.row is None and d.col is None
        try:
            entered = lower.enter(d.symbol, fixed[0], fixed[1])
            body = lower(d.rhs, *(fixed if whole else (0, 0)))
        except NotRunnable as error:
            raise UsageError(f"equation ({d.number}) does not compile: {error}") from None
        when = None if d.time is None or d.time.letter is not None else When("at", d.time.offset)
        if d.time is not None and d.time.letter is not None:
            body = shift(body, -d.time.offset)
        return Rule(body, tuple(map(str, entered)), d.number, when, links=lower.links)

    def _lags(self) -> dict[Symbol, int]:
        """How many steps before the first each quantity is used by the definitions: those are given."""
        lags: dict[Symbol, int] = {}
        for rules in self.definitions.values():
            for rule in rules:
                for get, _ in gets(rule.body):
                    if get.time is not None and get.time.base == "t" and rule.when is None:
                        lags[get.key] = max(lags.get(get.key, 0), -get.time.shift)
        return lags

    def _fact_rules(self, fact: Fact, place: int) -> Iterable[tuple[Slope, Rule]]:
        """The rules that a claim is, read in either direction."""
        steps = [letter for letter, dim in fact.letters.items() if dim is None]
        if len(steps) > 1:
            return
        for one, two in ((fact.lhs, fact.rhs), (fact.rhs, fact.lhs)):
            letters: dict[str, Ix] = {k: fresh("i") for k, dim in fact.letters.items() if dim is not None}
            lower = Lowering(letters, steps[0] if steps else None, self.last, self.first, self.sizes)
            for letter, dim in fact.letters.items():
                if dim is not None:
                    lower.links.sizes.append((str(letters[letter]), dim))
            row, col = ((fresh("i") if d != 1 else 0) for d in one.shape)
            if not any(isinstance(x, Gradient) for x in one.walk()):
                continue
            try:
                head = lower(one, row, col)
                if not isinstance(head, Get) or not isinstance(head.key, Slope):
                    continue
                named = {i for i in head.index if isinstance(i, str)}
                if len(named) != len(head.index) or named != free(head):
                    continue
                body = lower(two, _same(two, row, 0), _same(two, col, 1))
            except NotRunnable:
                continue
            if not free(body) <= named:
                continue
            rule = self._placed(head, body, fact, place, lower.links)
            if rule is not None:
                yield head.key, rule

    def _placed(self, head: Get, body: Node, fact: Fact, place: int, links: Links) -> Rule | None:
        """The rule counted from its own step, with the steps at which every quantity in it has a value."""
        index = tuple(map(str, head.index))
        when = head.time
        low, high = fact.low, fact.high
        if when is not None and when.base == "t":
            body = shift(body, -when.shift)
            low, high = max(0, low + when.shift), max(0, high - when.shift)
            when = None
        elif when is None and fact.low + fact.high:
            return None
        for get, summed in gets(body):
            if get.time is None or get.time.base != "t" or summed:
                continue
            back = -get.time.shift - (self.lags.get(get.key, 0) if isinstance(get.key, Symbol) else 0)
            low, high = max(low, back), max(high, get.time.shift)
        return Rule(body, index, fact.number, when, low, high, fact.assumptions, links, place)

    # -- choosing -----------------------------------------------------------------------------

    def choose(self, slopes: tuple[Slope, ...]) -> None:
        """Choose rules for derivatives such that every equation chosen is judged, and proved.

        What is not yet judged is presumed true without assumptions, and so no worse a choice than it will turn out to
        be: a choice that is judged throughout is the one that would be made if all equations were judged beforehand.
        Raises Ungiven for the first derivative that nothing proved gives.
        """
        before = dict(self.chosen)
        while True:
            for self.sizeless in (True, False):  # equations that count no axis by a number, if they are enough
                self.chosen = dict(before)
                if all(self.solve(slope) for slope in slopes):
                    break
            else:
                raise Ungiven(lambda: self.why(slopes, before))
            if self.settle():
                return

    def forward(self, key: Symbol) -> None:
        """Take a defined quantity and all that it is computed from."""
        if key in self.chosen or key not in self.definitions:
            return
        self.chosen[key] = tuple(self.definitions[key])
        for rule in self.chosen[key]:
            for get, _ in gets(rule.body):
                if isinstance(get.key, Slope):
                    raise UsageError(f"equation ({rule.number}) defines by a derivative, which does not compile yet")
                self.forward(get.key)

    def solve(self, key: Any, path: tuple[tuple[Any, int], ...] = ()) -> bool:
        """Choose rules for a quantity and all that they need; False when the proved equations do not do it."""
        if key in self.chosen:
            return True
        if isinstance(key, Symbol):
            self.forward(key)
            return True
        for k, (other, _) in enumerate(path):
            if other == key:
                return sum(by for _, by in path[k:]) != 0  # a recursion over steps, not a circle
        for rules in self._candidates(key):
            before = dict(self.chosen)
            needs = {
                (g.key, g.time.shift if g.time and g.time.base == "t" else 0) for r in rules for g, _ in gets(r.body)
            }
            ordered = sorted(needs, key=lambda n: (isinstance(n[0], Slope), str(n[0]), n[1]))
            if all(self.solve(need, (*path, (key, by))) for need, by in ordered):
                self.chosen[key] = rules
                return True
            self.chosen = before
        return False

    def _candidates(self, key: Slope) -> Iterator[tuple[Rule, ...]]:
        """Sets of rules that cover every step, those with the fewest assumptions and the shortest first."""
        rules = [r for r in self.slopes.get(key, ()) if all(self.premises[a].general for a in r.assumptions)]
        rules = sorted((r for r in rules if not (self.sizeless and _counted(r))), key=_cost)
        timed = key.lag is not None or key.wrt.timed or key.copy
        if not timed:
            yield from ((r,) for r in rules if r.when is None)
            return
        for rule in rules:
            if rule.when is not None or rule.low:
                continue
            ends = [next((r for r in rules if r.when == When("last", -k)), None) for k in range(rule.high)]
            if all(e is not None for e in ends):
                yield (rule, *(e for e in ends if e is not None))

    def why(self, slopes: tuple[Slope, ...], chosen: dict[Any, tuple[Rule, ...]]) -> str:
        """Which of some derivatives is the first that nothing proved gives, and why."""
        self.settle(range(len(self.known.equations)))
        self.chosen = dict(chosen)
        return self.explain(next(slope for slope in slopes if not self.solve(slope)))

    def explain(self, key: Slope, above: tuple[Slope, ...] = ()) -> str:
        """Why the proved equations do not compute a derivative: down to the one that none of them gives."""
        candidates = list(self._candidates(key))
        for rules in candidates[:1]:
            for get in dict.fromkeys(g for r in rules for g, _ in gets(r.body) if isinstance(g.key, Slope)):
                if get.key not in (*above, key) and not self.solve(get.key):
                    return self.explain(get.key, (*above, key))
        return self._reason(key)

    def _reason(self, key: Slope) -> str:
        name = f"the gradient of {attribute(key.wrt)}" if key.of.shape == (1, 1) else f"the derivative {key}"
        rules = self.slopes.get(key, [])
        barred = [r for r in rules if not all(self.premises[a].general for a in r.assumptions)]
        out = f"no proved equation gives {name}"
        if any(r.when is None and r.high for r in rules) and not any(r.when == When("last") for r in rules):
            out += " at the last step"
        if barred:
            used = ", ".join(sorted({a for r in barred for a in r.assumptions if not self.premises[a].general}))
            out += f" for every class ({_listed([f'({r.number})' for r in barred])} hold only under «{used}»)"
        about = [r for r in self.known.refused if key.wrt in r.about]
        refused = [str(r) for r in sorted(about, key=lambda r: not r.whole)]
        return f"{out}; {_listed(refused)}" if refused else out


def _listed(items: list[str], most: int = 6) -> str:
    """At most so many of the items, and how many more there are."""
    items = list(dict.fromkeys(items))
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")


def _same(x: Any, ix: Ix, axis: int) -> Ix:
    """A number fills the shape of the other side."""
    return 0 if x.shape[axis] == 1 else ix


def _counted(rule: Rule) -> int:
    """How many axes a rule counts by a number, as sums up to 3 and explicit matrices do."""
    return sum(isinstance(dim, int) for _, dim in rule.links.sizes) + len(rule.links.fixed)


def _cost(rule: Rule) -> tuple[int, int, int, int]:
    """Assumptions, axes counted by numbers, derivatives of other than scalars, length."""
    others = sum(isinstance(g.key, Slope) and g.key.of.shape != (1, 1) for g, _ in gets(rule.body))
    return len(rule.assumptions), _counted(rule), others, sum(1 for _ in rule.body.walk())


def make(maker: Maker, loss: Symbol, inputs: Iterable[Symbol], targets: Iterable[Symbol]) -> Program:
    """The program of loss and gradients. Raises UsageError naming the first gradient that nothing proved gives."""
    maker.forward(loss)
    inputs, targets = tuple(inputs), tuple(targets)
    parameters = tuple(s for s in leaves(maker) if s not in inputs and s not in targets and not s.timed)
    gradients = {p: Slope(loss, p) for p in parameters}
    maker.choose(tuple(gradients.values()))
    links = Links()
    quantities = {}
    for key, rules in maker.chosen.items():
        timed = key.timed != "" if isinstance(key, Symbol) else key.lag is not None or bool(key.wrt.timed) or key.copy
        index = rules[0].index
        same = tuple(
            replace(r, index=index, body=replace_index(r.body, dict(zip(r.index, index, strict=True)))) for r in rules
        )
        quantities[key] = Quantity(key, index, timed, same)
        for rule in rules:
            links.extend(rule.links)
            links.pairs += [(a, b) for a, b in zip(rule.index, index, strict=True)]
        if isinstance(key, Slope):
            links.pairs += list(zip(index, slope_axes(key), strict=True))
    used = {a for q in quantities.values() for r in q.rules for a in r.assumptions}
    premises = tuple(maker.premises[a] for a in sorted(used))
    for p in premises:
        if p.symbol not in targets:
            raise UsageError(f"the proofs assume «{p.name}» of {attribute(p.symbol)}, which is no target")
    states = {s: n for s, n in maker.lags.items() if n > 0 and s in quantities}
    timed = any(s.timed for s in (*inputs, *targets))
    return Program(quantities, loss, gradients, parameters, inputs, targets, states, timed, links, premises)


def slope_axes(key: Slope) -> list[Axis]:
    """The axes of a derivative: those of what is derived, then those of the variable."""
    return [(s, k) for s in (key.of, key.wrt) for k in (0, 1) if s.shape[k] != 1]


def leaves(maker: Maker) -> list[Symbol]:
    """The quantities without a definition that the chosen ones mention, in the order of mention."""
    found: dict[Symbol, None] = {}
    for rules in maker.chosen.values():
        for rule in rules:
            for get, _ in gets(rule.body):
                if isinstance(get.key, Symbol) and get.key not in maker.definitions:
                    found.setdefault(get.key)
    return list(found)


__all__ = ["Index", "Maker", "Program", "Quantity", "Rule", "gets", "make"]
