"""Program to plan: the same equations, arranged so that little is computed, and little of it step by step.

After the rewritings of ``rewrite``, the quantities are put in the order of need, and what a recursion mentions that
does not depend on it is *hoisted* out, to be computed for all steps at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symrnn.diagnostic import UsageError
from symrnn.expr import Symbol
from symrnn.train.index import Get, Node, Plus, Prod, When, plus, rebuild, replace_index, times
from symrnn.train.lower import fresh
from symrnn.train.program import Program, Quantity, Rule, gets
from symrnn.train.rewrite import Extra, Rewriting, counted, groups, map_rules, renamed


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
    made = _Arrangement(program, outputs or (program.loss, *program.gradients.values()))
    made.open_logarithms()
    made.cancel_quotients()
    made.inline()
    made.share()
    stages = made.stages()
    made.hoist(stages)
    return Plan(program, made.quantities, made.stages(), made.outputs)


class _Arrangement(Rewriting):
    """The quantities in the order of need, out of recursions where that is possible."""

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


__all__ = ["Extra", "Plan", "Stage", "plan"]
