"""Slips in the structure: order of factors, a missing or stray piece, a sum that is no sum, a bracketed label."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from symrnn.elaborate.derivative import marked, operator
from symrnn.elaborate.names import head
from symrnn.elaborate.shorthand import rewrite
from symrnn.latex import notation as n
from symrnn.latex import tree as t
from symrnn.repair.moves import Edit, Generator, Move, Page

_FRAGMENTS = 12
_NAMES = 8


def order(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """Two neighbouring factors exchanged, one factor moved elsewhere in its product."""
    if not isinstance(node, t.Product):
        return
    factors = [f for _, f in node.factors]
    if any(f.span.end <= f.span.start for f in factors) or any(op in ("/", "\\div") for op, _ in node.factors):
        return
    for k, (a, b) in enumerate(pairwise(factors)):
        swap = ((*_range(a), page.text(b)), (*_range(b), page.text(a)))
        yield Move("order", swap)
        for j in range(len(factors)):
            if j in (k - 1, k, k + 1) or abs(j - k) < 2:
                continue
            target = factors[j].span.start if j < k else factors[j].span.end
            text = page.text(a)
            moved = text + " " if j < k else " " + text
            yield Move("order", tuple(sorted(((*_range(a), ""), (target, target, moved)))))


def hoist(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """A sum that should begin at the left of its product."""
    if not isinstance(node, t.Product) or not isinstance(node.factors[-1][1], t.Big):
        return
    big = node.factors[-1][1]
    mark = page.latex[big.span.start : big.body.span.start]
    start = node.factors[0][1].span.start
    edits: tuple[Edit, ...] = ((start, start, mark), (big.span.start, big.body.span.start, ""))
    yield Move("order", edits, opens=True)


def missing(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """A ∂ or an operand that a derivative lacks; the step printed on what is derived instead of by what."""
    if isinstance(node, t.Frac):
        one, two = marked(node.num), marked(node.den)
        if (one is None) != (two is None):
            bare = node.num if one is None else node.den
            yield Move("dropped factor", ((bare.span.start, bare.span.start, "\\partial "),))
    if isinstance(node, t.Script) and isinstance(node.base, t.Name) and node.base.text == "\\nabla":
        end = node.span.end
        for scalar in _scalars(page):
            yield Move("dropped factor", ((end, end, " " + scalar),), sign=("", scalar))
        yield from _moved_step(page, node, above)


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


def stray(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """A word or letter that stands for nothing."""
    fn = node.fn if isinstance(node, t.Call) else node
    if not isinstance(fn, (t.Word, t.Name)) or fn.span.end <= fn.span.start:
        return
    if isinstance(fn, t.Word):
        if fn.text in n.WORDS:
            return
    elif fn.text in ("\\partial", "\\nabla") or (above and isinstance(above[-1], (t.Script, t.Accent))):
        return
    if page.words.context.names.match(fn) is None and (isinstance(fn, t.Word) or isinstance(above[-1], t.Product)):
        yield Move("stray symbol", ((fn.span.start, fn.span.end, ""),))


def extra(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """A term or factor too much."""
    if isinstance(node, t.Product) and len(node.factors) > 1:
        for k, (_, factor) in enumerate(node.factors):
            if factor.span.end > factor.span.start and operator(factor) is None:
                low = node.factors[k - 1][1].span.end if k else factor.span.start
                high = factor.span.end if k else node.factors[1][1].span.start
                yield Move("extra factor", ((low, high, ""),), 2)
    if isinstance(node, t.Additive) and len(node.terms) > 1:
        for k, (_, term) in enumerate(node.terms):
            if k:
                yield Move("extra term", ((node.terms[k - 1][1].span.end, term.span.end, ""),), 2)
            elif node.terms[1][0] == "-":
                low = page.latex.find("-", term.span.end)
                yield Move("extra term", ((node.span.start, low, ""),), 2)
            else:
                yield Move("extra term", ((node.span.start, node.terms[1][1].span.start, ""),), 2)


def lacking(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """A factor that the document prints elsewhere and this product lacks."""
    if not above or not _term(node, above[-1]) or node.span.end <= node.span.start:
        return
    start, end = node.span.start, node.span.end
    for text, _ in page.words.fragments.most_common(_FRAGMENTS):
        yield Move("dropped factor", ((start, start, text + " "),), 2)
        yield Move("dropped factor", ((end, end, " " + text),), 2)
    yield Move("dropped factor", ((start, start, "2 "),), 2)
    yield Move("dropped factor", ((start, start, "\\frac{1}{2} "),), 2)


def _term(node: t.Tree, parent: t.Tree) -> bool:
    if isinstance(node, (t.Additive, t.Chain, t.Prose)):
        return False
    return isinstance(parent, (t.Additive, t.Chain)) or (isinstance(parent, t.Big) and parent.body is node)


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
    """A first term that is missing before a minus."""
    if isinstance(node, t.Additive) and node.terms[0][0] == "-":
        whole = [s.text for s, _ in page.words.spellings.most_common() if s.indices == 0 and not s.timed]
        for text in dict.fromkeys(["1", *whole[:_NAMES]]):
            yield Move("dropped term", ((node.span.start, node.span.start, text + " "),))


def halves(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """Numerator and denominator exchanged."""
    if isinstance(node, t.Frac) and node.num.span.end > node.num.span.start and node.den.span.end > node.den.span.start:
        edits = ((*_range(node.num), page.text(node.den)), (*_range(node.den), page.text(node.num)))
        yield Move("fraction", edits)


def collapse(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """A sum that should be one of its terms."""
    if not isinstance(node, t.Big) or node.sub is None:
        return
    letters = [x.text for x in node.sub.walk() if isinstance(x, t.Name) and not x.style][:1]
    if not letters:
        return
    places = [
        x.span
        for script in node.body.walk()
        if isinstance(script, t.Script) and script.sub is not None
        for x in script.sub.walk()
        if x == t.Name(letters[0])
    ]
    outer = [x for x in page.bound(above) if x != letters[0]]
    for value in (*map(str, page.words.numbers), *outer):
        edits = [(node.span.start, node.body.span.start, ""), *((p.start, p.end, value) for p in set(places))]
        yield Move("sum", tuple(sorted(edits)))


def component(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """A shorthand for a vector that should be one of its components."""
    if above:
        return
    rules = page.words.context.rules
    stands = [(x, p) for item in page.tree.items for x, p in _stands(rewrite(item, rules), ())]
    for stand, parents in stands:
        end = stand.span.end
        bound = page.bound(parents)
        if bound:
            yield Move("index", ((end, end, f"_{bound[0]}"),), sign=("component", ""))
        for value in (*bound[1:], *map(str, page.words.numbers)):
            yield Move("index", ((end, end, f"_{value}"),), 2 if bound else 1, sign=("component", value))


def _stands(tree: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[tuple[t.Tree, tuple[t.Tree, ...]]]:
    if isinstance(tree, t.Stand):
        yield tree, above
        return
    for child in tree.children():
        yield from _stands(child, (*above, tree))


def label(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """A label that is dropped from its brace."""
    if isinstance(node, t.Brace) and node.label is not None and node.body.span.end > node.body.span.start:
        edits = ((node.span.start, node.body.span.start, ""), (node.body.span.end, node.span.end, ""))
        yield Move("label", edits, 3, sign=("brace",))


def diagonal(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """``diag`` dropped or added; ⊙ for a product of matrices and back."""
    if isinstance(node, t.Call) and head(node.fn) is not None and page.text(node.fn).find("diag") >= 0:
        yield Move("shape", ((node.fn.span.start, node.fn.span.end, ""),), sign=("diag", ""))
        if above and isinstance(above[-1], t.Product):
            yield Move("shape", ((node.fn.span.start, node.fn.span.end, ""), (node.span.end, node.span.end, " \\odot")))
    if isinstance(node, t.Product):
        diag = next((x for x in page.words.functions if "diag" in x), "\\text{diag}")
        for k, (op, factor) in enumerate(node.factors):
            if op in n.BINARY and n.BINARY[op] == n.HADAMARD:
                place = page.latex.find(op, node.factors[k - 1][1].span.end)
                yield Move("shape", ((place, place + len(op), ""),), sign=(op, ""))
            if k and not op and isinstance(factor, (t.Script, t.Fence, t.Name)):
                yield Move("shape", ((factor.span.start, factor.span.start, "\\odot "),), sign=("", "odot"))
            if isinstance(factor, t.Fence) and factor.span.end > factor.span.start:
                yield Move("shape", ((factor.span.start, factor.span.start, diag),), sign=("", "diag"))


def _range(node: t.Tree) -> tuple[int, int]:
    return node.span.start, node.span.end


SHAPES: tuple[Generator, ...] = (
    order, hoist, missing, stray, extra, lacking, one_minus, term, halves, collapse, component, label, diagonal,
)  # fmt: skip
