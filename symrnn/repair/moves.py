"""The slips that authors make, each as the local edit that undoes it: one generator a kind, in a table.

A *move* is a set of replacements in one line's LaTeX. Moves of one kind that replace the same by the same
(every ``(t)`` by ``(\\tau)``) also come joined, over each part of the line: one slip made in several places.
Nothing here knows whether a move makes a line true; that is decided by the checker on the edited text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from symrnn.elaborate.scope import to_index
from symrnn.latex import tree as t
from symrnn.repair.vocabulary import Vocabulary

Edit = tuple[int, int, str]  # start, end, text


@dataclass(frozen=True)
class Move:
    """One slip undone. ``slip``: its class; ``sign``: what is replaced by what, for joining; ``at``: the node."""

    slip: str
    edits: tuple[Edit, ...]
    weight: int = 1
    sign: tuple[str, ...] = ()
    opens: bool = False  # changes the structure so that other moves can follow

    @property
    def size(self) -> tuple[int, int]:
        """How small it is: slips first, then places."""
        return self.weight, len(self.edits)


@dataclass
class Page:
    """One line to be mended: its LaTeX, its tree with places in it, and the document's spellings."""

    latex: str
    tree: t.Statements
    words: Vocabulary
    line: int = 0  # which line of the document
    sites: list[tuple[t.Tree, tuple[t.Tree, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        stack: list[tuple[t.Tree, tuple[t.Tree, ...]]] = [(self.tree, ())]
        while stack:
            node, above = stack.pop()
            self.sites.append((node, above))
            stack.extend((child, (*above, node)) for child in reversed(node.children()))

    @cached_property
    def letters(self) -> list[str]:
        """The letters that index components in this line."""
        return self._letters(node for node, _ in self.sites)

    @cached_property
    def given(self) -> list[str]:
        """The letters of the left side."""
        sides = [item.links[0][1] for item in self.tree.items if isinstance(item, t.Chain)]
        return self._letters(node for side in sides for node in side.walk())

    def _letters(self, nodes: Iterable[t.Tree]) -> list[str]:
        found: dict[str, None] = {}
        for node in nodes:
            for i in self.words.indices(node):
                at = to_index(i)
                if at is not None and at.letter is not None:
                    found[at.letter] = None
        return list(found)

    def text(self, node: t.Tree) -> str:
        """What is printed for a node."""
        return self.latex[node.span.start : node.span.end]

    def bound(self, above: tuple[t.Tree, ...]) -> list[str]:
        """The letters that sums around a place bind, the innermost first."""
        found = []
        for node in reversed(above):
            if isinstance(node, t.Big) and node.sub is not None:
                for item in node.sub.items if isinstance(node.sub, t.Listing) else (node.sub,):
                    found += [x.text for x in item.walk() if isinstance(x, t.Name) and not x.style][:1]
        return found


Generator = Callable[[Page, t.Tree, tuple[t.Tree, ...]], Iterator[Move]]


def moves(page: Page) -> list[Move]:
    """Every move of the line, single and joined, each once, smallest first."""
    from symrnn.repair.leaves import COUNTED, LEAVES
    from symrnn.repair.lost import LOST
    from symrnn.repair.matrices import MATRICES
    from symrnn.repair.shapes import SHAPES, extra

    found: dict[tuple[Edit, ...], Move] = {}
    groups: dict[tuple[str, ...], list[tuple[Move, tuple[t.Tree, ...]]]] = {}
    for node, above in page.sites:
        for generator in (*COUNTED, extra) if counts(node, above) else (*LEAVES, *LOST, *SHAPES, *MATRICES):
            for move in generator(page, node, above):
                if not _real(page, move):
                    continue
                found.setdefault(move.edits, move)
                if move.sign:
                    groups.setdefault((move.slip, *move.sign), []).append((move, above or (page.tree,)))
    for members in groups.values():
        for joined in _joined(members):
            found.setdefault(joined.edits, joined)
    return sorted(found.values(), key=lambda m: (m.size, m.edits))


def _real(page: Page, move: Move) -> bool:
    return any(page.latex[a:b] != text for a, b, text in move.edits)


def _joined(members: list[tuple[Move, tuple[t.Tree, ...]]]) -> Iterator[Move]:
    """One kind of edit at all its places within each part of the line that holds several of them."""
    scopes: dict[int, list[Move]] = {}
    for move, above in members:
        for node in above:
            if isinstance(node, _SCOPES):
                scopes.setdefault(id(node), []).append(move)
    seen: set[tuple[Edit, ...]] = set()
    for inside in scopes.values():
        edits = tuple(sorted({e for m in inside for e in m.edits}))
        if len(inside) < 2 or edits in seen or overlapping(edits):
            continue
        seen.add(edits)
        first = inside[0]
        yield Move(first.slip, edits, first.weight + _rare(first, edits), first.sign)


def _rare(move: Move, edits: tuple[Edit, ...]) -> int:
    """One letter for another throughout is no slip of the pen."""
    return int(move.slip == "symbol" and len(edits) > _PLACES_OF_A_SYMBOL)


_PLACES_OF_A_SYMBOL = 2
_SCOPES = (t.Statements, t.Chain, t.Additive, t.Product, t.Frac, t.Call, t.Fence, t.Big, t.Matrix, t.Brace)


def overlapping(edits: tuple[Edit, ...]) -> bool:
    """Whether two edits touch the same characters, or insert at one place."""
    ordered = sorted(edits)
    return any(b[0] < a[1] or (b[0] == a[0] and b[1] == a[1]) for a, b in pairwise(ordered))


def counts(node: t.Tree, above: tuple[t.Tree, ...]) -> bool:
    """Whether this stands where components and steps are counted: in an index, a step, a limit."""
    for parent, child in zip(reversed(above), (node, *reversed(above)), strict=False):
        match parent:
            case t.Script(t.Name("\\nabla" | "\\partial"), _, _):
                continue
            case t.Script(_, sub, sup):
                if child is sub or (child is sup and isinstance(sup, t.Fence)):
                    return True
            case t.Big(_, sub, sup, _):
                if child is sub or child is sup:
                    return True
            case _:
                continue
    return False


def in_name(node: t.Tree, above: tuple[t.Tree, ...]) -> bool:
    """Whether this is the base of a longer name."""
    return bool(above) and isinstance(above[-1], (t.Script, t.Accent)) and above[-1].children()[0] is node


def apply(latex: str, edits: tuple[Edit, ...]) -> str:
    """The text with its edits made; a command keeps its distance from a letter that comes to stand after it."""
    for start, end, text in sorted(edits, reverse=True):
        latex = _beside(latex[:start], _beside(text, latex[end:]))
    return latex


def _beside(left: str, right: str) -> str:
    return left + " " + right if right[:1].isalpha() and _COMMAND.search(left) else left + right


_COMMAND = re.compile(r"\\[A-Za-z]+$")
