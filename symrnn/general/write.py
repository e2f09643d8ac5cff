"""The derivation of a general proof: the derivatives that it uses, each with its induction over the steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from symrnn.expr import Index, Symbol
from symrnn.general import zero
from symrnn.general.differentiate import COL, NOW, ROW
from symrnn.general.form import Adj, Form, moved
from symrnn.general.network import OF, Network, generic
from symrnn.general.times import Guard, at_least, both, equal, implies

_NAMES = {OF + ROW: "p", OF + COL: "q", OF + NOW: "s", ROW: "i", COL: "j", NOW: "t"}
_TO = {a: Index(b) for a, b in _NAMES.items()}


@dataclass(frozen=True)
class Statement:
    """One step of a derivation in words, and as a formula: ``head`` = ``form`` wherever the steps lie in ``domain``.

    ``pins``: the axes that have numbers in it.
    """

    says: str
    head: Adj | None = None
    form: Form | None = None
    domain: Guard = ()
    pins: Mapping[str, int] = field(default_factory=dict)


def derivation(net: Network, pairs: Iterable[tuple[Symbol, Symbol]], notes: tuple[str, ...]) -> tuple[Statement, ...]:
    """What holds for the derivatives ∂A/∂v of a proof and for those that they lead to, then what was opened of them."""
    todo = sorted(pairs, key=_name)
    seen: dict[tuple[Symbol, Symbol], None] = {}
    while todo:
        pair = todo.pop(0)
        if pair not in seen:
            seen[pair] = None
            of, wrt = pair
            users = [u for u in net.graph.users.get(wrt, {}) if u is not of and of in net.graph.reach(u)]
            todo += sorted(((of, u) for u in users), key=_name)
    rules: list[Statement] = []
    for of, wrt in seen:
        if of is not wrt:
            net.ring.work = 0  # writing is no part of a claim's work
            rules += _rule(net, of, wrt)
    return (*rules, *(Statement(note) for note in notes))


def _name(pair: tuple[Symbol, Symbol]) -> tuple[str, str]:
    return pair[0].name, pair[1].name


def _rule(net: Network, of: Symbol, wrt: Symbol) -> Iterator[Statement]:
    """By recursion over the steps: a base case at the last step and a step; else in one line."""
    ring = net.ring
    head = Adj(generic(of, OF), generic(wrt, "")).renamed(ring, _TO)
    rule = net.rule(of, wrt)

    def statement(word: str, form: Form, domain: Guard) -> Statement:
        named = ring.rename(form, _TO)
        where = tuple((moved(Index(a), _TO).letter or "", moved(Index(b), _TO).letter or "", c) for a, b, c in domain)
        return Statement(f"{word}{head.key} = {named.key}", head, named, where, ring.pins)

    if wrt not in net.graph.cyclic or not wrt.timed:
        yield statement("", rule, ())
        return
    now, end = Index(NOW), Index(OF + NOW) if of.timed else net.graph.last
    last = moved(end, _TO)
    inside = (at_least(now, net.graph.first),)
    for word, sign, case in (("base", "=", equal(now, end)), ("step", "<", (at_least(end, now, 1),))):
        domain = both(inside, case)
        assert domain is not None
        yield statement(f"{word}, t {sign} {last}: ", _on(net, rule, domain), domain)
    none = f"after {last}: {head.key} = 0, for no path leads back"
    yield Statement(none, head, ring.zero, (at_least(Index("t"), last, 1),), ring.pins)


def _on(net: Network, form: Form, domain: Guard) -> Form:
    """A form on a domain, the inequalities that hold there left out."""
    parts = []
    for mono, q in zero.trimmed(net.ring, form, domain).terms:
        loose = net.ring.opened(mono)
        loose.guard = [c for c in loose.guard if not implies(domain, c)]
        parts.append(net.ring.mono(q, loose))
    return net.ring.add(*parts)
