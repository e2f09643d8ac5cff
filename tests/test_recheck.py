"""The re-checker: its arithmetic against mpmath, its verdicts against the engine's, and what it must not believe."""

from __future__ import annotations

import copy
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import mpmath
import pytest
from click.testing import CliRunner

from symrnn import network, partials
from symrnn.algebra import terms as T
from symrnn.algebra.decide import Decider, Outcome
from symrnn.cli import main
from symrnn.elaborate.claim import elaborate
from symrnn.expr import Add, Apply, Entry, Expr, Number, Power, Ref, Times, number
from symrnn.general import differentiate
from symrnn.general.decide import Silent
from symrnn.library import check, prepare
from symrnn.recheck.reals import FUNCTIONS, Interval, Num, Undefined, added, applied, derivatives, raised, real, times
from symrnn.recheck.report import Paper, Wrong, recheck
from symrnn.report import json as report_json
from symrnn.report.certificate import Certificates
from symrnn.verdict import ClaimReport, Kind

ROOT = Path(__file__).resolve().parent.parent
DERIVATIONS = ROOT / "derivations"


@cache
def text(path: str) -> str:
    """The JSON report of a document of ours."""
    return report_json.render([check(DERIVATIONS / path)])


def loaded(path: str) -> dict[str, Any]:
    """A report to tamper with."""
    return json.loads(text(path))  # type: ignore[no-any-return]


def wrong(report: dict[str, Any], points: int = 1) -> list[str]:
    """All that is not confirmed."""
    whole, papers = recheck(json.dumps(report), points)
    return [*whole, *(f for p in papers for f in p.failures)]


def only(report: dict[str, Any], *numbers: str) -> dict[str, Any]:
    """A report of these equations alone."""
    (document,) = report["documents"]
    document["equations"] = [e for e in document["equations"] if e["number"] in numbers]
    counts = Counter(e["verdict"] for e in document["equations"])
    report["summary"] = {kind: counts[kind] for kind in report["summary"]}
    return report


def claims(report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All claims of a report."""
    return (c for d in report["documents"] for e in d["equations"] for c in e["claims"])


def claim(report: dict[str, Any], ident: str) -> dict[str, Any]:
    """A claim by its id."""
    return next(c for c in claims(report) if c["id"] == ident)


# -- reports that are right --------------------------------------------------------------------------------------------

QUICK = ["bptt/note.md", "elman/note.md", "elman/wrong.md", "identities/note.md", "mlp/wrong.md",
         "softmax-regression/note.md", "mlp/derivation.md"]  # fmt: skip
CELLS = "attention gru lstm lstm-peephole rnn-relu rnn-sigmoid rnn-tanh rnn-two-layers softmax-regression"
SLOW = ["bptt/corrected.md", "mlp/note.md", *(f"{cell}/derivation.md" for cell in CELLS.split())]


@pytest.mark.parametrize("path", [*QUICK, *(pytest.param(p, marks=pytest.mark.slow) for p in SLOW)])
def test_what_the_engine_found_is_confirmed(path: str) -> None:
    report = loaded(path)
    whole, (paper,) = recheck(text(path), points=1)
    assert not whole and not paper.failures
    kinds = Counter(c["verdict"] for c in claims(report))
    assert paper.counts["proved"] == kinds["proved"] and paper.counts["refuted"] == kinds["refuted"]
    assert paper.counts["instances"] >= paper.counts["proved"]


def test_the_note_has_its_refutations_and_its_derivatives_confirmed() -> None:
    _, (paper,) = recheck(json.dumps(only(loaded("bptt/note.md"), *map(str, range(20, 64)))), points=2, seed=5)
    assert not paper.failures
    assert paper.counts["refuted"] >= 8 and paper.counts["conditional"] >= 6
    assert paper.counts["derivatives"] > 2000 and paper.counts["statements"] > 10


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
@pytest.mark.parametrize("path", QUICK)
def test_other_points_sizes_and_lengths_confirm_it_too(path: str, seed: int) -> None:
    whole, (paper,) = recheck(text(path), points=4, seed=seed)
    assert not whole and not paper.failures


def test_it_stands_alone(tmp_path: Path) -> None:
    """It runs where nothing is installed, and imports nothing but itself and the standard library."""
    path = tmp_path / "report.json"
    path.write_text(text("mlp/wrong.md"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(ROOT / "symrnn" / "recheck"), str(path)], capture_output=True, text=True
    )
    assert done.returncode == 0 and "all confirmed" in done.stdout, done.stderr
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import symrnn.recheck.report; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    names = set(found.stdout.split())
    assert {n for n in names if n.startswith("symrnn")} == {
        "symrnn", "symrnn.recheck", "symrnn.recheck.reals", "symrnn.recheck.world", "symrnn.recheck.report"
    }  # fmt: skip
    assert {n.split(".")[0] for n in names} - {"symrnn", "__main__"} <= set(sys.stdlib_module_names)


# -- its arithmetic ----------------------------------------------------------------------------------------------------

EXACT: dict[str, Callable[[Any], Any]] = {
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)), "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
    "relu": lambda x: max(x, mpmath.mpf(0)), "step": lambda x: mpmath.mpf(int(x > 0)), "arctan": mpmath.atan,
    **{n: getattr(mpmath, n) for n in ("exp", "ln", "tanh", "sinh", "cosh", "sin", "cos")},
}  # fmt: skip


def holds(interval: Interval, value: Any) -> bool:
    return bool(mpmath.mpf(str(interval.low)) <= value <= mpmath.mpf(str(interval.high)))


def test_every_function_of_the_engine_is_known() -> None:
    from symrnn.algebra.functions import TABLE

    assert set(FUNCTIONS) == set(TABLE) == set(EXACT)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_functions_and_slopes_enclose_the_exact_values(name: str) -> None:
    pick = random.Random(name)
    with mpmath.workdps(100):
        for _ in range(60):
            q = Fraction(pick.randint(1, 4000), 1000) * (1 if name == "ln" else pick.choice((-1, 1)))
            x = mpmath.mpf(q.numerator) / q.denominator
            value = applied(name, Num(real(q)))
            assert holds(value.value, EXACT[name](x)) and value.value.narrow, (name, q)
            ((_, slope),) = value.parts or ()
            exact = mpmath.diff(EXACT[name], x) if name not in ("relu", "step") else (x > 0) * (name == "relu")
            assert abs(mpmath.mpf(str(slope().low)) - exact) < mpmath.mpf("1e-25"), (name, q)
            assert slope().narrow


def test_intervals_hold_what_rationals_are() -> None:
    """Wide intervals too, of either sign: every pair of points inside stays inside."""
    pick = random.Random(3)
    for _ in range(400):
        a, b, c, d = (Fraction(pick.randint(-9, 9), pick.randint(1, 7)) for _ in range(4))
        one, two = (Interval(real(min(p)).low, real(max(p)).high) for p in ((a, b), (c, d)))
        n = pick.randint(-3, 4)
        found = [(one + two, a + c), (one - two, b - d), (one * two, a * d), (-one, -b)]
        if not one.low <= 0 <= one.high:
            found += [(1 / one, 1 / a), (one**n, b**n)]
        for interval, q in found:
            assert Fraction(interval.low) <= q <= Fraction(interval.high)
    for bad in (lambda: 1 / Interval(Decimal(-1), Decimal(1)), lambda: FUNCTIONS["ln"][0](real(0))):
        with pytest.raises(Undefined):
            bad()


def test_derivatives_are_those_along_all_paths() -> None:
    """d/dx of (x·tanh x + x)^(1/2) − x^x at 2, against mpmath."""
    x = Num(real(2))
    inner = added([times(x, applied("tanh", x)), x])
    power = applied("exp", times(x, applied("ln", x)))
    total = added([raised(inner, Num(real(Fraction(1, 2)))), times(Num(real(-1)), power)])
    with mpmath.workdps(100):
        exact = mpmath.diff(lambda v: mpmath.sqrt(v * mpmath.tanh(v) + v) - v**v, 2)
        assert abs(mpmath.mpf(str(derivatives(total)[x].low)) - exact) < mpmath.mpf("1e-30")
    assert derivatives(total)[total].low == 1 and derivatives(total)[x].narrow


# -- reports that are tampered with ------------------------------------------------------------------------------------


def test_the_verdict_flipped() -> None:
    report = only(loaded("bptt/note.md"), "25", "26")
    found = claim(report, "25a")
    found["verdict"], found["scope"] = "proved", {"sizes": {"o": 3}, "lengths": "all"}
    found["certificate"] |= {"instances": {"1": 1, "2": 1, "3": 1}, "general": {"fixed": ["o"], "derivation": []}}
    failures = wrong(report)
    assert any("25a" in f and " is not " in f for f in failures)
    assert any(f.startswith("(25)") and "worst" in f for f in failures)
    equation = next(e for e in report["documents"][0]["equations"] if e["number"] == "25")
    equation["verdict"] = "proved"
    assert any(f.startswith("summary") for f in wrong(report))
    found["certificate"]["instances"] = {}
    assert any("25a" in f and ("no instance" in f or " is not " in f) for f in wrong(report))


@pytest.mark.parametrize(
    ("ident", "old", "new"),
    [
        ("33a", "(T V)", "V"),  # an operation
        ("34a", "(+ (grad", "(+ (- (grad"),  # a sign (and a bracket too few: unreadable)
        ("27a", "(entry V 2 1)", "(entry V 2 2)"),  # an index
        ("28a", "(- 1)", "1"),  # a sign that leaves it readable
        ("34a", "L@\\tau-1", "L@\\tau"),  # a step
        ("38a", "(^ (tanh ?x) 2)", "(^ (tanh ?x) 3)"),  # an exponent
        ("45a", "(eye", "(diagonal"),  # no operation at all
        ("81a", "(^ h@t 2)", "(^ h@t-1 2)"),
        ("63b", "L b)", "L b~2)"),  # a copy
    ],
)
def test_a_side_that_is_changed(ident: str, old: str, new: str) -> None:
    report = only(loaded("bptt/note.md"), ident[:-1])
    found = claim(report, ident)
    assert found["verdict"] in ("proved", "conditional")
    side = "rhs" if old in found["certificate"]["rhs"] else "lhs"
    assert old in found["certificate"][side]
    found["certificate"][side] = found["certificate"][side].replace(old, new, 1)
    (failure,) = [f for f in wrong(report) if not f.startswith("summary")]
    assert ident in failure


@pytest.mark.parametrize("tamper", range(8))
def test_what_else_must_not_be_believed(tamper: int) -> None:
    report = only(
        loaded("bptt/note.md"),
        *({3: ["18"], 4: ["27"], 5: ["27"], 6: ["25"], 7: ["25"]}.get(tamper, ["6", "33", "45"])),
    )
    model = report["documents"][0]["model"]
    whom = ""
    if tamper == 0:  # the definition of a vertex
        d = next(d for d in model["definitions"] if d[0] == "a@")
        d[4] = d[4].replace("(+ b", "(+ (- b)")
    elif tamper == 1:  # a definition that no line states again, but gradients rest on
        next(d for d in model["definitions"] if d[0] == "h@")[4] = "(sigmoid a@t)"
    elif tamper == 2:  # a statement of a derivation
        used = claim(report, "33a")["certificate"]["general"]["derivation"]
        s = next(s for s in (model["statements"][k] for k in used) if "(grad" in s.get("rhs", ""))
        s["rhs"] = f"(* 2 {s['rhs']})"
    elif tamper == 3:  # an instance less
        whom = "18a"
        claim(report, whom)["certificate"]["instances"]["3"] -= 1
    elif tamper == 4:  # a wider scope
        whom = "27a"
        claim(report, whom)["scope"]["sizes"] = "all"
        claim(report, whom)["certificate"]["general"]["fixed"] = []
    elif tamper == 5:  # an assumption that was not made
        whom = "27a"
        del claim(report, whom)["certificate"]["given"]
    elif tamper == 6:  # a witness with another point
        whom = "25a"
        at = claim(report, whom)["witness"]["at"]
        at["V[1,1]"] = "1/3"
    else:  # a refutation of what is true
        whom = "25a"
        c = claim(report, whom)["certificate"]
        c["rhs"] = c["lhs"]
    failures = wrong(report)
    assert failures and all(whom in f for f in failures)


def test_conditions_and_reasons_have_to_fit() -> None:
    report = only(loaded("bptt/note.md"), "18", "77", "78", "80")
    one, two = (next(c for c in claims(report) if c["verdict"] == v) for v in ("proved", "ill-formed"))
    one["conditions"] = ["a re-reading"]
    two["certificate"] = {"lhs": "1", "rhs": "1"}
    report["summary"]["undecided"] = 1
    assert len(wrong(report)) == 3


def test_the_whole_report_is_broken_in_all_places_and_never_a_traceback() -> None:
    """One random value of the report replaced by something of another kind."""
    original = only(loaded("mlp/wrong.md"), "1", "2", "6", "7", "9")
    pick = random.Random(11)
    statuses = Counter()
    for _ in range(150):
        report = copy.deepcopy(original)
        node, key = report, "documents"
        while isinstance(node[key], (dict, list)) and node[key] and pick.random() < 0.93:
            node = node[key]
            key = pick.choice(sorted(node)) if isinstance(node, dict) else pick.randrange(len(node))
        node[key] = pick.choice([None, -1, 10**12, "x", "(", "", [], {}, [[]], {"a": 1}, 1.5, True])
        try:
            statuses[bool(wrong(report))] += 1
        except ValueError as error:
            assert "\n" not in str(error)
            statuses["no report"] += 1
    assert statuses[True] > 10 and statuses["no report"] > 0  # some places, such as the LaTeX, it does not look at


# -- against the engine ------------------------------------------------------------------------------------------------


def changed(e: Any, place: int, pick: random.Random) -> tuple[Any, int]:
    """An expression with its part number ``place`` slightly changed, and how many parts were passed."""
    if not isinstance(e, Expr):
        return e, 0
    if place == 0:
        return slip(e, pick), 1
    passed = 1
    changes: dict[str, Any] = {}
    for f in fields(e):
        value = getattr(e, f.name)
        if isinstance(value, Expr) and f.name != "wrt":
            changes[f.name], count = changed(value, place - passed, pick) if place >= passed else (value, 0)
            passed += count
        elif f.name == "terms":
            out = []
            for sign, part in value:
                new, count = changed(part, place - passed, pick) if place >= passed else (part, 0)
                passed += count
                out.append((sign, new))
            changes[f.name] = tuple(out)
    return (replace(e, **changes) if changes else e), passed


def slip(e: Expr, pick: random.Random) -> Expr:
    """A slip as authors make them."""
    match e:
        case Number():
            return replace(e, value=e.value + pick.choice((-1, 1)))
        case Add():
            k = pick.randrange(len(e.terms))
            return replace(e, terms=tuple((-s if i == k else s, x) for i, (s, x) in enumerate(e.terms)))
        case Entry():
            return replace(e, row=e.row.shifted(pick.choice((-1, 1))))
        case Ref() if e.time is not None:
            return replace(e, time=e.time.shifted(pick.choice((-1, 1))))
        case Apply():
            return replace(e, function=pick.choice([f for f in ("tanh", "sigmoid", "sin", "exp") if f != e.function]))
        case Power():
            return replace(e, exponent=number(pick.choice((1, 3))))
        case _:
            return Times(e.shape, number(pick.choice((-1, 2))), e) if pick.random() < 0.5 else e


def mutants(path: str, count: int) -> Iterator[tuple[str, Kind, bool]]:
    """Claims with slips: what the engine says, and whether the re-checker finds both sides equal where it looked."""
    checker = prepare(DERIVATIONS / path)
    pick = random.Random(path)
    found = [c for e in checker.paper.equations for c in e.claims if c.lhs is not None and c.kind != "definition"]
    for _ in range(count):
        c = pick.choice(found)
        try:
            typed = elaborate(checker.context, c)
        except Exception:
            continue
        if typed is None:
            continue
        parts = sum(1 for _ in typed.rhs.walk())
        typed = replace(typed, rhs=changed(typed.rhs, pick.randrange(parts), pick)[0])
        judgement = checker.decide(c, typed, ())
        if judgement.kind not in (Kind.PROVED, Kind.REFUTED):
            continue
        given = ClaimReport(c.id, c.kind, "", "", "", Kind.PROVED, c.span, typed=typed, where=c.where,
                            instances=judgement.instances, general=Silent("not asked"))  # fmt: skip
        certificates = Certificates(checker)
        certificate = certificates.claim(given)
        model = json.loads(json.dumps(certificates.model()))
        paper = Paper({"path": path, "model": model, "equations": []}, 1, 0)
        lengths = [i.steps for i in judgement.instances] or [judgement.witness.steps]  # type: ignore[union-attr]
        try:
            exist = sum(paper.confirm(certificate, model["sizes"], n) for n in sorted(set(lengths)))
            same = exist == len(judgement.instances)
        except Wrong:
            same = False
        yield c.id, judgement.kind, same


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("elman/note.md", 60),
        ("identities/note.md", 60),
        ("mlp/note.md", 40),
        ("bptt/note.md", 40),
        pytest.param("bptt/note.md", 500, marks=pytest.mark.slow),
        pytest.param("lstm/derivation.md", 500, marks=pytest.mark.slow),
    ],
)
def test_engine_and_rechecker_agree_about_slips(path: str, count: int) -> None:
    """The engine proves by normal forms and refutes by balls; the re-checker must find the same, each time."""
    kinds = Counter()
    for ident, kind, same in mutants(path, count):
        assert same == (kind is Kind.PROVED), (ident, kind)
        kinds[kind] += 1
    assert kinds[Kind.REFUTED] > count // 6 and kinds[Kind.PROVED] > 0


BROKEN = r"""
For $h_t \in \mathbb{R}^n$, $x_t \in \mathbb{R}^n$ and $W \in \mathbb{R}^{n \times n}$ let

$$h_t = \tanh(W h_{t-1} + x_t) \tag{1}$$

$$\ell = \frac{1}{2} \sum_{t=1}^T h_t^\top h_t \tag{2}$$

$$\frac{\partial \ell}{\partial x_{T,i}} = SLOPE \tag{3}$$

$$\frac{\partial \ell}{\partial h_t} = PATHS \tag{4}$$
"""
TOML = '\ndefine = ["1", "2"]\n[steps]\nindex = "t"\nlast = "T"\n[sizes]\nn = 2\n'
SLOPE = "h_{T,i} (1 - h_{T,i}^2)"
PATHS = r"h_t + W^\top \mathrm{diag}(1 - h_{t+1}^2) \frac{\partial \ell}{\partial h_{t+1}}"


def judged(slope: str = SLOPE, paths: str = PATHS) -> dict[str, Any]:
    report = check(BROKEN.replace("SLOPE", slope).replace("PATHS", paths), TOML)
    return json.loads(report_json.render([report]))  # type: ignore[no-any-return]


@pytest.fixture
def fresh() -> Iterator[None]:
    """Nothing that a broken engine has found out stays."""
    differentiate.slope.cache_clear()
    yield
    differentiate.slope.cache_clear()


def test_the_small_document_is_right_and_confirmed(fresh: None) -> None:
    report = judged()
    assert [c["verdict"] for c in claims(report)] == ["defined", "defined", "proved", "proved"]
    assert not wrong(report)


def test_an_engine_with_a_wrong_slope_is_found_out(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """d tanh = 1 + tanh²: the engine proves what it would prove, and refutes what is true."""
    by = partials.Partials.by

    def flipped(term: Any) -> Any:
        if term.op == "add":
            return T.add(*(T.neg(a) if a.op == "mul" and any(x.op == "pow" for x in a.args) else a for a in term.args))
        if term.op == "mul":
            return T.mul(*(flipped(a) for a in term.args))
        return term

    monkeypatch.setattr(partials.Partials, "by", lambda self, variable: flipped(by(self, variable)))
    lies = judged(SLOPE.replace("1 - ", "1 + "), PATHS.replace("1 - ", "1 + "))
    assert [c["verdict"] for c in claims(lies)][2:] == ["proved", "proved"]
    assert len([f for f in wrong(lies) if " is not " in f]) == 2
    truth = judged()
    assert [c["verdict"] for c in claims(truth)][2:] == ["refuted", "refuted"]
    assert len(wrong(truth)) == 2


def test_an_engine_that_drops_a_path_is_found_out(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """No derivative flows from one step to the next."""
    adjoint = network.Network._users

    def broken(self: network.Network) -> Any:
        return {
            v: [u for u in us if v.time in (None, u[0].time) or u[0].time is None] for v, us in adjoint(self).items()
        }

    monkeypatch.setattr(network.Network, "_users", broken)
    lies = judged(paths="h_t")
    assert [c["verdict"] for c in claims(lies)][2:] == ["proved", "proved"]
    (failure,) = wrong(lies)
    assert "4a" in failure and " is not " in failure


def test_an_engine_that_decides_wrongly_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Decider, "differing_point", lambda *_: None)
    monkeypatch.setattr(Decider, "proves_zero", lambda *_, **__: True)
    report = judged("h_{T,i}", "h_t")
    assert [c["verdict"] for c in claims(report)][2:] == ["proved", "proved"]
    assert len([f for f in wrong(report) if " is not " in f]) == 2


# -- the command -------------------------------------------------------------------------------------------------------


def run(*args: str, stdin: str = "") -> Any:
    return CliRunner().invoke(main, ["recheck", *args], input=stdin)


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    report = only(loaded("bptt/note.md"), "25", "26", "27")
    path.write_text(json.dumps(report), encoding="utf-8")
    done = run(str(path), "--points", "2")
    assert done.exit_code == 0 and "2 proved" in done.stdout and "1 refuted" in done.stdout
    as_json = run("-", "--format", "json", stdin=path.read_text(encoding="utf-8"))
    assert as_json.exit_code == 0 and json.loads(as_json.stdout)["documents"][0]["refuted"] == 1
    claim(report, "27a")["certificate"]["rhs"] += ")"
    path.write_text(json.dumps(report), encoding="utf-8")
    done = run(str(path))
    assert done.exit_code == 1
    assert done.stdout.startswith(f"not confirmed: {report['documents'][0]['path']} (27) 27a proved: unreadable")


NO_REPORTS = (
    "", "{", "[]", "7", "[" * 100_000, '{"version": 2, "documents": []}', '{"version": 1}',
    '{"version": 1, "documents": [3]}',
    '{"version": 1, "documents": [{"path": "a", "model": {}, "equations": [1]}], "summary": {}}',
)  # fmt: skip


@pytest.mark.parametrize("content", NO_REPORTS)
def test_what_is_no_report_gets_one_line(content: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(content, encoding="utf-8")
    done = run(str(path))
    assert done.exit_code == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and done.stderr.startswith(f"symrnn: {path}: is no")
    assert run(str(tmp_path / "nothing.json")).exit_code == 2


def test_the_help_says_what_is_confirmed() -> None:
    done = run("--help")
    assert done.exit_code == 0 and "REPORT.json" in done.stdout and "Exit status" in done.stdout
    assert run("--points", "0", "x").exit_code == 2


@pytest.mark.parametrize("seed", range(8))
def test_what_holds_on_one_side_of_zero_alone_is_noticed(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every number is looked at with both signs: an engine that believes everything proves relu(x) = x."""
    monkeypatch.setattr(Decider, "decide", lambda self, a, b: Outcome.EQUAL)
    lines = r"$x, a, b \in \mathbb{R}$: $$a = \text{relu}(x) \tag{1}$$ $$a b = x b \tag{2}$$ $$\sqrt{b^2} = b \tag{3}$$"
    found = check(lines + "\n", 'define = ["1"]\n')
    assert {str(e.verdict) for e in found} == {"defined", "proved"}
    whole, (paper,) = recheck(report_json.render([found]), 3, seed)
    assert not whole and len(paper.failures) == 2


def test_a_derivative_by_an_expression_is_none() -> None:
    """``∂x/∂(x + 0)`` has no meaning, and is not 0."""
    report = loaded("mlp/wrong.md")
    found = next(c for c in claims(report) if c["verdict"] == "proved" and "(grad " in c["certificate"]["lhs"])
    name = next(n for n in report["documents"][0]["model"]["quantities"] if not n.endswith("@"))
    found["certificate"] |= {"lhs": f"(jacobian {name} (+ {name} {name}))", "rhs": "0"}
    assert any("no quantity" in f for f in wrong(report))
