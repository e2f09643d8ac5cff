"""A line's claims after small edits of its text, without reading the whole line again.

The smallest printed pieces that hold the edits are read anew and put in their places. This is for searching:
what is found this way is read again as a whole before anything is claimed of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain

from symrnn.claims import Claim
from symrnn.diagnostic import Problem
from symrnn.elaborate.shorthand import Rule, rewrite
from symrnn.latex import tree as t
from symrnn.latex.parser import parse_expression
from symrnn.repair.moves import Edit, Page, apply
from symrnn.span import Span

_HOLES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MARK = "\\mathfrak{{{}}}"  # what is held back while its surroundings are read
_LONG = 12  # characters: an operand that is worth it
_MOST_READ = 20_000  # pieces that are remembered
_WHOLE = (t.Script, t.Name, t.Num, t.Fence, t.Frac, t.Matrix, t.Accent)  # read the same wherever they stand


Place = tuple[Span, type[t.Tree]]  # the same in the page and in the claims, where shorthands stand for their meanings


class Reviser:
    """Revises the claims of one line. ``claims``: as read from the page; ``rules``: the shorthands of the line;
    ``read``: pieces of its states by their text, shorthands replaced.
    """

    def __init__(
        self,
        page: Page,
        claims: Sequence[Claim],
        words: frozenset[str],
        rules: tuple[Rule, ...],
        read: dict[str, tuple[t.Tree, t.Tree] | None],
    ) -> None:
        self.page = page
        self.claims = claims
        self.words = words
        self.rules = rules
        self.read = read
        self.above: dict[int, set[int]] = {}  # what stands above each node of the claims, wherever it stands in them
        self.nodes: dict[Place, list[t.Tree]] = {}  # the nodes of the claims at each printed place
        for claim in claims:
            for side in (claim.lhs, claim.rhs, claim.previous):
                if side is not None:
                    self._collect(side, ())
        self.pieces = [
            node
            for node, above in page.sites
            if _place(node) in self.nodes
            and node.span.end > node.span.start
            and (isinstance(node, _WHOLE) or _steady(node))
            and not any(isinstance(a, (t.Script, t.Accent)) for a in above)
        ]
        self.marked = "frak" not in page.latex  # whether a mark is told from all that is printed
        self.braces = [node.span for node, _ in page.sites if isinstance(node, t.Brace)]

    def _collect(self, tree: t.Tree, above: tuple[int, ...]) -> None:
        if isinstance(tree, t.Stand):
            return
        self.above.setdefault(id(tree), set()).update(above)
        self.nodes.setdefault(_place(tree), []).append(tree)
        for child in tree.children():
            self._collect(child, (*above, id(tree)))

    def exchanged(self, edits: tuple[Edit, ...]) -> dict[int, tuple[t.Tree, t.Tree]] | None:
        """The parts of the claims that small edits exchange, by identity, each with what takes its place; None when
        the whole line must be read again.
        """
        held: dict[int, tuple[t.Tree, list[Edit]]] = {}
        waiting = list(edits)
        while waiting:
            edit = waiting.pop()
            piece = self._piece(edit)
            if piece is None:
                return None
            _, inside = held.setdefault(id(piece), (piece, []))
            inside.append(edit)
        made: dict[Place, tuple[t.Tree, t.Tree]] = {}  # pieces and what takes their place
        while held:
            outer = [k for k, (p, _) in held.items() if not any(_within(p, q) for q, _ in held.values() if q is not p)]
            if len(outer) < len(held):  # a piece inside another is read with it
                for k in [k for k in held if k not in outer]:
                    piece, inside = held.pop(k)
                    next(i for q, i in held.values() if _within(piece, q)).extend(inside)
                continue
            _, (piece, inside) = held.popitem()
            tree = self._reread(piece, inside)
            if tree is not None:
                made[_place(piece)] = piece, tree
                continue
            around = self._around(piece)
            if around is None or any(_within(p, around) for p, _ in made.values()):
                return None
            held.setdefault(id(around), (around, []))[1].extend(inside)
        return {id(node): (node, tree) for place, (_, tree) in made.items() for node in self.nodes[place]}

    def claims_with(self, made: Mapping[int, tuple[t.Tree, t.Tree]]) -> list[Claim]:
        """The claims with parts exchanged."""
        new = {k: tree for k, (_, tree) in made.items()}
        return [self._revised(claim, new) for claim in self.claims]

    def _revised(self, claim: Claim, made: Mapping[int, t.Tree]) -> Claim:
        """The claim with pieces exchanged; only what stands above them is built anew."""
        holding = frozenset(chain.from_iterable(self.above[k] for k in made))
        lhs = None if claim.lhs is None else exchange(claim.lhs, made, holding)
        rhs = exchange(claim.rhs, made, holding)
        return claim if lhs is claim.lhs and rhs is claim.rhs else replace(claim, lhs=lhs, rhs=rhs)

    def _piece(self, edit: Edit) -> t.Tree | None:
        """The smallest piece around an edit that stands in the claims as printed."""
        start, end, _ = edit
        best: t.Tree | None = None
        for piece in self.pieces:
            if piece.span.start <= start and end <= piece.span.end:
                if best is None or piece.span.end - piece.span.start <= best.span.end - best.span.start:
                    best = piece
        return None if best is None or self._crosses(start, end, best) else best

    def _crosses(self, start: int, end: int, piece: t.Tree) -> bool:
        """Whether a brace, whose body and label are claims of their own, stands between a place and a piece."""
        low, high = piece.span.start, piece.span.end
        return any(low <= b.start <= start and end <= b.end <= high for b in self.braces)

    def _around(self, piece: t.Tree) -> t.Tree | None:
        """The next larger piece."""
        larger = [p for p in self.pieces if p is not piece and _within(piece, p)]
        found = min(larger, key=lambda p: p.span.end - p.span.start, default=None)
        return None if found is None or self._crosses(piece.span.start, piece.span.end, found) else found

    def _reread(self, node: t.Tree, edits: list[Edit]) -> t.Tree | None:
        """The piece after its edits, when it is still one piece that reads the same wherever it stands."""
        low = node.span.start
        held = list(self._untouched(node, edits))[: len(_HOLES)]
        holes = tuple((part.span.start, part.span.end, _MARK.format(name)) for name, part in zip(_HOLES, held))  # noqa: B905
        text = apply(self.page.text(node), tuple((a - low, b - low, new) for a, b, new in (*edits, *holes)))
        if text not in self.read:
            tree = _read(text, self.words)
            self.read[text] = None if tree is None else (tree, rewrite(tree, self.rules))
        found = self.read[text]
        if found is None:
            return None
        tree, revised = found
        if not (isinstance(tree, _WHOLE) or (type(tree) is type(node) and _steady(tree))):
            return None
        return _filled(revised, {n: self.nodes[_place(p)][0] for n, p in zip(_HOLES, held)})  # noqa: B905

    def _untouched(self, node: t.Tree, edits: list[Edit]) -> Iterator[t.Tree]:
        """The longer operands in a piece that no edit touches: they need not be read again."""
        for part in _operands(node):
            low, high = part.span.start, part.span.end
            apart = all(end < low or high < start for start, end, _ in edits)
            if apart and high - low >= _LONG and _place(part) in self.nodes and self.marked:
                yield part
            else:
                yield from self._untouched(part, edits)


@lru_cache(_MOST_READ)
def _read(text: str, words: frozenset[str]) -> t.Tree | None:
    """A piece of a line, None where it cannot be read; the states of a search share most of their pieces."""
    try:
        return parse_expression(text, words)
    except (Problem, RecursionError):
        return None


def _operands(tree: t.Tree) -> Iterator[t.Tree]:
    """What stands in a tree at places where a letter could stand; deeper ones only below what is none."""
    match tree:
        case t.Fence(_, body, _) if not isinstance(body, t.Listing):
            yield body
        case t.Frac(num, den):
            yield from (num, den)
        case t.Additive(terms):
            yield from (term for _, term in terms)
        case _:
            for child in tree.children():
                yield from _operands(child)


def _filled(tree: t.Tree, held: Mapping[str, t.Tree]) -> t.Tree:
    """The tree with what was held back put in again."""
    if not held:
        return tree
    if isinstance(tree, t.Name) and tree.style == "frak":
        return held[tree.text]
    return t.rebuilt(tree, lambda part: _filled(part, held))


def _place(tree: t.Tree) -> Place:
    return tree.span, type(tree)


def _within(inner: t.Tree, outer: t.Tree) -> bool:
    a, b = inner.span, outer.span
    return b.start <= a.start and a.end <= b.end and (a.start, a.end) != (b.start, b.end)


def _steady(tree: t.Tree) -> bool:
    """Whether a piece that is no unit keeps its structure among its neighbours."""
    match tree:
        case t.Product(factors):
            return all(op in ("", "\\cdot", "\\times") for op, _ in factors)
        case t.Call(_, arg):
            return isinstance(arg, t.Fence)
        case t.Additive() | t.Big():
            return True
        case _:
            return False


def exchange(tree: t.Tree, made: Mapping[int, t.Tree], holding: frozenset[int]) -> t.Tree:
    """A tree with parts exchanged, by identity; ``holding``: what stands above them, and alone is built anew."""
    found = made.get(id(tree))
    if found is not None:
        return found
    if id(tree) not in holding:
        return tree
    return t.rebuilt(tree, lambda part: exchange(part, made, holding))
