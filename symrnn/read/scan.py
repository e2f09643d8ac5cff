r"""What the readers share: delimiters, equation numbers, and the making of formulas.

Guarantee: a formula's LaTeX is the text between its delimiters, character by character, save that
macros are expanded and that equation numbers, labels, comments and block-quote marks are blank.

A reader walks its text once with a table of rules, which yields *spots* (formulas with their
delimiters) and *skips* (everything that is no mathematics), and hands the spots to ``assemble``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from symrnn.diagnostic import UsageError
from symrnn.read.document import Document, Formula
from symrnn.read.macros import Macros, Placed, definitions, expand, group_end, in_force, skip_space
from symrnn.span import Source, Span


@dataclass(frozen=True, slots=True)
class Delimiter:
    """How a formula ends that was opened in a certain way; a strict one must be closed."""

    close: str  # a regular expression
    display: bool
    strict: bool = True
    tight: bool = False  # Pandoc's rules for a single dollar


@dataclass(frozen=True, slots=True)
class Environment:
    r"""A display environment that stands alone: is its ``\begin`` kept, is each row numbered."""

    kept: bool
    by_rows: bool


@dataclass(frozen=True, slots=True)
class Spot:
    """A formula where it stands: with its delimiters, without them, and in which environment."""

    span: Span
    inner: Span
    display: bool
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """A place where no formula is looked for; ``fill`` replaces its characters, None leaves them."""

    span: Span
    fill: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a display: its printed number, and whether LaTeX would give it a running one."""

    number: str | None
    open: bool


Rule = Callable[[re.Match[str]], Spot | Skip | None]
Numbering = Callable[[Spot, Sequence[Row]], str | None]

ENVIRONMENTS: dict[str, Environment] = {
    "equation": Environment(kept=False, by_rows=False),
    "displaymath": Environment(kept=False, by_rows=False),
    "multline": Environment(kept=True, by_rows=False),
    "align": Environment(kept=True, by_rows=True),
    "alignat": Environment(kept=True, by_rows=True),
    "flalign": Environment(kept=True, by_rows=True),
    "gather": Environment(kept=True, by_rows=True),
    "eqnarray": Environment(kept=True, by_rows=True),
}

# Commands with so many arguments of text, in which a dollar opens and closes mathematics of its own.
_BOXES_BY_NUMBER = {
    1: "text textrm textbf textit textsf texttt textnormal mathrm mbox hbox fbox intertext shortintertext"
    " tag tag* footnote",
    2: "colorbox parbox raisebox textcolor",
    3: "fcolorbox",
}
_BOXES = {name: count for count, names in _BOXES_BY_NUMBER.items() for name in names.split()}

OPENER = r"(?P<opener>\\\\[\[(]|\\[\[(]|\$\$?|\\begin\s*\{[A-Za-z]+\*?\}|\\[A-Za-z@]+)|\\."
_BEGIN = re.compile(r"\\begin\s*\{([A-Za-z]+\*?)\}")
_END = re.compile(r"\\end\s*\{([A-Za-z]+\*?)\}")
_PARAGRAPH_END = re.compile(r"\n[ \t>]*\n")

_UNNUMBERED = re.compile(r"\\(?:nonumber|notag)(?![A-Za-z@])")
_QUIET = re.compile(rf"{_UNNUMBERED.pattern}|\\label\s*\{{[^{{}}]*\}}")
_TAG = re.compile(r"\\tag\*?\s*(?=\{)")
_EQNO = re.compile(r"\\l?eqno(?![A-Za-z@]).*", re.S)
_TAG_NAME = re.compile(r"\s*(\()?\s*(?P<number>\w+(?:[.:\u2013-]\w+)*'*)\s*(?(1)\))\s*")
_GAP = (
    r"(?:\\(?:q?quad|enspace|enskip|hfill?|hspace\*?\s*\{[^{}]*\}|hskip\s*[-\d.]+\s*[a-z]{2})(?![A-Za-z])"
    r"(?:\s|~|\\[,;: ])*){1,9}"
)
_PLAIN = r"[A-Za-z]{0,3}(?:(?<=[A-Za-z])\.)?\d+(?:\.\d+)*[a-z]?'*"
_MARK = r"\*+|\\(?:ast|star|dagger|ddagger)\s*"
_TRAILING = re.compile(
    rf"{_GAP}(?:\(\s*(?:(?P<number>{_PLAIN})|{_MARK})\s*\)"
    rf"|\\(?:text|textrm|mathrm|mbox)\s*\{{\s*\((?P<boxed>{_PLAIN})\)\s*\}})"
    r"(?=\s*[.,;]?\s*(?:\\\\|\\end\s*\{|\Z))"
)
_ALONE = re.compile(rf"\s*(?:{_GAP})?\((?P<number>{_PLAIN})\)\s*")
_ROW_STEP = re.compile(r"(?P<up>\\begin\s*\{[^}]*\}|\{)|(?P<down>\\end\s*\{[^}]*\}|\})|(?P<row>\\\\)|\\.", re.S)
_WRAPPER = re.compile(r"\\begin\s*\{(equation|displaymath)(\*?)\}(.*)\\end\s*\{\1\2\}", re.S)


def walk(text: str, token: re.Pattern[str], rules: Mapping[str, Rule], within: Span) -> Iterator[Spot | Skip]:
    """Every spot and skip of a stretch of text, left to right: what begins first wins.

    ``token`` finds the places where something may begin; the rule under the name of the group that
    matched says what does. What a rule declines is a plain character.
    """
    position = within.start
    while match := token.search(text, position, within.end):
        rule = rules.get(match.lastgroup or "")
        found = rule(match) if rule else None
        position = found.span.end if found else match.end()
        if found:
            yield found


def located(source: Source, offset: int, sentence: str) -> UsageError:
    """The error that shows a place: ``path:line:column: sentence``."""
    line, column = source.line_column(offset)
    return UsageError(f"{source.path}:{line}:{column}: {sentence}")


def opener_rule(source: Source, text: str, delimiters: Mapping[str, Delimiter]) -> Rule:
    r"""The rule that reads the formula (or skips the macro definition) that a token opens.

    An author's macro that stands for ``\begin{equation}`` or its like opens a display too.
    """
    found = definitions(text)
    begins = {d.name: m[1] for d in found if not d.arguments and (m := _BEGIN.fullmatch(d.body.strip()))}
    ends = {d.name: m[1] for d in found if not d.arguments and (m := _END.fullmatch(d.body.strip()))}
    places = {d.span.start: d.span for d in found}

    def rule(match: re.Match[str]) -> Spot | Skip | None:
        if match.start() in places:
            return Skip(places[match.start()])
        begin = _BEGIN.fullmatch(match[0])
        name = begin[1] if begin else begins.get(match[0])
        environment = ENVIRONMENTS.get(name.rstrip("*")) if name else None
        if name is None or environment is None:
            delimiter = delimiters.get(match[0])
            return _between(source, text, match, delimiter) if delimiter else None
        aliases = "".join(rf"|{re.escape(alias)}(?![A-Za-z@])" for alias in ends if ends[alias] == name)
        delimiter = Delimiter(rf"\\end\s*\{{{re.escape(name)}\}}{aliases}", display=True)
        spot = _between(source, text, match, delimiter)
        return spot and Spot(spot.span, spot.span if environment.kept else spot.inner, True, name)

    return rule


def _between(source: Source, text: str, opener: re.Match[str], delimiter: Delimiter) -> Spot | None:
    """The formula from an opener to what closes it; None where the opener is only a character."""
    start = opener.end()
    blank = None if delimiter.display else _PARAGRAPH_END.search(text, start)
    close = _closing(text, start, blank.start() if blank else len(text), delimiter.close)
    if close is None and delimiter.strict:
        raise located(source, opener.start(), f"the formula that '{opener[0]}' opens here is never closed")
    if close is None or (delimiter.tight and not _is_tight(text, start, close.start())):
        return None
    inner = Span(start, close.start())
    if delimiter.tight and "`" in text[inner.start : inner.end]:
        if not re.fullmatch(r"`[^`]+`", text[inner.start : inner.end]):
            return None
        inner = Span(inner.start + 1, inner.end - 1)  # GitHub's $`…`$
    return Spot(Span(opener.start(), close.end()), inner, delimiter.display)


def _is_tight(text: str, start: int, end: int) -> bool:
    """Pandoc's rule for $…$: no space inside at either end, no digit after it."""
    edges = text[start] + text[end - 1]
    return start < end and not any(map(str.isspace, edges)) and not text[end + 1 : end + 2].isdigit()


def _closing(text: str, start: int, end: int, close: str) -> re.Match[str] | None:
    """The first closing delimiter that is neither escaped nor inside the text argument of a command."""
    if not re.compile(close).search(text, start, end):  # only because the loop below is slow
        return None
    step = re.compile(rf"(?P<close>{close})|\\(?P<name>[A-Za-z]+\*?|.)", re.S)
    while match := step.search(text, start, end):
        if match["close"] is not None:
            return match
        start = match.end()
        for _ in range(_BOXES.get(match["name"], 0)):
            group = skip_space(text, start)
            start = group_end(text, group) or start if text.startswith("{", group) else start
    return None


def blanked(text: str, skips: Iterable[Skip]) -> str:
    """The text with each skip that has a fill written over, line breaks kept: as long as it was."""
    pieces, position = list[str](), 0
    for skip in skips:
        if skip.fill is not None:
            pieces.append(text[position : skip.span.start])
            pieces.append(re.sub(r"[^\n]", skip.fill, text[skip.span.start : skip.span.end]))
            position = skip.span.end
    return "".join(pieces) + text[position:]


def assemble(source: Source, clean: str, spots: Iterable[Spot], numbering: Numbering) -> Document:
    """The document of the formulas at the spots, with the macros of ``clean``, the blanked text.

    A display is glued when nothing but white space of ``clean`` parts it from the display before.
    Raises UsageError, with the place, for a macro that never ends.
    """
    found = definitions(clean)
    formulas: list[Formula] = []
    last: int | None = None
    for spot in spots:
        macros = in_force(found, spot.span.end)
        glued = spot.display and last is not None and not clean[last : spot.span.start].strip()
        formula = _formula(source, clean, spot, macros, numbering, glued)
        if formula is not None:
            formulas.append(formula)
            last = spot.span.end if spot.display else None
    return Document(source, tuple(formulas), in_force(found, len(clean)))


def _formula(
    source: Source, clean: str, spot: Spot, macros: Macros, numbering: Numbering, glued: bool
) -> Formula | None:
    """The formula at a spot; None for one that holds macro definitions and nothing else."""
    start, end = spot.inner.start, spot.inner.end
    placed = Placed(clean[start:end], tuple(range(start, end + 1)))
    defined = definitions(placed.latex)
    placed = placed.without(d.span for d in defined)
    if defined and not placed.latex.strip():
        return None
    try:
        placed = Placed(*expand(*placed, macros))
    except UsageError as error:
        raise located(source, spot.span.start, str(error)) from error
    number = None
    if spot.display:
        number = numbering(spot, rows_of(placed.latex, spot))
        placed = placed.without(Span(*m.span()) for m in _QUIET.finditer(placed.latex))
        placed = placed.without(span for span, _ in labels(placed.latex)).strip()
        if wrapper := _WRAPPER.fullmatch(placed.latex):
            placed = placed.part(*wrapper.span(3))
    placed = placed.strip()
    return Formula(placed.latex, placed.offsets, spot.span, spot.display, number, glued)


def labels(latex: str) -> list[tuple[Span, str | None]]:
    r"""The equation numbers that a display prints itself, and where: ``\tag``, ``\eqno``, ``\quad (17)``.

    A number in parentheses counts at the end of the display or of a row, after a wide space, or when it
    is all the display holds. What is not a plain number or name has the number None.
    """
    if alone := _ALONE.fullmatch(latex):
        return [(Span(0, len(latex)), alone["number"])]
    found: list[tuple[Span, str | None]] = []
    for tag in _TAG.finditer(latex):
        if (end := group_end(latex, tag.end())) is not None:
            name = _TAG_NAME.fullmatch(latex, tag.end() + 1, end - 1)
            found.append((Span(tag.start(), end), name and name["number"]))
    if eqno := _EQNO.search(latex):
        name = _TAG_NAME.fullmatch(eqno[0].partition("eqno")[2].strip(" \t\n{}"))
        found.append((Span(*eqno.span()), name and name["number"]))
    for match in _TRAILING.finditer(latex):
        found.append((Span(*match.span()), match["number"] or match["boxed"]))
    found.sort(key=lambda label: label[0])
    return [(span, name) for k, (span, name) in enumerate(found) if not k or span.start >= found[k - 1][0].end]


def rows_of(latex: str, spot: Spot) -> list[Row]:
    """The rows of a display that is numbered by rows, otherwise the display as one row."""
    kind = ENVIRONMENTS.get((spot.environment or "").rstrip("*"))
    cuts, depth = [0], 0
    for match in _ROW_STEP.finditer(latex) if kind and kind.by_rows else ():
        depth += {"up": 1, "down": -1}.get(match.lastgroup or "", 0)
        if match.lastgroup == "row" and depth == 1:
            cuts.append(match.end())
    return [_row(latex[start:end]) for start, end in zip(cuts, [*cuts[1:], len(latex)], strict=True)]


def _row(latex: str) -> Row:
    found = labels(_QUIET.sub(" ", latex))
    number = next((number for _, number in found if number), None)
    return Row(number, not found and not _UNNUMBERED.search(latex))
