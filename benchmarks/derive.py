"""The generated derivations of all cells: lines proved, sizes, and the printed gradients against other derivatives.

    python benchmarks/derive.py [CELL ...]

The total that is printed for each parameter is read back from its LaTeX, evaluated in double precision at a random
point over three steps, and compared with central differences of the loss and, where PyTorch is installed (the extra
``benchmark``), with autograd through the forward passes that are written by hand below. Of the typeset document the
pages and overfull boxes are counted where pdflatex is installed.
"""

from __future__ import annotations

import math
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import symrnn  # noqa: E402
from symrnn.algebra import terms as T  # noqa: E402
from symrnn.derive.gradients import Gradients  # noqa: E402
from symrnn.derive.write import derivation, manifest, markdown, tex  # noqa: E402
from symrnn.elaborate.expression import Elaborator  # noqa: E402
from symrnn.evaluate import Evaluator, Leaf  # noqa: E402
from symrnn.latex.parser import parse_expression  # noqa: E402
from symrnn.library import prepare  # noqa: E402

CELLS = sorted(p.parent.name for p in ROOT.glob("derivations/*/forward.md"))
STEPS = 3
FLOATS: dict[str, Callable[[float], float]] = {
    "exp": math.exp,
    "ln": math.log,
    "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "relu": lambda x: max(x, 0.0),
    "step": lambda x: float(x > 0),
}


# -- the forward passes by hand, in PyTorch -----------------------------------------------------------


def cross_entropy(torch: Any, scores: Any, target: Any) -> Any:
    """−Σ y ln softmax(scores)."""
    return -(target * torch.log_softmax(scores, dim=0)).sum()


def recurrent(function: str) -> Callable[..., Any]:
    """h = f(W h + U x + b), softmax(V h + c)."""

    def forward(torch: Any, v: Any) -> Any:
        h, loss = v["h", 0], 0.0
        for t in range(1, STEPS + 1):
            h = getattr(torch, function)(v["W"] @ h + v["U"] @ v["x", t] + v["b"])
            loss = loss + cross_entropy(torch, v["V"] @ h + v["c"], v["y", t])
        return loss

    return forward


def two_layers(torch: Any, v: Any) -> Any:
    h, g, loss = v["h", 0], v["g", 0], 0.0
    for t in range(1, STEPS + 1):
        h = torch.tanh(v["W"] @ h + v["U"] @ v["x", t] + v["b"])
        g = torch.tanh(v["Q"] @ g + v["R"] @ h + v["e"])
        loss = loss + cross_entropy(torch, v["V"] @ g + v["c"], v["y", t])
    return loss


def gru(torch: Any, v: Any) -> Any:
    h, loss = v["h", 0], 0.0
    for t in range(1, STEPS + 1):
        x = v["x", t]
        z, r = (torch.sigmoid(v[f"W_{k}"] @ x + v[f"U_{k}"] @ h + v[f"b_{k}"]) for k in "zr")
        s = torch.tanh(v["W_s"] @ x + v["U_s"] @ (r * h) + v["b_s"])
        h = (1 - z) * h + z * s
        loss = loss + 0.5 * ((v["V"] @ h + v["c"] - v["y", t]) ** 2).sum()
    return loss


def lstm(peepholes: bool) -> Callable[..., Any]:
    """Gates of x, h and, with peepholes, of the cell."""

    def forward(torch: Any, v: Any) -> Any:
        h, c, loss = v["h", 0], v["c", 0], 0.0
        for t in range(1, STEPS + 1):
            inner = {k: v[f"W_{k}"] @ v["x", t] + v[f"U_{k}"] @ h + v[f"b_{k}"] for k in "figo"}
            if peepholes:
                inner["f"], inner["i"] = (inner[k] + v[f"p_{k}"] * c for k in "fi")
            c = torch.sigmoid(inner["f"]) * c + torch.sigmoid(inner["i"]) * torch.tanh(inner["g"])
            if peepholes:
                inner["o"] = inner["o"] + v["p_o"] * c
            h = torch.sigmoid(inner["o"]) * torch.tanh(c)
            loss = loss + 0.5 * ((v["V"] @ h + v["b_y"] - v["y", t]) ** 2).sum()
        return loss

    return forward


def mlp(torch: Any, v: Any) -> Any:
    a = torch.sigmoid(v["W_1"] @ v["x"] + v["b_1"])
    return 0.5 * ((torch.sigmoid(v["W_2"] @ a + v["b_2"]) - v["y"]) ** 2).sum()


def softmax_regression(torch: Any, v: Any) -> Any:
    return cross_entropy(torch, v["W"] @ v["x"] + v["b"], v["y"])


def attention(torch: Any, v: Any) -> Any:
    scores = v["beta"] * (v["X"] @ v["W_Q"]) @ (v["X"] @ v["W_K"]).T
    return 0.5 * ((torch.softmax(scores, dim=1) @ (v["X"] @ v["W_V"]) - v["Y"]) ** 2).sum()


FORWARD: dict[str, Callable[..., Any]] = {
    "attention": attention,
    "gru": gru,
    "lstm": lstm(False),
    "lstm-peephole": lstm(True),
    "mlp": mlp,
    "rnn-relu": recurrent("relu"),
    "rnn-sigmoid": recurrent("sigmoid"),
    "rnn-tanh": recurrent("tanh"),
    "rnn-two-layers": two_layers,
    "softmax-regression": softmax_regression,
}


# -- numbers ------------------------------------------------------------------------------------------


def below(t: T.Term) -> Any:
    """What a term is computed from, vertices opened."""
    return (t.args[1],) if t.op == "let" else T.parts(t)


def number(term: T.Term, point: dict[int, float]) -> float:
    """A term in floats."""
    at = dict(point)
    for t in T.postorder([term], below):
        if t.id in at:
            continue
        inner = [at[x.id] for x in below(t)]
        match t.op:
            case "num":
                at[t.id] = float(t.args[0])
            case "let":
                at[t.id] = inner[0]
            case "add":
                at[t.id] = math.fsum(inner)
            case "mul":
                at[t.id] = math.prod(inner)
            case "pow":
                at[t.id] = inner[0] ** float(t.args[1])
            case _:
                at[t.id] = FLOATS[t.args[0]](inner[0])
    return at[term.id]


class Point:
    """A document at a random point: its inputs, what its loss is, what its printed gradients are."""

    def __init__(self, cell: str) -> None:
        self.found = Gradients(prepare(ROOT / "derivations" / cell / "forward.md"))
        checker = self.found.checker
        self.network = checker.network(STEPS if checker.timed else 1, tuple(checker.assumptions))
        self.loss = self.network.leaf(Leaf(self.found.loss, 1, 1, None))
        pick = random.Random(cell)
        self.at = {t.id: pick.uniform(-1.0, 1.0) for t in T.postorder([self.loss], below) if t.op == "sym"}

    def value(self, symbol: Any, time: int | None) -> list[list[float]]:
        """The entries of a quantity."""
        rows, cols = (self.found.number(n) for n in symbol.shape)
        leaf = self.network.leaf
        return [
            [number(leaf(Leaf(symbol, i, j, time)), self.at) for j in range(1, cols + 1)] for i in range(1, rows + 1)
        ]

    def printed(self) -> dict[str, list[list[float]]]:
        """The printed total of every parameter, read back and evaluated."""
        out = {}
        for derivative in self.found.parameters:
            line = derivative.lines()[0]
            latex = self.found.typeset(line.members[-1])
            assert line.lhs.shape == derivative.symbol.shape, f"no matrix expression for {derivative}"
            read = Elaborator(self.found.checker.context).expr(parse_expression(latex))
            rows = Evaluator(self.network, dict(self.network.values))(read).rows
            out[self.found.names[derivative.symbol]] = [[number(x, self.at) for x in row] for row in rows]
        return out

    def differences(self, step: float = 1e-5) -> dict[str, list[list[float]]]:
        """Central differences of the loss."""
        out = {}
        for derivative in self.found.parameters:
            rows, cols = (self.found.number(n) for n in derivative.symbol.shape)
            table = []
            for i in range(rows):
                row = []
                for j in range(cols):
                    k = self.network.leaf(Leaf(derivative.symbol, i + 1, j + 1, None)).id
                    up, down = (number(self.loss, {**self.at, k: self.at[k] + s}) for s in (step, -step))
                    row.append((up - down) / (2 * step))
                table.append(row)
            out[self.found.names[derivative.symbol]] = table
        return out

    def autograd(self, cell: str) -> dict[str, list[list[float]]]:
        """PyTorch's derivative of the loss of the forward pass above."""
        import torch

        checker, names = self.found.checker, self.found.names
        values: dict[Any, Any] = {}
        for symbol in checker.context.names.symbols:
            lag = checker.model.lags.get(symbol, 0)
            made = symbol in self.found.chain.graph.raw
            for t in range(1 - lag, 1) if made else range(1, STEPS + 1) if symbol.timed else (None,):
                table = torch.tensor(self.value(symbol, t), dtype=torch.float64)
                flat = table.flatten() if symbol.shape[1] == 1 else table
                values[names[symbol] if t is None else (names[symbol], t)] = flat
        learnt = {names[d.symbol]: values[names[d.symbol]].requires_grad_() for d in self.found.parameters}
        loss = FORWARD[cell](torch, values).sum()
        assert abs(loss.item() - number(self.loss, self.at)) < 1e-12 * max(1.0, abs(loss.item()))
        loss.backward()
        return {name: v.grad.reshape(v.shape[0], -1).tolist() for name, v in learnt.items()}


def apart(a: dict[str, list[list[float]]], b: dict[str, list[list[float]]]) -> float:
    """The largest difference of two gradients, relative to 1 where they are small."""
    assert a.keys() == b.keys()
    pairs = [(x, y) for k in a for r, s in zip(a[k], b[k], strict=True) for x, y in zip(r, s, strict=True)]
    return max(abs(x - y) / max(1.0, abs(y)) for x, y in pairs)


def typeset(text: str) -> str:
    """Pages and overfull boxes of a LaTeX document."""
    if shutil.which("pdflatex") is None:
        return "–"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "d.tex").write_text(text, encoding="utf-8")
        done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "d.tex"], cwd=folder, capture_output=True)
        log = (Path(folder) / "d.log").read_text(encoding="latin-1")
    if done.returncode:
        return "error"
    pages = log.rpartition(" pages,")[0].rpartition("(")[2]
    return f"{pages} / {log.count('Overfull')}"


def main() -> None:
    """Print the table."""
    try:
        import torch  # noqa: F401

        has_torch = True
    except ImportError:
        has_torch = False
    print("| cell | lines proved | claims | defining | lines, kB | differences | PyTorch | pages / overfull |")
    print("|---|---|---|---|---|---|---|---|")
    for cell in sys.argv[1:] or CELLS:
        point = Point(cell)
        made = derivation(point.found)
        text = markdown(made)
        toml = manifest(made, (ROOT / "derivations" / cell / "forward.toml").read_text(encoding="utf-8"))
        report = symrnn.check(text, toml)
        count = {kind.value: n for kind, n in report.summary.items() if n}
        proved, defined = count.pop("proved"), count.pop("defined")
        assert not count, count
        claims = sum(len(e.claims) for e in report) - defined
        printed = point.printed()
        torch_apart = f"{apart(printed, point.autograd(cell)):.0e}" if has_torch else "–"
        print(
            f"| `{cell}` | {proved} | {claims} | {defined} | {len(text.splitlines())}, {len(text.encode()) // 1000} "
            f"| {apart(printed, point.differences()):.0e} | {torch_apart} | {typeset(tex(made))} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
