"""What the README promises happens: its commands, its transcript, its ten-line document, its Python."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str, k: int = 0) -> str:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)[k]


def run(*args: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "110"}
    return subprocess.run(
        [sys.executable, *args], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120
    )


def test_the_two_commands_are_the_ones_that_ci_runs() -> None:
    assert block("sh").strip() == "pip install . && symrnn check derivations/bptt"
    assert block("sh", 1).strip() == "pip install '.[test]' && python -m pytest"
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "symrnn check derivations/bptt" in script and "python -m pytest" in script


def test_the_transcript_is_what_is_printed() -> None:
    printed = run("-m", "symrnn", "check", "derivations/bptt")
    assert printed.returncode == 1
    lines = printed.stdout.splitlines()
    shown = [line for line in block("text").splitlines() if line.strip() and line.strip() != "…"]
    assert len(shown) > 8
    missing = [line for line in shown if line not in lines]
    assert not missing


def test_the_document_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "note.md").write_text(block("markdown"))
    (tmp_path / "note.toml").write_text(block("toml"))
    done = run("-m", "symrnn", "check", "note.md", cwd=tmp_path)
    assert done.returncode == 1
    assert re.search(r"\(3\) ✓ proved", done.stdout) and re.search(r"\(4\) ✗ refuted", done.stdout)


def test_the_report_is_confirmed_as_it_says(tmp_path: Path) -> None:
    check, again = (line.split() for line in block("sh", 2).splitlines())
    report = str(tmp_path / check[-1])
    assert run("-m", *check[:-1], report).returncode == 1
    done = run("-m", *again[:-1], report)
    assert done.returncode == 0 and done.stdout == block("text", 2)


def test_the_python_example() -> None:
    done = run("-c", block("python"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("refuted at τ=1") and "V[1,1]*h[1]@2" in done.stdout


def test_the_command_line_block_names_every_command() -> None:
    from symrnn.cli import FORMATS, main

    text = block("text", 1)
    for name in main.commands:
        assert f"symrnn {name}" in text
        assert run("-m", "symrnn", name, "--help").returncode == 0
    assert "|".join(FORMATS) in text
