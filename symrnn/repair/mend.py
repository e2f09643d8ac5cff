"""Repairs of a whole document: line after line, each on the grounds of the lines before it as mended."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from symrnn.checker import Checker
from symrnn.diagnostic import Problem
from symrnn.elaborate.paper import Flow, Line, Lines, goes_on
from symrnn.latex.parser import parse
from symrnn.read.document import Formula
from symrnn.repair.ahead import ahead
from symrnn.repair.editions import Found
from symrnn.repair.search import Search
from symrnn.repair.state import rarity
from symrnn.repair.vocabulary import Vocabulary, vocabulary
from symrnn.verdict import EquationReport, Kind, Repair, TextEdit

INHERITED = "inherited"  # wrong because a line before is
GOOD = frozenset({Kind.PROVED, Kind.DEFINED})
_TOKENS = re.compile(r"\\[A-Za-z]+|\\.|\s+|.", re.S)
_WORDS = re.compile(r"\\(?:text|operatorname|mathrm|begin|end)\*?\{[^{}]*\}")
_SHOWN = 5
_LONGEST = 5_000  # characters of a line that is searched


def mend(
    checker: Checker,
    reports: Sequence[EquationReport],
    unsafe: bool = True,
    effort: int = 1,
    progress: Callable[[int, int], None] = lambda done, of: None,
    jobs: int = 1,
) -> list[EquationReport]:
    """The reports with repairs. Later lines of a chain start from the first repair of its head, where that is
    safe or ``unsafe`` ones are accepted too. ``jobs``: how many lines are searched at once.
    """
    lines = Lines(checker.context, checker.lines.words, list(checker.lines.lines))
    words = vocabulary(checker.context, checker.document.source, lines.lines)
    wrong = {k for k, report in enumerate(reports) if _wanting(report, lines.lines[k])}

    def search(k: int, flow: Flow) -> list[Found]:
        return searched(checker, checker.lines, k, flow, words, effort)

    with ahead(search, dict(_free(checker.lines, wrong)), jobs) as sought:
        flow, printed = Flow(), Flow()
        changed = ""
        out = []
        for k, report in enumerate(reports):
            line = lines.lines[k]
            equation, after = lines.equation(k, line, flow)
            inherits = goes_on(line) and flow != printed
            printed = checker.lines.equation(k, line, printed)[1]
            repairs: tuple[Repair, ...] = ()
            now = checker.narrow(equation) if inherits and k in wrong else report
            if k in wrong and now.verdict in GOOD and all(c.verdict in GOOD for c in now.claims):
                repairs = (Repair(report.latex, (), (), (INHERITED,), "safe", changed),)
            elif k in wrong:
                said = frozenset(c.reading for r in reports if r is not report for c in r.claims)
                found = sought(k, flow if goes_on(line) else Flow())
                repairs = tuple(repairs_of(checker, lines, k, found, said))
                if repairs and (unsafe or repairs[0].applicability == "safe") and repairs[0].latex:
                    lines.lines[k] = edited(line, repairs[0], lines.words)
                    after = lines.equation(k, lines.lines[k], flow)[1]
                    changed = line.number
            out.append(replace(report, repairs=repairs))
            flow = after
            progress(k + 1, len(reports))
    return out


def _wanting(report: EquationReport, line: Line) -> bool:
    """Whether a line is to be mended: it is wrong, or cannot be read."""
    return report.verdict not in GOOD and (report.verdict is not Kind.UNDECIDED or line.tree is None)


def _free(lines: Lines, wrong: Collection[int]) -> Iterator[tuple[int, Flow]]:
    """The wrong lines that go on with none that is wrong, each with what it continues; first those for which others
    wait.
    """
    flow, doubtful = Flow(), False
    alone: dict[int, Flow] = {}
    awaited: dict[int, Flow] = {}
    for k, line in enumerate(lines.lines):
        doubtful = doubtful and goes_on(line)
        if k in wrong and not doubtful:
            alone[k] = flow if goes_on(line) else Flow()
        elif k in wrong:
            awaited |= {j: f for j, f in alone.items() if j == max(alone)}
        doubtful = doubtful or k in wrong
        flow = lines.equation(k, line, flow)[1]
    yield from (awaited | alone).items()


def searched(checker: Checker, lines: Lines, k: int, flow: Flow, words: Vocabulary, effort: int = 1) -> list[Found]:
    """The smallest proved editions of the line ``k``."""
    latex = lines.lines[k].formula.latex
    possible = latex.strip() and len(latex) <= _LONGEST
    return Search(checker, lines, k, flow, words, effort).run() if possible else []


def repairs_of(
    checker: Checker, lines: Lines, k: int, found: Sequence[Found], said: frozenset[str] = frozenset()
) -> Iterator[Repair]:
    """The repairs of the line ``k``, the best first. ``said``: what the other lines say; it is not said twice."""
    line = lines.lines[k]
    if not line.formula.latex.strip():
        yield _removed(line)
    ranked = sorted(
        found, key=lambda f: (f.idle, f.readings <= said, rarity(f.slips), -_announced(lines, k, f), f.new_head)
    )
    safe = len(found) == 1 and found[0].unique
    source = checker.document.source.text
    yield from (_repair(source, line, f, "safe" if safe else "unsafe") for f in ranked[:_SHOWN])


def _removed(line: Line) -> Repair:
    """A number without a formula: the display is taken out."""
    span = line.formula.span
    return Repair("", (), (TextEdit(span.start, span.end, ""),), ("empty number",), "safe")


def _announced(lines: Lines, k: int, found: Found) -> int:
    """How often the lines around speak of what an edit puts in: the quantity that the text is about."""
    changes = difference(lines.lines[k].formula.latex, found.latex)
    words = {word for _, _, text in changes for word in _TOKENS.findall(text) if word.lstrip("\\").isalpha()}
    put_in = words - {"\\top"}
    near = [line.formula.latex for line in lines.lines[max(0, k - 8) : k + 9] if line is not lines.lines[k]]
    left = [lines.context.manifest.left.get(line.number, "") for line in lines.lines[max(0, k - 8) : k + 9]]
    heads = " ".join([text.split("=")[0] for text in near] + left)
    tokens = _TOKENS.findall(_WORDS.sub("", heads))
    return sum(tokens.count(word) for word in put_in)


def _repair(source: str, line: Line, found: Found, applicability: str) -> Repair:
    latex = line.formula.latex
    joint = _joint(source, line.formula)
    edits = difference(latex, found.latex) if joint is None else _in_halves(latex, joint, found.latex)
    lead = len(latex) - len(latex.lstrip())
    own = tuple(TextEdit(a - lead, b - lead, text) for a, b, text in edits)
    places = _places(source, line.formula, edits)
    if places is None:
        applicability = "display-only"
    kept = "right" if found.new_head else "left"
    return Repair(found.latex.strip(), own, places or (), found.slips, applicability, kept=kept)


def _places(source: str, formula: Formula, edits: Sequence[tuple[int, int, str]]) -> tuple[TextEdit, ...] | None:
    """The edits in the source, in pieces where two displays make one formula; None where they are not the author's."""
    out: list[TextEdit] = []
    latex, offsets = formula.latex, formula.offsets
    for a, b, text in edits:
        if b == a:
            start = offsets[a - 1] + 1 if a else offsets[0]
            out.append(TextEdit(start, start, text))
            continue
        printed = [k for k in range(a, b) if source[offsets[k] : offsets[k] + 1] == latex[k]]
        if any(not latex[k].isspace() for k in range(a, b) if k not in printed) or not printed:
            return None
        runs = [[offsets[printed[0]], offsets[printed[0]] + 1]]
        for k in printed[1:]:
            if offsets[k] == runs[-1][1]:
                runs[-1][1] += 1
            elif offsets[k] > runs[-1][1]:
                runs.append([offsets[k], offsets[k] + 1])
            else:
                return None
        out += [TextEdit(start, end, "" if i else text) for i, (start, end) in enumerate(runs)]
    return tuple(out)


def difference(old: str, new: str) -> list[tuple[int, int, str]]:
    """The tokens of ``old`` to replace, so that it becomes ``new``."""
    a, b = _TOKENS.findall(old), _TOKENS.findall(new)
    at = [0]
    for token in a:
        at.append(at[-1] + len(token))
    return [
        (at[i], at[j], "".join(b[p:q]))
        for what, i, j, p, q in SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
        if what != "equal"
    ]


def _joint(source: str, formula: Formula) -> int | None:
    """The character between the halves of a formula that two displays make."""
    places = formula.offsets
    for k in range(len(formula.latex) - 1):
        gap = source[places[k] : places[k + 1]] if places[k + 1] > places[k] + 1 else ""
        if "\n" in gap and ("$" in gap or "\\]" in gap):
            return k
    return None


def _in_halves(old: str, joint: int, new: str) -> list[tuple[int, int, str]]:
    """The edits of a formula that two displays make, each within its display: the cut of ``new`` that edits least."""
    first = _TOKENS.findall(old[joint + 1 :].lstrip())[0]
    best: tuple[int, list[tuple[int, int, str]]] | None = None
    at = depth = 0
    for token in _TOKENS.findall(new):
        if token == first and depth == 0 and at:
            left = difference(old[:joint], new[:at].rstrip())
            right = difference(old[joint + 1 :], new[at:])
            edits = left + [(a + joint + 1, b + joint + 1, text) for a, b, text in right]
            size = sum(b - a + len(text) for a, b, text in edits)
            if best is None or size < best[0]:
                best = size, edits
        depth += (token == "{") - (token == "}")
        at += len(token)
    return difference(old, new) if best is None else best[1]


def edited(line: Line, repair: Repair, words: frozenset[str]) -> Line:
    """The line with a repair made."""
    try:
        tree = parse(repair.latex, None, words)
    except Problem:  # it was parsed when it was proved
        return line
    offsets = tuple(range(len(repair.latex) + 1))
    return replace(line, formula=replace(line.formula, latex=repair.latex, offsets=offsets), tree=tree)


def corrected(text: str, reports: Sequence[EquationReport], unsafe: bool = False) -> tuple[str, list[Repair]]:
    """The document's text with the first repair of every line made, and the repairs that were."""
    made = []
    for report in reports:
        if report.repairs and (unsafe or report.repairs[0].applicability == "safe"):
            if report.repairs[0].applicability != "display-only":
                made.append(report.repairs[0])
    for edit in sorted((e for r in made for e in r.places), key=lambda e: (e.start, e.end), reverse=True):
        end = edit.end
        if not edit.text and text[edit.start - 1 : edit.start] == "\n" and text[end : end + 2] == "\n\n":
            end += 2  # a display that is taken out leaves no empty paragraph
        text = text[: edit.start] + edit.text + text[end:]
    return text, made
