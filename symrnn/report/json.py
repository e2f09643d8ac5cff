"""The report as JSON (CONTRACT, version 1), and its schema."""

from __future__ import annotations

from typing import Any

import msgspec

from symrnn import __version__, verdict
from symrnn.diagnostic import Diagnostic
from symrnn.library import Report
from symrnn.report.certificate import Certificates
from symrnn.span import Source
from symrnn.verdict import ClaimReport, EquationReport, Kind, Scope, Witness


class Place(msgspec.Struct, omit_defaults=False):
    """A diagnostic with its place: 1-based lines and columns, the end exclusive."""

    code: str
    severity: str
    message: str
    line: int
    column: int
    end_line: int
    end_column: int


class Edit(msgspec.Struct):
    """Replace ``latex[start:end]`` of the equation by ``text``."""

    start: int
    end: int
    text: str


class Repair(msgspec.Struct):
    """A proved edit of the author's text. ``places``: the same edits as offsets in the document; ``slips``: their
    classes; ``after``: the line whose repair mends this one too; ``kept``: the side of the line that stays.
    """

    latex: str
    edits: list[Edit]
    applicability: str
    places: list[Edit]
    slips: list[str]
    after: str
    kept: str


class Claim(msgspec.Struct):
    """One claim."""

    id: str
    kind: str
    lhs: str
    rhs: str
    reading: str
    verdict: str
    step: str | None
    supplied: bool
    scope: dict[str, Any]
    assumptions: list[str]
    conditions: list[str]
    certificate: dict[str, Any]
    witness: dict[str, Any]
    diagnostics: list[Place]
    repairs: list[Repair]


class Equation(msgspec.Struct):
    """One numbered line."""

    number: str
    line: int
    column: int
    latex: str
    verdict: str
    claims: list[Claim]
    diagnostics: list[Place]
    repairs: list[Repair]


class Paper(msgspec.Struct):
    """One document; ``model``: the definitions that certificates refer to by name."""

    path: str
    manifest: str | None
    equations: list[Equation]
    model: dict[str, Any]


class Tool(msgspec.Struct):
    """Who wrote this."""

    name: str
    version: str


class Root(msgspec.Struct):
    """The whole report."""

    version: int
    tool: Tool
    documents: list[Paper]
    summary: dict[str, int]


def render(reports: list[Report]) -> str:
    """The report of several documents as JSON text; the same input gives the same bytes."""
    return join([msgspec.json.encode(paper(report)) for report in reports])


def join(papers: list[bytes]) -> str:
    """The whole report from its documents, each already encoded."""
    documents = [msgspec.json.decode(p, type=Paper) for p in papers]
    summary = {kind.value: 0 for kind in Kind}
    for document in documents:
        for equation in document.equations:
            summary[equation.verdict] += 1
    order = ("proved", "conditional", "refuted", "ill-formed", "defined", "undecided")
    root = Root(1, Tool("symrnn", __version__), documents, {k: summary[k] for k in order})
    return msgspec.json.format(msgspec.json.encode(root), indent=1).decode() + "\n"


def schema() -> str:
    """The JSON Schema of the report."""
    return msgspec.json.format(msgspec.json.encode(msgspec.json.schema(Root)), indent=2).decode() + "\n"


def paper(report: Report) -> Paper:
    """One document's part of the report."""
    certificates = Certificates(report.checker)
    source = report.document.source
    equations = [_equation(e, source, certificates) for e in report.equations]
    return Paper(report.path, report.manifest, equations, certificates.model())


def _equation(e: EquationReport, source: Source, certificates: Certificates) -> Equation:
    repairs = [_repair(r) for r in e.repairs]
    claims = [_claim(c, source, certificates, repairs) for c in e.claims]
    places = [_place(d, source) for d in e.diagnostics]
    return Equation(e.number, e.line, e.column, e.latex, e.verdict.value, claims, places, repairs)


def _repair(r: verdict.Repair) -> Repair:
    edits, places = ([Edit(x.start, x.end, x.text) for x in side] for side in (r.edits, r.places))
    return Repair(r.latex, edits, r.applicability, places, list(r.slips), r.after, r.kept)


def _claim(c: ClaimReport, source: Source, certificates: Certificates, repairs: list[Repair]) -> Claim:
    return Claim(
        c.id,
        c.kind,
        c.lhs,
        c.rhs,
        c.reading,
        c.verdict.value,
        c.step,
        c.supplied,
        _scope(c.scope),
        list(c.assumptions),
        list(c.conditions),
        certificates.claim(c),
        _witness(c.witness),
        [_place(d, source) for d in c.diagnostics],
        [] if c.verdict in (Kind.PROVED, Kind.DEFINED) else repairs,
    )


def _scope(scope: Scope | None) -> dict[str, Any]:
    if scope is None:
        return {}
    lengths = scope.lengths if isinstance(scope.lengths, str) else list(scope.lengths)
    return {"sizes": scope.sizes, "lengths": lengths}


def _witness(w: Witness | None) -> dict[str, Any]:
    if w is None:
        return {}
    return {
        "steps": w.steps,
        "letters": w.letters,
        "component": list(w.component),
        "at": w.at,
        "lhs": w.lhs,
        "rhs": w.rhs,
    }


def _place(d: Diagnostic, source: Source) -> Place:
    if d.span is None:
        return Place(d.code, d.severity.value, d.message, 1, 1, 1, 1)
    line, column = source.line_column(d.span.start)
    end_line, end_column = source.line_column(max(d.span.end, d.span.start))
    return Place(d.code, d.severity.value, d.message, line, column, end_line, end_column)
