"""Documents of other authors, in their own notation: no verdict contradicts what a person found true of each display.

The documents (displays as printed, what the symbols are, the truth of each) stand beside the repository in
``shared/others``; what we write ourselves is the manifest, ``tests/others/NAME.toml``. ``python -m tests.test_others
[NAME…]`` prints every display with its truth and its verdict.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from symrnn.library import Report, check
from symrnn.verdict import EquationReport, Kind

ROOT = Path(__file__).resolve().parent.parent
OTHERS = ROOT.parent / "shared" / "others"
MANIFESTS = sorted((ROOT / "tests" / "others").glob("*.toml"))

# What each truth lets us say: what agrees with it, and what contradicts it. All else abstains.
AGREES = {
    "true": {Kind.PROVED, Kind.CONDITIONAL},
    "definition": {Kind.DEFINED, Kind.PROVED, Kind.CONDITIONAL},
    "assumption": {Kind.DEFINED, Kind.PROVED, Kind.CONDITIONAL},
    "false": {Kind.REFUTED},
    "ill_formed": {Kind.ILL_FORMED},
    "not_checkable": {Kind.UNDECIDED, Kind.DEFINED, Kind.ILL_FORMED},
}
CONTRADICTS = {
    "true": {Kind.REFUTED, Kind.ILL_FORMED},
    "definition": {Kind.REFUTED, Kind.ILL_FORMED},
    "assumption": {Kind.REFUTED},
    "false": {Kind.PROVED, Kind.CONDITIONAL, Kind.DEFINED},
    "ill_formed": {Kind.PROVED, Kind.CONDITIONAL, Kind.DEFINED},
    "not_checkable": {Kind.PROVED, Kind.REFUTED},
}
# How many displays of each document agree at least; the rest abstains.
AGREED = {
    "aiedu-gru": 20,
    "chrisyeh-batchnorm": 22,
    "chrisyeh-logistic": 13,
    "d2l-bptt-2020": 15,
    "d2l-matcalc-2020": 30,
    "goubasarian-attention": 21,
    "roelants-softmax": 9,
}


@dataclass(frozen=True)
class Judged:
    """A display of somebody's document: the truths that were stated of it, and what we say."""

    truths: tuple[str, ...]
    reason: str
    report: EquationReport

    @property
    def agrees(self) -> bool:
        return any(self.report.verdict in AGREES[truth] for truth in self.truths)

    @property
    def contradicts(self) -> bool:
        return not self.agrees and self.report.verdict in CONTRADICTS[self.truths[0]]


@cache
def report_of(manifest: Path) -> Report:
    """Our report of a document."""
    return check(OTHERS / manifest.stem / "equations.md", manifest)


@cache
def judged(manifest: Path) -> tuple[Judged, ...]:
    """Every display of a document, in its order."""
    folder = OTHERS / manifest.stem
    truths = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    report = report_of(manifest)
    return tuple(
        Judged((t["verdict"], *t.get("also_acceptable", ())), t["reason"], e)
        for t, e in zip(truths, report, strict=True)
    )


pytestmark = pytest.mark.skipif(not OTHERS.exists(), reason="the documents of others are not here")


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda p: p.stem)
def test_no_verdict_contradicts_the_truth(manifest: Path) -> None:
    wrong = {j.report.number: (j.truths, str(j.report.verdict)) for j in judged(manifest) if j.contradicts}
    assert not wrong


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda p: p.stem)
def test_as_many_agree_as_did(manifest: Path) -> None:
    assert sum(j.agrees for j in judged(manifest)) >= AGREED[manifest.stem]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda p: p.stem)
def test_what_is_false_is_mended(manifest: Path) -> None:
    false = [j for j in judged(manifest) if j.truths[0] == "false"]
    if not false:
        pytest.skip("nothing false stands here")
    mended = {e.number: e.repairs for e in report_of(manifest).repaired()}
    assert [j.report.number for j in false if not mended[j.report.number]] == []


def lines(manifest: Path) -> Iterator[str]:
    """A table for a person: what disagrees or abstains, with our reasons."""
    for j in judged(manifest):
        mark = "  " if j.agrees else "✗ " if j.contradicts else "? "
        yield f"{mark}({j.report.number}) {'/'.join(j.truths)}: {j.report.verdict}   {j.reason[:90]}"
        if not j.agrees:
            yield from (f"       {c.id} {c.verdict}: {d.message}" for c in j.report.claims for d in c.diagnostics)
    agrees, wrong = (sum(x) for x in zip(*((j.agrees, j.contradicts) for j in judged(manifest)), strict=True))
    total = len(judged(manifest))
    yield f"{manifest.stem}: {total} displays, {agrees} agree, {total - agrees - wrong} abstain, {wrong} contradict\n"


if __name__ == "__main__":
    for path in MANIFESTS:
        if path.stem in sys.argv[1:] or not sys.argv[1:]:
            print("\n".join(lines(path)))
