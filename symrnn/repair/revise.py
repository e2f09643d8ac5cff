"""A line's claims after small edits of its text, without reading the whole line again.

The smallest printed pieces that hold the edits are read anew and put in their places. This is for searching:
what is found this way is read again as a whole before anything is claimed of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain

from symrnn.claims import Claim
from symrnn.diagnostic import Problem
from symrnn.elaborate.shorthand import Rule, rewrite
from symrnn.latex import tree as t
from symrnn.latex.parser import parse_expression
from symrnn.repair import slots
from symrnn.repair.moves import Edit, Page, apply
from symrnn.span import Span

_MARKS = "ԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔ"  # each stands for an operand while its surroundings are read
_LONG = 3  # characters: an operand that is worth it
_MOST_READ = 20_000  # pieces that are remembered
Place = tuple[Span, type[t.Tree]]  # the same in the page and in the claims, where shorthands stand for their meanings


@dataclass(frozen=True)
class Piece:
    """A printed part of a claim that can be read alone, and what may take its place."""

    node: t.Tree
    slot: slots.Slot

    def holds(self, start: int, end: int) -> bool:
        """Whether a place is in the piece."""
        return self.node.span.start <= start and end <= self.node.span.end

    @property
    def size(self) -> int:
        """How many characters it has."""
        return self.node.span.end - self.node.span.start


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
            Piece(node, slot)
            for node, above in page.sites
            if _place(node) in self.nodes
            and node.span.end > node.span.start
            and (slot := slots.slot(node, above, page.text(node))) is not None
        ]
        self.marks = [mark for mark in _MARKS if mark not in page.latex]
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
        held: dict[int, tuple[Piece, list[Edit]]] = {}
        for edit in edits:
            piece = self._piece(edit[0], edit[1])
            if piece is None:
                return None
            held.setdefault(id(piece), (piece, []))[1].append(edit)
        made: dict[Place, t.Tree] = {}
        while held:
            outer = [k for k, (p, _) in held.items() if not any(_within(p, q) for q, _ in held.values() if q is not p)]
            if len(outer) < len(held):  # a piece inside another is read with it
                for k in [k for k in held if k not in outer]:
                    piece, inside = held.pop(k)
                    other, beside = next(x for x in held.values() if _within(piece, x[0]))
                    if self._crosses(piece.node.span.start, piece.node.span.end, other.node):
                        return None
                    beside.extend(inside)
                continue
            _, (piece, inside) = held.popitem()
            tree = self._reread(piece, inside)
            if tree is not None:
                made[_place(piece.node)] = tree
                continue
            around = self._around(piece)
            if around is None or any(around.holds(span.start, span.end) for span, _ in made):
                return None
            held.setdefault(id(around), (around, []))[1].extend(inside)
        return {id(node): (node, tree) for place, tree in made.items() for node in self.nodes[place]}

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

    def _piece(self, start: int, end: int) -> Piece | None:
        """The smallest piece around a place that stands in the claims as printed."""
        found = min((p for p in reversed(self.pieces) if p.holds(start, end)), key=lambda p: p.size, default=None)
        return None if found is None or self._crosses(start, end, found.node) else found

    def _around(self, piece: Piece) -> Piece | None:
        """The next larger piece."""
        span = piece.node.span
        found = min((p for p in self.pieces if _within(piece, p)), key=lambda p: p.size, default=None)
        return None if found is None or self._crosses(span.start, span.end, found.node) else found

    def _crosses(self, start: int, end: int, piece: t.Tree) -> bool:
        """Whether a brace, whose body and label are claims of their own, stands at a place, or between it and a
        piece.
        """
        low, high = piece.span.start, piece.span.end
        between = (low <= b.start <= start and end <= b.end <= high for b in self.braces)
        return any(between) or any(start <= b.start and b.end <= end for b in self.braces)

    def _reread(self, piece: Piece, edits: list[Edit]) -> t.Tree | None:
        """The piece after its edits, when it is one that reads the same where it stands."""
        low = piece.node.span.start
        held = dict(zip(self.marks, self._untouched(piece.node, edits)))  # noqa: B905
        marks = tuple((part.span.start, part.span.end, mark) for mark, part in held.items())
        text = apply(self.page.text(piece.node), tuple((a - low, b - low, new) for a, b, new in (*edits, *marks)))
        if text not in self.read:
            tree = _read(text, self.words)
            self.read[text] = None if tree is None else (tree, rewrite(tree, self.rules))
        found = self.read[text]
        if found is None or not piece.slot(found[0], piece.node):
            return None
        loose = {mark for mark, part in held.items() if not slots.closed(part)}
        if loose and any(factor.text in loose for factor in _factors(found[0])):
            return None
        return _filled(found[1], {mark: self.nodes[_place(part)][0] for mark, part in held.items()})

    def _untouched(self, node: t.Tree, edits: list[Edit]) -> Iterator[t.Tree]:
        """The operands in a piece that no edit touches: they need not be read again."""
        for part, whole in slots.operands(node):
            size = part.span.end - part.span.start
            if whole and size >= _LONG and _place(part) in self.nodes and all(_apart(part, edit) for edit in edits):
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


def _apart(part: t.Tree, edit: Edit) -> bool:
    """Whether an edit stands away from an operand, or beside it with a space between."""
    (start, end, new), low, high = edit, part.span.start, part.span.end
    if end < low or high < start:
        return True
    beside = (start == end == low and new[-1:].isspace()) or (start == end == high and new[:1].isspace())
    return beside and slots.closed(part) and not isinstance(part, t.Fence)  # a bracket may be an argument


def _factors(tree: t.Tree) -> Iterator[t.Name]:
    """The letters that are factors."""
    for node in tree.walk():
        if isinstance(node, t.Product):
            yield from (factor for _, factor in node.factors if isinstance(factor, t.Name))


def _filled(tree: t.Tree, held: Mapping[str, t.Tree]) -> t.Tree:
    """The tree with what was held back put in again."""
    if not held:
        return tree
    if isinstance(tree, t.Name):
        return held.get(tree.text, tree)
    return t.rebuilt(tree, lambda part: _filled(part, held))


def _place(tree: t.Tree) -> Place:
    return tree.span, type(tree)


def _within(inner: Piece, outer: Piece) -> bool:
    span = inner.node.span
    return outer.holds(span.start, span.end) and outer.size > inner.size


def exchange(tree: t.Tree, made: Mapping[int, t.Tree], holding: frozenset[int]) -> t.Tree:
    """A tree with parts exchanged, by identity; ``holding``: what stands above them, and alone is built anew."""
    found = made.get(id(tree))
    if found is not None:
        return found
    if id(tree) not in holding:
        return tree
    return t.rebuilt(tree, lambda part: exchange(part, made, holding))
