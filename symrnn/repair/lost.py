"""What was left out: a ∂ or its operand, a step, an index, a sum's sign, a factor, a term, ``1 −``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from symrnn.elaborate.derivative import marked
from symrnn.elaborate.names import head, parts
from symrnn.elaborate.scope import to_index
from symrnn.expr import SCALAR
from symrnn.latex import tree as t
from symrnn.repair.moves import Edit, Generator, Move, Page, in_name

_FRAGMENTS = 14
_NEAR = 7
_NAMES = 8
_TIMES = 4
_ENTRIES = 8
_LETTERS = 4
_FRACTIONS = 4


def missing(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """A ∂ or an operand that a derivative lacks; the step printed on what is derived instead of by what."""
    if isinstance(node, t.Frac):
        one, two = marked(node.num), marked(node.den)
        if (one is None) != (two is None):
            bare = node.num if one is None else node.den
            yield Move("dropped factor", ((bare.span.start, bare.span.start, "\\partial "),))
        if one is not None and one[1] is None and two is not None and two[1] is not None:  # ∂ of nothing
            end = node.num.span.end
            for text in dict.fromkeys([*_scalars(page), *page.words.near(page.line)[:_NAMES]]):
                yield Move("dropped factor", ((end, end, " " + text),), sign=("", text))
    if isinstance(node, t.Script) and isinstance(node.base, t.Name) and node.base.text == "\\nabla":
        end = node.span.end
        for scalar in (
            [] if _operand(page, node, above) else [*_scalars(page), *page.words.components(page.line)[:_NAMES]]
        ):
            yield Move("dropped factor", ((end, end, " " + scalar),), sign=("", scalar))
        yield from _moved_step(page, node, above)


def _operand(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> bool:
    """Whether a scalar of the document stands behind a ∇."""
    parent = above[-1] if above else None
    if not isinstance(parent, t.Product):
        return False
    factors = [f for _, f in parent.factors]
    k = next(i for i, f in enumerate(factors) if f is node)
    known = page.words.context.names.match(factors[k + 1]) if k + 1 < len(factors) else None
    return known is not None and known.symbol.shape == SCALAR and known.symbol in page.words.context.nodes


def _scalars(page: Page) -> list[str]:
    return [text for text, _ in page.words.scalars.most_common(4)]


def _moved_step(page: Page, node: t.Script, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    parent = above[-1] if above else None
    if not isinstance(parent, t.Product) or node.sub is None:
        return
    factors = [f for _, f in parent.factors]
    k = next(i for i, f in enumerate(factors) if f is node)
    after = factors[k + 1] if k + 1 < len(factors) else None
    if isinstance(after, t.Script) and isinstance(after.sup, t.Fence) and not isinstance(node.sub, t.Script):
        end = node.sub.span.end
        text = page.latex[after.base.span.end : after.span.end]
        yield Move("time step", ((end, end, text), (after.base.span.end, after.span.end, "")), 2)


def step(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """The step of a quantity that has one at every other place."""
    names = page.words.context.names
    found = head(node) if isinstance(node, (t.Script, t.Name, t.Accent)) and not in_name(node, above) else None
    if found is None or names.match(node) is not None:
        return
    family = [s for k in (found.key, found.key.upper()) for s in names.family(k) if s.timed]
    if not family:
        return
    for time in [text for text, _ in page.words.steps.most_common(_TIMES)]:
        if family[0].timed == "sup" and not found.sups:
            end = node.span.end
            yield Move("time step", ((end, end, f"^{{({time})}}"),), sign=("lost", time))
        elif family[0].timed == "sub" and not found.subs:
            end = node.base.span.end if isinstance(node, t.Script) else node.span.end
            yield Move("time step", ((end, end, f"_{{{time}}}"),), sign=("lost", time))
        elif family[0].timed == "sub" and isinstance(node, t.Script) and node.sub is not None:
            yield Move("time step", _beside(page, node.sub, time, first=True), sign=("lost", time))


def index(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """One of the two indices of a matrix' entry, or the only index of a vector's."""
    if not isinstance(node, t.Script) or node.sub is None or in_name(node, above):
        return
    names = page.words.context.names
    base = node.base.body if isinstance(node.base, t.Fence) else node
    found, known = head(base), names.match(base)
    given = len(known.indices) if known is not None and base is node else len(parts(node.sub))
    family = [s for k in (found.key, found.key.upper()) for s in names.family(k)] if found is not None else []
    if not family or any(to_index(i) is None for i in parts(node.sub)):
        return
    if known is not None and given >= max(sum(d != 1 for d in s.shape) for s in family):
        return
    letters = list(dict.fromkeys([*page.bound(above), *[text for text, _ in page.words.letters.most_common(_LETTERS)]]))
    for new in (*map(str, page.words.numbers), *letters):
        yield Move("index", _beside(page, node.sub, new, first=False), sign=("lost behind", new))
        if family[0].timed != "sub":
            yield Move("index", _beside(page, node.sub, new, first=True), sign=("lost before", new))


def _beside(page: Page, sub: t.Tree, new: str, first: bool) -> tuple[Edit, ...]:
    """A further index in a subscript."""
    start, end = sub.span.start, sub.span.end
    old = page.text(sub)
    comma = "," if page.words.commas or not (old.isalnum() and new.isalnum()) else ""
    if page.latex[end : end + 1] == ",":  # what stood behind it is gone
        comma, end = "", end + 1
        old += ","
    text = f"{new}{comma}{old}" if first else f"{old}{comma}{new}"
    return ((start, end, text if page.latex[start - 1] == "{" else f"{{{text}}}"),)


def summed(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """A sum's sign before a term in which its letter is free."""
    if not above or node.span.end <= node.span.start or not (_term(node, above[-1]) or _inner(node, above[-1])):
        return
    free = {x.text for x in node.walk() if isinstance(x, t.Name) and not x.style} - set(page.bound(above))
    inside = {x for big in node.walk() if isinstance(big, t.Big) for x in page.bound((big,))}
    start = node.span.start
    for mark, letter in page.words.sums:
        if letter in free - inside:
            yield Move("sum", ((start, start, mark),), sign=("lost", mark))


def _inner(node: t.Tree, parent: t.Tree) -> bool:
    """What a bracket holds, a function, or a fraction."""
    return isinstance(parent, (t.Fence, t.Frac, t.Call)) and not isinstance(node, t.Additive) and to_index(node) is None


def lacking(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """A factor that the document prints elsewhere and this product lacks."""
    if not above or node.span.end <= node.span.start:
        return
    if not (_term(node, above[-1]) or (isinstance(above[-1], t.Fence) and _inner(node, above[-1]))):
        return
    start, end = node.span.start, node.span.end
    letters = {*page.letters, *page.bound(above)}
    near = [text for text in page.words.near(page.line) if page.words.free(text) <= letters]
    common = [text for text, _ in page.words.fragments.most_common(_FRAGMENTS) if page.words.free(text) <= letters]
    for text in list(dict.fromkeys([*near[:_NEAR], *common]))[:_FRAGMENTS]:
        yield Move("dropped factor", ((start, start, text + " "),), 2)
        yield Move("dropped factor", ((end, end, " " + text),), 2)
    for text in page.words.rows(page.line)[:_NAMES]:
        yield Move("dropped factor", ((end, end, " " + text),), 2)
    for text in _components(page, above):
        yield Move("dropped factor", ((start, start, text + " "),), 2)
    for factor in [f for _, f in node.factors] if isinstance(node, t.Product) else [node]:
        if isinstance(factor, t.Script):  # u (1 - u)
            yield Move("dropped factor", ((factor.span.end, factor.span.end, f" (1 - {page.text(factor)})"),), 2)
    yield Move("dropped factor", ((start, start, "2 "),), 2)
    yield Move("dropped factor", ((start, start, "\\frac{1}{2} "),), 2)


def _components(page: Page, above: tuple[t.Tree, ...]) -> list[str]:
    """Components of the document's quantities with letters that are bound here or given on the left."""
    letters = list(dict.fromkeys([*page.bound(above), *page.given]))[:_LETTERS]
    found = []
    for pieces, _ in page.words.entries.most_common(_ENTRIES):
        for chosen in permutations(letters, len(pieces) - 1):
            found.append("".join(a + b for a, b in zip(pieces, (*chosen, ""), strict=True)))
    return list(dict.fromkeys(found))


def _term(node: t.Tree, parent: t.Tree) -> bool:
    if isinstance(node, (t.Additive, t.Chain, t.Prose)):
        return False
    return isinstance(parent, (t.Additive, t.Chain)) or (isinstance(parent, t.Big) and parent.body is node)


def other(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """A derivative that the lines around print, where a factor is a name for another one."""
    if not above or not isinstance(above[-1], t.Product) or in_name(node, above):
        return
    known = page.words.context.names.match(node) if isinstance(node, (t.Script, t.Name, t.Accent)) else None
    if known is not None and not known.indices and not known.sups:
        for text in [x for x in page.words.near(page.line) if x.startswith("\\frac")][:_FRACTIONS]:
            yield Move("symbol", ((node.span.start, node.span.end, text),), 2)


def one_minus(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """``1 −`` that is missing before something, or too much."""
    if isinstance(node, t.Additive) and len(node.terms) == 2 and node.terms[0][1] == t.Num("1"):
        if node.terms[1][0] == "-":
            yield Move("dropped factor", ((node.span.start, node.terms[1][1].span.start, ""),))
    elif isinstance(node, t.Script) and above and (node.sup == t.Num("2") or isinstance(above[-1], t.Product)):
        inside = isinstance(above[-1], (t.Brace, t.Fence, t.Call))
        start, end = node.span.start, node.span.end
        edits: tuple[Edit, ...] = ((start, start, "1 - "),)
        if not inside:
            edits = ((start, start, "(1 - "), (end, end, ")"))
        yield Move("dropped factor", edits, opens=inside)


def term(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """A first term that is missing before a sign."""
    if isinstance(node, t.Additive) and node.terms[0][0]:
        whole = [s.text for s, _ in page.words.spellings.most_common() if s.indices == 0 and not s.timed]
        for text in dict.fromkeys(["1", *page.words.near(page.line)[:_NEAR], *whole[:_NAMES]]):
            yield Move("dropped term", ((node.span.start, node.span.start, text + " "),))


LOST: tuple[Generator, ...] = (missing, step, index, summed, lacking, other, one_minus, term)
