"""The command line as other programs see it: real processes, exit statuses, stable output."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*args: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """``symrnn args`` in a process of its own."""
    return subprocess.run([sys.executable, "-m", "symrnn", *args], cwd=cwd, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def note() -> dict:
    done = run("check", "derivations/bptt/note.md", "--format", "json", "--no-repair")
    assert done.returncode == 1
    return json.loads(done.stdout)


def test_json_has_the_shape_of_the_contract(note: dict) -> None:
    assert note["version"] == 1 and note["tool"]["name"] == "symrnn"
    (document,) = note["documents"]
    assert [e["number"] for e in document["equations"]] == [str(k) for k in range(1, 89)]
    assert sum(note["summary"].values()) == 88
    assert set(note["summary"]) == {"proved", "conditional", "refuted", "ill-formed", "defined", "undecided"}
    assert note["summary"]["undecided"] == 0
    for equation in document["equations"]:
        assert {"number", "line", "column", "latex", "verdict", "claims"} <= set(equation)
        for claim in equation["claims"]:
            assert {"id", "kind", "lhs", "rhs", "reading", "verdict", "step", "scope", "assumptions", "conditions",
                    "certificate", "witness", "diagnostics", "repairs"} <= set(claim)  # fmt: skip
            if claim["verdict"] == "refuted":
                assert claim["witness"]["at"] and claim["witness"]["lhs"] != claim["witness"]["rhs"]
            if claim["verdict"] == "conditional" and claim["kind"] != "definition":
                assert claim["conditions"]
            if claim["verdict"] == "proved":
                assert claim["certificate"]["instances"] and claim["scope"]["lengths"]


def test_certificates_refer_only_to_quantities_that_are_declared(note: dict) -> None:
    """Definitions and statements stand in the model of the document once, sides in each certificate."""
    (document,) = note["documents"]
    model = document["model"]
    found = [c["certificate"] for e in document["equations"] for c in e["claims"] if c["certificate"]]
    sides = [c[side] for c in (*found, *(s for s in model["statements"] if "lhs" in s)) for side in ("lhs", "rhs")]
    names = {n for s in sides for n in re.findall(r"(\w+@?)[^ ()]*", " ".join(re.findall(r"\(entry (\w+@?)", s)))}
    assert len(sides) > 250 and {"W", "V", "h@", "hat_y@", "L"} <= names <= set(model["quantities"])
    assert ["h@", "*", "*", "t", "(tanh a@t)"] in model["definitions"]
    assert sum("(grad L " in s for s in sides) > 50


def test_the_verdict_of_an_equation_is_the_worst_of_its_claims(note: dict) -> None:
    order = ["refuted", "ill-formed", "undecided", "conditional", "proved", "defined"]
    for equation in note["documents"][0]["equations"]:
        kinds = [c["verdict"] for c in equation["claims"]]
        if kinds:
            assert equation["verdict"] == min(kinds, key=order.index)


def test_output_is_the_same_whatever_the_jobs(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.md").write_text(f"$$x_{name} = 1 \\tag{{1}}$$\n\n$$x_{name} = 2$$\n")
        (tmp_path / f"{name}.toml").write_text(f"declare = ['x_{name} \\in \\mathbb{{R}}']\ndefine = ['1']\n")
    one = run("check", str(tmp_path), "--format", "json")
    two = run("check", str(tmp_path), "--format", "json", "--jobs", "2")
    assert one.returncode == two.returncode == 1
    assert one.stdout == two.stdout
    assert [d["path"][-4:] for d in json.loads(one.stdout)["documents"]] == ["a.md", "b.md", "c.md"]


def test_the_schema_is_json_and_names_the_fields() -> None:
    done = run("schema")
    assert done.returncode == 0
    assert "documents" in json.dumps(json.loads(done.stdout))


def test_text_report_and_summary() -> None:
    done = run("check", "derivations/bptt")
    assert done.returncode == 1
    assert done.stderr == ""
    assert "88 equations: 47 proved, 11 conditional, 14 refuted, 9 ill-formed, 7 defined" in done.stdout
    assert "\x1b[" not in done.stdout
    assert "derivations/bptt/note.md:" in done.stdout
    assert "\x1b[" in run("check", "tests/cases/shapes.md", "--color", "always").stdout


def test_sarif_and_github() -> None:
    log = json.loads(run("check", "tests/cases/shapes.md", "--format", "sarif").stdout)
    assert log["version"] == "2.1.0" and len(log["runs"][0]["results"]) >= 5
    assert not any("fixes" in r for r in log["runs"][0]["results"])
    mended = json.loads(run("check", "tests/cases/shapes.md", "--format", "sarif", "--repair").stdout)
    fixes = [fix for r in mended["runs"][0]["results"] for fix in r.get("fixes", ())]
    region = fixes[0]["artifactChanges"][0]["replacements"][0]["deletedRegion"]
    assert 0 <= region["charOffset"] < len((ROOT / "tests/cases/shapes.md").read_text())
    lines = run("check", "tests/cases/shapes.md", "--format", "github").stdout.splitlines()
    assert all(line.startswith("::error file=tests/cases/shapes.md,line=") for line in lines) and lines


def test_exit_status_zero_and_strict(tmp_path: Path) -> None:
    text = "For $x_t, y_t \\in \\mathbb{R}$.\n\n$$y_t = 2 x_t \\tag{1}$$\n\n"
    text += "$$\\frac{\\partial y_t}{\\partial x_t} = 2 \\tag{2}$$\n"
    (tmp_path / "good.md").write_text(text)
    (tmp_path / "good.toml").write_text('define = ["1"]\n[steps]\nlast = "T"\n')
    assert run("check", "good.md", cwd=tmp_path).returncode == 0
    (tmp_path / "soft.md").write_text(text.replace("2 x_t", "2 x_t w") + "\n$$x_t = x_T + x_t - x_T \\tag{3}$$\n")
    out = tmp_path / "report.txt"
    assert run("check", "good.md", "--strict", "--output", str(out), cwd=tmp_path).returncode == 0
    assert "1 proved" in out.read_text()


BAD = {
    "missing file": (["check", "nowhere.md"], None, None, "no such file"),
    "unknown suffix": (["check", "doc.docx"], ("doc.docx", "x"), None, "no reader"),
    "unknown key": (["check", "doc.md"], ("doc.md", "$$a=b$$"), 'titel = "x"\n', "titel"),
    "wrong type": (["check", "doc.md"], ("doc.md", "$$a=b$$"), "define = 3\n", "define"),
    "not TOML": (["check", "doc.md"], ("doc.md", "$$a=b$$"), "define = [\n", "doc.toml"),
    "bad declaration": (["check", "doc.md"], ("doc.md", "$$a=b$$"), "declare = ['x {']\n", "declare"),
    "bad size": (["check", "doc.md"], ("doc.md", "$$a=b$$"), "[sizes]\nn = 0\n", "not positive"),
    "no equation": (["check", "doc.md"], ("doc.md", "words only\n"), None, "no displayed equation"),
    "unclosed display": (["check", "doc.md"], ("doc.md", "text\n\n  $$ a = b\n"), None, "doc.md:3:3"),
    "empty folder": (["check", "."], None, None, "no document with a manifest"),
    "no such option": (["check", "--frmat", "json", "x"], None, None, "--frmat"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_sentence_and_status_two(name: str, tmp_path: Path) -> None:
    args, document, manifest, words = BAD[name]
    if document:
        (tmp_path / document[0]).write_text(document[1])
    if manifest is not None:
        (tmp_path / "doc.toml").write_text(manifest)
    done = run(*args, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "doc.md").write_bytes(b"$$a = \xff\xfe$$")
    done = run("check", "doc.md", cwd=tmp_path)
    assert done.returncode == 2 and "not UTF-8" in done.stderr


@pytest.mark.parametrize(
    ("latex", "code", "column"),
    [
        (r"a = \frac{b}{c", "SR101", 13),
        (r"a = b}", "SR101", 6),
        (r"a = \left( b", "SR101", 5),
        (r"a = (b + c", "SR101", 5),
        (r"a = \frobnicate{b}", "SR102", 5),
        (r"a = \begin{pmatrix} b \end{bmatrix}", "SR101", 23),
        (r"a = b +", "SR102", 7),
        (r"q = 1", "SR201", 1),
    ],
)
def test_a_bad_formula_has_code_and_place(latex: str, code: str, column: int, tmp_path: Path) -> None:
    (tmp_path / "doc.md").write_text(f"$$\n{latex}\n$$\n")
    (tmp_path / "doc.toml").write_text("declare = ['a, b, c \\in \\mathbb{R}']\n")
    done = run("check", "doc.md", "--format", "json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    (equation,) = json.loads(done.stdout)["documents"][0]["equations"]
    places = equation["diagnostics"] + [d for c in equation["claims"] for d in c["diagnostics"]]
    assert (code, 2, column) in [(d["code"], d["line"], d["column"]) for d in places]


def test_a_formula_of_a_hundred_kilobytes(tmp_path: Path) -> None:
    many = " + ".join("a b" for _ in range(17_000))
    deep = "(" * 5_000 + "a" + ")" * 5_000
    (tmp_path / "doc.md").write_text(
        f"$$a = {many} \\tag{{1}}$$\n\n$$a = {deep} \\tag{{2}}$$\n\n$$a = a \\tag{{3}}$$\n"
    )
    (tmp_path / "doc.toml").write_text("declare = ['a, b \\in \\mathbb{R}']\n")
    done = run("check", "doc.md", "--format", "json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    verdicts = {e["number"]: e["verdict"] for e in json.loads(done.stdout)["documents"][0]["equations"]}
    assert verdicts == {"1": "refuted", "2": "undecided", "3": "proved"}


def test_a_bug_costs_one_equation_not_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from symrnn.checker import Checker
    from symrnn.cli import main

    judge = Checker.judge

    def broken(self: Checker, claim, number: str):
        if number == "3":
            raise ZeroDivisionError("made on purpose")
        return judge(self, claim, number)

    monkeypatch.setattr(Checker, "judge", broken)
    done = CliRunner().invoke(main, ["check", str(ROOT / "tests/cases/shapes.md")])
    assert done.exit_code == 2
    assert "SR900" in done.output and "internal error" in done.stderr
    assert "(1) ✓ proved" in done.output
