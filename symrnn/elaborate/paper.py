"""A document and its manifest to claims: chains, continuation lines, labels, definitions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec

from symrnn.claims import Claim, Definition, Equation, Paper
from symrnn.diagnostic import Diagnostic, Problem, UsageError
from symrnn.elaborate import conditions, prose, smooth
from symrnn.elaborate.context import Context
from symrnn.elaborate.declared import declare, one_or_many
from symrnn.elaborate.definitions import define, definition, names_something, total
from symrnn.elaborate.families import loose, ranges
from symrnn.elaborate.names import Names, declarations, spaces
from symrnn.elaborate.names import head as name_head
from symrnn.elaborate.scope import Scope
from symrnn.elaborate.shorthand import Rule, compile_rule, rewrite
from symrnn.expr import Shape, Symbol, show_shape
from symrnn.latex import notation as n
from symrnn.latex import tree as t
from symrnn.latex.parser import parse, parse_expression
from symrnn.manifest import Assumption, Manifest, first_line
from symrnn.read.document import Document, Formula


@dataclass(frozen=True)
class Line:
    """One equation of the document: its formula, joined with the displays that continue it, and its tree."""

    number: str
    formula: Formula
    tree: t.Statements | None
    problem: Diagnostic | None


def read_paper(document: Document, manifest: Manifest) -> tuple[Context, Paper, dict[str, Definition], Lines]:
    """The context, the claims and the assumptions of a document, and its lines.

    Raises UsageError when an entry of the manifest cannot be read.
    """
    words = frozenset(manifest.words)
    context = Context(manifest, Names(manifest.steps.index), rows=manifest.gradient == "row")
    lines = list(_lines(document, words))
    if any("\\top" in line.formula.latex for line in lines):
        context.powers = manifest.steps.last
    for section in manifest.section:
        context.names.section(section.lines.split(",")[0].split("-")[0].strip())
    context.rules = tuple(_compiled(manifest, words))
    _declare(context, document, manifest, lines, words)
    names = tuple(r for r in context.rules if r.plain)
    context.rules = tuple(r if r.plain else replace(r, means=rewrite(r.means, names)) for r in context.rules)
    context.direct = set(_quantities(context, manifest.direct, "direct", words))
    for k, entries in enumerate((manifest.smooth, *(section.smooth for section in manifest.section))):
        smooth.declare(context.within(k), entries, words)
    paper = Paper()
    read = Lines(context, words, lines)
    paper.equations = list(read.equations())
    define(context, paper, tuple(prose.stated(context, words)))
    assumptions = {a.name: _assumption(context, a, words) for a in manifest.assume}
    return context, paper, assumptions, read


# -- lines ------------------------------------------------------------------------------------


def _lines(document: Document, words: frozenset[str]) -> Iterator[Line]:
    waiting: Line | None = None
    for formula in document.formulas:
        if not formula.display:
            continue
        line = _parsed(document, formula, words)
        if waiting is not None and formula.number is None and formula.glued:
            joined = _joined(document, waiting, line, words)
            if joined is not None:
                waiting = joined
                continue
        if waiting is not None:
            yield waiting
        waiting = line
    if waiting is not None:
        yield waiting


def _parsed(document: Document, formula: Formula, words: frozenset[str]) -> Line:
    number = formula.number
    if number is None:
        number = f"L{document.source.line_column(formula.span.start)[0]}"
    try:
        return Line(number, formula, parse(formula.latex, formula.offsets, words), None)
    except Problem as problem:
        return Line(number, formula, None, problem.diagnostic)


def _joined(document: Document, first: Line, second: Line, words: frozenset[str]) -> Line | None:
    """A display without number or relation, just below another, goes on with its expression."""
    if second.tree is None or len(second.tree.items) != 1 or isinstance(second.tree.items[0], (t.Chain, t.Prose)):
        return None
    a, b = first.formula, second.formula
    latex = a.latex + " " + b.latex
    formula = replace(a, latex=latex, offsets=(*a.offsets, *b.offsets), span=a.span | b.span)
    line = _parsed(document, formula, words)
    if line.tree is not None and first.tree is not None and len(line.tree.items) != len(first.tree.items):
        return None
    return replace(line, number=first.number)


# -- names ------------------------------------------------------------------------------------


def _declare(
    context: Context, document: Document, manifest: Manifest, lines: list[Line], words: frozenset[str]
) -> None:
    for k, formula in enumerate(document.formulas):
        if not formula.display and "\\in" in formula.latex:
            try:
                tree = _with_range(document, k, words)
            except Problem:
                continue
            following = next((x.number for x in lines if x.formula.span.start > formula.span.start), "")
            here = context.within(manifest.within(following) if following else 0)
            _add(here, tree, f"line {document.source.line_column(formula.span.start)[0]}")
    printed = [line for line in lines if line.tree is not None and "\\in" in line.formula.latex]
    for line in printed:
        _add(context.within(manifest.within(line.number)), _said(context, line), f"({line.number})", named=False)
    for k, entries in enumerate((manifest.declare, *(section.declare for section in manifest.section))):
        for text in entries:
            lines_of = manifest.section[k - 1].lines if k else ""
            if not declare(context, context.within(k), _manifest_tree(text, "declare", words), lines_of):
                how = "name \\in \\mathbb{R}^{…}, name \\in \\{0, 1\\}"
                raise UsageError(f"manifest: declare: '{text}' declares nothing (write {how})")
    for line in printed:
        here = context.within(manifest.within(line.number))
        before = set(here.names.everything())
        _add(here, _said(context, line), f"({line.number})")
        context.introduced |= set(here.names.everything()) - before
    for found in _quantities(context, manifest.onehot, "onehot", words):
        symbol = replace(found, onehot=True)
        context.names.declare(symbol)
        if found in context.failed:
            context.failed[context.names.known(symbol) or symbol] = context.failed[found]


def _with_range(document: Document, k: int, words: frozenset[str]) -> t.Statements:
    r"""A formula of the running text, and the next one where that follows as its range: «for $i = 1, \dots, N$»."""
    formula = document.formulas[k]
    tree = parse(formula.latex, formula.offsets, words)
    following = document.formulas[k + 1] if k + 1 < len(document.formulas) else None
    if following is None or following.display:
        return tree
    between = document.source.text[formula.span.end : following.span.start]
    if re.fullmatch(r"[$\s,]*((for|with|where)\s+)?((all|each|every)\s+)?[$\s]*", between) is None:
        return tree
    more = parse(following.latex, following.offsets, words)
    return t.Statements((*tree.items, *more.items), span=tree.span) if ranges(more) else tree


def _said(context: Context, line: Line) -> t.Statements:
    """What a line says, its shorthands written out."""
    assert line.tree is not None
    rules = tuple(r for r in context.rules if r.applies(line.number))
    return t.Statements(tuple(rewrite(item, rules) for item in line.tree.items))


def _quantities(context: Context, texts: tuple[str, ...], entry: str, words: frozenset[str]) -> Iterator[Symbol]:
    """The declared quantities that an entry of the manifest names."""
    for text in texts:
        tree = _manifest_tree(text, entry, words).items[0]
        places = (context, *(context.within(k) for k in range(1, len(context.manifest.section) + 1)))
        matches = [m for place in places if (m := place.names.match(tree)) is not None]
        if not matches:
            raise UsageError(f"manifest: {entry}: '{text}' is not declared")
        yield next((m for m in matches if m.exact), matches[0]).symbol


def _add(context: Context, tree: t.Statements, place: str, named: bool = True) -> int:
    """Declare what a formula declares. A name keeps its first shape; another one leaves it open."""
    count = 0
    letters, whole = Scope(context.manifest.sizes), context.within(0)
    known = ranges(tree)
    for name, shape in declarations(tree, named):
        symbol = context.names.declared(name, shape, known)
        if symbol is None:
            continue
        count += 1
        for names in (whole.names, context.names):  # a section's own names are those that differ
            before = names.known(symbol)
            if before is None:
                names.declare(symbol)
            if before is None or letters.agree(before.shape, shape):
                break
        else:
            assert before is not None
            shapes = f"{show_shape(before.shape)} and, by {place}, {show_shape(shape)}"
            context.failed.setdefault(before, f"it is declared as {shapes}")
        one_or_many(context, symbol)
    return count


def _manifest_tree(text: str, entry: str, words: frozenset[str]) -> t.Statements:
    try:
        return parse(text, None, words)
    except Problem as problem:
        raise UsageError(f"manifest: {entry}: '{text}': {problem.diagnostic.message}") from problem


def _compiled(manifest: Manifest, words: frozenset[str]) -> Iterator[Rule]:
    within = (msgspec.structs.replace(e, lines=e.lines or s.lines) for s in manifest.section for e in s.shorthand)
    for entry in (*within, *manifest.shorthand):
        try:
            yield compile_rule(entry, words)
        except Problem as problem:
            message = problem.diagnostic.message
            raise UsageError(f"manifest: shorthand '{entry.write}': {message}") from problem


def _assumption(context: Context, entry: Assumption, words: frozenset[str]) -> Definition:
    first = first_line(entry.lines)
    here = context.within(context.manifest.within(first) if first else 0)
    names = tuple(r for r in context.rules if r.plain and r.applies(first))
    try:
        tree = rewrite(parse_expression(entry.let, words), names)
        if not isinstance(tree, t.Chain) or len(tree.links) != 2:
            raise Problem("SR203", "an assumption is one equation")
        lhs, rhs = tree.links[0][1], tree.links[1][1]
        return (total if isinstance(lhs, t.Big) else definition)(here, lhs, rhs, entry.name)
    except Problem as problem:
        raise UsageError(f"manifest: assume '{entry.name}': {problem.diagnostic.message}") from problem


# -- claims -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Flow:
    """What a line that begins with a relation continues: the head of the chain and its last member."""

    head: t.Tree | None = None
    last: t.Tree | None = None


@dataclass
class Lines:
    """The lines of a document, and what each of them claims after those before it."""

    context: Context
    words: frozenset[str]
    lines: list[Line]

    def equations(self) -> Iterator[Equation]:
        """The equations of all lines, in order."""
        flow = Flow()
        for k, line in enumerate(self.lines):
            equation, flow = self.equation(k, line, flow)
            yield equation

    def equation(self, k: int, line: Line, flow: Flow) -> tuple[Equation, Flow]:
        """What ``line`` claims at place ``k`` of the document, and what the line after it goes on with."""
        latex = line.formula.latex.strip()
        if line.tree is None:
            return Equation(line.number, latex, line.formula.span, (), line.problem), Flow()
        following = self.lines[k + 1].tree if k + 1 < len(self.lines) else None
        maker = _Maker(self.context, line, flow, _begins_with_relation(following), self.words)
        claims = tuple(maker.claims())
        problem = None
        if not line.tree.items:
            problem = Diagnostic("SR103", "a numbered line with nothing on it", line.formula.span)
        return Equation(line.number, latex, line.formula.span, claims, problem), maker.flow


def goes_on(line: Line) -> bool:
    """Whether what a line claims depends on what stands above it, as far as it can be read."""
    items = [i for i in line.tree.items if not isinstance(i, t.Prose)] if line.tree is not None else []
    return not items or (isinstance(items[0], t.Chain) and bool(items[0].links[0][0]))


def _begins_with_relation(tree: t.Statements | None) -> bool:
    return bool(tree and tree.items and isinstance(tree.items[0], t.Chain) and tree.items[0].links[0][0])


class _Maker:
    """The claims of one line, in printed order, numbered a, b, c, …"""

    def __init__(self, context: Context, line: Line, flow: Flow, continued: bool, words: frozenset[str]) -> None:
        self.section = context.manifest.within(line.number)
        self.context = context.within(self.section)
        self.line = line
        self.rules = tuple(r for r in context.rules if r.applies(line.number))
        self.flow = flow
        self.continued = continued
        self.count = 0
        left = context.manifest.left.get(line.number)
        self.left = rewrite(_manifest_tree(left, "left", words).items[0], self.rules) if left is not None else None
        self.line_defines = context.manifest.defines(line.number)
        self.einstein = context.manifest.sums(line.number)
        chains = [i for i in (line.tree.items if line.tree else ()) if isinstance(i, t.Chain)]
        self.named = any(names_something(rewrite(c.links[0][1], self.rules)) for c in chains if not c.links[0][0])

    def claim(
        self, kind: str, lhs: t.Tree | None, rhs: t.Tree, previous: t.Tree | None = None, **more: object
    ) -> Claim:
        self.count += 1
        ident = self.line.number + _letters(self.count)
        more |= {"section": self.section, "einstein": self.einstein}
        return Claim(ident, kind, lhs, rhs, rhs.span, previous, **more)  # type: ignore[arg-type]

    def claims(self) -> Iterator[Claim]:
        assert self.line.tree is not None
        items = tuple(rewrite(item, self.rules) for item in self.line.tree.items)
        for item, condition, unsure, last, beside in conditions.attached(self.context, items):
            made = self.chain(item) if isinstance(item, t.Chain) else self.expression(item, last)
            for claim in (*made, *self.labels(item)):
                free = () if claim.kind == "definition" else conditions.presupposed(self.context, claim)
                yield replace(claim, where=(*condition, *free), conditional=unsure, beside=beside)

    def chain(self, tree: t.Chain) -> Iterator[Claim]:
        links = list(tree.links)
        defines = self.line_defines
        supplied = False
        previous: t.Tree | None = None
        if links[0][0]:
            if self.left is not None:
                self.flow, previous, supplied = replace(self.flow, head=self.left), None, True
                self.left = None
            elif self.flow.head is None:
                yield self.claim("relation", None, links[0][1], relation=links[0][0])
                self.flow = replace(self.flow, head=links[0][1])
            else:
                previous = self.flow.last if self.flow.last is not self.flow.head else None
            head = self.flow.head
            assert head is not None
        else:
            head = links.pop(0)[1]
            self.flow = Flow(head, head)
            defines = defines and (names_something(head) or not self.named)  # log p = … beside p = … is a claim
        for k, (relation, side) in enumerate(links):
            if relation == "\\in":
                member = head if previous is None else previous
                if not self.declares(member, spaces(side)):
                    yield self.claim("relation", member, side, relation=relation)
                continue
            if defines and relation in n.EQUALITIES:
                defines = False
                yield self.claim("definition", head, side, relation=relation)
            elif relation in n.EQUALITIES and links[k + 1 : k + 2] and self.introduces(side, links[k + 1]):
                yield self.claim("definition", side, head, relation=relation)
            else:
                yield self.claim("relation", head, side, previous, relation=relation, supplied=supplied)
            previous = side
            self.flow = replace(self.flow, last=side)

    def introduces(self, side: t.Tree, following: tuple[str, t.Tree]) -> bool:
        """Whether a member is a name that this very place declares: ``… = A ∈ space``."""
        found = self.context.names.match(side) if name_head(side) is not None else None
        if found is None or found.indices or found.sups or loose(found.symbol):
            return False
        return following[0] == "\\in" and found.symbol in self.context.introduced

    def declares(self, member: t.Tree, space: Shape | None) -> bool:
        """Whether ``member ∈ space`` declares a name, rather than saying something of what has a shape already."""
        found = self.context.names.match(member)
        if space is None:
            return found is None
        if name_head(member) is None:
            return False
        letters = Scope(self.context.manifest.sizes)
        return found is None or bool(found.indices) or bool(found.sups) or letters.agree(found.symbol.shape, space)

    def expression(self, tree: t.Tree, last: bool) -> Iterator[Claim]:
        """A line without a relation: what the manifest says that it is, or the head of the next line's chain."""
        if self.left is not None:
            self.flow = Flow(self.left, tree)
            left, self.left = self.left, None
            yield self.claim("relation", left, tree, supplied=True)
        else:
            self.flow = Flow(tree, tree)
            if last and self.continued:
                yield self.claim("definition", None, tree)
            else:
                yield self.claim("relation", None, tree)

    def labels(self, tree: t.Tree) -> Iterator[Claim]:
        for node in tree.walk():
            if isinstance(node, t.Brace) and node.label is not None and not isinstance(node.label, (t.Word, t.Prose)):
                yield self.claim("label", node.body, node.label)


def _letters(count: int) -> str:
    out = ""
    while count:
        count, rest = divmod(count - 1, 26)
        out = chr(ord("a") + rest) + out
    return out
