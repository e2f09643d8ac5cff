"""Which quantity of a document is the loss, which are inputs and which targets."""

from __future__ import annotations

from collections.abc import Iterable

from symrnn.diagnostic import UsageError
from symrnn.expr import Symbol
from symrnn.model import attribute
from symrnn.train.program import Maker, Rule, gets, leaves


def roles(
    maker: Maker, loss: str | None, inputs: Iterable[str], targets: Iterable[str], listed: Iterable[str] = ()
) -> tuple[Symbol, tuple[Symbol, ...], tuple[Symbol, ...]]:
    """Loss, inputs and targets of a document.

    The loss is the scalar without a step that no other definition uses. What has steps and no definition is data, and
    so is what the manifest lists (``listed``); of data, the targets are the one-hot vectors and what only scalars are
    defined by. Names given by the user win.
    """
    used = {g.key for rules in maker.definitions.values() for r in rules for g, _ in gets(r.body)}
    totals = [s for s in maker.definitions if s.shape == (1, 1) and not s.timed and s not in used]
    if loss is not None:
        totals = [s for s in maker.definitions if attribute(s) == loss and not s.timed]
    if len(totals) != 1:
        names = ", ".join(attribute(s) for s in totals) or "none"
        raise UsageError(f"which scalar is the loss? candidates: {names} (say which with loss=)")
    maker.forward(totals[0])
    known = leaves(maker)
    named_in, named_out = _find(known, inputs), _find(known, targets)
    data = [s for s in known if s.timed or s in named_in or s in named_out or attribute(s) in listed]
    late = {
        s
        for s in data
        if s.onehot or all(k.shape == (1, 1) for k, rules in maker.chosen.items() if _mentions(rules, s))
    }
    goal = named_out or tuple(s for s in data if s in late and s not in named_in)
    given = named_in or tuple(s for s in data if s not in goal)
    if not given:
        names = ", ".join(attribute(s) for s in known)
        raise UsageError(f"no quantity has steps, so say which of {names} are data (inputs= and targets=)")
    return totals[0], given, goal


def _mentions(rules: tuple[Rule, ...], symbol: Symbol) -> bool:
    return any(g.key is symbol for r in rules for g, _ in gets(r.body))


def _find(known: list[Symbol], names: Iterable[str]) -> tuple[Symbol, ...]:
    out = []
    for name in names:
        found = [s for s in known if attribute(s) == name]
        if not found:
            raise UsageError(f"the forward equations use no given quantity '{name}'")
        out += found
    return tuple(out)
