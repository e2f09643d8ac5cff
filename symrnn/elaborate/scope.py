"""Letters in a formula: which are bound by a sum, which run free, and over what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from symrnn.diagnostic import Problem
from symrnn.expr import Dim, Index, Shape
from symrnn.latex import notation as n
from symrnn.latex import tree as t
from symrnn.span import Span

_LETTERS = frozenset({"\\ell", "\\imath", "\\jmath"})


@dataclass
class Letter:
    """One letter: what it was seen to index. ``dim`` is the length of the axis, ``timed`` a step.

    ``given``: a declared whole number, no index that runs; ``values``: those of it, if they are listed.
    """

    dim: Dim | None = None
    given: bool = False
    values: tuple[int, ...] = ()
    timed: bool = False
    bound: bool = False
    span: Span | None = None


class Scope:
    """The letters in force; those that no sum binds are free and run over all their admissible values."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.sizes = sizes
        self.stack: list[dict[str, Letter]] = [{}]

    @property
    def free(self) -> dict[str, Letter]:
        """The free letters met so far."""
        return self.stack[0]

    def find(self, letter: str) -> Letter | None:
        """The innermost letter of this name."""
        return next((frame[letter] for frame in reversed(self.stack) if letter in frame), None)

    def bound(self, letter: str) -> bool:
        """Whether a sum around here binds it."""
        found = self.find(letter)
        return found is not None and found.bound

    @contextmanager
    def binding(self, letters: list[str], span: Span) -> Iterator[dict[str, Letter]]:
        """Bind letters for the body of a sum."""
        frame = {name: Letter(bound=True, span=span) for name in letters}
        self.stack.append(frame)
        try:
            yield frame
        finally:
            self.stack.pop()

    def mention(self, index: Index, span: Span) -> Letter | None:
        """A letter is used; a new one becomes free."""
        if index.letter is None:
            return None
        found = self.find(index.letter)
        if found is None:
            found = self.stack[0][index.letter] = Letter(span=span)
        return found

    def give(self, letter: str, values: tuple[int, ...] | str, span: Span) -> Index:
        """A declared whole number is used."""
        if self.find(letter) is None:
            dim, listed = (values, ()) if isinstance(values, str) else (None, values)
            self.stack[0][letter] = Letter(dim, given=True, values=listed, span=span)
        return Index(letter)

    def use_time(self, index: Index, fixed: Callable[[str], bool], span: Span) -> None:
        """An index stands where a step stands; ``fixed`` letters (the last step) have a value of their own."""
        if index.letter is None or (fixed(index.letter) and not self.bound(index.letter)):
            return
        letter = self.mention(index, span)
        assert letter is not None
        if letter.dim is not None:
            raise Problem(
                "SR304",
                f"{index.letter} counts components of {letter.dim} elsewhere, here it is a step",
                span,
            )
        letter.timed = True

    def use_axis(self, index: Index, dim: Dim, span: Span) -> None:
        """An index stands on an axis of this length.

        Raises Problem SR305 for a number outside it, SR304 for a letter that runs over something else.
        """
        if index.letter is None or (index.letter in self.sizes and self.find(index.letter) is None):
            number = index.offset if index.letter is None else self.sizes[index.letter] + index.offset
            length = self.size(dim)
            if number < 1 or (length is not None and number > length):
                raise Problem("SR305", f"there is no component {index} on an axis of length {dim}", span)
            return
        letter = self.mention(index, span)
        assert letter is not None
        if letter.timed:
            raise Problem("SR304", f"{index.letter} is a step elsewhere, here it counts components", span)
        if letter.values:
            raise Problem("SR190", f"the component {index} is not yet understood: {index.letter} has values", span)
        if letter.dim is None:
            letter.dim = dim
        elif not self.same(letter.dim, dim):
            raise Problem(
                "SR304",
                f"the index {index.letter} runs to {letter.dim} elsewhere, but this axis has length {dim}",
                span,
            )

    def size(self, dim: Dim) -> int | None:
        """The number of a size."""
        return dim if isinstance(dim, int) else self.sizes.get(dim)

    def same(self, a: Dim, b: Dim) -> bool:
        """Whether two lengths agree: the same letter, or a number and a letter with that value."""
        if a == b:
            return True
        if isinstance(a, str) and isinstance(b, str):
            return False
        return self.size(a) == self.size(b)

    def agree(self, a: Shape, b: Shape) -> bool:
        """Whether two shapes agree."""
        return self.same(a[0], b[0]) and self.same(a[1], b[1])


def to_index(tree: t.Tree | None) -> Index | None:
    """A tree as letter ± numbers, or None."""
    match tree:
        case t.Num(text) if text.isdigit():
            return Index(None, int(text))
        case t.Name(text, "") if text.isalpha() or text[1:] in n.GREEK or text in _LETTERS:
            return Index(text)
        case t.Word(text) if len(text) == 1:
            return Index(text)
        case t.Fence("(", body, ")"):
            return to_index(body)
        case t.Additive(terms):
            total = Index(None)
            for sign, term in terms:
                part = to_index(term)
                if part is None or sign not in ("", "+", "-"):
                    return None
                if part.letter is not None:
                    if sign == "-" or total.letter is not None:
                        return None
                    total = Index(part.letter, total.offset + part.offset)
                else:
                    total = total.shifted(-part.offset if sign == "-" else part.offset)
            return total
        case _:
            return None


def difference(tree: t.Tree | None) -> tuple[Index, Index] | None:
    """``T - t`` and its kin as two indices, the second taken from the first; None for anything else."""
    if isinstance(tree, t.Fence) and tree.open == "(":
        return difference(tree.body)
    if not isinstance(tree, t.Additive):
        return None
    minus = [x for s, x in tree.terms if s == "-" and (i := to_index(x)) is not None and i.letter is not None]
    rest = tuple((s, x) for s, x in tree.terms if not any(x is y for y in minus))
    if len(minus) != 1 or not rest:
        return None
    first, second = to_index(t.Additive(rest)), to_index(minus[0])
    return (first, second) if first is not None and second is not None else None
