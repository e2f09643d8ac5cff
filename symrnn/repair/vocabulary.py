"""The author's own spellings: what a repair may write is what the document writes elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from symrnn.diagnostic import Problem
from symrnn.elaborate.context import Context
from symrnn.elaborate.names import Match, is_transpose, parts
from symrnn.elaborate.paper import Line
from symrnn.elaborate.scope import to_index
from symrnn.expr import SCALAR, Symbol
from symrnn.latex import tree as t
from symrnn.latex.parser import parse, parse_expression
from symrnn.span import Source

MOST_NUMBERS = 6
_LONGEST = 60
_NEAR = 7  # lines
INDICATORS = ("bb", "bold")


@dataclass(frozen=True)
class Spelling:
    """A letter as it is printed: with how many component indices, with a step or not."""

    text: str
    symbol: Symbol
    indices: int
    timed: bool


@dataclass
class Vocabulary:
    """Counted spellings of one document."""

    context: Context
    spellings: Counter[Spelling] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)  # inside the brackets of a superscript, (t-1)
    letters: Counter[str] = field(default_factory=Counter)  # of component indices
    limits: Counter[str] = field(default_factory=Counter)  # above a sum
    transposes: Counter[str] = field(default_factory=Counter)
    indicators: Counter[str] = field(default_factory=Counter)  # 𝟙_{·, target}: the target's spelling
    functions: Counter[str] = field(default_factory=Counter)
    scalars: Counter[str] = field(default_factory=Counter)  # whole names of defined scalars, L^{(t)}
    fragments: Counter[str] = field(default_factory=Counter)  # factors
    sums: Counter[tuple[str, str]] = field(default_factory=Counter)  # everything before the summand, the bound letter
    lines: list[list[str]] = field(default_factory=list)  # the factors of each line
    families: dict[str, Counter[str]] = field(default_factory=dict)  # by letter: names that a label tells apart
    entries: Counter[tuple[str, ...]] = field(default_factory=Counter)  # components: what stands around their indices
    _free: dict[str, set[str]] = field(default_factory=dict)
    _rows: dict[int, list[str]] = field(default_factory=dict)  # by line
    _components: dict[int, list[str]] = field(default_factory=dict)
    commas: bool = False  # between the indices of an entry

    def within(self, line: str) -> Vocabulary:
        """The same spellings, for a line that sees the names of its section."""
        section = self.context.manifest.within(line)
        if not section:
            return self
        return replace(self, context=self.context.within(section), _free={}, _rows={}, _components={})

    @property
    def transpose(self) -> str:
        """How this author writes a transpose, as it stands after ``^``."""
        mark = next(iter(self.transposes.most_common(1)), ("T", 0))[0]
        return mark if len(mark) == 1 or mark.startswith("\\") else f"{{{mark}}}"

    @property
    def numbers(self) -> range:
        """The numbers that index components here."""
        dims = [d for s in self.context.names.symbols for d in s.shape if isinstance(d, int)]
        return range(1, min(MOST_NUMBERS, max([*dims, *self.context.sizes.values(), 3])) + 1)

    def near(self, k: int) -> list[str]:
        """The factors of the lines around the line ``k``, the nearest first."""
        order = sorted(range(len(self.lines)), key=lambda j: (abs(j - k), j))
        return list(dict.fromkeys(text for j in order[:_NEAR] for text in self.lines[j]))

    def rows(self, k: int) -> list[str]:
        """The vectors of the lines around the line ``k``, as rows."""
        found = self._rows.get(k)
        if found is None:
            found = self._rows[k] = [self._turned(text, tree) for text, tree, m in self._quantities(k) if _column(m)]
        return found

    def components(self, k: int) -> list[str]:
        """Components that stand in the lines around the line ``k``."""
        found = self._components.get(k)
        if found is None:
            known = self._quantities(k)
            found = self._components[k] = [text for text, _, m in known if m.indices and not m.sups]
        return found

    def _quantities(self, k: int) -> list[tuple[str, t.Tree, Match]]:
        """The factors around the line ``k`` that are quantities."""
        read = [(text, parse_expression(text, frozenset())) for text in self.near(k)]
        return [(text, tree, known) for text, tree in read if (known := self.context.names.match(tree)) is not None]

    def _turned(self, text: str, tree: t.Tree) -> str:
        bare = isinstance(tree, t.Name) or (isinstance(tree, t.Script) and tree.sup is None)
        return f"{text}^{self.transpose}" if bare else f"({text})^{self.transpose}"

    def indices(self, tree: t.Tree) -> tuple[t.Tree, ...]:
        """The component indices of a name, of a bracket, ``(∇L)_i``, and of an indicator, ``δ_{ij}``."""
        if not isinstance(tree, t.Script) or tree.sub is None:
            return ()
        known = self.context.names.match(tree)
        if known is not None:
            return known.indices
        if isinstance(tree.base, t.Fence):
            return parts(tree.sub)
        if isinstance(tree.base, t.Name) and (tree.base.text == "\\delta" or tree.base.text == "1"):
            pieces = [side for _, side in tree.sub.links] if isinstance(tree.sub, t.Chain) else parts(tree.sub)
            return tuple(p for p in pieces if to_index(p) is not None)
        return ()

    def free(self, text: str) -> set[str]:
        """The letters that index components in a factor."""
        found = self._free.get(text)
        if found is None:
            indices = [i for x in parse_expression(text, frozenset()).walk() for i in self.indices(x)]
            found = self._free[text] = {at.letter for i in indices if (at := to_index(i)) is not None and at.letter}
        return found

    def axes(self) -> list[str]:
        """Every length of an axis as a limit of a sum would write it."""
        return [text for text, _ in self.limits.most_common()]


def vocabulary(context: Context, source: Source, lines: Iterable[Line]) -> Vocabulary:
    """Count the spellings of the lines that could be read."""
    found = Vocabulary(context)
    for line in lines:
        found.lines.append([])
        found.context = context.within(context.manifest.within(line.number))
        if line.tree is not None:
            for item in line.tree.items:
                _count(found, source.text, item)
    found.context = context
    manifest = context.manifest
    _declared(found, context.within(0), (*manifest.declare, *manifest.let))
    for k, section in enumerate(manifest.section, 1):
        _declared(found, context.within(k), (*section.declare, *section.let))
    return found


def _declared(v: Vocabulary, context: Context, entries: Iterable[str]) -> None:
    """The spellings of declarations, behind those that the lines print."""
    for text in entries:
        try:
            tree = parse(text, None, frozenset(context.manifest.words))
        except Problem:
            continue
        for node in tree.walk():
            known = context.names.match(node) if isinstance(node, (t.Script, t.Name, t.Accent)) else None
            if known is not None:
                start, end = region(text, node, known)
                v.spellings.setdefault(Spelling(text[start:end], known.symbol, len(known.indices), _timed(known)), 0)
                _member(v, text, node, known, 0)


def _member(v: Vocabulary, text: str, tree: t.Tree, known: Match, count: int) -> None:
    """A name that a label tells from others of its letter."""
    if known.symbol.label and not known.indices and isinstance(tree, t.Script) and tree.sub is not None:
        end = subscript_end(text, tree.sub)
        if tree.sup is None or tree.sup.span.start > end:
            v.families.setdefault(known.symbol.key, Counter())[text[tree.span.start : end]] += count


def _count(v: Vocabulary, text: str, tree: t.Tree) -> None:
    match tree:
        case t.Script(base, sub, sup):
            if isinstance(base, t.Name) and base.text == "1" and base.style in INDICATORS and sub is not None:
                pieces = parts(sub)
                if len(pieces) == 2:
                    v.indicators[_slice(text, pieces[1])] += 1
            known = v.context.names.match(tree)
            if known is not None:
                start, end = region(text, tree, known)
                v.spellings[Spelling(text[start:end], known.symbol, len(known.indices), _timed(known))] += 1
                _member(v, text, tree, known, 1)
                if known.symbol.shape == SCALAR and known.symbol in v.context.nodes:
                    v.scalars[_slice(text, tree)] += 1
                for index in known.indices:
                    found = to_index(index)
                    if found is not None and found.letter is not None:
                        v.letters[found.letter] += 1
                if isinstance(sup, t.Fence) and to_index(sup.body) is not None:
                    v.steps[_slice(text, sup.body)] += 1
                elif known.time is not None and sub is not None:
                    v.steps.update(_slice(text, p) for p in parts(sub) if to_index(p) == known.time)
                v.commas = v.commas or (len(known.indices) == 2 and isinstance(sub, t.Listing))
            _entry(v, text, tree, known)
            if sup is not None and is_transpose(sup) and isinstance(sup, (t.Name, t.Word)):
                v.transposes[_slice(text, sup)] += 1
        case t.Name() | t.Accent():
            known = v.context.names.match(tree)
            if known is not None:
                v.spellings[Spelling(_slice(text, tree), known.symbol, 0, False)] += 1
                if known.symbol.shape == SCALAR and known.symbol in v.context.nodes:
                    v.scalars[_slice(text, tree)] += 1
        case t.Big(_, sub, sup, body):
            letters = [] if sub is None else [x.text for x in sub.walk() if isinstance(x, t.Name) and not x.style]
            if letters and body.span.start > tree.span.start:
                v.sums[text[tree.span.start : body.span.start], letters[0]] += 1
            if sup is not None:
                v.limits[_slice(text, sup)] += 1
        case t.Call(fn, _):
            head = fn.base if isinstance(fn, t.Script) else fn
            v.functions[_slice(text, head)] += 1
        case t.Product(factors):
            for _, factor in factors:
                _fragment(v, text, factor)
        case t.Additive(terms):
            for _, term in terms:
                _fragment(v, text, term)
        case t.Chain(links):
            for _, side in links[1:]:
                _fragment(v, text, side)
        case _:
            pass
    for child in tree.children():
        if not (isinstance(tree, t.Script) and child is tree.base and isinstance(child, (t.Name, t.Accent))):
            _count(v, text, child)


def _fragment(v: Vocabulary, text: str, tree: t.Tree) -> None:
    """A factor that another product may lack."""
    if isinstance(tree, (t.Fence, t.Script, t.Call, t.Frac)) or v.context.names.match(tree) is not None:
        if 0 < len(_slice(text, tree)) <= _LONGEST:
            v.fragments[_slice(text, tree)] += 1
            v.lines[-1].append(_slice(text, tree))


def _entry(v: Vocabulary, text: str, tree: t.Script, known: Match | None) -> None:
    """How a component is printed, with its indices left open."""
    indices = known.indices if known is not None else ()
    if known is None and isinstance(tree.base, t.Fence) and tree.sub is not None and tree.sup is None:
        indices = parts(tree.sub) if v.context.names.match(tree.base.body) is not None else ()
    spans = [(i.span.start, i.span.end) for i in indices if to_index(i) is not None]
    if len(spans) == 2 and spans[0] == spans[1]:  # two digits
        middle = spans[0][0] + 1
        spans = [(middle - 1, middle), (middle, middle + 1)]
    if spans and len(spans) == len(indices):
        cuts = [tree.span.start, *(place for span in spans for place in span), tree.span.end]
        v.entries[tuple(text[a:b] for a, b in zip(cuts[::2], cuts[1::2], strict=True))] += 1


def _column(known: Match) -> bool:
    """Whether a printed name is a whole vector."""
    rows, columns = known.symbol.shape
    return not known.indices and not known.sups and columns == 1 != rows


def region(text: str, tree: t.Tree, known: Match) -> tuple[int, int]:
    """Where the letter of a printed name stands; with the label that is part of it, ``W_{hh}``."""
    if not isinstance(tree, t.Script):
        return tree.span.start, tree.span.end
    end = tree.base.span.end
    if known.symbol.label and not known.indices and not _timed(known):
        end = tree.span.end
        if known.sups and tree.sub is not None:
            end = subscript_end(text, tree.sub)
    return tree.span.start, end


def subscript_end(text: str, sub: t.Tree) -> int:
    """Where a subscript ends, its brace included."""
    end = sub.span.end
    return end + (text[sub.span.start - 1] == "{" and text[end : end + 1] == "}")


def _timed(known: object) -> bool:
    return getattr(known, "time", None) is not None or getattr(known, "copy", None) is not None


def _slice(text: str, tree: t.Tree) -> str:
    return text[tree.span.start : tree.span.end]
