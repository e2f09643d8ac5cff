"""JAX and PyTorch: a plan as functions without side effects; sums of products are ``einsum``, recursions scans."""

from __future__ import annotations

from typing import Any

from symrnn.diagnostic import UsageError
from symrnn.expr import Symbol
from symrnn.train.backends.arrays import em_end
from symrnn.train.backends.names import Names
from symrnn.train.index import Delta, Fn, Get, Max, Node, Num, Pick, Plus, Pow, Prod, Steps, Sum, When
from symrnn.train.plan import Plan, Stage
from symrnn.train.program import Quantity, Rule, gets
from symrnn.train.sizes import Sizes

LETTERS = "ijklmnopqrsuvwxyzacdefgh"
FUNCTIONS = {
    "jnp": {"exp": "jnp.exp", "ln": "jnp.log", "tanh": "jnp.tanh", "sigmoid": "jax.nn.sigmoid", "sin": "jnp.sin",
            "cos": "jnp.cos", "sinh": "jnp.sinh", "cosh": "jnp.cosh", "softplus": "jax.nn.softplus",
            "relu": "jax.nn.relu", "arctan": "jnp.arctan"},
    "torch": {"exp": "torch.exp", "ln": "torch.log", "tanh": "torch.tanh", "sigmoid": "torch.sigmoid",
              "sin": "torch.sin", "cos": "torch.cos", "sinh": "torch.sinh", "cosh": "torch.cosh",
              "softplus": "nn.functional.softplus", "relu": "torch.relu", "arctan": "torch.arctan"},
}  # fmt: skip
Axes = tuple[str, ...]


class Functional:
    """Writes the lines of one plan. ``results``: the names of loss and gradients after them."""

    def __init__(self, plan: Plan, sizes: Sizes, library: str) -> None:
        self.plan = plan
        self.program = plan.program
        self.sizes = sizes
        self.library = library
        self.names = Names(plan)
        self.results: list[str] = []
        self.low = self.high = 0
        self.here: dict[tuple[Any, int], str] | None = None  # in a step: the names of mentions
        self.last: When | None = None

    # -- expressions --------------------------------------------------------------------------

    def get(self, x: Get) -> tuple[str, Axes]:
        """A mention and its axes."""
        name = self.names[x.key]
        if x.key in self.program.parameters:
            return self._picked(name, (), x)
        lag = self.program.states.get(x.key, 0) if isinstance(x.key, Symbol) else 0
        if x.time is None:
            return self._picked(name, ("b",), x)
        if x.time.base == "last" or self.last is not None:
            shift = x.time.shift + (self.last.shift if self.last is not None and x.time.base == "t" else 0)
            return self._picked(f"{name}[{shift - 1}]", ("b",), x)
        if self.here is not None:
            code = self.here.setdefault((x.key, x.time.shift), f"{name}_{len(self.here)}")
            return self._picked(code, ("b",), x)
        low, high = lag + x.time.shift + self.low, lag + x.time.shift - self.high
        whole = low == 0 and high == 0 and lag == 0
        return self._picked(name if whole else f"{name}[{low}:{em_end(high)}]", ("t", "b"), x)

    def _picked(self, code: str, lead: Axes, x: Get) -> tuple[str, Axes]:
        if any(isinstance(i, int) for i in x.index):
            where = ", ".join(str(i) if isinstance(i, int) else ":" for i in x.index)
            code = f"{code}[{'..., ' if lead else ''}{where}]"
        return code, lead + tuple(i for i in x.index if isinstance(i, str))

    def emit(self, x: Node) -> tuple[str, Axes]:
        """An expression as code, and its axes."""
        match x:
            case Num(value):
                return (
                    repr(float(value)) if value.denominator == 1 else f"({value.numerator} / {value.denominator})"
                ), ()
            case Get():
                return self.get(x)
            case Plus(args):
                return self.together([self.emit(a) for a in args], " + ")
            case Pow(base, exponent):
                code, axes = self.emit(base)
                return f"({code}) ** {exponent.numerator if exponent.denominator == 1 else f'({exponent})'}", axes
            case Fn("step", body):
                code, axes = self.emit(body)
                return f"1.0 * (({code}) > 0)", axes
            case Fn(name, body):
                code, axes = self.emit(body)
                return f"{FUNCTIONS[self.library][name]}({code})", axes
            case Max(ix, body):
                code, axes = self.emit(body)
                call = "amax" if self.library == "torch" else "max"
                return f"{self.library}.{call}({code}, {axes.index(ix)})", tuple(a for a in axes if a != ix)
            case Prod() | Sum() | Steps():
                return self.sum(x, ())
            case Delta(one, two):
                size = self.sizes.of(str(one)).name
                return f"{self.library}.eye({self.names.size(size)})", (str(one), str(two))
            case Pick(ix, cases):
                parts = [self.emit(c) for c in cases]
                axes = max((a for _, a in parts), key=len)
                joined = ", ".join(self.align(p, axes) for p in parts)
                return f"{self.library}.stack([{joined}], -1)", (*axes, ix)
        raise UsageError(f"{type(x).__name__} has no form here")

    def align(self, value: tuple[str, Axes], axes: Axes) -> str:
        """The value as one that broadcasts to the axes."""
        code, own = value
        if not own or own == axes[len(axes) - len(own) :]:
            return code
        letters = self.letters([own, axes])
        order = [a for a in axes if a in own]
        if list(own) != order:
            turn = "".join(letters[a] for a in own) + "->" + "".join(letters[a] for a in order)
            code = f"{self.library}.einsum('{turn}', {code})"
        first = axes.index(order[0])
        marks = [":" if a in own else "None" for a in axes[first:]]
        return f"({code})[{', '.join(marks)}]" if "None" in marks else code

    def together(self, values: list[tuple[str, Axes]], op: str) -> tuple[str, Axes]:
        """Values combined entry by entry."""
        found = dict.fromkeys(a for _, axes in values for a in axes)
        axes = tuple(dict.fromkeys([*(a for a in ("t", "b") if a in found), *found]))
        return "(" + op.join(self.align(v, axes) for v in values) + ")", axes

    def letters(self, groups: list[Axes]) -> dict[str, str]:
        """Letters for the axes of an einsum."""
        found = dict.fromkeys(a for axes in groups for a in axes)
        rest = iter(LETTERS)
        return {a: a if a in ("t", "b") else next(rest) for a in found}

    def sum(self, x: Node, axes: Axes) -> tuple[str, Axes]:
        """Σ over axes of a product, as one einsum."""
        match x:
            case Sum(ix, body):
                return self.sum(body, (*axes, ix))
            case Steps(low, high, body):
                before, (self.low, self.high) = (self.low, self.high), (low, high)
                try:
                    return self.sum(body, (*axes, "t"))
                finally:
                    self.low, self.high = before
            case Plus(args) if axes:
                return self.together([self.sum(a, axes) for a in args], " + ")
        factors = list(x.args) if isinstance(x, Prod) else [x]
        numbers = [self.emit(f)[0] for f in factors if isinstance(f, Num)]
        values = [self.emit(f) for f in factors if not isinstance(f, Num)]
        if not axes:
            return self.together([*((n, ()) for n in numbers), *values], " * ")
        missing = [a for a in axes if not any(a in own for _, own in values)]
        if missing:
            raise UsageError("a gradient that does not depend on data is not exported yet")
        letters = self.letters([own for _, own in values])
        kept = tuple(a for a in letters if a not in axes)
        inner = ",".join("".join(letters[a] for a in own) for _, own in values)
        code = (
            f"{self.library}.einsum('{inner}->{''.join(letters[a] for a in kept)}', {', '.join(c for c, _ in values)})"
        )
        return " * ".join([*numbers, code]), kept

    # -- stages -------------------------------------------------------------------------------

    def lines(self) -> list[str]:
        """The body of the function."""
        program, names = self.program, self.names
        data = names[program.inputs[0]]
        out = [f"T = {data}.shape[0]"] if program.timed else []
        out += [f"{names.size(s.name)} = {self._size(s.name)}" for s in self.sizes.all]
        direct = self.plan.direct
        for stage in self.plan.stages:
            if stage.kind != "once":
                out += self._scan(stage)
                continue
            (key,) = stage.keys
            q = self.plan.quantities[key]
            (rule,) = q.rules
            if key in direct:
                value = self.sum(rule.body, ("b",))
                out.append(f"{names[key]} = {self.align(value, rule.index)}")
                continue
            lead = ("t", "b") if q.timed else ("b",)
            out.append(f"{names[key]} = {self.align(self.emit(rule.body), (*lead, *rule.index))}")
        for key in self.plan.outputs:
            whole = key in direct or not self.plan.summed(key)
            self.results.append(self._series(key) if whole else f"{names[key]}.sum(0)")
        return out

    def _series(self, key: Any) -> str:
        """A quantity without the steps given before the first."""
        lag = self.program.states.get(key, 0)
        return f"{self.names[key]}[{lag}:]" if lag else self.names[key]

    def _size(self, name: str) -> str:
        """A size from the arrays at hand."""
        for symbol in (*self.program.parameters, *self.program.inputs):
            for k, s in enumerate(self.sizes.shape(symbol)):
                if s.name == name:
                    axis = k if symbol in self.program.parameters else k + 1 + self.program.timed
                    return f"{self.names[symbol]}.shape[{axis}]"
        raise UsageError(f"the size {name} is not that of any array")

    def _scan(self, stage: Stage) -> list[str]:
        """A recursion: scan in JAX, a loop over steps in PyTorch. Of each quantity one step back is carried."""
        quantities = [self.plan.quantities[k] for k in stage.keys]
        forward = stage.kind == "forward"
        ends = max((r.high for q in quantities for r in q.rules if r.when is None), default=0)
        lags = [self.program.states.get(q.key, 0) for q in quantities]
        if ends > 1 or max(lags) > 1:
            raise UsageError("recursions over more than one step are not exported yet")
        out: list[str] = []
        carried = [self.names[q.key] for q in quantities if self._recurs(q, quantities)]
        if not forward:
            for q in quantities:
                out += self._end(q)
        else:
            out += [f"{name} = {name}_0" for name in carried]
        self.here = {}
        body, made = [], []
        for q in quantities:
            rule = q.generic()
            if rule is None:
                raise UsageError("an equation for single steps only is not exported yet")
            value = self.align(self.emit(rule.body), ("b", *rule.index))
            body.append(f"{self.names[q.key]}_new = {value}")
            self.here[(q.key, 0)] = f"{self.names[q.key]}_new"
            made.append(self.names[q.key])
        views, self.here = self.here, None
        inside = {q.key for q in quantities}
        given = {v: self._view(key, by, ends) for (key, by), v in views.items() if key not in inside}
        backs = {v: self.names[key] for (key, by), v in views.items() if key in inside and by}
        head = [f"{v} = {name}_held" for v, name in backs.items()]
        return out + self._loop(head, body, made, carried, given, forward)

    def _recurs(self, q: Quantity, among: list[Quantity]) -> bool:
        return any(
            g.key == q.key and g.time is not None and g.time.shift
            for o in among
            for r in o.rules
            for g, _ in gets(r.body)
        )

    def _loop(
        self,
        head: list[str],
        body: list[str],
        made: list[str],
        carried: list[str],
        given: dict[str, str],
        forward: bool,
    ) -> list[str]:
        firsts = [f"{n}[{-1 if forward else 0}]" for n in carried]
        held = "".join(f"{n}_held, " for n in carried)
        if self.library == "jnp":
            out = ["def step(held, given):", f"    {held}= held"]
            out += [f"    {''.join(v + ', ' for v in given)}= given"] if given else []
            out += [f"    {line}" for line in head + body]
            news = "".join(f"{n}_new, " for n in carried)
            out.append(f"    return ({news}), ({''.join(f'{n}_new, ' for n in made)})")
            starts, views = ("".join(f"{v}, " for v in vs) for vs in (firsts, given.values()))
            scan = f"jax.lax.scan(step, ({starts}), ({views})"
            out.append(f"_, steps = {scan}, reverse={not forward})")
            pieces = [f"steps[{k}]" for k in range(len(made))]
        else:
            out = [f"{held}= {''.join(f + ', ' for f in firsts)}".rstrip()]
            out += [
                "steps = []",
                f"for s in {'range' if forward else 'reversed(range'}({self._count(forward)}){'' if forward else ')'}:",
            ]
            out += [f"    {v} = {code}[s]" for v, code in given.items()]
            out += [f"    {line}" for line in head + body]
            out.append(f"    steps.append(({''.join(f'{n}_new, ' for n in made)}))")
            out += [f"    {n}_held = {n}_new" for n in carried]
            flip = "" if forward else "[::-1]"
            pieces = [f"torch.stack([s[{k}] for s in steps{flip}])" for k in range(len(made))]
        join = "jnp.concatenate" if self.library == "jnp" else "torch.cat"
        for name, piece in zip(made, pieces, strict=True):
            if forward:
                out.append(f"{name} = {join}([{name}, {piece}])" if name in carried else f"{name} = {piece}")
            elif self.library == "torch":
                out.append(f"{name} = {join}([{piece}, {name}]) if steps else {name}")
            else:
                out.append(f"{name} = {join}([{piece}, {name}])")
        return out

    def _count(self, forward: bool) -> str:
        return "T" if forward else "T - 1"

    def _view(self, key: Any, by: int, ends: int) -> str:
        lag = self.program.states.get(key, 0) if isinstance(key, Symbol) else 0
        low, high = lag + by, lag + by - ends
        return f"{self.names[key]}[{low}:{em_end(high)}]"

    def _end(self, q: Quantity) -> list[str]:
        """The quantity at the last step, as a sequence of one step."""
        when = When("last")
        rule: Rule | None = next((r for r in q.rules if r.when == when), None) or q.generic()
        assert rule is not None
        self.last = when
        value = self.align(self.emit(rule.body), ("b", *rule.index))
        self.last = None
        return [f"{self.names[q.key]} = ({value})[None]"]
