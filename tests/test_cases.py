"""Documents with the expectation on the equation it concerns: ``<!-- expect: verdict -->`` above each display."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from symrnn.library import Report, check

ROOT = Path(__file__).resolve().parent.parent
EXPECT = re.compile(r"<!--\s*expect:\s*([\w-]+)\s*-->")
DOCUMENTS = sorted(
    p
    for p in [*ROOT.glob("tests/cases/*.md"), *ROOT.glob("derivations/*/*.md")]
    if EXPECT.search(p.read_text(encoding="utf-8"))
)


def expectations(report: Report) -> dict[str, str]:
    """Equation number → the verdict that the comment before it asks for."""
    text = report.document.source.text
    places = [(m.end(), m[1]) for m in EXPECT.finditer(text)]
    out = {}
    for equation in report.checker.paper.equations:
        before = [(end, verdict) for end, verdict in places if end <= equation.span.start]
        assert before and "$" not in text[before[-1][0] : equation.span.start], (
            f"({equation.number}) has no expectation"
        )
        out[equation.number] = before[-1][1]
    return out


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_every_verdict_is_the_expected_one(path: Path) -> None:
    report = check(path)
    wanted = expectations(report)
    found = {e.number: str(e.verdict) for e in report}
    wrong = {
        number: (wanted[number], verdict, [d.message for c in report[number].claims for d in c.diagnostics])
        for number, verdict in found.items()
        if wanted[number] != verdict
    }
    assert not wrong
    assert len(found) == len(wanted) >= 5


def test_clean_derivations_are_clean() -> None:
    """A committed derivation without expectations (other than the note with its mistakes) proves every line."""
    for path in sorted(ROOT.glob("derivations/*/note.md")):
        if path.parent.name == "bptt":
            continue
        bad = {e.number: str(e.verdict) for e in check(path) if e.verdict not in ("proved", "defined")}
        assert not bad, path
