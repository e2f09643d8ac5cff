"""The frame around the array operations: allocation, the stages in order, loops over steps, the outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symrnn.diagnostic import UsageError
from symrnn.expr import Symbol
from symrnn.train.backends.arrays import BATCH, HEAD, STEP, Val, em_end
from symrnn.train.backends.names import Names
from symrnn.train.backends.numpy import Emitter
from symrnn.train.index import When
from symrnn.train.plan import Plan, Stage
from symrnn.train.program import Quantity, Rule
from symrnn.train.sizes import Sizes


def source(plan: Plan, sizes: Sizes) -> str:
    """The Python source of ``plan(T, B, <sizes>, dtype)``.

    It returns ``run(parameters…, inputs…, targets…, states…)``, which returns the loss, the gradients in the order
    of the parameters, and the last states; for a batch, loss and gradients are sums over its sequences.
    """
    made = _Frame(plan, sizes)
    return made.source()


class _Frame:
    def __init__(self, plan: Plan, sizes: Sizes) -> None:
        self.plan = plan
        self.program = plan.program
        self.sizes = sizes
        self.em = Emitter(plan, sizes)
        self.names = self.em.names

    def source(self) -> str:
        em, program, names = self.em, self.program, self.names
        for key, q in self.plan.quantities.items():
            if key not in em.direct:
                lag = program.states.get(key, 0)
                lead = ((f"T + {lag}" if lag else "T"),) if q.timed else ()
                shape = ", ".join((*lead, "B", *(em.length(i) for i in q.index)))
                em.setup.append(f"{names[key]} = empty(({shape}{',' * (',' not in shape)}), dtype)")
        for symbol, lag in program.states.items():
            em.say(f"{names[symbol]}[:{lag}] = {names[symbol]}_0")
        results: dict[Any, str] = {}
        for stage in self.plan.stages:
            start = len(em.code)
            if stage.kind == "once":
                self._once(stage.keys[0], results)
            else:
                self._loop(stage)
            em.code[start:start] = em.before
            em.before.clear()
        for key in self.plan.outputs:
            if key not in results:
                start = len(em.code)
                q = self.plan.quantities[key]
                if q.timed:  # a series: its values at every step and sequence
                    results[key] = f"{names[key]}[{program.states.get(key, 0)}:].copy()"
                    continue
                if not self.plan.summed(key):
                    results[key] = f"{names[key]}.copy()"
                    continue
                axes = tuple(q.index)
                whole = Val(names[key], (BATCH, *axes), True)
                results[key] = self._fresh(em.reduce(whole, (BATCH,), None))
                em.code[start:start] = em.before
                em.before.clear()
        outputs = [results[k] for k in self.plan.outputs]
        outputs += [f"{names[s]}[T:].copy()" for s in program.states]
        given = [names[s] for s in (*program.parameters, *program.inputs, *program.targets)]
        given += [f"{names[s]}_0" for s in program.states]
        sizes = "".join(f", {names.size(s.name)}" for s in self.sizes.all)
        lines = [HEAD, "", f"def plan(T, B{sizes}, dtype=float):"]
        lines += ["    " + line for line in em.setup]
        lines += [
            "",
            f"    def run({', '.join(given)}):",
            *em.code,
            f"        return {', '.join(outputs)}{',' * (len(outputs) == 1)}",
        ]
        lines += ["", "    return run", ""]
        return "\n".join(lines)

    def _fresh(self, v: Val) -> str:
        """The value as an array of its own, which the next run leaves alone."""
        return f"{v.code}.copy()" if v.still else v.code

    def _once(self, key: Any, results: dict[Any, str]) -> None:
        """A quantity for all steps at once; an output that nothing else uses, summed over the batch at once."""
        em, q = self.em, self.plan.quantities[key]
        (rule,) = q.rules
        if key in em.direct:
            v = em.sum(rule.body, frozenset({BATCH}), None, rule.index)
            if v.axes and v.axes != rule.index:
                v = Val(em.align(v, rule.index), rule.index, v.still)
            results[key] = self._fresh(v)
            return
        lead = (STEP, BATCH) if q.timed else (BATCH,)
        lag = self.program.states.get(key, 0)
        name = self.names[key]
        code = em.bind(f"{name}[{lag}:]", True) if lag else name
        em.store(rule, Val(code, (*lead, *rule.index), True, True), rule.index)

    def _loop(self, stage: Stage) -> None:
        """A recursion: the steps with equations of their own first, then the others one after another."""
        forward = stage.kind == "forward"
        quantities = [self.plan.quantities[k] for k in stage.keys]
        ends = max((r.high for q in quantities for r in q.rules if r.when is None), default=0)
        for q in quantities:
            for r in q.rules:
                if r.when is not None and (r.when.base == "at" or forward):
                    raise UsageError(f"equation ({r.number}) speaks of one step only, which does not compile here")
        for k in range(ends):
            for q in quantities:
                self._single(q, k)
        em = self.em
        em.step = {}
        body, em.code = em.code, []
        em.indent += "    "
        targets = []
        for q in quantities:
            rule = q.generic()
            assert rule is not None
            name = em.new("s")
            targets.append((q, name))
            em.store(rule, Val(name, (BATCH, *rule.index), False, True), rule.index)
        views, inner, em.code, em.step = em.step, em.code, body, None
        em.indent = em.indent[:-4]
        lists = [(name, self._views(key, shift, ends, forward)) for (key, shift), name in views.items()]
        lists += [(name, self._views(q.key, 0, ends, forward)) for q, name in targets]
        loop = em.new("v")
        zipped = f"{loop} = list(zip({', '.join(code for _, code in lists)}))"
        if all(key in self.plan.quantities for key, _ in views):
            em.setup.append(zipped)
        else:
            em.say(zipped)
        comma = "," if len(lists) == 1 else ""
        em.say(f"for {', '.join(name for name, _ in lists)}{comma} in {loop}:")
        em.code += inner

    def _views(self, key: Any, shift: int, ends: int, forward: bool) -> str:
        """The list of a quantity's views at ``t + shift`` for the steps of the loop, in its order."""
        lag = self.program.states.get(key, 0) if isinstance(key, Symbol) else 0
        low, high = lag + shift, lag + shift - ends
        code = f"{self.names[key]}[{low}:{em_end(high)}]"
        return code if forward else f"{code}[::-1]"

    def _single(self, q: Quantity, back: int) -> None:
        """The step ``last − back``: by an equation for that very step, or by the generic one."""
        em = self.em
        when = When("last", -back)
        rule: Rule | None = next((r for r in q.rules if r.when == when), None) or q.generic()
        assert rule is not None
        if rule.when is None and rule.high > back:
            raise UsageError(f"equation ({rule.number}) looks beyond the last step")
        em.fixed = when
        lag = self.program.states.get(q.key, 0)
        out = em.bind(f"{self.names[q.key]}[{em_end(lag - back - 1)}]", True)
        em.store(rule, Val(out, (BATCH, *rule.index), True, True), rule.index)
        em.fixed = None


def function(plan: Plan, sizes: Sizes, lengths: Mapping[str, int], steps: int, batch: int, dtype: Any) -> Any:
    """The function of a plan, made from its source."""
    space: dict[str, Any] = {}
    exec(compile(source(plan, sizes), "<symrnn numpy>", "exec"), space)
    names = Names(plan)
    return space["plan"](steps, batch, **{names.size(s.name): lengths[s.name] for s in sizes.all}, dtype=dtype)
