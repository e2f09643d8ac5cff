"""Compiled code against exact evaluation of the proved equations, differences, and the frameworks' autograd."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

import symrnn
from symrnn.diagnostic import UsageError
from symrnn.library import draft
from symrnn.verdict import Kind
from tests.train.nets import DERIVATIONS, OPTIONS, Exact, mended, net, point, report

BACKENDS = ["numpy", *(["c"] if shutil.which("cc") else []), *(["numba"] if find_spec("numba") else [])]
DOCUMENTS = list(OPTIONS)
NOTE = DERIVATIONS / "bptt"
TIMED = ["bptt", "elman"]
SIZES = {"bptt": (("h", 9), ("x", 6), ("o", 7)), "elman": (("n", 9), ("d", 6), ("m", 7))}


def near(a: Any, b: Any, tolerance: float) -> bool:
    return bool(np.max(np.abs(np.asarray(a) - b)) <= tolerance * max(1.0, np.max(np.abs(b))))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_code_is_the_proved_equation(name: str, backend: str) -> None:
    """Loss and gradients agree to rounding with the printed right sides in balls, at rational points."""
    n = net(name, backend)
    for steps, seed in ((1, 1), (2, 2), (3, 3)):
        exact = Exact(name, n, steps, seed)
        params, x, y, states = exact.given()
        loss, grads = n.value_and_grad(params, x, y, states or None)
        assert near(loss, exact.loss(), 1e-14)
        for key, value in exact.gradients().items():
            assert near(grads[key], value, 2e-14), key


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_differences(name: str, backend: str) -> None:
    """The gradients are those of the loss: central differences in random directions, any sizes, any batch."""
    for steps, batch, sizes in ((1, 1, ()), (4, 3, ()), (7, 5, SIZES.get(name, ()))):
        n = net(name, backend, "float64", sizes)
        params, x, y, states = point(n, steps, batch, seed=steps)
        _, grads = n.value_and_grad(params, x, y, states or None)
        rng = np.random.default_rng(5)
        for key, g in grads.items():
            d = rng.standard_normal(g.shape)
            d /= np.linalg.norm(d)
            values = [n.value({**params, key: params[key] + s * 1e-5 * d}, x, y, states or None) for s in (1, -1)]
            assert near((values[0] - values[1]) / 2e-5, np.vdot(g, d), 1e-7), key


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_batch_is_the_sum_of_its_sequences(backend: str) -> None:
    n = net("bptt", backend)
    params, x, y, states = point(n, 5, 3, seed=2)
    loss, grads = n.value_and_grad(params, x, y, states)
    single = [
        n.value_and_grad(params, x[:, k : k + 1], y[:, k : k + 1], {"h": states["h"][:, k : k + 1]}) for k in range(3)
    ]
    assert near(loss, sum(s[0] for s in single), 1e-14)
    for key in grads:
        assert near(grads[key], sum(s[1][key] for s in single), 1e-13)


@pytest.mark.parametrize(
    "backend", [pytest.param(b, marks=pytest.mark.slow if b == "numba" else ()) for b in BACKENDS[1:]]
)
@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize(("steps", "batch"), [(1, 1), (3, 2), (20, 17), (70, 4)])
def test_matrix_products_of_loops(name: str, backend: str, steps: int, batch: int) -> None:
    """At sizes where loops become blocked matrix products: every remainder of rows, columns and depth."""
    sizes = tuple((k, v) for (k, _), v in zip(SIZES[name], (33, 30, 41), strict=True))
    params, x, y, states = point(net(name, "numpy", "float64", sizes), steps, batch, 1, 0.2)
    for dtype, tolerance in (("float64", 1e-12), ("float32", 1e-3)):
        loss, grads = net(name, "numpy", dtype, sizes).value_and_grad(params, x, y, states)
        other, others = net(name, backend, dtype, sizes).value_and_grad(params, x, y, states)
        assert near(other, loss, tolerance) and all(near(others[k], grads[k], tolerance) for k in grads)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_stepper_takes_gradient_steps(backend: str) -> None:
    n = net("bptt", backend)
    params, x, y, _ = point(n, 5, 3, seed=2)
    x, y = n.checked(x, y)
    mine, other = n.ready({k: v.copy() for k, v in params.items()}), n.ready(params)
    step = n.stepper(mine, x, y)
    for _ in range(3):
        loss, grads, _ = n.raw(other, x, y)
        assert near(step(0.01), loss, 1e-13)
        for key, g in grads.items():
            other[key] = other[key] - 0.01 * g
    assert all(near(mine[k], other[k], 1e-13) for k in other)


@pytest.mark.parametrize("backend", BACKENDS)
def test_single_precision(backend: str) -> None:
    params, x, y, states = point(net("bptt"), 6, 4, seed=3)
    loss, grads = net("bptt").value_and_grad(params, x, y, states)
    low, low_grads = net("bptt", backend, "float32").value_and_grad(params, x, y, states)
    assert near(low, loss, 1e-5) and all(v.dtype == np.float32 for v in low_grads.values())
    assert all(near(low_grads[k], grads[k], 1e-4) for k in grads)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["bptt", "elman", "softmax-regression"])
def test_huge_logits(name: str, backend: str) -> None:
    """Logits of ±1000: exp overflows and ln(0) is -inf in the printed formula; the code is finite and right."""
    n = net(name, backend)
    params, x, y, _ = point(n, 3, 2, seed=4)
    bias = {"bptt": "c", "elman": "b_y", "softmax-regression": "b"}[name]
    params[bias] = np.where(np.arange(len(params[bias])) % 2, -1000.0, 1000.0)
    y = np.full(y.shape, 1)
    loss, grads = n.value_and_grad(params, x, y)
    assert 1900 * y.size < loss < 2100 * y.size
    assert all(np.isfinite(g).all() for g in grads.values())
    assert near(grads[bias][1], -float(y.size), 1e-12)


def test_value_and_grad_leaves_earlier_results_alone() -> None:
    n = net("bptt")
    params, x, y, _ = point(n, 4, 2, seed=6)
    _, first = n.value_and_grad(params, x, y)
    kept = {k: v.copy() for k, v in first.items()}
    n.value_and_grad({k: v + 1 for k, v in params.items()}, x, y)
    assert all((first[k] == kept[k]).all() for k in kept)


@pytest.mark.parametrize("backend", BACKENDS)
def test_states_are_carried(backend: str) -> None:
    """Two windows with the state carried predict what one long sequence predicts."""
    n = net("bptt", backend)
    params, x, y, states = point(n, 6, 2, seed=7)
    whole, last = n.predict(params, x, states)
    head, middle = n.predict(params, x[:4], states)
    tail, end = n.predict(params, x[4:], middle)
    assert near(np.concatenate([head, tail]), whole, 1e-14) and near(end["h"], last["h"], 1e-14)
    assert near(n.raw(n.ready(params), *n.checked(x[:4], y[:4]), states)[2]["h"], middle["h"], 1e-14)


# -- the frameworks ---------------------------------------------------------------------------


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
@pytest.mark.parametrize("backend", BACKENDS)
def test_torch_autograd(backend: str) -> None:
    import torch

    n = net("bptt", backend, "float64", SIZES["bptt"])
    params, x, y, states = point(n, 8, 3, seed=8)
    p = {k: torch.tensor(v, requires_grad=True) for k, v in params.items()}
    h, loss = torch.tensor(states["h"][0]), torch.zeros((), dtype=torch.float64)
    for t in range(8):
        h = torch.tanh(p["b"] + h @ p["W"].T + torch.tensor(x[t]) @ p["U"].T)
        logits = h @ p["V"].T + p["c"]
        loss = loss + torch.nn.functional.cross_entropy(logits, torch.tensor(y[t]), reduction="sum")
    loss.backward()
    mine, grads = n.value_and_grad(params, x, y, states)
    assert near(mine, loss.item(), 1e-12)
    assert all(near(grads[k], p[k].grad.numpy(), 1e-10) for k in p)


@pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed")
@pytest.mark.parametrize("backend", BACKENDS)
def test_jax_autograd(backend: str) -> None:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    n = net("elman", backend, "float64", SIZES["elman"])
    params, x, y, states = point(n, 8, 3, seed=9)

    def loss(p: Any) -> Any:
        def step(h: Any, xy: Any) -> Any:
            h = jnp.tanh(h @ p["W_h_h"].T + xy[0] @ p["W_x_h"].T + p["b_h"])
            logs = jax.nn.log_softmax(h @ p["W_h_y"].T + p["b_y"])
            return h, -jnp.take_along_axis(logs, xy[1][:, None], 1).sum()

        return jax.lax.scan(step, jnp.asarray(states["h"][0]), (x, y))[1].sum()

    value, slopes = jax.value_and_grad(loss)({k: jnp.asarray(v) for k, v in params.items()})
    mine, grads = n.value_and_grad(params, x, y, states)
    assert near(mine, float(value), 1e-12)
    assert all(near(grads[k], np.asarray(slopes[k]), 1e-10) for k in grads)


# -- what is refused --------------------------------------------------------------------------


def test_the_note_as_printed_is_refused_by_number() -> None:
    found = symrnn.check(NOTE / "note.md")
    with pytest.raises(
        UsageError, match=r"the gradient of o for every class \(\(19\).*under «class-one».*\(22\) is ill-formed"
    ):
        found.compile()
    with pytest.raises(UsageError, match=r"equation \(25\) is asked for but is refuted"):
        found.compile(equations=["33", "25"])
    with pytest.raises(UsageError, match=r"no equation \(99\)"):
        found.compile(equations=["99"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ((r"\nabla_{\mathbf{b}} L = \sum", r"\nabla_{\mathbf{b}} L = 2 \sum"), r"of b; .*\(85\) is refuted"),
        ((r"\nabla_{\mathbf{V}} L = ", r"\nabla_{\mathbf{V}} L^{(\tau)} = "), r"no proved equation gives .* of V"),
        (
            (r"$$\nabla_{\mathbf{h}^{(\tau)}} L = \mathbf{V}^T \nabla_{\mathbf{o}^{(\tau)}} L \quad (33)$$", ""),
            r"no proved equation gives the gradient of h at the last step",
        ),
        ((r"{\mathbf{h}^{(t)}} L = \mathbf{W}^T", r"{\mathbf{h}^{(t)}} L = \mathbf{W}"), r"\(45\) is refuted"),
    ],
)  # fmt: skip
def test_a_gradient_without_a_proof_is_refused(wrong: tuple[str, str], message: str) -> None:
    text = mended()
    assert wrong[0] in text
    begun = draft(text.replace(*wrong), NOTE / "note.toml")
    with pytest.raises(UsageError, match=message):
        begun.compile()


@pytest.mark.slow
def test_the_refusal_is_that_of_the_whole_report() -> None:
    """Judging no more than is needed finds the same gradient missing, for the same reason."""
    for text in (
        mended().replace(r"L = \mathbf{V}^T", r"L = \mathbf{V}"),
        (NOTE / "note.md").read_text(encoding="utf-8"),
    ):
        with pytest.raises(UsageError) as sparing:
            symrnn.compile(text, NOTE / "note.toml")
        with pytest.raises(UsageError) as full:
            symrnn.check(text, NOTE / "note.toml").compile()
        assert str(sparing.value).split(":", 1)[-1] == str(full.value).split(":", 1)[-1] != ""


@pytest.mark.parametrize("name", ["bptt", "elman"])
def test_only_what_runs_is_judged(name: str) -> None:
    """The choice is that of the whole report, made after judging a part of the document."""
    if name == "bptt":
        begun = draft(mended(), NOTE / "note.toml")
    else:
        begun = draft(DERIVATIONS / name / "note.md")
    found, whole = begun.compile(), net(name)
    assert (found.equations, found.hash, found.any_size) == (whole.equations, whole.hash, whole.any_size)
    assert len(begun.known) < 0.8 * len(begun.checker.paper.equations)
    judged = {begun.known[k].number: begun.known[k].verdict for k in begun.known}
    assert set(found.equations) <= set(judged)
    assert all(v in (Kind.PROVED, Kind.DEFINED) for n, v in judged.items() if n in found.equations)


def test_what_is_presumed_and_proves_wrong_does_not_run() -> None:
    """A short false line would be the first choice; it is judged, dropped, and the choice made anew."""
    begun = draft(mended() + "\n$$\\nabla_{\\mathbf{b}} L = \\mathbf{b} \\quad (185)$$\n", NOTE / "note.toml")
    found = begun.compile()
    assert found.equations == net("bptt").equations
    assert {e.number: e.verdict for e in begun.known.values()}["185"] is Kind.REFUTED


def test_an_equation_under_one_class_is_no_ground() -> None:
    """(19)–(21) hold for class one only: they are proved, and yet not used."""
    n = net("bptt")
    assert not {"19", "20", "21"} & set(n.equations) and "22" in n.equations
    assert [p.name for p in n.program.premises] == ["one-hot"]


def test_nothing_is_named_in_the_code_of_the_compiler() -> None:
    """Neither a number of an equation nor a symbol of a document: the same document in other letters compiles."""
    text = (DERIVATIONS / "elman" / "note.md").read_text(encoding="utf-8")
    manifest = (DERIVATIONS / "elman" / "note.toml").read_text(encoding="utf-8")
    for old, new in ((r"\tag{", r"\tag{9."), (r"\mathcal{L}", "J"), ("h_", "z_"), ("o_", "q_")):
        text, manifest = text.replace(old, new), manifest.replace(old, new)
    manifest = manifest.replace('"1-5"', '"9.1", "9.2", "9.3", "9.4", "9.5"').replace('"11-27"', '""')
    n = symrnn.compile(text, manifest)
    assert n.equations[0].startswith("9.") and set(n.states) == {"z"}


# -- data and sizes ---------------------------------------------------------------------------


def bad(change: str) -> tuple[Any, Any, Any]:
    n = net("bptt")
    params, x, y, _ = point(n, 3, 2, seed=1)
    hot = np.eye(3)[y]
    x = {"nan": np.where(x > 1, np.nan, x) * np.nan, "inf": np.where(x == x[0, 0, 0], np.inf, x)}.get(change, x)
    x = {"width": x[..., :3], "flat": x[0], "empty": x[:0], "words": x.astype(str)}.get(change, x)
    y = {"class": y + 3, "negative": y - 3, "length": y[:2], "soft": hot * 0.5, "text": hot.astype(str)}.get(change, y)
    if change == "parameter":
        params = {**params, "W": params["W"][:4]}
    elif change == "missing":
        params = {k: v for k, v in params.items() if k != "U"}
    elif change == "extra":
        params = {**params, "Q": params["U"]}
    return params, x, y


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("nan", "x holds nan at"), ("inf", r"x holds inf at \(0, 0, 0\)"),
        ("width", r"\(3, 2, 3\), it must be \(T, B, 4\)"),
        ("flat", "must be"), ("empty", "is empty"), ("words", "numbers"), ("class", "classes are 0 … 2"),
        ("negative", "has class -"), ("length", "y has shape"), ("soft", "«one-hot»: entries of y that sum to 1"),
        ("text", "numbers"), ("parameter", r"W has shape \(4, 5\)"), ("missing", "parameter U is missing"),
        ("extra", "no parameter Q"),
    ],
)  # fmt: skip
def test_errors_before_any_step(change: str, message: str) -> None:
    params, x, y = bad(change)
    with pytest.raises(UsageError, match=message):
        net("bptt").value_and_grad(params, x, y)


def test_sizes_are_the_formula_s() -> None:
    with pytest.raises(UsageError, match="no size 'q'"):
        report("bptt").compile(sizes={"q": 3})
    text = mended().replace(
        r"L^{(t)} = - \sum_{i=1}^3 y_i^{(t)} \ln(\hat{y}_i^{(t)}) \quad (13)",
        "L^{(t)} = " + " ".join(rf"- y_{k}^{{(t)}} \ln(\hat{{y}}_{k}^{{(t)}})" for k in (1, 2, 3)) + r" \quad (13)",
    )
    found = draft(text, NOTE / "note.toml")
    with pytest.raises(UsageError, match="the size o is 3 in the formulas and cannot be 4"):
        found.compile(sizes={"o": 4})
    params, x, y, _ = point(net("bptt"), 3, 2, seed=1)
    one, two = found.compile().value_and_grad(params, x, y), net("bptt").value_and_grad(params, x, y)
    assert near(one[0], two[0], 1e-14) and all(near(one[1][k], two[1][k], 1e-13) for k in two[1])


def test_an_unknown_backend() -> None:
    with pytest.raises(UsageError, match="no backend 'fortran'"):
        report("bptt").compile("fortran")


REGRESSION = r"""
For $x \in \mathbb{R}^n$, $y \in \mathbb{R}^m$, $W \in \mathbb{R}^{m \times n}$, $b \in \mathbb{R}^m$:

$$z = W x + b \tag{1}$$ $$p = \text{softmax}(z) \tag{2}$$ $$L = -y^\top \log p \tag{3}$$ MORE
$$\frac{\partial L}{\partial W} = ((\mathbf{1}_m^\top y) p - y) x^\top \tag{4}$$
$$\frac{\partial L}{\partial b} = (\mathbf{1}_m^\top y) p - y \tag{5}$$
"""


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (r"$$z = W x - b \tag{8}$$", r"\(8\) defines but is refuted"),  # defines again, otherwise
        (r"$$q_i = x_k \tag{8}$$", r"\(8\) defines but is ill-formed"),  # defines nothing
        (r"$$p = z = 2 z \tag{2}$$", r"\(2\) defines but is refuted"),  # a second line of one number
    ],
)
def test_a_line_that_contradicts_a_definition_is_noticed(more: str, why: str) -> None:
    manifest = 'define = ["1-3", "8"]\ndata = ["x", "y"]\n[sizes]\nn = 2\nm = 3\n'
    assert symrnn.compile(REGRESSION.replace("MORE", ""), manifest, loss="L").parameters == {"W": (3, 2), "b": (3,)}
    with pytest.raises(UsageError, match=why):
        symrnn.compile(REGRESSION.replace("MORE", more), manifest, loss="L")
