"""The report as workflow commands, which GitHub shows beside the lines of a change."""

from __future__ import annotations

from collections.abc import Iterator

from symrnn.diagnostic import Diagnostic, Severity
from symrnn.library import Report
from symrnn.verdict import EquationReport

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def problems(report: Report) -> Iterator[tuple[EquationReport, Diagnostic]]:
    """Every diagnostic with its equation."""
    for equation in report.equations:
        for diagnostic in (*equation.diagnostics, *(d for c in equation.claims for d in c.diagnostics)):
            yield equation, diagnostic


def render(report: Report) -> str:
    """One ``::error file=…`` line a diagnostic."""
    out = []
    for equation, d in problems(report):
        line, column = report.document.source.line_column(d.span.start) if d.span else (1, 1)
        message = f"({equation.number}) {d.message}".replace("%", "%25").replace("\n", "%0A")
        out.append(f"::{_LEVELS[d.severity]} file={report.path},line={line},col={column},title={d.code}::{message}")
    return "".join(line + "\n" for line in out)
