"""Text to surface items by ``surface.lark``: groups, scripts, fences and environments, each with its span."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from symrnn.diagnostic import Problem
from symrnn.latex import notation
from symrnn.span import Span


@dataclass(frozen=True, slots=True)
class Item:
    """One surface item. ``kind`` is a terminal's or a rule's name in lower case; offsets are the formula's own."""

    kind: str
    text: str
    start: int
    end: int
    parts: tuple[Item, ...] = ()
    sub: Item | None = None
    sup: Item | None = None

    @property
    def base(self) -> Item:
        """What carries the scripts: the item itself when it has none."""
        return self.parts[0] if self.kind == "script" else self


def _item(value: Item | Token) -> Item:
    if isinstance(value, Item):
        return value
    return Item(value.type.lower(), str(value), int(value.start_pos or 0), int(value.end_pos or 0))


def _items(values: Sequence[Item | Token]) -> tuple[Item, ...]:
    return tuple(_item(v) for v in values)


def _script(base: Item | None, mark: Token, arg: Item | None, where: str) -> Item:
    if base is None:
        base = Item("empty", "", int(mark.start_pos or 0), int(mark.start_pos or 0))
    if base.kind != "script":
        base = Item("script", "", base.start, base.end, (base,))
    end = arg.end if arg else int(mark.end_pos or 0)
    sub, sup, primes = base.sub, base.sup, base.text
    if where == "prime":
        primes += "'"
    elif where == "sub":
        sub = arg if sub is None else _both(sub, arg)
    else:
        sup = arg if sup is None else _both(sup, arg)
    return Item("script", primes, base.start, end, base.parts, sub, sup)


def _both(one: Item, two: Item | None) -> Item:
    assert two is not None
    comma = Item("char", ",", one.end, one.end)
    return Item("group", "", one.start, two.end, (*_inside(one), comma, *_inside(two)))


def _inside(item: Item) -> tuple[Item, ...]:
    return item.parts if item.kind == "group" else (item,)


class _Build(Transformer[Token, Any]):
    """Lark's reductions to items; a terminal becomes one where a rule takes it up."""

    def start(self, children: list[Any]) -> tuple[Item, ...]:
        return _items(children)

    def sub(self, c: list[Any]) -> Item:
        return _script(_item(c[0]), c[1], _item(c[2]), "sub")

    def sup(self, c: list[Any]) -> Item:
        return _script(_item(c[0]), c[1], _item(c[2]), "sup")

    def prime(self, c: list[Any]) -> Item:
        return _script(_item(c[0]), c[1], None, "prime")

    def bare_sub(self, c: list[Any]) -> Item:
        return _script(None, c[0], _item(c[1]), "sub")

    def bare_sup(self, c: list[Any]) -> Item:
        return _script(None, c[0], _item(c[1]), "sup")

    def group(self, c: list[Any]) -> Item:
        return Item("group", "", int(c[0].start_pos), int(c[-1].end_pos), _items(c[1:-1]))

    def one(self, c: list[Any]) -> Item:
        name, _, option = str(c[0])[1:].partition("[")
        start = int(c[0].start_pos)
        extra: tuple[Item, ...] = ()
        if option:
            inner = tuple(surface(option[:-1], start + len(name) + 2))
            extra = (Item("group", "", start + len(name) + 2, int(c[0].end_pos) - 1, inner),)
        return Item("one", name.strip(), start, _item(c[1]).end, (_item(c[1]), *extra))

    def two(self, c: list[Any]) -> Item:
        return Item("two", str(c[0])[1:], int(c[0].start_pos), _item(c[-1]).end, _items(c[1:]))

    def fenced(self, c: list[Any]) -> Item:
        delimiters = _delimiter(c[0]) + "\n" + _delimiter(c[-1])
        return Item("fenced", delimiters, int(c[0].start_pos), int(c[-1].end_pos), _items(c[1:-1]))

    def environment(self, c: list[Any]) -> Item:
        name, closing = (str(t).split("{", 1)[1].split("}", 1)[0] for t in (c[0], c[-1]))
        if name != closing:
            place = Span(int(c[-1].start_pos), int(c[-1].end_pos))
            raise Problem("SR101", f"\\begin{{{name}}} is closed by \\end{{{closing}}}", place)
        return Item("environment", name, int(c[0].start_pos), int(c[-1].end_pos), _items(c[1:-1]))


def _delimiter(token: Token) -> str:
    return str(token).removeprefix("\\left").removeprefix("\\right").strip()


@lru_cache(maxsize=1)
def _lark() -> Lark:
    arity = dict.fromkeys(notation.ONE, "ONE") | dict.fromkeys(notation.TWO, "TWO")

    def command(token: Token) -> Token:
        token.type = arity.get(token[1:], "COMMAND")
        return token

    grammar = Path(__file__).with_name("surface.lark").read_text(encoding="utf-8")
    return Lark(
        grammar,
        parser="lalr",
        lexer="basic",
        maybe_placeholders=False,
        lexer_callbacks={"COMMAND": command},
        transformer=_Build(),
    )


_PAIRS = {"RBRACE": "{", "RIGHT": "\\left", "END": "\\begin"}


def surface(latex: str, shift: int = 0) -> Sequence[Item]:
    """The surface items of a formula, to its last character.

    Raises Problem SR101 for what is not balanced, SR102 for a character that no rule reads; the span
    is in offsets of ``latex``, plus ``shift``.
    """
    if shift:
        latex = " " * shift + latex
    try:
        return _lark().parse(latex)  # type: ignore[return-value]
    except UnexpectedCharacters as error:
        at = error.pos_in_stream or 0
        raise Problem("SR102", f"cannot read '{latex[at : at + 12]}'", Span(at, at + 1)) from None
    except UnexpectedToken as error:
        raise _unbalanced(latex, error) from None
    except UnexpectedInput as error:  # pragma: no cover - the two above are all that LALR raises
        at = error.pos_in_stream or 0
        raise Problem("SR102", "cannot read what stands here", Span(at, at + 1)) from None


def _unbalanced(latex: str, error: UnexpectedToken) -> Problem:
    token = error.token
    if token.type != "$END":
        at, end = int(token.start_pos or 0), int(token.end_pos or 0)
        if token.type in _PAIRS:
            return Problem("SR101", f"'{token}' closes nothing that '{_PAIRS[token.type]}' opened", Span(at, end))
        return Problem("SR101", f"'{token}' lacks what it applies to or its argument", Span(at, end))
    opened: list[tuple[str, int]] = []
    for t in _lark().lex(latex):
        if t.type in ("LBRACE", "LEFT", "BEGIN"):
            opened.append((str(t), int(t.start_pos or 0)))
        elif t.type in _PAIRS and opened:
            opened.pop()
    if opened:
        text, at = opened[-1]
        return Problem("SR101", f"'{text}' is never closed", Span(at, at + len(text)))
    end = len(latex)
    return Problem("SR101", "the formula ends where an argument is due", Span(max(0, end - 1), end))
