"""How long one training step takes, as a multiple of a hand-written C loop; cold starts; how time and memory grow.

    python benchmarks/train.py [--quick] [--only ratios|cold|growth] [--peers "torch eager,symrnn c"] [--compiled]

One step is forward over τ steps, the full gradient, and the SGD update, in double precision, on the network of
``derivations/bptt``. All peers run in this process group on the same numbers, in turn (A B C … A B C …), after
all their gradients were found equal; what is printed are ratios of medians. Every peer uses one thread.
"""

from __future__ import annotations

import argparse
import compileall
import ctypes
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import numpy as np  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import symrnn  # noqa: E402

NOTE = (ROOT / "derivations" / "bptt" / "corrected.md", ROOT / "derivations" / "bptt" / "note.toml")
SIZES = ((4, 5, 3), (27, 32, 27), (64, 128, 64))
RATE = 1e-4
NAMES = ("b", "W", "U", "c", "V")
Step = Callable[[], float]
Gradient = Callable[[], dict[str, Any]]

# The inner loops run over what is contiguous and carry no sum, so that the compiler may use vectors.
HAND = r"""
#include <math.h>
#include <string.h>
static double h[(T + 1)*B*H], o[T*B*O], g[H], e[B*H], wt[H*H], ut[X*H], vt[H*O];
static double gb[H], gW[H*H], gU[H*X], gc[O], gV[O*H];
double *grads[5] = {gb, gW, gU, gc, gV};

double step(double rate, double *restrict b, double *restrict W, double *restrict U, double *restrict c,
            double *restrict V, const double *restrict x, const int *restrict y) {
  double loss = 0;
  memset(h, 0, B*H*sizeof(double));
  for (int i = 0; i < H; i++) for (int k = 0; k < H; k++) wt[k*H + i] = W[i*H + k];
  for (int i = 0; i < H; i++) for (int k = 0; k < X; k++) ut[k*H + i] = U[i*X + k];
  for (int i = 0; i < O; i++) for (int k = 0; k < H; k++) vt[k*O + i] = V[i*H + k];
  for (int t = 0; t < T; t++) for (int s = 0; s < B; s++) {
    const double *hp = h + (t*B + s)*H, *xt = x + (t*B + s)*X;
    double *hn = h + ((t + 1)*B + s)*H, *ot = o + (t*B + s)*O, m = -1e300, sum = 0, a[H], d[O];
    for (int i = 0; i < H; i++) a[i] = b[i];
    for (int k = 0; k < H; k++) for (int i = 0; i < H; i++) a[i] += wt[k*H + i]*hp[k];
    for (int k = 0; k < X; k++) for (int i = 0; i < H; i++) a[i] += ut[k*H + i]*xt[k];
    for (int i = 0; i < H; i++) hn[i] = tanh(a[i]);
    for (int i = 0; i < O; i++) d[i] = c[i];
    for (int k = 0; k < H; k++) for (int i = 0; i < O; i++) d[i] += vt[k*O + i]*hn[k];
    for (int i = 0; i < O; i++) if (d[i] > m) m = d[i];
    int target = y[t*B + s];
    double own = d[target];
    for (int i = 0; i < O; i++) sum += ot[i] = exp(d[i] - m);
    loss += m + log(sum) - own;
    for (int i = 0; i < O; i++) ot[i] /= sum;
    ot[target] -= 1;
  }
  memset(gb, 0, sizeof gb); memset(gW, 0, sizeof gW); memset(gU, 0, sizeof gU);
  memset(gc, 0, sizeof gc); memset(gV, 0, sizeof gV); memset(e, 0, sizeof e);
  for (int t = T - 1; t >= 0; t--) for (int s = 0; s < B; s++) {
    const double *hp = h + (t*B + s)*H, *hn = h + ((t + 1)*B + s)*H, *xt = x + (t*B + s)*X, *d = o + (t*B + s)*O;
    double *es = e + s*H;
    memset(g, 0, sizeof g);
    for (int k = 0; k < H; k++) for (int i = 0; i < H; i++) g[i] += W[k*H + i]*es[k];
    for (int k = 0; k < O; k++) {
      gc[k] += d[k];
      for (int i = 0; i < H; i++) g[i] += V[k*H + i]*d[k];
      for (int i = 0; i < H; i++) gV[k*H + i] += d[k]*hn[i];
    }
    for (int i = 0; i < H; i++) es[i] = (1 - hn[i]*hn[i])*g[i];
    for (int i = 0; i < H; i++) {
      gb[i] += es[i];
      for (int k = 0; k < H; k++) gW[i*H + k] += es[i]*hp[k];
      for (int k = 0; k < X; k++) gU[i*X + k] += es[i]*xt[k];
    }
  }
  for (int i = 0; i < H; i++) b[i] -= rate*gb[i];
  for (int i = 0; i < H*H; i++) W[i] -= rate*gW[i];
  for (int i = 0; i < H*X; i++) U[i] -= rate*gU[i];
  for (int i = 0; i < O; i++) c[i] -= rate*gc[i];
  for (int i = 0; i < O*H; i++) V[i] -= rate*gV[i];
  return loss;
}
"""


class Case:
    """The numbers of one size: parameters, inputs, classes."""

    def __init__(self, sizes: tuple[int, int, int], steps: int, batch: int) -> None:
        self.sizes, self.steps, self.batch = sizes, steps, batch
        n, h, m = sizes
        rng = np.random.default_rng(1)
        shapes = {"b": (h,), "W": (h, h), "U": (h, n), "c": (m,), "V": (m, h)}
        self.params = {k: rng.standard_normal(s) / np.sqrt(s[-1]) for k, s in shapes.items()}
        self.x = rng.standard_normal((steps, batch, n))
        self.y = rng.integers(0, m, (steps, batch))

    def fresh(self) -> dict[str, Any]:
        return {k: v.copy() for k, v in self.params.items()}


# -- peers: each gives a step and, for the comparison, the gradient ---------------------------


def by_hand_c(case: Case) -> tuple[Step, Gradient]:
    n, h, m = case.sizes
    folder = tempfile.mkdtemp()
    source, made = Path(folder) / "hand.c", Path(folder) / "hand.so"
    source.write_text(HAND)
    sizes = [f"-D{k}={v}" for k, v in (("T", case.steps), ("B", case.batch), ("X", n), ("H", h), ("O", m))]
    command = ["cc", "-O3", "-march=native", "-shared", "-fPIC", *sizes, str(source), "-o", str(made), "-lm"]
    subprocess.run(command, check=True)
    library = ctypes.CDLL(str(made))
    library.step.restype = ctypes.c_double
    library.step.argtypes = [ctypes.c_double] + [ctypes.c_void_p] * 7
    p, y = case.fresh(), case.y.astype(np.int32)
    places = [a.ctypes.data for a in (*(p[k] for k in NAMES), case.x, y)]
    run = library.step

    def gradient() -> dict[str, Any]:
        run(0.0, *places)
        table = (ctypes.POINTER(ctypes.c_double) * 5).in_dll(library, "grads")
        return {k: np.ctypeslib.as_array(table[i], p[k].shape).copy() for i, k in enumerate(NAMES)}

    step = lambda: run(RATE, *places)  # noqa: E731
    step.kept = (p, y)  # type: ignore[attr-defined]
    return step, gradient


def by_hand_numpy(case: Case) -> tuple[Step, Gradient]:
    p, x, y = case.fresh(), case.x, case.y
    steps, batch = case.steps, case.batch
    rows, columns = np.arange(steps)[:, None], np.arange(batch)

    def gradient(rate: float = 0.0) -> dict[str, Any]:
        b, w, u, c, v = (p[k] for k in NAMES)
        h = np.zeros((steps + 1, batch, len(b)))
        for t in range(steps):
            h[t + 1] = np.tanh(b + h[t] @ w.T + x[t] @ u.T)
        o = h[1:] @ v.T + c
        o -= o.max(-1, keepdims=True)
        d = np.exp(o)
        total = d.sum(-1, keepdims=True)
        d /= total
        gradient.loss = float((np.log(total[..., 0]) - o[rows, columns, y]).sum())  # type: ignore[attr-defined]
        d[rows, columns, y] -= 1
        g = {k: np.zeros_like(a) for k, a in p.items()}
        e = np.zeros((batch, len(b)))
        for t in range(steps - 1, -1, -1):
            e = (1 - h[t + 1] ** 2) * (e @ w + d[t] @ v)
            g["b"] += e.sum(0)
            g["W"] += e.T @ h[t]
            g["U"] += e.T @ x[t]
            g["c"] += d[t].sum(0)
            g["V"] += d[t].T @ h[t + 1]
        for k, a in g.items():
            p[k] -= rate * a
        return g

    def step() -> float:
        gradient(RATE)
        return gradient.loss  # type: ignore[attr-defined,no-any-return]

    return step, gradient


def torch_compiled(case: Case) -> tuple[Step, Gradient]:
    return torch_eager(case, True)


def torch_eager(case: Case, compiled: bool = False) -> tuple[Step, Gradient]:
    import torch

    torch.set_num_threads(1)
    p = {k: torch.tensor(v, requires_grad=True) for k, v in case.params.items()}
    x, y = torch.tensor(case.x), torch.tensor(case.y)
    optimiser = torch.optim.SGD(p.values(), lr=RATE)

    def loss() -> Any:
        h = torch.zeros(case.batch, case.sizes[1], dtype=torch.float64)
        states = []
        for xt in x:
            h = torch.tanh(torch.addmm(p["b"], h, p["W"].T) + xt @ p["U"].T)
            states.append(h)
        logits = torch.stack(states) @ p["V"].T + p["c"]
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum")

    if compiled:
        loss = torch.compile(loss)

    def gradient() -> dict[str, Any]:
        optimiser.zero_grad()
        loss().backward()
        return {k: v.grad.numpy().copy() for k, v in p.items()}

    def step() -> float:
        optimiser.zero_grad()
        value = loss()
        value.backward()
        optimiser.step()
        return value.item()

    return step, gradient


def jax_scan(case: Case) -> tuple[Step, Gradient]:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    x, y = jnp.asarray(case.x), jnp.asarray(case.y)

    def loss(p: Any) -> Any:
        def one(h: Any, xt: Any) -> Any:
            h = jnp.tanh(p["b"] + h @ p["W"].T + xt @ p["U"].T)
            return h, h

        _, h = jax.lax.scan(one, jnp.zeros((case.batch, case.sizes[1])), x)
        logs = jax.nn.log_softmax(h @ p["V"].T + p["c"])
        return -jnp.take_along_axis(logs, y[..., None], -1).sum()

    def update(p: Any) -> Any:
        value, g = jax.value_and_grad(loss)(p)
        return value, {k: p[k] - RATE * g[k] for k in p}

    jitted, slopes = jax.jit(update, donate_argnums=0), jax.jit(jax.grad(loss))
    held = [{k: jnp.asarray(v) for k, v in case.fresh().items()}]

    def step() -> float:
        value, held[0] = jitted(held[0])
        return float(value)

    start = {k: jnp.asarray(v) for k, v in case.params.items()}
    return step, lambda: {k: np.asarray(v) for k, v in slopes(start).items()}


@cache
def note() -> Any:
    """The corrected note."""
    return symrnn.compile(*NOTE)


def at(backend: str, sizes: tuple[int, int, int]) -> Any:
    return note().other(dict(zip(("x", "h", "o"), sizes, strict=True)), backend=backend)


def ours(backend: str) -> Callable[[Case], tuple[Step, Gradient]]:
    def peer(case: Case) -> tuple[Step, Gradient]:
        n = at(backend, case.sizes)
        x, y = n.checked(case.x, case.y)
        p = n.ready(case.fresh())
        take = n.stepper(p, x, y)
        return lambda: take(RATE), lambda: n.raw(n.ready(case.params), x, y)[1]

    return peer


PEERS: dict[str, Callable[[Case], tuple[Step, Gradient]]] = {
    "C by hand": by_hand_c,
    "numpy by hand": by_hand_numpy,
    "torch eager": torch_eager,
    "torch.compile": torch_compiled,
    "jax jit+scan": jax_scan,
    "symrnn numpy": ours("numpy"),
    "symrnn c": ours("c"),
    "symrnn numba": ours("numba"),
}


def seconds(step: Step, repeats: int, clock: Callable[[], float] = time.perf_counter) -> float:
    start = clock()
    for _ in range(repeats):
        step()
    return (clock() - start) / repeats


def measure(case: Case, peers: list[str], budget: float, rounds: int) -> dict[str, float]:
    """The median seconds of a step for each peer, measured in turn."""
    made = {}
    for name in peers:
        try:
            made[name] = PEERS[name](case)
        except ImportError as error:
            print(f"  {name}: not installed ({error.name})", file=sys.stderr)
    wanted = made["C by hand"][1]()
    for name, (_, gradient) in made.items():
        for key, value in gradient().items():
            gap = np.max(np.abs(value - wanted[key])) / max(1.0, np.max(np.abs(wanted[key])))
            assert gap < 1e-9, f"{name}: the gradient of {key} differs by {gap}"
    repeats = {}
    for name, (step, _) in made.items():
        step()
        once = min(seconds(step, 1) for _ in range(3))
        repeats[name] = max(1, int(budget / rounds / max(once, 1e-7)))
    times: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(rounds):
        for name, (step, _) in made.items():
            times[name].append(seconds(step, repeats[name]))
    return {name: statistics.median(t) for name, t in times.items()}


def ratios(peers: list[str], quick: bool) -> None:
    print("one training step, as a multiple of the C loop (ratios of medians); all gradients agree to 1e-9")
    print("sizes (x, h, o)    batch   τ   C by hand" + "".join(f"{n:>15}" for n in peers[1:]))
    for sizes in SIZES:
        for batch in (1, 32):
            for steps in (10, 50):
                found = measure(Case(sizes, steps, batch), peers, 0.2 if quick else 0.7, 5 if quick else 11)
                base = found["C by hand"]
                cells = "".join(f"{found[n] / base:15.2f}" if n in found else f"{'-':>15}" for n in peers[1:])
                print(f"{sizes!s:<18} {batch:>5} {steps:>3} {base * 1e6:>8.1f} µs{cells}", flush=True)


COLD = """
import numpy as np, symrnn
net = symrnn.compile({path!r}, {manifest!r}, {backend!r})
x, y = net.checked(np.ones((10, 1, 4)), np.zeros((10, 1), int))
net.stepper(net.init(0), x, y)(0.01)
"""


def cold(backends: list[str]) -> None:
    """Seconds of a whole new process that compiles the note and takes one step, from its start to its end.

    The package is compiled to bytecode beforehand, as pip does when it installs one. ``first``: with no compiled code
    kept from earlier runs. Of the processor's time, too, which other work on the machine lengthens less; and beside
    ``import sympy``, which it lengthens likewise.
    """
    compileall.compile_dir(ROOT / "symrnn", quiet=1)
    print("\ncold start: a new process reads the note, proves what runs, compiles and takes one step (medians of 5)")
    print("  backend   first: seconds (of processor)   then: seconds (of processor)")
    codes = {b: COLD.format(path=str(NOTE[0]), manifest=str(NOTE[1]), backend=b) for b in backends}
    for name, code in {"(sympy)": "import sympy", **codes}.items():
        took: dict[str, list[tuple[float, float]]] = {"first": [], "then": []}
        for _ in range(5):
            with tempfile.TemporaryDirectory() as folder:
                environment = {**os.environ, "SYMRNN_CACHE": folder, "PYTHONPATH": str(ROOT)}
                for times in took.values():
                    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
                    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
                    after = resource.getrusage(resource.RUSAGE_CHILDREN)
                    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                    times.append((time.perf_counter() - start, used))
        cells = [f"{statistics.median(x):.2f}" for times in took.values() for x in zip(*times, strict=True)]
        print(f"  {name:<9} {cells[0]:>14} ({cells[1]}) {cells[2]:>23} ({cells[3]})", flush=True)


GROW = """
import sys, time, statistics
sys.path[:0] = [{root!r}, {root!r} + "/benchmarks"]
import train
steps, batch = {steps}, {batch}
case = train.Case((27, 32, 27), steps, batch)
n = train.at({backend!r}, case.sizes)
x, y = n.checked(case.x, case.y)
small = n.stepper(n.ready(case.fresh()), x[:2], y[:2]); small(train.RATE)
before = train.memory()
take = n.stepper(n.ready(case.fresh()), x, y)
take(train.RATE)
used = train.memory(True) - before
took = statistics.median(train.seconds(lambda: take(train.RATE), 1, time.process_time) for _ in range(15))
print(took / steps / batch * 1e6, used, (x.nbytes + y.nbytes) / 1e6)
"""


def growth(backends: list[str]) -> None:
    """Time and memory over τ and batch, each in a process of its own: both in proportion."""
    print("\ngrowth at (27, 32, 27): processor time a step of a sequence; greatest memory beyond data and compiler")
    print("  backend     τ  batch   µs/symbol     peak MB   bytes/symbol")
    for backend in backends:
        for steps, batch in ((100, 1), (1000, 1), (10_000, 1), (100, 10), (100, 100), (1000, 100)):
            code = GROW.format(root=str(ROOT), backend=backend, steps=steps, batch=batch)
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            per, used, _ = map(float, done.stdout.split())
            row = f"{per:>11.2f} {used:>11.1f} {used * 1e6 / steps / batch:>14.0f}"
            print(f"  {backend:<7} {steps:>6} {batch:>6} {row}", flush=True)


def memory(peak: bool = False) -> float:
    """Megabytes in use; with ``peak`` the most there were since this was last asked for without it."""
    if not peak:
        Path("/proc/self/clear_refs").write_text("5")
    name = "VmHWM" if peak else "VmRSS"
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="shorter runs")
    usual = [p for p in PEERS if p != "torch.compile"]
    parser.add_argument("--peers", default=",".join(usual), help="those of " + ", ".join(PEERS))
    parser.add_argument("--compiled", action="store_true", help="torch.compile too, which takes minutes to compile")
    parser.add_argument("--only", choices=["ratios", "cold", "growth"])
    options = parser.parse_args()
    peers = ["C by hand", *(p for p in options.peers.split(",") if p != "C by hand")]
    peers += ["torch.compile"] * options.compiled
    backends = [p.removeprefix("symrnn ") for p in peers if p.startswith("symrnn ")]
    if options.only in (None, "ratios"):
        ratios(peers, options.quick)
    if options.only in (None, "cold"):
        cold(backends)
    if options.only in (None, "growth"):
        growth(backends)


if __name__ == "__main__":
    main()
