"""The steps between the lines: components worked out through the loss, matrices written out at the declared sizes.

Every method gives ``Step``s, a sentence with lines; none where the cell has no such step (a quotient on the way to
the loss, components beyond count), so that a derivation says what can be said of its cell and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from symrnn.derive.alike import key
from symrnn.derive.blocks import length
from symrnn.derive.entries import renamed, substituted
from symrnn.derive.gradients import Derivative, Gradients
from symrnn.derive.lines import Line
from symrnn.derive.tables import MOST_ROWS, Braced, explicit
from symrnn.derive.unfold import ZERO, Differential, Opened, shown, sloped
from symrnn.derive.worked import CLASS, EASY, Worked, summands
from symrnn.expr import SCALAR, Add, Apply, Entry, Expr, Gradient, Index, Local, Ref, Shape, Table
from symrnn.general.differentiate import slope
from symrnn.general.form import Abstain
from symrnn.latex.tree import Name

ONE = Index(None, 1)
WIDEST = 120  # characters of a row of matrices
_KNOWN = {"exp", "ln"}


@dataclass(frozen=True)
class Step:
    """A sentence and what it announces.

    ``assumed``: with the active class put in; ``early``: it speaks of the step before the last.
    """

    text: str
    lines: tuple[Line, ...]
    assumed: bool = True
    early: bool = False


class Detail:
    """The steps of one document; ``said``, ``lost``: the rules of calculus and the losses that stand there already."""

    def __init__(self, g: Gradients) -> None:
        self.g, self.worked = g, Worked(g)
        self.said: set[str] = set()
        self.lost: set[tuple[str, str]] = set()
        self.spelt = False
        self.stated = False  # whether the loss stands just above

    # -- nodes ------------------------------------------------------------------------------------

    def node(self, d: Derivative) -> Iterator[Step]:
        """A quantity at its last step, or at every step if it enters the loss of its own step alone."""
        w, s = self.worked, d.symbol
        if s is w.loss or w.loss is None or (len(d.cases) == 1 and not self.own(d)):
            return
        at = self.last if len(d.cases) > 1 else self.now if s.timed else None
        ref = Ref(s.shape, s, at)
        with suppress(Abstain):
            if len(w.levels(ref, at)) > 1:
                yield from self.by_hand(d, ref, at, tuple(dict.fromkeys((self.whole, self.local(at)))))
                value = self.value(d, ref, at, True)
                yield from self.matrices((self.head(self.whole, ref),), value, ())

    def earlier(self, d: Derivative) -> Iterator[Step]:
        """A recurrent quantity one step before the last: its two losses, and the later of them by components."""
        w, s = self.worked, d.symbol
        if w.loss is None or not w.loss.timed or len(d.cases) != 2:
            return
        before = self.last.shifted(-1)
        ref = Ref(s.shape, s, before)
        here, later = (self.head(self.local(x), ref) for x in (before, self.last))
        with suppress(Abstain):
            members: list[Expr] = [Add(s.shape, ((1, here), (1, later)))]
            own = w.part(s, before, before, True)
            if own is not None and self.local_only(own, before) and length(self.tex(own)) <= EASY // 2:
                members.append(Add(s.shape, ((1, Braced(s.shape, here, own)), (1, later))))
            yield Step(
                "It acts on the losses of two steps, "
                f"${self.tex(self.local(before))}$ and ${self.tex(self.local(self.last))}$:",
                (Line(self.head(self.whole, ref), tuple(members)),),
                False,
            )
            value = w.part(s, before, self.last, True)
            if value is None:
                return
            for step in self.by_hand(d, ref, self.last, (self.local(self.last),)):
                yield replace(step, early=True)
            for step in self.matrices((later,), value, ()):
                yield replace(step, early=True)

    def local_only(self, e: Expr, at: Index) -> bool:
        """Whether the gradients in an expression are those of the loss of one step."""
        found = [x for x in e.walk() if isinstance(x, Gradient) and isinstance(x.wrt, Ref)]
        return all(self.own(self.g[self.g.names[x.wrt.symbol]]) for x in found)  # type: ignore[attr-defined]

    # -- parameters -------------------------------------------------------------------------------

    def parameter(self, d: Derivative) -> Iterator[Step]:
        """A parameter as it is used at a step; at the last one where it acts on later steps too."""
        w, s = self.worked, d.symbol
        if w.loss is None:
            return
        if not d.steady:
            ref = Ref(s.shape, s)
            yield from self.by_hand(d, ref, None, (self.whole,))
            with suppress(Abstain):
                yield from self.matrices((self.head(self.whole, ref),), self.value(d, ref, None, True), ())
            return
        own = self.own(d)
        at = self.now if own else self.last
        copy, bare = Ref(s.shape, s, None, at), Ref(s.shape, s)
        local = self.local(at)
        if own:
            yield from self.by_hand(d, copy, at, (local,), bare)
        else:
            yield from self.loss(copy, self.now, 1)
            yield from self.by_hand(d, copy, at, (self.whole, local), None, False)
        with suppress(Abstain):
            value = self.value(d, copy, at, True)
            heads = (self.head(local, bare), self.head(local, copy)) if own else ()
            heads = heads or (self.head(self.whole, copy), self.head(local, copy))
            to = {str(self.g.now.letter): at}
            more = [value, renamed(d.copy.members[-1], to)]
            if own:
                more.insert(0, self.of_step(value, local))
            yield from self.matrices(heads, value, tuple(more))
        if not own:
            yield from self.copy_before(d)

    def copy_before(self, d: Derivative) -> Iterator[Step]:
        """A parameter as it is used one step before the last, the gradient of the recurrent quantity opened."""
        before = self.last.shifted(-1)
        short = renamed(d.copy.members[-1], {str(self.g.now.letter): before})
        to: dict[Expr, Expr] = {}
        for x in short.walk():
            if isinstance(x, Gradient) and isinstance(x.wrt, Ref) and x.wrt.time == before:
                found = self.g[self.g.names[x.wrt.symbol]]
                if len(found.cases) == 2:
                    with suppress(Abstain):
                        value = self.worked.formula(x.wrt.symbol, before, False)
                        to[x] = Braced(x.shape, value, x)
        if to:
            ref = Ref(d.symbol.shape, d.symbol, None, before)
            line = Line(self.head(self.whole, ref), (substituted(short, to), short))
            yield Step("One step before the last, the gradient in the middle has two terms:", (line,), False, True)

    def own(self, d: Derivative) -> bool:
        """Whether a quantity acts on the loss of its own step alone."""
        w = self.worked
        if w.loss is None or not w.loss.timed:
            return True
        return d.symbol is not w.loss and not w.path(d.symbol, w.loss, 1)

    # -- by hand ----------------------------------------------------------------------------------

    def loss(self, wrt: Ref, at: Index | None, count: int) -> Iterator[Step]:
        """The loss of a step in the quantity itself; ``count``: how many members, the last ones."""
        moved = replace(wrt, copy=at) if wrt.copy is not None else wrt
        with suppress(Abstain):
            levels = [shown(x, False) for x in self.worked.levels(moved, at)]
            if len(levels) < 2:
                return
            line = self.line(self.local(at), levels[-count:])
            said = {(key(line.lhs), key(m)) for m in line.members}
            if said <= self.lost:
                return
            self.lost |= said
            self.stated = True
            which = "" if at is None else " of a step" if at == self.now else " of the last step"
            yield Step(f"As a function of ${self.tex(replace(wrt, copy=None))}$ the loss{which} is", (line,))
            yield from self.rules(levels[-1])

    def by_hand(
        self,
        d: Derivative,
        ref: Ref,
        at: Index | None,
        of: tuple[Expr, ...],
        bare: Ref | None = None,
        loss: bool = True,
    ) -> Iterator[Step]:
        """The first component from the loss on, then its like; ``of``: the scalars whose derivatives agree."""
        w = self.worked
        try:
            levels = w.levels(ref, at)
            value = self.value(d, ref, at, False)
        except Abstain:
            return
        if len(levels) < 2:
            return
        if loss:
            yield from self.loss(ref, at, 2)
        plain = replace(ref, copy=None)
        last = levels[-1]
        if ref.symbol.timed and any(
            isinstance(x, Opened) and x.slope for x in self._derived(last, self.entry(plain, ONE, ONE)).walk()
        ):
            yield from self.terms(last, self.entry(plain, ONE, ONE), self.entry(ref, ONE, ONE), at)
        cells = [(Index(None, i), Index(None, j)) for i, j in self.cells(ref.shape)]
        lines = []
        for k, (i, j) in enumerate(cells):
            heads = [self.head(x, self.entry(ref, i, j)) for x in of]
            if bare is not None:
                heads.insert(0, self.head(of[0], self.entry(bare, i, j)))
                heads = heads if 1 in ref.shape else heads[:1]
            steps = list(self.stages(last, self.entry(plain, i, j))) if not k else []
            done = w.component(value, i, j)
            if not w.prints(done):
                return
            spelled = w.spelled(done)
            short = bool(steps) and not any(key(x) == key(done) for x in steps) and not self.spelt
            steps = [x for x in steps if key(x) != key(spelled)]
            final = [done, spelled] if (short or len(of) > 1) and not k and not self.spelt else [spelled]
            lines.append(self.line(heads[0], [*(heads[1:] if bare or not k else []), *steps, *final]))
        first, *others = lines
        which = "derivative" if ref.scalar else "first component of the gradient"
        source = "this" if self.stated else "the loss as it stands above"
        self.stated = False
        yield Step(f"From {source} the {which} is", (first,))
        if others:
            yield Step(
                "The other components come out alike:" if 1 in ref.shape else "and the others of its row are",
                tuple(others),
            )

    def _derived(self, e: Expr, wrt: Expr) -> Expr:
        try:
            return Differential(wrt)(e)
        except Abstain:
            return e

    def stages(self, e: Expr, wrt: Expr) -> Iterator[Expr]:
        """The derivative as it comes and by names, as far as that is worth printing."""
        self.spelt = False
        try:
            found = self.worked.stages(e, wrt)
        except Abstain:
            return
        self.spelt = found.spelled
        first = found.sloped if self.worked.prints(found.sloped, EASY) else found.briefly
        yield from filter(self.worked.prints, (first, found.named))

    def terms(self, e: Expr, wrt: Expr, head: Expr, at: Index | None) -> Iterator[Step]:
        """The terms of the loss differentiated one by one, where functions stand in functions."""
        lines = []
        for x in summands(e):
            with suppress(Abstain):
                found = self.worked.stages(x, wrt)
                if found.raw == ZERO:
                    continue
                wide = self.worked.width(shown(x, False)) > EASY // 2
                of = self.worked.tidy(shown(x, wide))
                members = [found.briefly] if wide else [found.raw, found.sloped]
                if all(map(self.worked.prints, (of, *members))):
                    lines.append(self.line(Gradient(SCALAR, of, head), members))
        if len(lines) > 1:
            yield Step("Term by term,", tuple(lines))

    def rules(self, e: Expr) -> Iterator[Step]:
        """The slopes of the functions in an expression, each once in a document."""
        names = {x.function for x in e.walk() if isinstance(x, Apply)} - _KNOWN - self.said
        letter = next((x for x in "xzuvsqp" if self.g.checker.context.names.match(Name(x)) is None), None)
        if not names or letter is None:
            return
        self.said |= names
        lines = []
        for name in sorted(names):
            of = Apply(SCALAR, name, Local(SCALAR, letter))
            lines.append(Line(Gradient(SCALAR, of, Local(SCALAR, letter)), (sloped(slope(name, 1), of, of),)))
        yield Step("with" if len(lines) == 1 else "where", tuple(lines), False)

    def cells(self, shape: Shape) -> list[tuple[int, int]]:
        """The components that are written out: of a vector all, of a matrix its first row."""
        rows, cols = (self.g.number(n) for n in shape)
        if cols == 1:
            return [(i, 1) for i in range(1, rows + 1)][:MOST_ROWS]
        return [(1, j) for j in range(1, cols + 1)][:MOST_ROWS]

    # -- matrices ---------------------------------------------------------------------------------

    def matrices(self, heads: tuple[Expr, ...], value: Expr, more: Iterable[Expr]) -> Iterator[Step]:
        """A gradient as a product of matrices that are written out."""
        w = self.worked
        try:
            made = explicit(value, lambda e, i, j: w.tidy(w.component(e, i, j)), self.g.number)
            if row_width(self, made) > WIDEST:
                raise Abstain("too wide")
        except Abstain:
            return
        line = Line(heads[0], unique([*heads[1:], made, *more]))
        self.g.text(line)
        plain = not any(isinstance(x, Braced) for x in made.walk())
        yield Step("As a column:" if plain else "Written out, with what each matrix is below it,", (line,))

    # -- pieces -----------------------------------------------------------------------------------

    @property
    def last(self) -> Index:
        return self.g.chain.graph.last

    @property
    def now(self) -> Index:
        return self.g.now

    @property
    def whole(self) -> Expr:
        return self.g.loss_ref

    def local(self, at: Index | None) -> Expr:
        """The loss of a step."""
        assert self.worked.loss is not None
        return Ref(SCALAR, self.worked.loss, at if self.worked.loss.timed else None)

    def head(self, of: Expr, wrt: Expr) -> Gradient:
        return Gradient(wrt.shape, of, wrt)

    @staticmethod
    def entry(ref: Ref, i: Index, j: Index) -> Expr:
        return ref if ref.scalar else Entry(SCALAR, ref, i, j)

    def value(self, d: Derivative, ref: Ref, at: Index | None, keep: bool) -> Expr:
        """The gradient opened to quantities; ``keep``: to ∇ of what the loss of the step is computed from."""
        w = self.worked
        if ref.symbol.timed or not d.parameter:
            found = w.part(ref.symbol, ref.time, at, keep)
        else:
            line = d.copy if d.steady else d.cases[0]
            if isinstance(line.lhs, Gradient) and isinstance(line.lhs.wrt, Entry):
                raise Abstain("no matrix expression")
            to = {str(self.g.now.letter): at} if at is not None else {}
            found = w.opened(renamed(line.members[-1], to), at, at, keep)
        if found is None:
            raise Abstain("nothing")
        return found

    def of_step(self, e: Expr, local: Expr) -> Expr:
        """Gradients of the loss as gradients of the loss of the step."""
        to: dict[Expr, Expr] = {x: replace(x, of=local) for x in e.walk() if isinstance(x, Gradient)}
        return substituted(e, to)

    def line(self, lhs: Expr, members: Iterable[Expr]) -> Line:
        """A line in letters of the document, no member twice."""
        return Line(
            lhs, unique(self.worked.tidy(m) if m.scalar and not isinstance(m, Gradient) else m for m in members)
        )

    def tex(self, e: Expr) -> str:
        return self.g.typeset(e)

    def announcement(self) -> str:
        """What is assumed of the targets where components are worked out."""
        names = [self.tex(Ref(s.shape, s, self.now if s.timed else None)) for s in self.worked.targets]
        entries = f"${', '.join(names)}$ is 1 there and 0 elsewhere"
        return f"Where components are worked out, class {CLASS} is the active one: {entries}."


def row_width(detail: Detail, e: Expr) -> int:
    """About how many characters wide a product of tables is."""
    total = 0
    for x in e.walk():
        if isinstance(x, Table):
            total += sum(max(length(detail.tex(row[j])) for row in x.rows) + 1 for j in range(len(x.rows[0])))
    return total


def unique(members: Iterable[Expr]) -> tuple[Expr, ...]:
    """Members without those that are printed before."""
    found: dict[str, Expr] = {}
    for m in members:
        found.setdefault(key(m), m)
    return tuple(found.values())


__all__ = ["Detail", "Step"]
