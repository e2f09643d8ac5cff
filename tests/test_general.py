"""The general decider: what it proves holds at sizes and lengths that the proof never saw, and slips are not proved."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pytest

import symrnn
from symrnn.algebra.decide import Decider, Outcome
from symrnn.checker import Checker, Judgement
from symrnn.claims import Claim
from symrnn.general.decide import General, Silent
from symrnn.manifest import load
from symrnn.read.document import read_path
from symrnn.verdict import EquationReport, Kind
from tests.resized import axes_of, instances
from tests.test_mutants import Line, lines

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(
    p
    for p in (ROOT / "derivations").rglob("*.md")
    if p.with_suffix(".toml").is_file() and p.stem not in ("forward", "derivation")
)
DERIVED = sorted((ROOT / "derivations").glob("*/derivation.md"))  # by symrnn derive: proofs alone


@cache
def checker(path: Path) -> Checker:
    return Checker(read_path(path), load(path.with_suffix(".toml")))


@cache
def proofs(path: Path) -> dict[str, tuple[Claim, Judgement]]:
    """The claims that are proved in general, with what was judged."""
    found = checker(path)
    found.general.debug = True
    out = {}
    for equation in found.paper.equations:
        for claim in equation.claims:
            judgement = found.in_general(claim, found.judge(claim, equation.number))
            if isinstance(judgement.general, General):
                out[claim.id] = (claim, judgement)
    return out


def agrees(path: Path, ident: str, pick: random.Random, most: int = 3, length: int = 4) -> int:
    """Decide a general proof's claim at random sizes and a random length; the number of pairs looked at."""
    claim, judgement = proofs(path)[ident]
    found = checker(path)
    given = tuple(found.assumptions[a] for a in judgement.assumptions)
    assert judgement.typed is not None
    axes = axes_of(found.general, judgement.typed, given)
    numbers = {a: n if n is not None else pick.randint(1, most) for a, n in axes.items()}
    steps = pick.randint(1, length) if found.timed else found.lengths[0]
    decider, count = Decider(), 0
    for letters, pairs in instances(found.general, judgement.typed, numbers, steps, claim.where, given):
        for one, two in pairs:
            assert decider.decide(one, two) is not Outcome.DIFFERENT, (ident, numbers, steps, letters)
            assert decider.decide(one, two) is Outcome.EQUAL, (ident, numbers, steps, letters)
            count += 1
    return count


@pytest.mark.parametrize(
    "path",
    [*DOCUMENTS, *(pytest.param(p, marks=pytest.mark.slow) for p in DERIVED)],
    ids=lambda p: f"{p.parent.name}/{p.stem}",
)
def test_proofs_hold_where_nobody_looked(path: Path) -> None:
    """Once for each claim, at sizes 1 to 3 and lengths 1 to 4 (more in the slow campaign).

    A derivation has hundreds of claims, with losses opened down to the inputs: forty of them, at sizes 1 and 2.
    """
    pick = random.Random(path.name)
    idents, most, length = list(proofs(path)), 3, 4
    if path in DERIVED:
        idents, most, length = pick.sample(idents, min(40, len(idents))), 2, 3
    assert sum(agrees(path, ident, pick, most, length) for ident in idents) > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_proofs_hold_wherever_one_looks(path: Path, seed: int) -> None:
    pick = random.Random(f"{path} {seed}")
    for ident in proofs(path):
        agrees(path, ident, pick, 4, 5)


# -- what is proved in general ------------------------------------------------------------------

EVERYTHING = {
    "bptt": "12 18 33 34 35 38 45 50 59 60 63 74 81 83 84 87 88",
    "elman": " ".join(str(n) for n in range(6, 28)),
    "mlp": "6 7 8 9 11 12 13 14 15 17 18 19 20 21 22",
    "softmax-regression": "1 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24",
    "identities": " ".join(str(n) for n in range(1, 34) if n not in (21, 22, 28, 29)),
}
# What the lines of the note that spell out components depend on.
NUMBERS = {
    "o": "9 14 15 16 17 19 20 21 23 24 26 27 36 37 43 46 48 49 51 52 64 65 67 68 75",
    "h o": "7 28 29 30 31 58 69 70 71 72 73",
    "h x": "5",
}


@pytest.mark.parametrize("name", EVERYTHING)
def test_what_is_meant_for_every_size_is_proved_for_every_size(name: str) -> None:
    path = ROOT / "derivations" / name / "note.md"
    for number in EVERYTHING[name].split():
        found = [j.general for ident, (_, j) in proofs(path).items() if ident.rstrip("abcdefgh") == number]
        assert found and all(isinstance(g, General) and not g.sizes for g in found), number


@pytest.mark.parametrize("names", NUMBERS)
def test_a_line_depends_on_a_number_only_if_the_number_stands_on_it(names: str) -> None:
    path = ROOT / "derivations" / "bptt" / "note.md"
    for number in NUMBERS[names].split():
        sizes: set[str] = set()
        for ident, (_, j) in proofs(path).items():
            if ident.rstrip("abcdefgh") == number and isinstance(j.general, General):
                sizes |= set(j.general.sizes)
        assert sizes == set(names.split()), number


# -- what is wrong is not proved ------------------------------------------------------------------

# A line of the note, what stands on it, what is put instead.
_DIAG = r"\text{diag}\left(1 - (\mathbf{h}^{(t+1)})^2\right)"
SLIPS = [
    ("33", r"\mathbf{V}^T", r"\mathbf{V}^T \mathbf{V} \mathbf{V}^T"),
    ("33", r"\nabla_{\mathbf{h}^{(\tau)}}", r"\nabla_{\mathbf{h}^{(t)}}"),
    ("33", r"\nabla_{\mathbf{o}^{(\tau)}}", r"\nabla_{\mathbf{o}^{(\tau-1)}}"),
    ("34", r"L^{(\tau-1)} +", r"L^{(\tau)} +"),
    ("45", r"\mathbf{W}^T", r"\mathbf{W}"),
    ("45", r"\mathbf{h}^{(t+1)})^2", r"\mathbf{h}^{(t)})^2"),
    ("45", r"\nabla_{\mathbf{h}^{(t+1)}}", r"\nabla_{\mathbf{h}^{(t)}}"),
    ("45", r"\nabla_{\mathbf{o}^{(t)}}", r"\nabla_{\mathbf{o}^{(t+1)}}"),
    ("45", r"+ \mathbf{V}^T \left(\nabla_{\mathbf{o}^{(t)}} L\right)", ""),  # the loss of the step itself is missing
    ("45", r"\mathbf{W}^T " + _DIAG, _DIAG + r" \mathbf{W}^T"),
    ("50", r"= \sum_t \nabla", r"= \sum_{t=1}^{\tau-1} \nabla"),
    ("50", r"= \sum_t \nabla", r"= \sum_{t=2}^{\tau} \nabla"),
    ("63", r"= \sum_t^\tau \text{diag}", r"= \sum_{t=1}^{\tau-1} \text{diag}"),
    ("63", r"\text{diag}\left(1 - (\mathbf{h}^{(t)})^2\right) \nabla", r"\nabla"),
    ("74", r"(\mathbf{h}^{(t)})^T", r"(\mathbf{h}^{(t-1)})^T"),
    ("81", r"\sum_t^{\tau}", r"\sum_{t=2}^{\tau}"),
    ("81", r"\sum_t^{\tau}", r"\sum_{t=1}^{\tau-1}"),
    ("81", r"\sum_t^{\tau}", r"\sum_t^t"),
    ("81", r"\sum_t^{\tau}", r"\sum_{t=1}^3"),
    ("81", r"(\mathbf{h}^{(t-1)})^T", r"(\mathbf{h}^{(t)})^T"),
    ("81", r"(\mathbf{h}^{(t)})^2", r"(\mathbf{h}^{(t-1)})^2"),
    ("83", r"(\mathbf{x}^{(t)})^T", r"(\mathbf{x}^{(1)})^T"),
    ("84", r"\nabla_{\mathbf{c}} L", r"\nabla_{\mathbf{c}} L^{(\tau)}"),
    ("87", r"(\mathbf{h}^{(t-1)})^T", r"(\mathbf{h}^{(t)})^T"),
    ("88", r"\sum_i \left(", r"\left("),
]  # fmt: skip


@pytest.mark.parametrize(("number", "old", "new"), SLIPS, ids=[f"{n}-{k}" for k, (n, _, _) in enumerate(SLIPS)])
def test_a_slip_is_not_proved_in_general(number: str, old: str, new: str) -> None:
    line = lines()[number]
    text = line.own[0].latex
    assert old in text
    silent(line, text.replace(old, new, 1))


def silent(line: Line, latex: str) -> None:
    """Of the line's claims, one that is not proved by instances is not proved in general either, by any attempt."""
    found = line.checker(0, latex)
    (equation,) = (e for e in found.paper.equations if e.number == line.number)
    wrong = 0
    for claim in equation.claims:
        judgement = found.judge(claim, line.number)
        if judgement.kind is Kind.REFUTED and judgement.typed is not None:
            given = tuple(found.assumptions[a] for a in judgement.assumptions)
            assert isinstance(found.general.decide(judgement.typed, claim.where, given), Silent), claim.id
        wrong += judgement.kind not in (Kind.PROVED, Kind.DEFINED)
    assert wrong


WRONG = [p for p in DOCUMENTS if p.stem == "wrong"]


@pytest.mark.parametrize("path", WRONG, ids=lambda p: p.parent.name)
def test_what_is_refuted_is_not_proved_in_general(path: Path) -> None:
    found = checker(path)
    count = 0
    for equation in found.paper.equations:
        for claim in equation.claims:
            judgement = found.judge(claim, equation.number)
            if judgement.kind is Kind.REFUTED and judgement.typed is not None:
                given = tuple(found.assumptions[a] for a in judgement.assumptions)
                assert isinstance(found.general.decide(judgement.typed, claim.where, given), Silent), claim.id
                count += 1
    assert count > 5


def test_a_contradiction_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    path = WRONG[0]
    found = Checker(read_path(path), load(path.with_suffix(".toml")))
    monkeypatch.setattr(found.general, "decide", lambda *a, **k: General({}))
    codes = {d.code for e in found.equations() for d in e.diagnostics}
    assert "SR900" in codes


# -- documents of a few lines ---------------------------------------------------------------------

RNN = r"""
For $x_t, h_t \in \mathbb{R}^n$, $W \in \mathbb{R}^{n \times n}$, $M \in \mathbb{R}^{n \times n}$, $v \in \mathbb{R}^n$:

$$h_t = W h_{t-1} + x_t \tag{1}$$

$$\ell_t = v^\top h_t \tag{2}$$

$$\ell = \sum_{t=1}^T \ell_t \tag{3}$$

"""
TOML = 'define = ["1-3"]\n[steps]\nlast = "T"\ncheck = [1, 2, 3, 4]\n[sizes]\nn = 2\n'


def last(report: symrnn.Report) -> EquationReport:
    """The last equation, without a search for its repairs."""
    return report.equations[-1]


def scope(line: str, manifest: str = TOML) -> str | None:
    """The scope of a line in the small document, None where it is not proved."""
    report = last(symrnn.check(RNN + f"$${line} \\tag{{4}}$$\n", manifest))
    assert not any(d.code == "SR900" for d in report.diagnostics)
    if report.verdict is not Kind.PROVED:
        return None
    found = report.claims[-1].scope
    return found.words() if found is not None else None


ALL = "for all sizes and lengths"


@pytest.mark.parametrize(
    "line",
    [
        r"\left( \sum_{i=1}^n M_{ij} v_i \right)_k = 0",  # no meaning: a scalar has no components
        r"v_i = \left( \sum_{i=1}^n v_i v \right)_i",
        r"\sum_{i=1}^n v_i \left( \sum_{i=1}^n M_{ii} \right) = \sum_{i=1}^n M_{ii} v_i",
        r"\frac{\partial \ell}{\partial h_{T-1}} = v + W^\top v",  # at T = 1 that is by h_0, which no loss pays for
        r"\frac{\partial \ell}{\partial h_t} = v",  # true at t = T alone
        r"\frac{\partial \ell}{\partial h_t} = v + W^\top v",  # true at t = T - 1 alone
        r"\frac{\partial \ell}{\partial h_t} = \sum_{s=t}^T \frac{\partial \ell_t}{\partial h_s}",
        r"\frac{\partial \ell}{\partial h_t} = \sum_{s=t+1}^T \frac{\partial \ell_s}{\partial h_t}",
        r"\frac{\partial \ell}{\partial h_t} = \sum_{s=t}^{T-1} \frac{\partial \ell_s}{\partial h_t}",
        r"\frac{\partial \ell}{\partial W} = \sum_{t=1}^T h_{t-1} \left(\frac{\partial \ell}{\partial h_t}\right)^\top",
        r"\frac{\partial h_t}{\partial h_{t-2}} = W",
        r"h_t = W h_{t-1}",
        r"\frac{\partial \ell}{\partial h_0} = \frac{\partial \ell}{\partial h_1}",
        r"\sum_{t=1}^T h_t = \sum_{t=1}^T h_{t-1}",
        r"\sum_{t=1}^T v = v",
    ],
)
def test_what_is_false_somewhere_is_not_proved(line: str) -> None:
    assert scope(line) is None


@pytest.mark.parametrize(
    "line",
    [
        r"\left( \sum_{i=1}^n v_i v \right)_i = \left( \sum_{j=1}^n v_j \right) v_i",
        r"\frac{\partial \ell}{\partial h_t} = v + W^\top \frac{\partial \ell}{\partial h_{t+1}}",
        r"\frac{\partial \ell}{\partial h_T} = v",
        r"\frac{\partial \ell}{\partial h_t} = \sum_{s=t}^T \frac{\partial \ell_s}{\partial h_t}",
        r"\frac{\partial \ell}{\partial h_0} = W^\top \frac{\partial \ell}{\partial h_1}",
        r"\frac{\partial \ell}{\partial W} = \sum_{t=1}^T \frac{\partial \ell}{\partial h_t} h_{t-1}^\top",
        r"\frac{\partial \ell}{\partial W} = \sum_{t=0}^{T-1} \frac{\partial \ell}{\partial h_{t+1}} h_t^\top",
        r"\frac{\partial h_t}{\partial h_{t-2}} = W W",
        r"h_t = W W h_{t-2} + W x_{t-1} + x_t",
        r"\ell = v^\top \sum_{t=1}^T h_t",
        r"\ell = v^\top h_1 + \sum_{t=2}^T v^\top h_t",
        r"\sum_{t=1}^T x_t = x_T + \sum_{t=1}^{T-1} x_t",
        r"\frac{\partial \ell_t}{\partial x_t} = v",
        r"\frac{\partial \ell}{\partial v} = \sum_{t=1}^T h_t",
    ],
)
def test_small_lines_about_every_size_and_length(line: str) -> None:
    assert scope(line) == ALL


START = r"""
For $x_t, h_t, u \in \mathbb{R}^n$, $W \in \mathbb{R}^{n \times n}$:

$$h_0 = 0 \tag{1}$$

$$h_t = \tanh(W h_{t-1} + x_t) \tag{2}$$

$$\ell = \sum_{t=1}^T u^\top h_t \tag{3}$$

"""


_BACK = r"((1 - h_t^2) \odot \frac{\partial \ell}{\partial h_t}) h_{t-1}^\top"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (r"h_1 = \tanh(x_1)", ALL),
        (r"h_2 = \tanh(x_2)", None),
        (r"\frac{\partial \ell}{\partial W} = \sum_{t=2}^T " + _BACK, ALL),
        (r"\frac{\partial \ell}{\partial W} = \sum_{t=3}^T " + _BACK, None),
        (r"\frac{\partial \ell}{\partial h_0} = W^\top ((1 - h_1^2) \odot \frac{\partial \ell}{\partial h_1})", ALL),
    ],
)  # fmt: skip
def test_a_state_that_starts_as_a_number(line: str, expected: str | None) -> None:
    report = last(symrnn.check(START + f"$${line} \\tag{{4}}$$\n", TOML))
    assert (report.claims[-1].scope.words() if report.verdict is Kind.PROVED else None) == expected
