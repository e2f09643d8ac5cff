r"""The author's own macros: definitions found in a text, calls expanded with every character placed.

Guarantee: ``expand`` returns LaTeX that holds no call of a known macro, and for each of its characters
the source offset of the character itself or, for what a macro's body wrote, of the macro call.

A macro is a pair (number of arguments, body) under its control sequence, ``\x``. A macro with an
optional first argument is two: ``\x`` with the default filled in, and ``\x[`` whose first argument
stands in brackets. So the table stays a plain mapping.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from symrnn.diagnostic import UsageError
from symrnn.span import Span

Macros = Mapping[str, tuple[int, str]]

MAX_PASSES = 40
MAX_LENGTH = 200_000

_NAME = r"\\(?:[A-Za-z@]+|[^A-Za-z@\s])"
_CONTROL = re.compile(r"\\(?:[A-Za-z@]+|.)", re.S)
_OPEN_WORD = re.compile(r"\\[A-Za-z@]+\Z")
_BRACE = re.compile(r"\\.|[{}]", re.S)
_BRACKET = re.compile(r"\\.|[{}\]]", re.S)
_PARAMETER = re.compile(r"#([1-9])")
_BRACED_NAME = rf"\s*(\{{\s*)?(?P<name>{_NAME})(?(1)\s*\}})\s*"
_COMMAND = re.compile(_BRACED_NAME + r"(?:\[\s*(?P<count>[0-9])\s*\]\s*(?:\[(?P<default>[^\]]*)\]\s*)?)?(?=\{)")
_DEF = re.compile(rf"\s*(?P<name>{_NAME})\s*(?P<parameters>(?:#[1-9]\s*)*)(?=\{{)")
_OPERATOR = re.compile(_BRACED_NAME + r"(?=\{)")

# How each defining command goes on after its own name.
_DEFINERS: dict[str, re.Pattern[str]] = {
    "newcommand": _COMMAND,
    "renewcommand": _COMMAND,
    "providecommand": _COMMAND,
    "DeclareRobustCommand": _COMMAND,
    "def": _DEF,
    "gdef": _DEF,
    "DeclareMathOperator": _OPERATOR,
}
_DEFINER = re.compile(rf"\\(?P<command>{'|'.join(_DEFINERS)})(?![A-Za-z@])(?P<star>\*?)")

# Commands of LaTeX that take whole tokens as arguments: in \frac\x2 the whole of \x is the numerator.
_TAKEN_BY_NUMBER = {
    1: "sqrt hat widehat bar tilde widetilde vec dot ddot check overline underline boxed text operatorname"
    " mathbf mathrm mathit mathsf mathtt mathcal mathbb mathfrak mathscr boldsymbol bm pmb bold",
    2: "frac dfrac tfrac cfrac binom overset underset",
}
_TAKES = {"\\" + name: count for count, names in _TAKEN_BY_NUMBER.items() for name in names.split()}


class Placed(NamedTuple):
    """LaTeX with the source offset of each character and of its end: one more offset than characters."""

    latex: str
    offsets: tuple[int, ...]

    def part(self, start: int, end: int) -> Placed:
        """The characters ``start <= k < end``."""
        return Placed(self.latex[start:end], self.offsets[start : end + 1])

    def without(self, spans: Iterable[Span]) -> Placed:
        """Cut out the spans (in order, disjoint); a blank stays for one that follows no white space."""
        latex, offsets, position = "", list[int](), 0
        for span in spans:
            latex += self.latex[position : span.start]
            offsets += self.offsets[position : span.start]
            if latex and not latex[-1].isspace():
                latex += " "
                offsets.append(self.offsets[span.start])
            position = span.end
        return Placed(latex + self.latex[position:], (*offsets, *self.offsets[position:]))

    def strip(self) -> Placed:
        """Without the white space at its ends."""
        start = len(self.latex) - len(self.latex.lstrip())
        return self.part(start, max(start, len(self.latex.rstrip())))


@dataclass(frozen=True, slots=True)
class Definition:
    """One macro definition and its place; a weak one (``\\providecommand``) yields to any other."""

    span: Span
    name: str
    arguments: int
    body: str
    default: str | None = None
    weak: bool = False

    def entries(self) -> dict[str, tuple[int, str]]:
        """What the definition adds to the table of macros."""
        if self.default is None:
            return {self.name: (self.arguments, self.body)}
        values = [self.default, *(f"#{k}" for k in range(1, self.arguments))]
        filled = _PARAMETER.sub(lambda m: "".join(values[int(m[1]) - 1 : int(m[1])]), self.body)
        return {self.name: (self.arguments - 1, filled), self.name + "[": (self.arguments, self.body)}


@lru_cache(maxsize=8)
def _groups(text: str) -> dict[int, int]:
    """Where each brace group of a text begins and the place after it; those never closed are left out."""
    groups, opened = dict[int, int](), list[int]()
    for match in _BRACE.finditer(text):
        if match[0] == "{":
            opened.append(match.start())
        elif match[0] == "}" and opened:
            groups[opened.pop()] = match.end()
    return groups


def group_end(text: str, start: int) -> int | None:
    """The place after the brace group that opens at ``start``; None when it is never closed."""
    return _groups(text).get(start)


def _bracket_end(text: str, start: int) -> int | None:
    """The place after the ``]`` that closes the bracket at ``start``, brace groups skipped."""
    position = start + 1
    while match := _BRACKET.search(text, position):
        if match[0] in ("]", "}"):
            return match.end() if match[0] == "]" else None
        position = group_end(text, match.start()) or match.end()
    return None


def skip_space(text: str, start: int) -> int:
    """The first place from ``start`` on that holds no white space."""
    while start < len(text) and text[start].isspace():
        start += 1
    return start


def argument_at(text: str, start: int) -> tuple[Span, int] | None:
    """TeX's next argument (a group's inside, a control sequence or a character) and the place after it."""
    start = skip_space(text, start)
    if start == len(text) or text[start] == "}":
        return None
    if text[start] == "{":
        end = group_end(text, start)
        return None if end is None else (Span(start + 1, end - 1), end)
    control = _CONTROL.match(text, start)
    end = control.end() if control else start + 1
    return Span(start, end), end


def definition_at(text: str, start: int) -> Definition | None:
    """The definition that begins at ``start``, if one does that can be read."""
    head = _DEFINER.match(text, start)
    signature = head and _DEFINERS[head["command"]].match(text, head.end())
    if not head or not signature or (end := group_end(text, signature.end())) is None:
        return None
    span, body, parts = Span(start, end), text[signature.end() + 1 : end - 1], signature.groupdict()
    if head["command"] == "DeclareMathOperator":
        return Definition(span, parts["name"], 0, rf"\operatorname{head['star']}{{{body}}}")
    count = int(parts.get("count") or (parts.get("parameters") or "").count("#"))
    default = parts.get("default") if count else None
    return Definition(span, parts["name"], count, body, default, head["command"] == "providecommand")


def definitions(text: str) -> list[Definition]:
    """Every macro definition of a text, in order; those inside the body of another are left out."""
    found: list[Definition] = []
    for match in _DEFINER.finditer(text):
        if found and match.start() < found[-1].span.end:
            continue
        if definition := definition_at(text, match.start()):
            found.append(definition)
    return found


def in_force(found: Sequence[Definition], position: int) -> dict[str, tuple[int, str]]:
    """The macros that hold at a place: of several definitions of a name the last one before it.

    A name that is defined only later has its first definition, so that a list of macros at the end of a
    document serves too.
    """
    macros: dict[str, tuple[int, str]] = {}
    for definition in found:
        if definition.name in macros and (definition.weak or definition.span.start >= position):
            continue
        macros.pop(definition.name + "[", None)
        macros.update(definition.entries())
    return macros


def collect(text: str) -> dict[str, tuple[int, str]]:
    """Every macro that a text defines, as it stands at the end: control sequence → (arguments, body)."""
    return in_force(definitions(text), len(text))


def expand(latex: str, offsets: Sequence[int], macros: Macros) -> tuple[str, tuple[int, ...]]:
    """The LaTeX with every macro call replaced, to a fixed point.

    A character from a macro's body has the offset of the call, an argument keeps its own offsets. A call
    without all its arguments is left as it stands. Raises UsageError for an expansion that does not end.
    """
    placed = Placed(latex, tuple(offsets))
    called: str | None = None
    for _ in range(MAX_PASSES):
        placed, called = _expand_once(placed, macros)
        if called is None:
            return placed
        if len(placed.latex) > MAX_LENGTH:
            break
    raise UsageError(f"the macro {called} is recursive: its expansion does not end")


def _expand_once(placed: Placed, macros: Macros) -> tuple[Placed, str | None]:
    """One pass over the text, left to right, and the first macro that it expanded."""
    latex, offsets = placed
    out = _Output()
    called: str | None = None
    whole: set[int] = set()  # where a call is the whole argument of a command of LaTeX
    position = 0
    while match := _CONTROL.search(latex, position):
        start = match.start()
        out.add(latex[position:start], offsets[position:start])
        call = _call_at(latex, match, macros)
        if call is None:
            position = match.end()
            out.add(match[0], offsets[start:position])
            whole.update(_bare_arguments(latex, match, macros))
            continue
        called = called or match[0]
        body, arguments, position = call
        body = f"{{{body}}}" if start in whole else body
        for text, argument in _pieces(body, arguments):
            out.add(text, [offsets[start]] * len(text))
            if argument is not None:
                out.add(latex[argument.start : argument.end], offsets[argument.start : argument.end])
    out.add(latex[position:], offsets[position:-1])
    return Placed(out.latex, (*out.offsets, offsets[-1])), called


class _Output:
    """LaTeX as it is written; a blank keeps a control word apart from a letter that comes after it."""

    def __init__(self) -> None:
        self.latex = ""
        self.offsets: list[int] = []

    def add(self, latex: str, offsets: Sequence[int]) -> None:
        if latex[:1].isalpha() and _OPEN_WORD.search(self.latex, max(0, len(self.latex) - 60)):
            self.latex += " "
            self.offsets.append(offsets[0])
        self.latex += latex
        self.offsets.extend(offsets)


def _call_at(latex: str, match: re.Match[str], macros: Macros) -> tuple[str, list[Span], int] | None:
    """The body, the arguments and the end of the macro call at a control sequence; None for no call."""
    name, position = match[0], match.end()
    arguments: list[Span] = []
    bracket = skip_space(latex, position)
    optional = name + "[" in macros and latex.startswith("[", bracket)
    if optional and (end := _bracket_end(latex, bracket)) is not None:
        name, position = name + "[", end
        arguments.append(Span(bracket + 1, end - 1))
    if name not in macros:
        return None
    count, body = macros[name]
    while len(arguments) < count:
        if (argument := argument_at(latex, position)) is None:
            return None
        arguments.append(argument[0])
        position = argument[1]
    return body, arguments, position


def _pieces(body: str, arguments: Sequence[Span]) -> Iterator[tuple[str, Span | None]]:
    """The body cut at its parameters #1, #2, …: pieces of text, each with the argument that follows it."""
    position = 0
    for match in _PARAMETER.finditer(body):
        if int(match[1]) <= len(arguments):
            yield body[position : match.start()], arguments[int(match[1]) - 1]
            position = match.end()
    yield body[position:], None


def _bare_arguments(latex: str, match: re.Match[str], macros: Collection[str]) -> Iterator[int]:
    """Where an argument of the command of LaTeX at ``match`` is a macro call without braces."""
    position = skip_space(latex, match.end())
    if match[0] == r"\sqrt" and latex.startswith("[", position):
        position = _bracket_end(latex, position) or position
    for _ in range(_TAKES.get(match[0], 0)):
        if (argument := argument_at(latex, position)) is None:
            return
        span, position = argument
        if span.end == position and latex[span.start : span.end] in macros:
            yield span.start
