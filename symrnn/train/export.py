"""Export: a compiled network as a Python module of its own, for NumPy, JAX or PyTorch.

The module needs nothing of symrnn. For NumPy it holds the code that runs here; for JAX a jitted ``loss_and_grad``
whose gradient is the proved one; for PyTorch an ``nn.Module`` whose backward pass is the proved one, so that it runs
under the frameworks' own data parallelism.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symrnn.diagnostic import UsageError
from symrnn.train.backends.functional import Functional
from symrnn.train.backends.names import Names, plain
from symrnn.train.backends.numpy_plan import source
from symrnn.train.net import Net

TARGETS = ("numpy", "jax", "torch", "onnx")
HEAD = '''"""The loss of a recurrent network and its gradients, from equations that symrnn proved.

Equations: {numbers}
Their hash: {hash}
Inputs (T, B, n), one-hot targets (T, B, m); the loss is summed over steps and sequences.
"""
'''


def module(net: Net, target: str) -> str:
    """The source of the module. Raises UsageError for another target."""
    if target not in TARGETS[:3]:
        raise UsageError(f"no export to '{target}'; there are {', '.join(TARGETS)}")
    head = HEAD.format(numbers=", ".join(f"({n})" for n in net.equations), hash=net.hash)
    if not net.program.timed:
        head = head.replace("(T, B, ", "(B, ")
    text: str = {"numpy": _numpy, "jax": _jax, "torch": _torch}[target](net)
    return head + text


def _shapes(net: Net) -> str:
    return "SHAPES = {" + ", ".join(f"{k!r}: {v}" for k, v in net.parameters.items()) + "}\n"


def _given(net: Net) -> tuple[list[str], list[str], list[str]]:
    """The names of parameters, of data, and of first states in the generated code."""
    names = Names(net.full)
    program = net.program
    parameters = [names[s] for s in program.parameters]
    data = [names[s] for s in (*program.inputs, *program.targets)]
    return parameters, data, [f"{names[s]}_0" for s in program.states]


def _states(net: Net, zeros: str) -> list[str]:
    """Lines that make the first states zero."""
    names, out = Names(net.full), []
    for symbol, lag in net.program.states.items():
        shape = ", ".join(str(n) for n in net.states[plain(symbol)][1:])
        data = names[net.program.inputs[0]]
        out.append(f"{names[symbol]}_0 = {zeros.format(shape=f'({lag}, {data}.shape[1], {shape})', like=data)}")
    return out


def _numpy(net: Net) -> str:
    _, data, states = _given(net)
    names = Names(net.full)
    sizes = ", ".join(f"{names.size(k)}={v}" for k, v in net.sizes.items())
    lead = f"*{data[0]}.shape[:2]" if net.program.timed else f"1, {data[0]}.shape[0]"
    lines = [source(net.full, net.layout), "", _shapes(net), "", f"def loss_and_grad(params, {', '.join(data)}):"]
    lines.append('    """The loss and its gradients by name."""')
    lines += [f"    {line}" for line in _states(net, "zeros({shape})")]
    lines.append(f"    run = plan({lead}, {sizes})")
    given = ", ".join([*(f"params[{k!r}]" for k in net.parameters), *data, *states])
    lines += [f"    out = run({given})", "    return out[0], dict(zip(SHAPES, out[1:]))", ""]
    return "\n".join(lines)


def _jax(net: Net) -> str:
    parameters, data, _ = _given(net)
    body = Functional(net.full, net.layout, "jnp")
    lines = ["import jax", "import jax.numpy as jnp", "", "", _shapes(net), ""]
    lines += [
        "@jax.jit",
        f"def loss_and_grad(params, {', '.join(data)}):",
        '    """The loss and its gradients by name."""',
    ]
    lines.append(f"    {', '.join(parameters)}, = (params[k] for k in SHAPES)")
    lines += [f"    {line}" for line in _states(net, "jnp.zeros({shape}, {like}.dtype)")]
    results = body.lines()
    lines += [f"    {line}" for line in results]
    lines += [f"    return {body.results[0]}, dict(zip(SHAPES, ({', '.join(body.results[1:])},)))", "", ""]
    lines += [
        "@jax.custom_vjp",
        f"def loss(params, {', '.join(data)}):",
        '    """The loss; jax.grad of it is proved."""',
    ]
    lines += [f"    return loss_and_grad(params, {', '.join(data)})[0]", "", ""]
    lines += [
        f"def _forward(params, {', '.join(data)}):",
        f"    return loss_and_grad(params, {', '.join(data)})",
        "",
        "",
    ]
    nothing = ", ".join(["None"] * len(data))
    lines += ["def _backward(grads, outer):", f"    return jax.tree.map(lambda g: outer * g, grads), {nothing}", "", ""]
    lines += ["loss.defvjp(_forward, _backward)", ""]
    return "\n".join(lines)


def _torch(net: Net) -> str:
    parameters, data, _ = _given(net)
    body = Functional(net.full, net.layout, "torch")
    lines = ["import torch", "from torch import nn", "", "", _shapes(net), ""]
    lines += [f"def loss_and_grad({', '.join(parameters + data)}):", '    """The loss and its gradients, in order."""']
    lines += [f"    {line}" for line in _states(net, "{like}.new_zeros({shape})")]
    lines += [f"    {line}" for line in body.lines()]
    lines += [f"    return {', '.join(body.results)}", "", ""]
    lines += ["class Loss(torch.autograd.Function):", '    """The loss with its proved gradients."""', ""]
    lines += ["    @staticmethod", "    def forward(ctx, *given):", "        loss, *grads = loss_and_grad(*given)"]
    lines += ["        ctx.save_for_backward(*grads)", "        return loss", ""]
    lines += ["    @staticmethod", "    def backward(ctx, outer):"]
    lines += [f"        return *(outer * g for g in ctx.saved_tensors), {', '.join(['None'] * len(data))}", "", ""]
    lines += ["class Net(nn.Module):", f'    """``Net()({", ".join(data)})`` is the loss of a batch."""', ""]
    lines += ["    def __init__(self, dtype=torch.float64):", "        super().__init__()"]
    lines += ["        for name, shape in SHAPES.items():"]
    lines += ["            scale = shape[-1] ** -0.5 if len(shape) > 1 else 0.0"]
    lines += ["            setattr(self, name, nn.Parameter(scale * torch.randn(shape, dtype=dtype)))", ""]
    lines += [f"    def forward(self, {', '.join(data)}):"]
    lines += [f"        return Loss.apply(*(getattr(self, k) for k in SHAPES), {', '.join(data)})", ""]
    return "\n".join(lines)


def onnx(net: Net, params: Mapping[str, Any], training: bool = False) -> bytes:
    """An ONNX model with the trained parameters in it.

    It takes the input x (T, B, n) and the first states; it gives the prediction at every step and the last states. With
    ``training`` it takes the one-hot targets y too and gives the loss and its proved gradients, ``d_W`` by ``W``.
    Raises UsageError where onnx is not installed.
    """
    from symrnn.train.backends.onnx_graph import Graph, Tensor

    program = net.program
    plan, layout = net.arranged(net.full.outputs if training else (net.prediction,))
    names, graph = Names(plan), Graph(net.dtype)
    lead = ["T", "B"] if program.timed else ["B"]
    inputs: dict[str, list[Any]] = {}
    for role in (*net._inputs, *(net._targets if training else ())):
        inputs[names[role.symbol]] = [*lead, *(net.sizes[a] for a in role.axes)]
    for role in net._states:
        inputs[f"{names[role.symbol]}_0"] = [program.states[role.symbol], "B", *(net.sizes[a] for a in role.axes)]
    weights = {names[r.symbol]: a for r, a in zip(net._parameters, net.ready(params).values(), strict=True)}
    space = graph.space()
    space |= {k: Tensor(graph, k, len(shape)) for k, shape in inputs.items()}
    space |= {k: Tensor(graph, k, np.ndim(a)) for k, a in weights.items()}
    body = Functional(plan, layout, "jnp")
    exec("\n".join(body.lines()), space)
    found = [eval(code, space) for code in body.results]
    if training:
        titles = ["loss", *(f"d_{k}" for k in net.parameters)]
    else:
        titles = ["prediction"]
        for symbol, lag in program.states.items():
            titles.append(f"{names[symbol]}_n")
            found.append(space[names[symbol]][-lag:])
    head = f"Equations {', '.join(net.equations)}, proved by symrnn; their hash is {net.hash}."
    return graph.model(inputs, weights, dict(zip(titles, found, strict=True)), head)
