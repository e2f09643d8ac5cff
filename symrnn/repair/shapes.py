"""Slips in the structure: order of factors, a stray piece, a sum that is no sum, a bracketed label."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from symrnn.elaborate.derivative import operator
from symrnn.elaborate.names import head, is_transpose
from symrnn.elaborate.shorthand import rewrite
from symrnn.latex import notation as n
from symrnn.latex import tree as t
from symrnn.repair.moves import Edit, Generator, Move, Page


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


def outer(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """An outer product the other way round, ``v uᵀ`` for ``u vᵀ``."""
    if not isinstance(node, t.Product) or len(node.factors) < 2:
        return
    (_, one), (op, two) = node.factors[-2:]
    if op or not isinstance(two, t.Script) or two.sub is not None or two.sup is None or not is_transpose(two.sup):
        return
    if isinstance(one, (t.Script, t.Name, t.Fence, t.Accent)) and one.span.end > one.span.start:
        turned = page.text(one) if not isinstance(one, t.Script) or one.sup is None else f"({page.text(one)})"
        mark = page.latex[two.base.span.end : two.span.end]
        yield Move("transpose", ((*_range(one), page.text(two.base)), (*_range(two), turned + mark)))


def hoist(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """A sum that should begin at the left of its product."""
    if not isinstance(node, t.Product) or not isinstance(node.factors[-1][1], t.Big):
        return
    big = node.factors[-1][1]
    mark = page.latex[big.span.start : big.body.span.start]
    start = node.factors[0][1].span.start
    edits: tuple[Edit, ...] = ((start, start, mark), (big.span.start, big.body.span.start, ""))
    yield Move("order", edits, opens=True)


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


def halves(page: Page, node: t.Tree, above: tuple[t.Tree, ...]) -> Iterator[Move]:
    """Numerator and denominator exchanged; a number of terms for its inverse."""
    if isinstance(node, t.Frac) and node.num.span.end > node.num.span.start and node.den.span.end > node.den.span.start:
        edits = ((*_range(node.num), page.text(node.den)), (*_range(node.den), page.text(node.num)))
        yield Move("fraction", edits)
    sizes = page.words.context.sizes
    if isinstance(node, t.Name) and node.text in sizes and above and isinstance(above[-1], (t.Chain, t.Product)):
        yield Move("fraction", ((*_range(node), f"\\frac{{1}}{{{node.text}}}"),))


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
    order, outer, hoist, stray, extra, halves, collapse, component, label, diagonal,
)  # fmt: skip
