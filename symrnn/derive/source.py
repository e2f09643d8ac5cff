"""Where in the document something stands that cannot be differentiated."""

from __future__ import annotations

from symrnn.checker import Checker
from symrnn.diagnostic import UsageError
from symrnn.verdict import Kind


def failures(checker: Checker) -> None:
    """Raises UsageError at the first defining line that does not define: its place, and why."""
    defined = {d.number for d in checker.paper.definitions}
    source = checker.document.source
    if not any(c.kind == "definition" for e in checker.paper.equations for c in e.claims):
        raise UsageError(f"{source.path}: nothing is defined: name the forward equations under define in the manifest")
    for equation in checker.paper.equations:
        defines = any(c.kind == "definition" and c.lhs is not None for c in equation.claims)
        wanted = checker.manifest.defines(equation.number)
        if (not defines and not (wanted and equation.problem)) or equation.number in defined:
            continue
        report = checker.equation(equation)
        found = [*report.diagnostics, *(d for c in report.claims for d in c.diagnostics)]
        why = found[0].message if found and report.verdict is not Kind.DEFINED else "this line defines nothing"
        span = found[0].span if found and found[0].span is not None else equation.span
        line, column = source.line_column(span.start)
        raise UsageError(f"{source.path}:{line}:{column}: ({equation.number}) cannot be differentiated: {why}")


def position(checker: Checker, reason: str) -> str:
    """The place of the defining line that a reason names, or the document."""
    source = checker.document.source
    for d in checker.paper.definitions:
        if f" {d.symbol.name} " in f" {reason} ":
            for equation in checker.paper.equations:
                if equation.number == d.number:
                    line, column = source.line_column(equation.span.start)
                    return f"{source.path}:{line}:{column}"
    return source.path
