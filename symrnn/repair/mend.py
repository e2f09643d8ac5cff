"""Repairs of a whole document: line after line, each on the grounds of the lines before it as mended."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from symrnn.checker import Checker
from symrnn.diagnostic import Problem
from symrnn.elaborate.paper import Flow, Line, Lines
from symrnn.latex.parser import parse
from symrnn.read.document import Formula
from symrnn.repair.search import Found, Search
from symrnn.repair.vocabulary import Vocabulary, vocabulary
from symrnn.verdict import EquationReport, Kind, Repair, TextEdit

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
) -> list[EquationReport]:
    """The reports with repairs. Later lines of a chain start from the first repair of its head, where that is
    safe or ``unsafe`` ones are accepted too.
    """
    lines = Lines(checker.context, checker.lines.words, list(checker.lines.lines))
    words = vocabulary(checker.context, checker.document.source, lines.lines)
    flow, printed = Flow(), Flow()
    changed = ""
    out = []
    for k, report in enumerate(reports):
        line = lines.lines[k]
        equation, after = lines.equation(k, line, flow)
        inherits = flow != printed
        printed = checker.lines.equation(k, line, printed)[1]
        repairs: tuple[Repair, ...] = ()
        if report.verdict not in GOOD and report.verdict is not Kind.UNDECIDED:
            now = checker.narrow(equation) if inherits else report
            if now.verdict in GOOD and all(c.verdict in GOOD for c in now.claims):
                repairs = (Repair(report.latex, (), (), (), "safe", changed),)
            else:
                repairs = tuple(_repairs(checker, lines, k, flow, words, effort))
                if repairs and (unsafe or repairs[0].applicability == "safe") and repairs[0].latex:
                    lines.lines[k] = edited(line, repairs[0], lines.words)
                    after = lines.equation(k, lines.lines[k], flow)[1]
                    changed = line.number
        out.append(replace(report, repairs=repairs))
        flow = after
        progress(k + 1, len(reports))
    return out


def _repairs(checker: Checker, lines: Lines, k: int, flow: Flow, words: Vocabulary, effort: int) -> list[Repair]:
    line = lines.lines[k]
    if not line.formula.latex.strip():
        return [_removed(line)]
    if line.tree is None or len(line.formula.latex) > _LONGEST:
        return []
    found = Search(checker, lines, k, flow, words, effort).run()
    ranked = sorted(found, key=lambda f: -_announced(lines, k, f))
    alone = len(ranked) == 1 or _announced(lines, k, ranked[0]) > _announced(lines, k, ranked[1]) if ranked else False
    return [
        _repair(line, f, "safe" if f.unique and alone and i == 0 else "unsafe") for i, f in enumerate(ranked[:_SHOWN])
    ]


def _removed(line: Line) -> Repair:
    """A number without a formula: the display is taken out."""
    span = line.formula.span
    return Repair("", (), (TextEdit(span.start, span.end, ""),), ("empty number",), "safe")


def _announced(lines: Lines, k: int, found: Found) -> int:
    """How often the lines around speak of what an edit puts in: the quantity that the text is about."""
    changes = difference(lines.lines[k].formula.latex, found.latex)
    put_in = {word for _, _, text in changes for word in _TOKENS.findall(text) if word.lstrip("\\").isalpha()}
    near = [line.formula.latex for line in lines.lines[max(0, k - 8) : k + 9] if line is not lines.lines[k]]
    left = [lines.context.manifest.left.get(line.number, "") for line in lines.lines[max(0, k - 8) : k + 9]]
    heads = " ".join([text.split("=")[0] for text in near] + left)
    tokens = _TOKENS.findall(_WORDS.sub("", heads))
    return sum(tokens.count(word) for word in put_in)


def _repair(line: Line, found: Found, applicability: str) -> Repair:
    latex = line.formula.latex
    edits = difference(latex, found.latex)
    lead = len(latex) - len(latex.lstrip())
    own = tuple(TextEdit(a - lead, b - lead, text) for a, b, text in edits)
    places = _places(line.formula, edits)
    if places is None:
        applicability = "display-only"
    return Repair(found.latex.strip(), own, places or (), found.slips, applicability)


def _places(formula: Formula, edits: Sequence[tuple[int, int, str]]) -> tuple[TextEdit, ...] | None:
    """The edits in the source; None where the formula's text there is not the author's own."""
    out = []
    for a, b, text in edits:
        if b > a:
            start, end = formula.offsets[a], formula.offsets[b - 1] + 1
        else:
            start = end = formula.offsets[a - 1] + 1 if a else formula.offsets[0]
        if end - start != b - a or any(formula.offsets[k] - start != k - a for k in range(a, b)):
            return None
        out.append(TextEdit(start, end, text))
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
