"""The report for people: one row an equation, what is wrong below it, a summary line."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from textwrap import wrap

from symrnn.diagnostic import Diagnostic, Severity
from symrnn.library import Report
from symrnn.span import Source, Span
from symrnn.verdict import ClaimReport, EquationReport, Kind, narrowest

_MARKS = {
    Kind.REFUTED: ("✗", "bold red"),
    Kind.ILL_FORMED: ("✗", "bold magenta"),
    Kind.UNDECIDED: ("?", "bold yellow"),
    Kind.CONDITIONAL: ("~", "yellow"),
    Kind.PROVED: ("✓", "green"),
    Kind.DEFINED: ("·", "cyan"),
}
_CODES = {"bold": "1", "red": "31", "magenta": "35", "yellow": "33", "green": "32", "cyan": "36", "dim": "2"}


def render(reports: list[Report], color: bool = False, width: int | None = None) -> str:
    """The report as text; colour by ANSI codes where asked."""
    columns = width or max(72, min(shutil.get_terminal_size((110, 24)).columns, 140))
    return "\n".join(line for report in reports for line in _document(report, color, columns)) + "\n"


def _paint(text: str, style: str, color: bool) -> str:
    if not color:
        return text
    return f"\x1b[{';'.join(_CODES[s] for s in style.split())}m{text}\x1b[0m"


def _document(report: Report, color: bool, width: int) -> Iterator[str]:
    beside = f"  (manifest {report.manifest})" if report.manifest else "  (no manifest)"
    yield _paint(report.path, "bold", color) + beside
    yield ""
    room = max((len(e.number) for e in report.equations), default=1) + 2
    for equation in report.equations:
        yield from _equation(report, equation, room, color, width)
    yield ""
    yield from _summary(report, color)
    yield ""


def _equation(report: Report, e: EquationReport, room: int, color: bool, width: int) -> Iterator[str]:
    mark, style = _MARKS[e.verdict]
    head = f"{'(' + e.number + ')':>{room}} " + _paint(f"{mark} {e.verdict.value:<12}", style, color)
    notes = list(_notes(report, e))
    if not notes:
        yield f"{head} {_calm(e)}".rstrip()
        return
    indent = " " * (room + 16)
    for k, (place, text) in enumerate(notes):
        lines = wrap(f"{place}  {text}" if place else text, width - len(indent)) or [""]
        for j, line in enumerate(lines):
            yield f"{head} {line}" if k == j == 0 else indent + line
    for line in _frame(report.document.source, _spots(e), width - len(indent)):
        yield indent + line
    for claim in e.claims:
        if claim.verdict not in (Kind.PROVED, Kind.DEFINED):
            for line in wrap(f"{claim.id} read as  {claim.reading}", width - len(indent), subsequent_indent="    "):
                yield indent + _paint(line, "dim", color)
    for line in _mended(e):
        for part in wrap(line, width - len(indent), subsequent_indent="    "):
            yield indent + _paint(part, "green", color)


def _spots(e: EquationReport) -> list[Span]:
    """What is wrong in the author's text: what the smallest repair edits, else what the diagnostics point at."""
    if e.repairs and e.repairs[0].places:
        return [Span(edit.start, edit.end) for edit in e.repairs[0].places]
    claims = [c for c in e.claims if c.verdict not in (Kind.PROVED, Kind.DEFINED)]
    return [d.span for d in (*e.diagnostics, *(d for c in claims for d in c.diagnostics)) if d.span is not None][:1]


def _frame(source: Source, spans: list[Span], width: int) -> Iterator[str]:
    """The author's line, cut to the width around the places, with a caret under each of them."""
    if not spans:
        return
    line, column = source.line_column(min(s.start for s in spans))
    text = source.line_text(line).expandtabs(1)
    gutter = f"{line} | "
    room = width - len(gutter)
    low = max(0, min(column - 1 - room // 4, len(text) - room)) if len(text) > room else 0
    marks = [" "] * room
    for span in spans:
        first, start = source.line_column(span.start)
        if first == line:
            for k in range(
                start - 1 - low, max(start, start + span.end - span.start) - 1 - low + (span.end == span.start)
            ):
                if 0 <= k < min(room, len(text) - low + 1):
                    marks[k] = "^"
    shown = text[low : low + room]
    shown = (
        ("…" + shown[1:] if low else shown)
        if low + room >= len(text)
        else ("…" if low else shown[:1]) + shown[1:-1] + "…"
    )
    yield gutter + shown
    yield " " * (len(gutter) - 2) + "| " + "".join(marks).rstrip()


def _mended(e: EquationReport) -> Iterator[str]:
    """The repairs: their class, and what they replace by what."""
    for repair in e.repairs[:3]:
        if repair.after:
            yield f"{repair.slips[0]}: mended by the repair of ({repair.after})"
        elif not repair.latex:
            yield f"mend ({repair.applicability}): {repair.words}: take the number out"
        else:
            edits = ", ".join(_change(e.latex[x.start : x.end], x.text) for x in repair.edits)
            kept = ", the right side is kept" if repair.kept == "right" else ""
            yield f"mend ({repair.applicability}): {repair.words}: {edits}{kept}"
    if len(e.repairs) > 3:
        yield f"and {len(e.repairs) - 3} more as small"


def _change(old: str, new: str) -> str:
    old, new = old.strip(), new.strip()
    return f"{old} → {new}" if old and new else f"+ {new}" if new else f"− {old}"


def _calm(e: EquationReport) -> str:
    used = sorted({a for c in e.claims for a in c.assumptions})
    scope = narrowest(c.scope for c in e.claims if c.scope is not None)
    text = "; ".join(x for x in (scope.words() if scope else "", f"with {', '.join(used)}" if used else "") if x)
    steps = [c.id for c in e.claims if c.step == "does-not-follow"]
    if steps:
        text += ("; " if text else "") + "true, but does not follow from the line before as printed"
    return text


def _notes(report: Report, e: EquationReport) -> Iterator[tuple[str, str]]:
    for diagnostic in e.diagnostics:
        if diagnostic.severity is not Severity.WARNING:
            yield _place(report, diagnostic), f"{diagnostic.code} {diagnostic.message}"
    yield from _claims(report, e)
    for diagnostic in e.diagnostics:
        if diagnostic.severity is Severity.WARNING:
            yield _place(report, diagnostic), f"{diagnostic.code} {diagnostic.message}"


def _claims(report: Report, e: EquationReport) -> Iterator[tuple[str, str]]:
    for claim in e.claims:
        if claim.verdict in (Kind.PROVED, Kind.DEFINED):
            continue
        for diagnostic in claim.diagnostics:
            yield (
                _place(report, diagnostic),
                f"{claim.id}: {diagnostic.code} {diagnostic.message}{_step(claim)}",
            )


def _step(claim: ClaimReport) -> str:
    if claim.verdict is Kind.REFUTED and claim.step == "follows":
        return " (it follows from the line before, which is wrong)"
    return ""


def _place(report: Report, d: Diagnostic) -> str:
    if d.span is None:
        return report.path
    line, column = report.document.source.line_column(d.span.start)
    return f"{report.path}:{line}:{column}"


def _summary(report: Report, color: bool) -> Iterator[str]:
    counts = report.summary
    named = [Kind.PROVED, Kind.CONDITIONAL, Kind.REFUTED, Kind.ILL_FORMED, Kind.UNDECIDED, Kind.DEFINED]
    pieces = [_paint(f"{counts[k]} {k.value}", _MARKS[k][1], color) for k in named if counts[k]]
    total = len(report.equations)
    yield f"{total} equation{'s' if total != 1 else ''}: " + ", ".join(pieces)
    wrong = [e for e in report.equations if e.verdict in (Kind.REFUTED, Kind.ILL_FORMED, Kind.CONDITIONAL)]
    mended = [e for e in wrong if e.repairs]
    if wrong and not mended:
        yield "check --repair looks for proved edits, fix makes them; explain CODE says more of a code"
    if mended:
        safe = sum(e.repairs[0].applicability == "safe" for e in mended)
        yield f"{len(mended)} of {len(wrong)} mended by proved edits, {safe} of them safe (symrnn fix)"
    loose = [c.id for e in report.equations for c in e.claims if c.step == "does-not-follow"]
    heirs = [c.id for e in report.equations for c in e.claims if c.step == "follows" and c.verdict is Kind.REFUTED]
    if loose:
        yield f"steps that do not follow from the line before: {', '.join(loose)}"
    if heirs:
        yield f"wrong because the line before is: {', '.join(heirs)}"
    scopes = Counter(c.scope.words() for e in report.equations for c in e.claims if c.scope is not None)
    if scopes:
        yield "proofs hold " + "; ".join(f"{words} ({n})" for words, n in sorted(scopes.items(), key=_widest))


def _widest(found: tuple[str, int]) -> tuple[bool, bool, str]:
    words = found[0]
    return not words.startswith("for all"), not words.endswith("lengths"), words
