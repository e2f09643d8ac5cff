r"""Definitions: the lines that say what the model computes, and what a line that fails to define leaves open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from symrnn.claims import Claim, Definition, Equation, Paper, key
from symrnn.diagnostic import Diagnostic, Problem, UsageError
from symrnn.elaborate import einstein
from symrnn.elaborate.abbreviation import derives, mentions
from symrnn.elaborate.claim import elaborate
from symrnn.elaborate.conditions import Condition
from symrnn.elaborate.context import Context
from symrnn.elaborate.expression import Elaborator
from symrnn.elaborate.fold import folded
from symrnn.elaborate.names import head, taken_apart
from symrnn.elaborate.prose import unknown
from symrnn.expr import (
    SCALAR,
    Add,
    Constant,
    Dim,
    Entry,
    Index,
    Number,
    Reduce,
    Ref,
    Slice,
    Symbol,
    Times,
    Transpose,
    transpose,
)
from symrnn.latex import tree as t
from symrnn.latex.printer import short

Pending = tuple[str, Claim]


def define(context: Context, paper: Paper, stated: Iterable[Pending] = ()) -> None:
    """Read the defining claims in any order that lets each use the names that others introduce; first ``stated``,
    those of the manifest.

    A line that defines again what another line defines is a claim (``paper.again``). One that fails is kept
    with its reason (``paper.failed``), and its names are known to be open (``context.failed``).
    """
    printed = [(e.number, c) for e in paper.equations for c in e.claims if c.kind == "definition" and c.lhs is not None]
    pending = _settled(context, paper, stated)
    for number, claim in _settled(context, paper, [*pending, *printed]):
        try:
            _read(context, paper, number, claim)  # what failed before it may be the reason now
        except Problem as problem:
            _fail(context, paper, number, claim, problem.diagnostic)
    _finish(context, paper)
    for e in paper.equations:
        if e.problem is not None and context.manifest.defines(e.number):
            _unread(context.within(context.manifest.within(e.number)), e)
    for number, claim, reason in (*_meaningless(context, paper), *_circles(paper)):
        _fail(context, paper, number, claim, reason)


def _settled(context: Context, paper: Paper, pending: Iterable[Pending]) -> list[Pending]:
    """Reads what can be read, and gives what is left."""
    waiting = list(pending)
    while True:
        left: list[Pending] = []
        again: list[Pending] = []
        for number, claim in waiting:
            try:
                again += _read(context, paper, number, claim)
            except Problem:
                left.append((number, claim))
        if len(left) == len(waiting):
            return left
        waiting = left + again


def _finish(context: Context, paper: Paper) -> None:
    """Intermediate values are found, and derivatives read once more, now that all definitions are known."""
    before = list(paper.definitions)
    paper.definitions[:] = folded(before, context.manifest.steps.last)
    for old, new in zip(before, paper.definitions, strict=True):
        if new is not old:
            paper.sources[id(new)] = paper.sources[id(old)]
            context.spelled[old.symbol] = old
    for d in paper.definitions:
        context.defined.setdefault(d.symbol, []).append(d)
    for d in [d for some in context.short.values() for d in some]:
        claim = paper.sources[id(d)]
        assert claim.lhs is not None
        made: list[Definition] = []
        try:
            made = [definition(context.within(claim.section), claim.lhs, claim.rhs, d.number)]
            paper.sources[id(made[0])] = claim
        except Problem as problem:
            _fail(context, paper, d.number, claim, problem.diagnostic)
        context.short[d.symbol] = [x for other in context.short[d.symbol] for x in (made if other is d else [other])]


def _read(context: Context, paper: Paper, number: str, claim: Claim) -> list[Pending]:
    """Read one definition. What has to be read again, now that a derivative stands for this quantity, is returned."""
    assert claim.lhs is not None
    here = context.within(claim.section)
    if claim.kind == "unknown":
        found = unknown(here, claim.lhs, number)
    else:
        found = definition(here, claim.lhs, claim.rhs, number, claim.einstein)
    if claim.conditional or not _everywhere(context, found, claim.where):
        raise Problem("SR190", "a definition under a condition is not yet understood", claim.span)
    known = [*paper.definitions, *(d for some in context.short.values() for d in some)]
    for other in known:
        overlap = _overlap(other, found, known, context.manifest.steps.first)
        if overlap == "part":
            message = f"line ({other.number}) defines a part of '{short(claim.lhs)}' already"
            raise Problem("SR210", message, claim.span)
        if overlap == "whole":
            first = paper.sources[id(other)]
            if found.symbol not in context.introduced or first.rhs == claim.rhs:
                paper.again[key(claim)] = other.number
                return []
            why = f"lines ({other.number}) and ({number}) give it to two things"
            context.failed[found.symbol] = why
            context.short.pop(found.symbol, None)
            for said in (first, claim):
                paper.failed[key(said)] = Diagnostic("SR192", f"'{short(claim.lhs)}' is open: {why}", said.span)
            return []
    paper.sources[id(found)] = claim
    context.nodes.add(found.symbol)
    if not derives(found):
        paper.definitions.append(found)
        return []
    if mentions(found, found.symbol):
        raise Problem("SR190", "a recursion that holds derivatives is not yet understood", claim.span)
    context.short.setdefault(found.symbol, []).append(found)
    stale = [d for d in known if mentions(d, found.symbol)]
    paper.definitions[:] = [d for d in paper.definitions if d not in stale]
    for some in context.short.values():
        some[:] = [d for d in some if d not in stale]
    return [(d.number, paper.sources[id(d)]) for d in stale]


def _meaningless(context: Context, paper: Paper) -> Iterator[tuple[str, Claim, Diagnostic]]:
    """Definitions that were read, but whose two sides are no claim (an index on the right is free), or that begin
    a recursion that begins before.
    """
    for found in tuple(paper.definitions):
        claim = paper.sources[id(found)]
        if claim.kind == "unknown":
            continue
        try:
            elaborate(context, defining(claim))
            for other in paper.definitions:
                if _overlap(other, found, paper.definitions, context.manifest.steps.first) and other is not found:
                    raise Problem("SR210", f"line ({other.number}) defines this already", claim.span)
        except Problem as problem:
            paper.definitions.remove(found)
            yield found.number, claim, problem.diagnostic


def _circles(paper: Paper) -> Iterator[tuple[str, Claim, Diagnostic]]:
    """Definitions, each of a whole quantity, by which it is computed from itself at the same step."""
    needs: dict[int, set[int]] = {}
    whole = [d for d in paper.definitions if d.row is None and d.col is None]
    for d in whole:
        refs = [e for e in d.rhs.walk() if isinstance(e, Ref)]
        needs[id(d)] = {id(e) for e in whole if any(e.symbol is r.symbol and e.time == _at(d, r, e) for r in refs)}
    for d in whole:
        seen: set[int] = set()
        stack = [id(d)]
        while stack:
            new = needs[stack.pop()] - seen
            seen |= new
            stack += new
        if id(d) in seen:
            claim = paper.sources[id(d)]
            paper.definitions.remove(d)
            why = f"the definition of {d.symbol.name.removesuffix('(t)')} goes in a circle"
            yield d.number, claim, Diagnostic("SR190", why, claim.span)


def _at(d: Definition, ref: Ref, other: Definition) -> Index | None:
    """The step of ``other`` where ``d`` at its step uses ``ref``; a step before or after it is none of these."""
    if d.time is None or ref.time is None or ref.time.letter != d.time.letter:
        return ref.time
    if ref.time == d.time:
        return other.time if other.time is not None and other.time.letter is not None else ref.time
    return Index("", 0)


def defining(claim: Claim) -> Claim:
    """A definition's left side without the arguments it is printed with, ``f(x)``."""
    return claim if claim.lhs is None else replace(claim, lhs=taken_apart(claim.lhs)[0])


def names_something(lhs: t.Tree) -> bool:
    """Whether a left side is what a definition has there: a name, with or without arguments."""
    return head(taken_apart(lhs)[0]) is not None


def definition(context: Context, lhs: t.Tree, rhs: t.Tree, number: str, einsteins: bool = False) -> Definition:
    """``lhs := rhs``. A new name gets the shape of the right side; letters on the left run over their range.

    Raises Problem where a side has no meaning, or a component is defined of a name without a shape.
    """
    lhs, arguments = taken_apart(lhs)
    while isinstance(lhs, t.Stand):
        lhs = lhs.body
    if head(lhs) is None:
        raise Problem("SR211", "a definition has a name on its left", lhs.span)
    elab = Elaborator(context)
    found = context.names.match(lhs)
    if found is None:
        value = elab.expr(rhs)
        over = {x: letter.dim for x, letter in elab.scope.free.items() if letter.dim is not None and not letter.timed}
        symbol = context.names.declared(lhs, value.shape, over)
        if symbol is None:
            raise Problem("SR211", "a definition has a name on its left", lhs.span)
        if isinstance(value, Number) and symbol.label:
            raise Problem("SR201", f"the shape of '{short(lhs)}' is not declared", lhs.span)
        context.names.declare(symbol)
        found = context.names.match(lhs)
        if found is None or found.sups or (found.indices and not over):
            context.names.forget(symbol)
            raise Problem("SR201", f"'{short(lhs)}' is not declared, so its components cannot be defined", lhs.span)
    elab.plain = True
    left = elab.quantity(found, lhs.span)
    elab.plain = False
    value = elab.expr(rhs)
    if einsteins:
        value, _ = einstein.summed(elab, value, rhs.span)
    if isinstance(value, Number) and not left.scalar:
        value = Times(left.shape, value, Constant(left.shape, "ones"))
    if not elab.same(left.shape, value.shape):
        raise elab.clash("a definition", (left, value), rhs.span)
    if arguments is not None:
        context.arguments.setdefault(found.symbol, arguments)
    row = col = None
    base = left
    match left:
        case Entry():
            base, row, col = left.body, left.row, left.col
        case Slice():
            base, row, value = left.body, left.index, transpose(value)
        case Transpose(body=Slice() as part):
            base, row = part.body, part.index
    if not isinstance(base, Ref):
        raise Problem("SR211", "a definition has a name on its left", lhs.span)
    if base.time is not None and base.time.letter is not None and context.fixed(base.time.letter):
        raise Problem("SR190", "a definition at the last step is not yet understood", lhs.span)
    if base.copy is not None:
        raise Problem("SR190", "a definition of a shared parameter at one step is not yet understood", lhs.span)
    _depends(context, elab, (base.time, row, col))
    letters = [i.letter for i in (base.time, row, col) if i is not None and i.letter not in (None, *context.sizes)]
    if len(set(letters)) < len(letters):
        raise Problem("SR190", "a definition with one letter in two places is not yet understood", lhs.span)
    row, col = (_number(context, i) for i in (row, col))
    return Definition(base.symbol, base.time, row, col, value, number)


def total(context: Context, lhs: t.Tree, rhs: t.Tree, name: str) -> Definition:
    r"""``\sum_k t_k = 1``: the last of the components is the number less all others."""
    elab = Elaborator(context)
    whole, value = elab.expr(lhs), elab.expr(rhs)
    match whole:
        case Reduce(_, "sum", letter, Index(None, 1), high, Entry(_, Ref() as ref, row, col), (), False):
            axis = 0 if row == Index(letter) else 1
            length = elab.scope.size(ref.shape[axis])
            run = high.offset if high.letter is None else context.sizes.get(high.letter, 0) + high.offset
            if (row, col)[axis] == Index(letter) != (row, col)[1 - axis] and length == run and value.scalar:
                places = [(Index(None, k), col) if axis == 0 else (row, Index(None, k)) for k in range(1, length + 1)]
                rest = tuple((-1, Entry(SCALAR, ref, *place)) for place in places[:-1])
                return Definition(ref.symbol, ref.time, *places[-1], Add(SCALAR, ((1, value), *rest)), name)
    raise Problem("SR211", "an assumption says what a name is, or what all components of one sum to", lhs.span)


def _depends(context: Context, elab: Elaborator, own: tuple[Index | None, ...]) -> None:
    """The declared whole numbers that a definition depends on: every claim is looked at for each of their values."""
    for name, letter in elab.scope.free.items():
        if letter.given and name not in {i.letter for i in own if i is not None}:
            known = letter.values or str(letter.dim)
            if context.given.setdefault(name, known) != known:
                raise Problem("SR190", f"'{name}' is declared with different values", letter.span)


def _number(context: Context, index: Index | None) -> Index | None:
    """A component counted by the letter of a size, as its number."""
    if index is not None and index.letter in context.sizes:
        return Index(None, context.sizes[index.letter] + index.offset)
    return index


# -- where a definition holds -------------------------------------------------------------------


def _everywhere(context: Context, d: Definition, where: Condition) -> bool:
    """Whether conditions leave the letters of a definition their whole range: ``t = 1, …, T``."""
    steps = context.manifest.steps
    ranges: dict[str, tuple[int, Dim]] = {}
    for index, low, high in (
        (d.time, steps.first, steps.last),
        (d.row, 1, d.symbol.shape[0]),
        (d.col, 1, d.symbol.shape[1]),
    ):
        if index is not None and index.letter is not None and not index.offset:
            ranges[index.letter] = (low, high)
    return all(_free(context, ranges, part) for part in where)


def _free(context: Context, ranges: dict[str, tuple[int, Dim]], part: tuple[Index, str, Index]) -> bool:
    a, relation, b = part
    if b.letter in ranges and relation in _TURNED:
        a, relation, b = b, _TURNED[relation], a
    if a.letter not in ranges or a.offset:
        return False
    low, high = ranges[a.letter]
    if relation in ("≥", ">"):
        return b.letter is None and b.offset + (relation == ">") <= low
    if relation != "≤":
        return False
    if b.letter == high and b.offset >= 0:
        return True
    top = high if isinstance(high, int) else context.sizes.get(high)
    return b.letter is None and top is not None and b.offset >= top


_TURNED = {"≤": "≥", "≥": "≤", "<": ">", ">": "<"}


def _overlap(old: Definition, new: Definition, known: Iterable[Definition], first: int) -> str:
    """Which scalars of ``new`` are defined by ``old`` already: "whole" for all, "part", or "" for none."""
    if old.symbol is not new.symbol:
        return ""
    found = "whole"
    for place, (a, b) in enumerate(((old.time, new.time), (old.row, new.row), (old.col, new.col))):
        fixed = [i is not None and i.letter is None for i in (a, b)]
        if fixed == [True, True]:
            if a != b:
                return ""
        elif any(fixed):
            generic, number = (new, a) if fixed[0] else (old, b)
            assert number is not None
            if place == 0 and _begins(generic, number.offset, known, first):
                return ""
            found = "part" if fixed[0] else found
    return found


def _begins(generic: Definition, step: int, known: Iterable[Definition], first: int) -> bool:
    """Whether a recursion may begin at a step: there, it reaches back to one before the first that nothing defines."""
    assert generic.time is not None
    if step < first:
        return True
    for e in generic.rhs.walk():
        if isinstance(e, Ref) and e.time is not None and e.time.letter == generic.time.letter:
            back = step + e.time.offset - generic.time.offset
            given = any(d.symbol is e.symbol and d.time == Index(None, back) for d in known)
            if back < first and not given:
                return True
    return False


# -- what a failed definition leaves open ---------------------------------------------------------


def _fail(context: Context, paper: Paper, number: str, claim: Claim, reason: Diagnostic) -> None:
    """Keep the reason, and the names that the line was to define: the one on its left, or, where nothing says
    which of its names it settles, all that no other line defines. Raises UsageError for a line of the manifest.
    """
    if not claim.id:
        raise UsageError(f"manifest: {number}: {reason.message}")
    context = context.within(claim.section)
    paper.failed[key(claim)] = reason
    assert claim.lhs is not None
    lhs, _ = taken_apart(claim.lhs)
    why = f"line ({number}), which should define it, failed: {reason.message}"
    found = context.names.match(lhs)
    if head(lhs) is not None and (found is None or not found.sups):
        symbols = [found.symbol] if found is not None else []
        names = [lhs]
    else:
        symbols = [s for s in _symbols(context, (lhs, claim.rhs)) if s not in context.nodes]
        names = [lhs, claim.rhs]
    for symbol in symbols:
        context.failed.setdefault(symbol, why)
    for tree in names:
        name = head(tree)
        if name is not None and context.names.match(tree) is None:
            context.unnamed.setdefault((name.key, name.style), why)


def _unread(context: Context, equation: Equation) -> None:
    """A defining line that cannot be read leaves open what its letters name and no other line defines."""
    assert equation.problem is not None
    why = f"line ({equation.number}), which may define it, cannot be read: {equation.problem.message}"
    for symbol in context.names.visible():
        if symbol not in context.nodes and symbol.key.rstrip("'").split(" ")[-1] in equation.latex:
            context.failed.setdefault(symbol, why)


def _symbols(context: Context, trees: Iterable[t.Tree]) -> Iterator[Symbol]:
    for tree in trees:
        for node in tree.walk():
            if head(node) is not None and (found := context.names.match(node)) is not None:
                yield found.symbol
