"""Training: data, the loop, checkpoints, and the commands as a user gives them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from symrnn.cli import main
from symrnn.diagnostic import UsageError
from symrnn.train import checkpoint, data, loop
from symrnn.train.data import REBER
from symrnn.train.optimise import Optimiser, clip
from tests.train.nets import DERIVATIONS, mended, net, report

# -- data -------------------------------------------------------------------------------------


def test_reber_strings_are_the_automaton_s() -> None:
    found = data.reber(200, seed=3)
    texts = {"".join(REBER[int(k)] for k in [x[0].argmax(), *y]) for x, y in found.sequences}
    assert len(texts) == 200
    for text in texts:
        assert text[0] == "B" and text[-1] == "E" and text[1] == text[-2] and text[1] in "TP"
        assert text[2] == "B" and text[-3] == "E" and text[3] in "TP"
    for (_, y), allowed in zip(found.sequences, found.allowed, strict=True):
        assert len(y) == len(allowed) and all(int(k) in a for k, a in zip(y, allowed, strict=True))
    assert any(len(a) == 2 for allowed in found.allowed for a in allowed)


def test_sequences_begin_and_end() -> None:
    """An embedded Reber string has an E inside and one at its end; a line ends where it begins."""
    found = data.reber(40)
    assert (found.start, found.stop) == (REBER.index("B"), (REBER.index("E"), 2))
    lines = data.from_text("ab\nba\n", "lines")
    assert (lines.start, lines.stop) == (0, (0, 1)) and lines.symbols[0] == "\n"
    assert data.from_text("abab", "text").stop is None


def test_split_keeps_every_sequence_once() -> None:
    found = data.reber(50)
    part, held = found.split(0.2, seed=1)
    assert (len(part.sequences), len(held.sequences)) == (40, 10)
    assert len(held.allowed) == 10 and all(
        len(a) == len(y) for a, (_, y) in zip(held.allowed, held.sequences, strict=True)
    )


def test_batches_hold_everything_once_and_one_length() -> None:
    found = data.reber(60)
    seen = sum(b.y.size for b in data.batches(found, 7, 1000, np.random.default_rng(0)))
    assert seen == sum(len(y) for _, y in found.sequences)
    text = data.from_text("hello world, hello moon", "text")
    parts = list(data.batches(text, 2, 4, None))
    assert [b.fresh for b in parts] == [True, False, False] and all(b.y.shape[1] == 2 for b in parts)
    first = np.concatenate([b.y[:, 0] for b in parts])
    assert "".join(text.symbols[k] for k in first) == "ello world,"


FILES = {
    "empty.txt": ("", "is empty"),
    "one.txt": ("a", "is empty"),
    "bytes.txt": (b"\xff\xfe", "not UTF-8"),
    "head.csv": ("a,b\n", "1: the columns"),
    "ragged.csv": ("s,c,v\n1,a,1\n1,a,1,2\n", "3: has 4 columns"),
    "word.csv": ("s,c,v\n1,a,x\n", "2: could not convert"),
    "nan.csv": ("s,c,v\n1,a,1\n1,a,nan\n", "3: holds a number that is not finite"),
    "classes.csv": ("s,c,v\n1,a,1\n1,b,1\n", "3: sequence 1 has the classes a and b"),
    "none.csv": ("s,c,v\n", "is empty"),
    "bad.npz": (b"no", "cannot be read as npz"),
}


@pytest.mark.parametrize("name", FILES)
def test_bad_files(tmp_path: Path, name: str) -> None:
    content, message = FILES[name]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=message):
        data.read(path)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.ones((3, 4)), np.zeros(3, int), "x has shape"),
        (np.ones((3, 0, 2)), np.zeros(3, int), "x has shape"),
        (np.full((3, 4, 2), np.nan), np.zeros(3, int), "no finite number"),
        (np.ones((3, 4, 2)), np.zeros(4, int), "y must hold classes"),
        (np.ones((3, 4, 2)), -np.ones(3, int), "y must hold classes"),
        (np.ones((3, 4, 2)), np.ones(3), "y must hold classes"),
    ],
)
def test_bad_arrays(tmp_path: Path, x: Any, y: Any, message: str) -> None:
    np.savez(tmp_path / "d.npz", x=x, y=y)
    with pytest.raises(UsageError, match=message):
        data.read(tmp_path / "d.npz")


# -- the loop ---------------------------------------------------------------------------------


def run(settings: loop.Settings, count: int = 30, hidden: int = 6, until: int | None = None) -> loop.State:
    n = net("bptt", "numpy", "float64", (("h", hidden), ("o", 7), ("x", 7)))
    part, held = data.reber(count).split(settings.validation, settings.seed)
    state = loop.start(n, settings)
    for _ in loop.train(n, part, held, settings, state, lambda: state.step == until):
        pass
    return state


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_the_loss_falls(name: str) -> None:
    state = run(loop.Settings(name, rate={"sgd": 1.0, "momentum": 0.2, "adam": 0.02}[name], epochs=8))
    assert state.history is not None
    assert state.history[-1][1] < 0.75 * state.history[0][1] and state.history[-1][2] < state.history[0][2]


def test_optimisers_are_their_formulas() -> None:
    p, g = {"a": np.array([1.0, 2.0])}, {"a": np.array([0.5, -1.0])}
    Optimiser("sgd", 0.1).step(p, g)
    assert np.allclose(p["a"], [0.95, 2.1])
    momentum = Optimiser("momentum", 0.1)
    momentum.step(p, g)
    momentum.step(p, g)
    assert np.allclose(p["a"], [0.95 - 0.05 - 0.095, 2.1 + 0.1 + 0.19])
    q = {"a": np.zeros(2)}
    Optimiser("adam", 0.1).step(q, g)
    assert np.allclose(q["a"], [-0.1, 0.1])
    with pytest.raises(UsageError, match="not positive"):
        Optimiser("adam", 0.0)


def test_clipping_scales_the_whole_gradient() -> None:
    grads = {"a": np.array([3.0]), "b": np.array([4.0])}
    assert clip(grads, 10) == 5 and grads["a"] == 3
    assert clip(grads, 1) == 5 and np.allclose([grads["a"][0], grads["b"][0]], [0.6, 0.8])


def test_early_stopping_keeps_the_best() -> None:
    state = run(loop.Settings("sgd", rate=30.0, epochs=60, patience=2, clip=0))
    assert state.epoch < 60 and state.best is not None and state.history is not None
    assert state.best_loss == min(v for _, _, v in state.history)


def test_a_loss_that_is_no_number_stops_the_run() -> None:
    n = net("mlp")
    found = data.Data("classes", ((np.ones((2, 2)), np.array([0, 1])),), tuple("abcd"), 2)
    state = loop.start(n, loop.Settings("sgd"))
    state.params["b_2"][:] = np.nan
    with pytest.raises(UsageError, match="the loss is nan at step 1"):
        x, y = found.sequences[0]
        loop._step(n, data.Batch(x[None], np.eye(4)[y][None]), loop.Settings(), state)


def test_the_gradient_check_sees_a_wrong_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    n = net("bptt", "numpy", "float64", (("h", 6), ("o", 7), ("x", 7)))
    batch = next(data.batches(data.reber(20), 4, 100, None))
    assert max(loop.gradient_check(n, n.init(0), batch).values()) < 1e-8
    raw = type(n).raw

    def wrong(self: Any, *given: Any) -> Any:
        loss, grads, states = raw(self, *given)
        return loss, {**grads, "W": grads["W"].T}, states

    monkeypatch.setattr(type(n), "raw", wrong)
    assert loop.gradient_check(n, n.init(0), batch)["W"] > 1e-3


# -- checkpoints ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("until", [1, 7, 13])
def test_resume_is_bit_for_bit(tmp_path: Path, name: str, until: int) -> None:
    settings = loop.Settings(name, epochs=3, batch=4, window=6)
    whole = run(settings)
    state = run(settings, until=until)
    assert state.step == until < whole.step
    state.checkpoint({"a": 1}).save(tmp_path / "c.npz")
    state = loop.resume(checkpoint.load(tmp_path / "c.npz"), settings)
    n = net("bptt", "numpy", "float64", (("h", 6), ("o", 7), ("x", 7)))
    part, held = data.reber(30).split(settings.validation, settings.seed)
    for _ in loop.train(n, part, held, settings, state):
        pass
    assert state.history == whole.history
    assert all((state.params[k] == whole.params[k]).all() for k in whole.params)


def test_a_broken_checkpoint_is_said_to_be_one(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    for content in (b"", b"PK\x03\x04rubbish", b"no"):
        path.write_bytes(content)
        with pytest.raises(UsageError, match="is no checkpoint"):
            checkpoint.load(path)
    np.savez(path, a=np.ones(2))
    with pytest.raises(UsageError, match="is no checkpoint"):
        checkpoint.load(path)


def test_a_checkpoint_is_written_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.npz"
    made = checkpoint.Checkpoint({}, {"step": 1}, {"a": np.ones(2)})
    made.save(path)
    before = path.read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(UsageError, match="No space left"):
        made.save(path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["c.npz"]


ELMAN = DERIVATIONS / "elman" / "note.md"

# -- the commands -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the note as printed and the mended one."""
    folder = tmp_path_factory.mktemp("bptt")
    manifest = (DERIVATIONS / "bptt" / "note.toml").read_text(encoding="utf-8")
    for name, text in (("a", (DERIVATIONS / "bptt" / "note.md").read_text(encoding="utf-8")), ("b", mended())):
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
        (folder / f"{name}.toml").write_text(manifest, encoding="utf-8")
    return folder


def call(*args: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in args])


SMALL = ("--hidden", 6, "--epochs", 2, "--batch", 8)


def test_train_resume_and_sample(tmp_path: Path) -> None:
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    found = call("train", ELMAN, "--data", "reber:30", *SMALL, "--checkpoint", one)
    assert found.exit_code == 0, found.output
    assert "gradient check against central differences: W" in found.output and "(17)" in found.output
    assert "steps rank every allowed symbol above all others" in found.output
    call("train", ELMAN, "--data", "reber:30", *SMALL, "--checkpoint", two, "--steps", 3)
    again = call("train", ELMAN, "--data", "reber:30", *SMALL, "--checkpoint", two, "--resume")
    assert again.exit_code == 0, again.output
    with np.load(one) as a, np.load(two) as b:
        assert set(a.files) == set(b.files) and all((a[k] == b[k]).all() for k in a.files)
    drawn = call("sample", one, "--count", 3, "--length", 5)
    assert drawn.exit_code == 0 and len(drawn.output.splitlines()) == 3
    assert drawn.output == call("sample", one, "--count", 3, "--length", 5).output
    assert set(drawn.output) <= set(REBER) | {"\n"}
    other = call("train", ELMAN, "--data", "reber:30", *SMALL, "--checkpoint", two, "--resume", "--rate", 1)
    assert other.exit_code == 2 and "the checkpoint was made with --rate 0.01, not 1.0" in other.output
    other = call("train", ELMAN, "--data", "reber:31", *SMALL, "--checkpoint", two, "--resume")
    assert other.exit_code == 2 and "other data" in other.output


def test_of_a_folder_the_document_that_runs(document: Path, tmp_path: Path) -> None:
    found = call("train", document, "--data", "reber:20", *SMALL, "--checkpoint", tmp_path / "c.npz")
    assert found.exit_code == 0 and "b.md: (11)" in found.output
    refused = call("train", document / "a.md", "--data", "reber:20")
    assert refused.exit_code == 2 and "(22) is ill-formed" in refused.output and refused.output.count("\n") == 1


def test_a_document_that_changed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    call("train", ELMAN, "--data", "reber:20", *SMALL, "--checkpoint", path)
    found = checkpoint.load(path)
    found.about["text"] = found.about["text"].replace("(1 - h_t^2) \\odot", "1 (1 - h_t^2) \\odot")
    found.save(path)
    told = call("sample", path)
    assert told.exit_code == 2 and "are not those that the checkpoint was trained with" in told.output


def test_text_lines_and_classes(tmp_path: Path) -> None:
    text, table = tmp_path / "t.txt", tmp_path / "t.csv"
    text.write_text("anna\notto\nada\nhannah\nbob\neve\n" * 5, encoding="utf-8")
    rng = np.random.default_rng(0)
    rows = [
        f"{k},{'up' if k % 2 else 'down'},{(k % 2 - 0.5) * t + rng.normal():.3f},1" for k in range(40) for t in range(5)
    ]
    table.write_text("s,class,v,w\n" + "\n".join(rows), encoding="utf-8")
    path = tmp_path / "c.npz"
    rest = ("--hidden", 8, "--epochs", 12, "--window", 7, "--checkpoint", path)
    for args in (("--data", text), ("--data", text, "--lines"), ("--data", table)):
        found = call("train", DERIVATIONS / "elman", *args, *rest)
        assert found.exit_code == 0, found.output
        if "--lines" in args:  # a line ends where the end symbol is drawn, though it begins with one
            drawn = call("sample", path, "--count", 6, "--temperature", 0.5)
            assert len(drawn.output.split("\n")) == 7 and max(map(len, drawn.output.split("\n"))) < 40
    assert "held-out accuracy 1.000" in found.output
    assert "classify" in call("sample", path).output


def test_lbfgs(tmp_path: Path) -> None:
    """It lowers the loss, stops where it is told to, and goes on with the same bits."""
    pytest.importorskip("scipy")
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    args = ("--data", "reber:30", "--hidden", 6, "--epochs", 4, "--optimiser", "lbfgs")
    for dtype in ("float64", "float32"):
        found = call("train", ELMAN, *args, "--dtype", dtype, "--checkpoint", one)
        assert found.exit_code == 0, found.output
        history = checkpoint.load(one).progress["history"]
        assert history[-1][1] < history[0][1] < 2
        call("train", ELMAN, *args, "--dtype", dtype, "--checkpoint", two, "--steps", 15)
        assert checkpoint.load(two).progress["epoch"] == 2
        again = call("train", ELMAN, *args, "--dtype", dtype, "--checkpoint", two, "--resume")
        assert again.exit_code == 0, again.output
        with np.load(one) as a, np.load(two) as b:
            assert set(a.files) == set(b.files) and all((a[k] == b[k]).all() for k in a.files)


def test_the_curve_is_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name, start in (("c.png", b"\x89PNG"), ("c.svg", b"<?xml")):
        args = ("--data", "reber:20", *SMALL, "--checkpoint", tmp_path / "c.npz", "--curve", tmp_path / name)
        assert call("train", ELMAN, *args).exit_code == 0
        assert (tmp_path / name).read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--data", "nothing.txt"), "no such file"),
        (("--data", "reber:0"), "is not a number of strings"),
        (("--data", "reber:20", "--size", "q=3"), "no size 'q'"),
        (("--data", "reber:20", "--size", "m=3"), "the data has m = 7, not 3"),
        (("--data", "reber:20", "--size", "h"), "write NAME=N"),
        (("--data", "reber:20", "--rate", "-1"), "not positive"),
        (("--data", "reber:20", "--resume", "--checkpoint", "none.npz"), "is no checkpoint"),
    ],
)
def test_bad_usage(args: tuple[str, ...], message: str) -> None:
    found = call("train", ELMAN, *args)
    assert found.exit_code == 2 and message in found.output


def test_ctrl_c_saves(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    command = [
        sys.executable,
        "-m",
        "symrnn",
        "train",
        str(ELMAN),
        "--data",
        "reber:50",
        "--epochs",
        "100000",
    ]
    process = subprocess.Popen([*command, "--checkpoint", str(path)], stderr=subprocess.PIPE, text=True, env=os.environ)
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130 and "interrupted; saved" in told
    assert checkpoint.load(path).progress["step"] > 0


def test_a_net_says_what_it_runs() -> None:
    n = report("bptt").compile()
    assert {"45", "86"} < set(n.equations) and n.parameters["U"] == (5, 4) and n.states == {"h": (1, 5)}
    assert len(n.hash) == 64 and n.hash == net("bptt").hash != net("elman").hash
