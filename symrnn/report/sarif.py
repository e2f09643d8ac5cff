"""The report in SARIF 2.1.0, the exchange format of static analysis."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

from symrnn import __version__
from symrnn.diagnostic import Diagnostic, Severity
from symrnn.library import Report
from symrnn.report.github import problems
from symrnn.verdict import Repair

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def run(report: Report) -> str:
    """The results of one document; the repairs of an equation stand with its first result."""
    mended: set[str] = set()
    results = []
    for equation, d in problems(report):
        fixes = [] if equation.number in mended else [_fix(report, r) for r in equation.repairs if r.places]
        mended.add(equation.number)
        results.append(_result(report, equation.number, d) | ({"fixes": fixes} if fixes else {}))
    return json.dumps(results)


def join(parts: list[str]) -> str:
    """The whole log from the results of its documents."""
    results = [r for part in parts for r in json.loads(part)]
    rules = [{"id": code} for code in sorted({r["ruleId"] for r in results})]
    driver = {"name": "symrnn", "version": __version__, "rules": rules}
    log = {
        "version": "2.1.0",
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }
    return json.dumps(log, indent=1, ensure_ascii=False) + "\n"


def _fix(report: Report, repair: Repair) -> dict[str, Any]:
    """A proved edit of the document."""
    replacements = [
        {
            "deletedRegion": {"charOffset": e.start, "charLength": e.end - e.start},
            "insertedContent": {"text": e.text},
        }
        for e in repair.places
    ]
    change = {"artifactLocation": {"uri": PurePath(report.path).as_posix()}, "replacements": replacements}
    return {"description": {"text": f"{repair.words} ({repair.applicability})"}, "artifactChanges": [change]}


def _result(report: Report, number: str, d: Diagnostic) -> dict[str, Any]:
    source = report.document.source
    region = {}
    if d.span is not None:
        line, column = source.line_column(d.span.start)
        end_line, end_column = source.line_column(max(d.span.end, d.span.start))
        region = {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}
    location = {"physicalLocation": {"artifactLocation": {"uri": PurePath(report.path).as_posix()}, "region": region}}
    return {
        "ruleId": d.code,
        "level": _LEVELS[d.severity],
        "message": {"text": f"({number}) {d.message}"},
        "locations": [location],
    }
