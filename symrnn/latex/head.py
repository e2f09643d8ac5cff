"""The reading head of the parser: where it stands among the items, and what the next one may begin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from symrnn.diagnostic import Problem
from symrnn.latex import notation as n
from symrnn.latex.prepare import is_prose, word_text
from symrnn.latex.surface import Item
from symrnn.latex.tree import Additive, Big, Call, Chain, Listing, Name, Product, Tree
from symrnn.span import Span


class Placed(Problem):
    """A problem whose span is in the source already."""


def place(places: Sequence[int], start: int, end: int) -> Span:
    """The place in the source of the characters ``start`` to ``end`` of a formula."""
    if end <= start:
        return Span(places[start], places[start])
    low, high = places[start], places[end - 1]
    if high < low:  # inside the expansion of a macro, places may run backwards
        low, high = min(places[start:end]), max(places[start:end])
    return Span(low, high + 1)


def _loose(tree: Tree, scripted: bool) -> bool:
    """Whether an expression would be read otherwise without brackets around it, before a script or beside others."""
    if isinstance(tree, Product):
        return scripted or any(op == "/" for op, _ in tree.factors) or _loose(tree.factors[-1][1], False)
    return isinstance(tree, (Additive, Chain, Listing, Big, Call))


def seen(item: Item) -> str:
    """What stands at an item, for a message."""
    text = f"'{item.base.text}'" if item.base.text and "\n" not in item.base.text else f"a {item.base.kind}"
    return f"{text} with a script" if item.kind == "script" else text


class Head:
    """A position in one sequence of items. ``closers``: brackets open here; ``inside``: within a bracket."""

    def __init__(self, items: Sequence[Item], places: Sequence[int], words: frozenset[str], inside: bool = False):
        self.items = items
        self.places = places
        self.words = words
        self.inside = inside
        self.k = 0
        self.closers: list[str] = []

    # -- the reading head ---------------------------------------------------------------------

    def peek(self) -> Item | None:
        return self.items[self.k] if self.k < len(self.items) else None

    def span(self, start: int, end: int) -> Span:
        return place(self.places, start, end)

    def since(self, start: int) -> Span:
        last = self.items[self.k - 1].end if self.k else start
        return self.span(start, last)

    def fail(self, item: Item | None, message: str) -> Problem:
        if item is None:
            end = self.items[-1].end if self.items else 0
            return Placed("SR102", message, self.span(max(0, end - 1), end))
        return Placed("SR102", message, self.span(item.start, item.end))

    def soft(self) -> Item | None:
        """The next item past row breaks and spacing, without moving."""
        k = self.k
        while k < len(self.items) and self.items[k].kind in ("break", "quad"):
            k += 1
        return self.items[k] if k < len(self.items) else None

    def skip_soft(self) -> None:
        while (item := self.peek()) and item.kind in ("break", "quad"):
            self.k += 1

    def visible(self, tree: Tree, span: Span) -> Tree:
        """The tree of a group in braces, which do not print: ``{a + b} c`` shows as a + bc.

        Raises Problem SR102 where the brackets would be missed.
        """
        here = self.items[self.k - 1]
        before = self.items[self.k - 2] if self.k > 1 else None
        scripted = here.kind == "script"
        if _loose(tree, scripted) and (scripted or not (self.parts(before) and self.parts(self.peek()))):
            raise Placed("SR102", "braces do not print, so this reads otherwise than it is grouped", span)
        return tree

    def parts(self, item: Item | None) -> bool:
        """Whether what stands beside an expression leaves it whole."""
        if item is None or item.kind in ("break", "quad", "amp", "text") or self.relation_text(item) is not None:
            return True
        return item.kind == "char" and item.text in (",", ";", ":", ".")

    def everything(self) -> Tree | None:
        """A colon in the place of an entry, as in ``X_{i,:}``."""
        item = self.peek()
        after = self.items[self.k + 1] if self.k + 1 < len(self.items) else None
        if item is None or item.text != ":" or (after is not None and after.text != ","):
            return None
        self.k += 1
        return Name(":", span=self.span(item.start, item.end))

    # -- what may come next -------------------------------------------------------------------

    def relation_text(self, item: Item) -> str | None:
        if item.kind in ("char", "command") and item.text in n.RELATIONS:
            return item.text
        if item.kind == "two" and item.text in n.DECORATIONS:
            base = item.parts[1]
            inner = base.parts[0] if base.kind == "group" and len(base.parts) == 1 else base
            return inner.text if inner.text in n.RELATIONS else None
        return None

    def has_quad(self) -> bool:
        return (item := self.peek()) is not None and item.kind == "quad"

    def strength(self, item: Item) -> int:
        return n.BINARY.get(item.text, 0) if item.kind in ("char", "command") else 0

    def starts_operand(self, item: Item) -> bool:
        base = item.base
        if base.kind == "text":
            return item.kind == "script" or not is_prose(base)
        if base.kind == "char":
            if base.text in n.BARS or base.text in n.CONDITIONAL_BARS:
                return not self.closers and item.kind == "char" and self.bar_opens()
            return base.text in n.OPENING or base.text == "!" or base.text in n.DOTS
        if base.kind == "command":
            text = base.text
            if text in n.CLOSING or text in n.RELATIONS or text in n.IMPLICATIONS or text in n.BINARY:
                return False
            if text in n.QUANTIFIERS:
                return False
            if text in n.BARS or text in n.CONDITIONAL_BARS:
                return self.bar_opens() if text in n.BARS and n.BARS[text] not in self.closers else False
            return True
        if base.kind == "two" and base.text in n.DECORATIONS and self.relation_text(base):
            return False
        return base.kind in (
            "letter",
            "number",
            "word",
            "group",
            "one",
            "two",
            "fenced",
            "environment",
            "empty",
        )

    def bar_opens(self) -> bool:
        """A bar after an operand opens a new one only if its partner comes before the end of this level."""
        mark = self.items[self.k].base.text
        if mark == "|" and self.inside:
            return False
        want = n.BARS.get(mark, mark)
        return any(n.BARS.get(i.base.text) == want for i in self.items[self.k + 1 :])

    def continues_product(self, item: Item) -> bool:
        """A row break before an opening bracket goes on with the product of the row above."""
        here = self.peek()
        return here is not None and here.kind == "break" and item.kind == "fenced"

    def closes(self, item: Item, want: str) -> bool:
        text = item.base.text
        if item.base.kind not in ("char", "command"):
            return False
        if text in n.BARS:
            return n.BARS[text] == want
        return text in n.CLOSING and want in n.CLOSING

    def is_bracket(self, item: Item) -> bool:
        base = item.base
        if base.kind == "group" and base.parts:  # \ln{(x)} prints as \ln(x)
            first, last = base.parts[0], base.parts[-1]
            return first.kind == "fenced" if first is last else first.text == "(" and last.text == ")"
        return base.kind == "fenced" or (base.kind == "char" and base.text in ("(", "["))

    def is_function(self, item: Item) -> bool:
        base = item.base
        if base.kind == "command":
            return base.text[1:] in (n.FUNCTIONS | n.LIMIT_FUNCTIONS) or base.text in n.BIG
        return base.kind == "text" and word_text(base.text) in n.WORDS

    def unclosed(self, opening: Item) -> Problem:
        text = opening.base.text
        return Placed("SR101", f"'{text}' is never closed", self.span(opening.start, opening.end))

    def between_digits(self, item: Item) -> bool:
        """Whether a comma stands between two digits, with no space: ``0,5``."""
        if item.text != "," or not 0 < self.k < len(self.items) - 1:
            return False
        one, two = self.items[self.k - 1], self.items[self.k + 1]
        return one.text[-1:].isdigit() and two.text[:1].isdigit() and one.end == item.start and item.end == two.start

    def doubtful(self, comma: Item) -> NoReturn:
        """Raises Problem for a comma with two readings."""
        span = self.span(comma.start - 1, comma.end + 1)
        raise Placed("SR190", "a comma between digits: a decimal fraction, or two statements?", span)
