"""A whole derivation: the document's own forward equations, then every gradient, line by line with sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from symrnn.derive.blocks import HEAD, WIDE, Block, Display, Heading, Text, broken, length
from symrnn.derive.detail import Detail, Step
from symrnn.derive.entries import renamed, substituted, written_out
from symrnn.derive.gradients import MOST_TERMS, Derivative, Gradients, Line
from symrnn.derive.jacobians import Jacobians
from symrnn.derive.tables import Braced
from symrnn.expr import Add, Apply, Entry, Expr, Gradient, Index, Number, Ref, Symbol
from symrnn.general.form import Abstain

_ONE = Index(None, 1)


class Notes:
    """The blocks of a derivation, in order."""

    def __init__(self, gradients: Gradients, full: bool = True) -> None:
        self.gradients = gradients
        self.typeset = gradients.typeset
        numbers = [f.number for f in gradients.checker.document.formulas if f.number is not None]
        self.detail = Detail(gradients) if full else None
        self.jacobians = Jacobians(gradients, self.detail.worked) if self.detail is not None else None
        self.assumed: list[int] = []  # the numbers of the displays in which the active class is put in
        self.count = max((int(n) for n in numbers if n.isdigit()), default=0)

    def display(self, *lines: Line, assumed: bool = False) -> Display:
        """The next numbered equation."""
        self.count += 1
        return Display(lines, self.count, assumed)

    def steps(self, found: Iterable[Step]) -> Iterator[Block]:
        """Sentences and displays of the steps between the lines."""
        for step in found:
            if step.text:
                yield Text(step.text)
            assumed = step.assumed and self.detail is not None and bool(self.detail.worked.targets)
            display = self.display(*step.lines, assumed=assumed)
            if assumed:
                self.assumed.append(display.number)
            yield display

    def blocks(self) -> Iterator[Block]:
        """Forward by components, the nodes from the loss back, the parameters, a summary."""
        yield from self._forward()
        for d in self.gradients.nodes:
            yield from self._node(d)
        if self.gradients.parameters:
            for d in self.gradients.parameters:
                yield from self._parameter(d)
            yield from self._summary()

    # -- forward ----------------------------------------------------------------------------------

    def _forward(self) -> Iterator[Block]:
        lines = list(self._components())
        if lines:
            yield Heading("The forward pass by components")
            yield Text("Written out for one component, the forward equations are")
            for line in lines:
                yield self.display(line)

    def _components(self) -> Iterator[Line]:
        g = self.gradients
        i, j = (Index(x) for x in g.free)
        for d in g.checker.paper.definitions:
            if d.row is not None or d.symbol.shape == (1, 1) or (d.time is not None and d.time.letter is None):
                continue
            row, col = (_ONE if n == 1 else x for n, x in zip(d.symbol.shape, (i, j), strict=True))
            left = Ref(d.symbol.shape, d.symbol, d.time)
            try:
                line = Line(Entry((1, 1), left, row, col), (g.entries()(d.rhs, row, col),))
                g.text(line)
            except Abstain:
                continue
            yield line

    # -- nodes ------------------------------------------------------------------------------------

    def _node(self, d: Derivative) -> Iterator[Block]:
        name = self._name(d.symbol)
        yield Heading(f"Gradient with respect to ${name}$")
        cases = d.cases
        yield Text(
            f"{self._users(d.symbol)} The chain rule over {'them' if self._many(d.symbol) else 'it'} gives"
            + (", at the last step," if len(cases) > 1 else "")
        )
        yield self.display(d.values(cases[0]))
        yield from self._by_components(d, cases[0])
        if self.detail is not None:
            yield from self.steps(self.detail.node(d))
        if len(cases) > 1:
            yield from self._earlier(d, cases)
        yield from self._jacobians(d)

    def _jacobians(self, d: Derivative) -> Iterator[Block]:
        """The Jacobians of the users, in the declared layout, and the gradient in them."""
        lines, whole = self.jacobians.node(d) if self.jacobians is not None else ([], None)
        if whole is None:
            return
        layout = self.gradients.checker.manifest.layout
        what = "Jacobian of what it enters is" if len(lines) == 1 else "Jacobians of what it enters are"
        yield Text(f"In {layout} layout the {what}")
        yield self.display(*lines)
        yield Text("and the gradient in " + ("it" if len(lines) == 1 else "them"))
        yield self.display(whole)

    def _total(self, d: Derivative, line: Line) -> Line:
        """The sum over the steps with one more member, in Jacobians."""
        more = self.jacobians.total(d) if self.jacobians is not None else None
        return line if more is None else replace(line, members=(more, *line.members))

    def _earlier(self, d: Derivative, cases: list[Line]) -> Iterator[Block]:
        now, last = self.gradients.now, self.gradients.chain.graph.last
        before = last.shifted(-1)
        generic = cases[-1]
        at = {str(now.letter): before}
        if len(cases) == 2:
            line = Line(renamed(generic.lhs, at), tuple(renamed(m, at) for m in generic.members))
            opened = substituted(line.members[-1], {cases[0].lhs: cases[0].members[-1]})
            if opened != line.members[-1]:
                line = Line(line.lhs, (*line.members, opened))
            line = replace(line, where=self._longer(line, before))
            yield Text(
                "One step earlier, what happens at the last step counts too, through the quantities of that step:"
            )
            yield self.display(line)
            if self.detail is not None:
                yield from self.steps(self._where(self.detail.earlier(d)))
        else:
            for line in cases[1:-1]:
                yield self.display(line)
        yield Text(f"The same holds at every step ${now}$ that has a later one. This is the recursion:")
        yield self.display(generic)
        yield from self._sums(d, generic)

    def _where(self, steps: Iterable[Step]) -> Iterator[Step]:
        """Steps with the condition on lines that speak of the step before the last."""
        before = self.gradients.chain.graph.last.shifted(-1)
        for step in steps:
            lines = (
                replace(x, where=self._longer(x, before)) if step.early and _mentions(x, before) else x
                for x in step.lines
            )
            yield replace(step, lines=tuple(lines))

    def _longer(self, line: Line, before: Index) -> str:
        """The condition that there is a step ``before`` the last, where the quantities of the line do not say so."""
        lags, last = self.gradients.checker.model.lags, self.gradients.chain.graph
        parts = [x for e in (line.lhs, *line.members) for x in e.walk()]
        if not any(isinstance(x, Braced) for x in parts) and any(
            isinstance(x, Ref) and x.time == before and not lags.get(x.symbol, 0) for x in parts
        ):
            return ""
        return f"\\quad \\text{{for }} {last.last} > {last.first}"

    def _by_components(self, d: Derivative, line: Line) -> Iterator[Block]:
        yield from self._sums(d, line)
        if d.symbol.shape == (1, 1):
            return
        first = self._first(d, line)
        if first is not None and (len(first.members) > 1 or isinstance(first.members[0], Add)):
            yield Text("and for the first component, with numbers,")
            yield self.display(first)

    def _sums(self, d: Derivative, line: Line) -> Iterator[Block]:
        if d.symbol.shape == (1, 1) or isinstance(getattr(line.lhs, "wrt", None), Entry):
            return
        try:
            sums = d.sums(line)
            self.gradients.text(sums)
        except Abstain:
            return
        yield Text("By components this is")
        yield self.display(sums)

    def _first(self, d: Derivative, line: Line) -> Line | None:
        """The component (1, 1), sums spelled out, and once more in plain quantities."""
        g = self.gradients
        try:
            sums = d.sums(line)
        except Abstain:
            return None
        to = dict(zip(g.free, (_ONE, _ONE), strict=True))
        members = []
        for e in (line.members[-1], g.in_values(line.members[-1])):
            try:
                entry = d.sums(Line(line.lhs, (e,))) if not isinstance(sums.lhs, type(None)) else sums
            except Abstain:
                continue
            members.append(written_out(renamed(entry.members[-1], to), MOST_TERMS, g.limit))
        lhs = renamed(sums.lhs, to)
        found = Line(lhs, tuple(dict.fromkeys(members)))
        try:
            g.text(found)
        except Abstain:
            return None
        return found

    def _name(self, symbol: Symbol) -> str:
        return self.typeset(Ref(symbol.shape, symbol, self.gradients.now if symbol.timed else None))

    def _many(self, symbol: Symbol) -> bool:
        return sum(len(x) for x in self._uses(symbol).values()) > 1

    def _uses(self, symbol: Symbol) -> dict[Symbol, list[int | None]]:
        chain = self.gradients.chain
        found = chain.graph.users.get(symbol, {})
        return {
            u: sorted(lags, key=lambda x: (x is None, x or 0))
            for u, lags in found.items()
            if chain.loss in chain.graph.reach(u)
        }

    def _users(self, symbol: Symbol) -> str:
        """Which quantities a quantity enters, in words."""
        now = self.gradients.now
        names = []
        for u, lags in self._uses(symbol).items():
            for lag in lags:
                time = now.shifted(lag or 0) if u.timed else None
                names.append(f"${self.typeset(Ref(u.shape, u, time))}$")
        return f"${self._name(symbol)}$ enters {_and(names)}{' alone' if len(names) == 1 else ''}."

    # -- parameters -------------------------------------------------------------------------------

    def _parameter(self, d: Derivative) -> Iterator[Block]:
        name = self._name(d.symbol)
        yield Heading(f"Gradient with respect to ${name}$")
        if not d.steady:
            yield Text(f"{self._users(d.symbol)} The chain rule gives")
            line = d.cases[0]
            yield self.display(line)
            yield from self._by_components(d, line)
            if self.detail is not None:
                yield from self.steps(self.detail.parameter(d))
            return
        now = self.gradients.now
        copy = d.copy
        yield Text(
            f"${name}$ is used at every step. ${self.typeset(copy.lhs.wrt)}$ denotes it as it is used at step ${now}$ "  # type: ignore[attr-defined]
            "alone; by that copy"
        )
        yield self.display(copy)
        yield from self._by_components(d, copy)
        if self.detail is not None:
            yield from self.steps(self._where(self.detail.parameter(d)))
        yield Text("The gradient is the sum over the steps:")
        yield self.display(self._total(d, d.total))

    def _summary(self) -> Iterator[Block]:
        yield Heading("Summary")
        yield Text("The gradients by the parameters are")
        for d in self.gradients.parameters:
            line = d.total if d.steady else d.cases[0]
            last = Line(line.lhs, line.members[-1:])
            yield self.display(self._total(d, last) if d.steady else last)

    # -- texts ------------------------------------------------------------------------------------

    def latex(self, block: Display) -> str:
        """The LaTeX of a display, without its number; long chains one member a row."""
        out: list[str] = []
        tall = any(length(self.typeset(x.lhs)) > HEAD for x in block.lines)  # left sides stand on rows of their own
        for line in block.lines:
            lhs, *members = (self.typeset(e) for e in (line.lhs, *line.members))
            whole = " = ".join((lhs, *members)) + (f" {line.where}" if line.where else "")
            if len(block.lines) == 1 and length(whole) <= WIDE:
                return whole
            if tall:
                out.append(f"&{lhs}")
            for k, m in enumerate(members):
                out += broken(f"   &\\quad = {m}" if tall else f"{lhs if not k else '  '} &= {m}")
            out[-1] += f" {line.where}" if line.where else ""
        if len(out) == 1:
            return out[0].replace("&= ", "= ", 1)
        rows = " \\\\\n".join(out)
        return f"\\begin{{aligned}}\n{rows}\n\\end{{aligned}}"

    def uses(self, name: str, blocks: Iterable[Block]) -> bool:
        """Whether a function stands anywhere in the displays."""
        return any(
            isinstance(x, Apply) and x.function == name
            for b in blocks
            if isinstance(b, Display)
            for line in b.lines
            for e in line.members
            for x in e.walk()
        )


def _mentions(line: Line, time: Index) -> bool:
    return any(isinstance(x, Ref) and time in (x.time, x.copy) for e in (line.lhs, *line.members) for x in e.walk())


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


__all__ = ["Block", "Display", "Expr", "Gradient", "Heading", "Notes", "Number", "Text"]
