"""The gradients of a document's loss: by every node, at the last step and at a generic one, and by every parameter.

``Gradients(checker)["W"].latex(form="matrix")``. A gradient is a few lines, each of them a chain of equal members:
what the chain rule gives through the direct users first, and what that comes to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

from symrnn.checker import Checker
from symrnn.claims import Claim
from symrnn.derive.chain import Chain, held
from symrnn.derive.entries import Entries, renamed, substituted, written_out
from symrnn.derive.group import Group, collected
from symrnn.derive.indexed import Indexed
from symrnn.derive.lines import Line, over
from symrnn.derive.matrices import Matrices
from symrnn.derive.source import failures, position
from symrnn.derive.typeset import Typesetter
from symrnn.diagnostic import UsageError
from symrnn.expr import SCALAR, Dim, Entry, Expr, Gradient, Index, Reduce, Ref, Symbol
from symrnn.general.axes import ONE
from symrnn.general.differentiate import COL, NOW, ROW
from symrnn.general.form import Abstain, Comp, Form
from symrnn.general.times import Guard, at_least
from symrnn.latex.parser import parse_expression
from symrnn.verdict import ClaimReport

FORMS = ("components", "sums", "matrix")
_LETTERS = "ijklmnpqrsuvwabcfg"
MOST_TERMS = 3  # a sum over no more components is spelled out in components


@dataclass(frozen=True)
class Case:
    """A step at which a gradient has one formula; ``domain``: for which values of the generic step."""

    time: Index | None
    domain: Guard


class Derivative:
    """The gradient of the loss by one quantity."""

    def __init__(self, owner: Gradients, symbol: Symbol) -> None:
        self.owner, self.symbol = owner, symbol
        self.parameter = symbol not in owner.chain.graph.raw and not symbol.timed

    def __repr__(self) -> str:
        return f"<gradient by {self.owner.names[self.symbol]}>"

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    @property
    def steady(self) -> bool:
        """Whether the quantity is shared by all steps of a sequence."""
        users = self.owner.chain.graph.users.get(self.symbol, {})
        return not self.symbol.timed and any(u.timed for u in users)

    def latex(self, form: str = "matrix", steps: int | None = None, numbered: bool = False) -> str:
        """The equations in LaTeX: matrix products, sums with letters, or every component by number.

        ``steps``: spelled out for a sequence of that length; ``numbered``: in an environment that LaTeX numbers.
        Raises ValueError for an unknown form.
        """
        text = self.owner.aligned(self.lines(form, steps))
        return f"\\begin{{equation}}\n{text}\n\\end{{equation}}" if numbered else text

    def matrix(self, steps: int = 1) -> Any:
        """The gradient over ``steps`` steps as a SymPy matrix of the inputs and parameters alone, nodes opened."""
        from symrnn.derive.numbers import opened

        return opened(self.owner.checker, self.owner.loss, self.symbol, steps)

    # -- lines ------------------------------------------------------------------------------------

    def lines(self, form: str = "matrix", steps: int | None = None) -> list[Line]:
        """The lines that state this gradient."""
        if form not in FORMS:
            raise ValueError(f"the forms are {', '.join(FORMS)}, not '{form}'")
        found = [self.total] if self.steady else self.cases
        if form != "matrix":
            found = [self.sums(line) for line in found]
        if steps is not None:
            found = [x for line in found for x in over(self.owner.checker.manifest.steps, line, steps)]
        if form == "components":
            found = [x for line in found for x in self.components(line)]
        return found

    @cached_property
    def cases(self) -> list[Line]:
        """One line for each case of the step: the last ones first, then the generic one."""
        chain = self.owner.chain
        generic = chain.generic(self.symbol)
        plainly = chain.numbers(chain.held(chain.direct(generic), generic.time))
        out = []
        for case in self._split(chain.rule(self.symbol)):
            direct, best = (self._at(f, case) for f in (plainly, chain.rule(self.symbol)))
            wrt = Ref(self.symbol.shape, self.symbol, case.time)
            out.append(self._line(wrt, direct, best))
        return out

    def values(self, line: Line) -> Line:
        """The line with one more member: the gradients in it that are plain quantities, written as those."""
        owner = self.owner
        last = owner.in_values(line.members[-1])
        return line if last == line.members[-1] else replace(line, members=(*line.members, last))

    @cached_property
    def copy(self) -> Line:
        """The gradient by a parameter as it is used at step t."""
        now = Index(NOW)
        direct = self._by_copy()
        case = Case(self.owner.now, ())
        best = self.owner.chain.opened(direct)
        wrt = Ref(self.symbol.shape, self.symbol, None, self.owner.now)
        return self._line(wrt, *(renamed_form(self.owner, held_at(self.owner, f, now), case) for f in (direct, best)))

    def _by_copy(self) -> Form:
        chain, now = self.owner.chain, Index(NOW)
        return chain.numbers(chain.held(chain.direct(chain.generic(self.symbol), copy=now), now))

    @cached_property
    def total(self) -> Line:
        """The gradient by a parameter: the sum of its gradients over the steps."""
        owner, step = self.owner, self.owner.now
        assert step.letter is not None
        wrt = Ref(self.symbol.shape, self.symbol)
        over = owner.over_steps
        per_step = replace(wrt, copy=step)
        first = over(Gradient(wrt.shape, owner.loss_ref, per_step))
        rest = owner.chain.direct(owner.chain.generic(self.symbol), whole=True)
        members: list[Expr] = [over(m) for m in self.copy.members]
        if rest:
            extra = self._expression(owner.chain.numbers(rest))
            from symrnn.expr import Add

            members = [Add(wrt.shape, ((1, m), (1, extra))) for m in members]
            return Line(self._lhs(wrt), tuple(members[-1:]))
        return Line(self._lhs(wrt), (first, *members))

    def sums(self, line: Line) -> Line:
        """The last member of a line by components, with letters."""
        owner = self.owner
        i, j = (Index(x) for x in owner.free)
        wrt = line.lhs.wrt if isinstance(line.lhs, Gradient) else line.lhs
        if isinstance(wrt, Entry):
            return line
        en = owner.entries()
        i, j = self._ends(i, j)
        return Line(en(line.lhs, i, j), (en(line.members[-1], i, j),))

    def components(self, line: Line) -> Iterator[Line]:
        """A line with letters at every component, by number."""
        rows, cols = (range(1, self.owner.number(d) + 1) for d in self.symbol.shape)
        for row, col in product(rows, cols):
            to = dict(zip(self.owner.free, (Index(None, row), Index(None, col)), strict=True))
            parts = [written_out(renamed(e, to), MOST_TERMS, self.owner.limit) for e in (line.lhs, *line.members)]
            yield Line(parts[0], tuple(parts[1:]))

    # -- pieces -----------------------------------------------------------------------------------

    def _lhs(self, wrt: Ref) -> Gradient:
        return Gradient(wrt.shape, self.owner.loss_ref, wrt)

    def _line(self, wrt: Ref, direct: Form, best: Form) -> Line:
        try:
            members = [self._expression(best)]
        except Abstain:
            return self._by_sums(wrt, direct, best)
        with suppress(Abstain):
            members.insert(0, self._expression(direct))
        return Line(self._lhs(wrt), tuple(dict.fromkeys(members)))

    def _by_sums(self, wrt: Ref, direct: Form, best: Form) -> Line:
        """The line by components, where it has no matrix expression."""
        i, j = (Index(x) for x in self.owner.free)
        to = {ROW: i, COL: j}
        ring = self.owner.chain.ring
        members = [self.owner.indexed()(ring.rename(collected(ring, f), to)) for f in (direct, best)]
        lhs = self._lhs(wrt)
        entry = lhs if wrt.scalar else Gradient(SCALAR, lhs.of, Entry(SCALAR, wrt, *self._ends(i, j)))
        return Line(entry, tuple(dict.fromkeys(members)))

    def _ends(self, i: Index, j: Index) -> tuple[Index, Index]:
        one = Index(None, 1)
        return (one if self.symbol.shape[0] == 1 else i), (one if self.symbol.shape[1] == 1 else j)

    def _expression(self, form: Form) -> Expr:
        chain = self.owner.chain
        generic = chain.generic(self.symbol)
        axes = [chain.shapes.find(a) for a in chain.shapes.of_symbol(self.symbol)]
        free = {
            i.letter: a
            for i, a in zip((generic.row, generic.col), axes, strict=True)
            if i.letter is not None and a != ONE
        }
        return self.owner.matrices(form, free)

    def _split(self, form: Form) -> list[Case]:
        """The steps at which the formula is one and the same."""
        owner = self.owner
        if not self.symbol.timed:
            return [Case(None, ())]
        last, first, now = owner.chain.graph.last, owner.chain.graph.first, Index(NOW)
        cut = 0
        for mono, _ in form.terms:
            for a, b, c in mono.guard:
                if (a, b) == (last.letter, NOW):
                    cut = max(cut, c)
                elif (a, b) == (NOW, last.letter):
                    cut = max(cut, 1 - c)
        known = (at_least(last, first), at_least(now, first), at_least(last, now))
        out = [Case(last.shifted(-k), (*known, at_least(last, now, k), at_least(now, last, -k))) for k in range(cut)]
        return [*out, Case(owner.now, (*known, at_least(last, now, cut)))]

    def _at(self, form: Form, case: Case) -> Form:
        if case.time is None:
            return unwrapped(form)
        return renamed_form(self.owner, held(form, case.domain), case)


def held_at(owner: Gradients, form: Form, time: Index) -> Form:
    """The form at a step of the sequence."""
    return owner.chain.held(form, time)


def renamed_form(owner: Gradients, form: Form, case: Case) -> Form:
    """A form at the step of a case."""
    assert case.time is not None
    return unwrapped(owner.chain.ring.rename(form, {NOW: case.time}))


def unwrapped(form: Form) -> Form:
    """Without brackets around all of it."""
    atom = form.atom
    return unwrapped(atom.form) if isinstance(atom, Group) else form


def plain(symbol: Symbol) -> str:
    """The name that a quantity has on the command line and in Python."""
    return plain_text(symbol.name.removesuffix("(t)"))


def plain_text(text: str) -> str:
    """Letters and digits, with single underscores between them: W_xh, W_2, hat_y."""
    return re.sub(r"\W+|_+", "_", re.sub(r"\W*_\W*", "_", text.replace(",", ""))).strip("_")


class Gradients(Mapping[str, Derivative]):
    """All gradients of a document's loss, by plain names: ``W``, ``h``, ``hat_y``.

    ``product``: "diag" or "hadamard" for products with a diagonal; by default as the document multiplies. Raises
    UsageError, with the place in the document, where it cannot be differentiated.
    """

    def __init__(self, checker: Checker, loss: str | None = None, product: str | None = None) -> None:
        failures(checker)
        self.checker = checker
        self.loss = _loss(checker, loss)
        self.loss_ref = Ref(SCALAR, self.loss)
        try:
            self.chain = Chain(checker, self.loss)
            for symbol in checker.context.names.symbols:
                self.chain.matters(symbol)
        except Abstain as reason:
            raise UsageError(f"{position(checker, str(reason))}: cannot be differentiated: {reason}") from None
        steps = checker.manifest.steps
        self.now = Index(steps.index)
        used = {s.key for s in checker.context.names.symbols} | set(checker.manifest.sizes) | {steps.index, steps.last}
        used |= {s.key.lower() for s in checker.context.names.symbols if 1 not in s.shape}  # its entries: q_ij of Q
        used |= {str(d) for s in checker.context.names.symbols for d in s.shape}
        pool = [x for x in _LETTERS if x not in used]
        self.free, self.spare, self.pool = (pool[0], pool[1]), pool[2], pool[3:]
        dims = frozenset(d for s in checker.context.names.symbols for d in s.shape if isinstance(d, str))
        text = " ".join(f.latex for f in checker.document.formulas)
        hadamard = product == "hadamard" or (product is None and "\\odot" in text)
        self.matrices = Matrices(self.chain.ring, self.chain.shapes, dims, hadamard, self.spare)
        self.typeset = Typesetter(checker)
        self.names: dict[Symbol, str] = {}
        for symbol in sorted(checker.context.names.symbols, key=lambda s: (s is not self.loss, s.timed)):
            name = plain(symbol)
            for more in (f"_{plain_text(steps.index)}", *("_" * k for k in range(1, 9))):
                if name in self.names.values():
                    name = plain(symbol) + more
            self.names[symbol] = name
        self.found = {
            self.names[symbol]: Derivative(self, symbol)
            for symbol in checker.context.names.symbols
            if self.chain.matters(symbol) and not self._given(symbol)
        }

    def _given(self, symbol: Symbol) -> bool:
        """Whether a quantity is data: not computed, and with a step, or named as data in the manifest."""
        if symbol in self.chain.graph.raw:
            return False
        return symbol.timed != "" or plain(symbol) in self.checker.manifest.data

    def __getitem__(self, name: str) -> Derivative:
        found = self.found.get(name)
        if found is None:
            for symbol in self.checker.context.names.symbols:
                if name in (self.names[symbol], self.typeset.names.bare(symbol)) and self.chain.matters(symbol):
                    return Derivative(self, symbol)
            raise KeyError(f"the loss does not depend on '{name}'; it depends on {', '.join(self.found)}")
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    @property
    def nodes(self) -> list[Derivative]:
        """The computed quantities, from the loss back to the inputs."""
        order = self._backwards()
        return [self.found[self.names[s]] for s in order if self.names[s] in self.found]

    @property
    def parameters(self) -> list[Derivative]:
        """The quantities that are learnt, as they are declared."""
        return [d for d in self.found.values() if d.parameter]

    def _backwards(self) -> list[Symbol]:
        graph = self.chain.graph
        out: list[Symbol] = []

        def visit(v: Symbol) -> None:
            if v in out or v not in graph.raw:
                return
            out.append(v)  # marks it, so that recurrences end
            for u, lags in graph.users.get(v, {}).items():
                if 0 in lags or None in lags:
                    visit(u)
            out.remove(v)
            out.append(v)

        for v in graph.raw:
            visit(v)
        return out

    # -- printing ---------------------------------------------------------------------------------

    def entries(self) -> Entries:
        """Fresh letters for one line."""
        return Entries(self.pool)

    def indexed(self) -> Indexed:
        """Index notation with letters of the document."""
        return Indexed(self.chain.ring, self.matrices.dim, [self.spare, *self.pool])

    def number(self, dim: Dim) -> int:
        """The declared number of a size."""
        return self.checker.model.size(dim)

    def limit(self, index: Index) -> int | None:
        """The number of a limit of a sum, if it is one."""
        if index.letter is None:
            return index.offset
        found = self.checker.manifest.sizes.get(index.letter)
        return None if found is None else found + index.offset

    def in_values(self, e: Expr) -> Expr:
        """An expression with the gradients that are free of gradients, ŷ − y say, written as what they are."""
        to: dict[Expr, Expr] = {}
        for x in e.walk():
            if isinstance(x, Gradient) and isinstance(x.wrt, Ref) and x.wrt.copy is None:
                name = self.names.get(x.wrt.symbol, "")
                if name in self.found and x.wrt.symbol not in self.chain.graph.cyclic:
                    cases = self.found[name].cases
                    value = cases[0].members[-1]
                    free = not any(isinstance(y, Gradient) for y in value.walk())
                    if len(cases) == 1 and free and cases[0].lhs.shape == x.shape:
                        step = x.wrt.time
                        to[x] = value if step is None else renamed(value, {str(self.now.letter): step})
        return substituted(e, to)

    def over_steps(self, body: Expr) -> Expr:
        """The sum over the sequence."""
        assert self.now.letter is not None
        first, last = self.chain.graph.first, self.chain.graph.last
        return Reduce(body.shape, "sum", self.now.letter, first, last, body, timed=True)

    def text(self, line: Line) -> str:
        """A line on one row."""
        return " = ".join(self.typeset(e) for e in (line.lhs, *line.members))

    def aligned(self, lines: list[Line], width: int = 90) -> str:
        """Lines below each other; a single short one as it is."""
        if len(lines) == 1 and (len(lines[0].members) == 1 or len(self.text(lines[0])) < width):
            return self.text(lines[0])
        rows = []
        for line in lines:
            lhs = self.typeset(line.lhs)
            for k, member in enumerate(line.members):
                rows.append(f"{lhs if not k else '  '} &= {self.typeset(member)}")
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def proved(self, line: Line) -> list[ClaimReport]:
        """The checker's verdict on each ``lhs = member`` as it is printed."""
        words = frozenset(self.checker.manifest.words)
        lhs = parse_expression(self.typeset(line.lhs), words)
        out = []
        for k, member in enumerate(line.members):
            rhs = parse_expression(self.typeset(member), words)
            claim = Claim(f"line{k}", "relation", lhs, rhs, rhs.span)
            out.append(self.checker.claim(claim, ""))
        return out


def _loss(checker: Checker, name: str | None) -> Symbol:
    """The scalar that is derived: the one that is asked for, or the only one that nothing else uses."""
    made = [s for s in checker.model.definitions if s.shape == SCALAR and not s.timed]
    if name is not None:
        for s in made:
            if plain(s) == name:
                return s
        raise UsageError(f"{checker.document.source.path}: no scalar '{name}' without a step is defined")
    used = {
        r.symbol
        for some in checker.model.definitions.values()
        for d in some
        for r in d.rhs.walk()
        if isinstance(r, Ref)
    }
    ends = [s for s in made if s not in used]
    if len(ends) == 1:
        return ends[0]
    path = checker.document.source.path
    if not ends:
        raise UsageError(f"{path}: no loss: no scalar without a step is defined that nothing else uses")
    raise UsageError(f"{path}: which loss: {' or '.join(plain(s) for s in ends)}? (--loss NAME)")


__all__ = ["FORMS", "Case", "Comp", "Derivative", "Gradients", "Line"]
