"""ONNX: the functions written for JAX, run once on names instead of numbers, leave a graph behind.

Every operation on a ``Tensor`` adds a node; ``lax.scan`` traces its step into the body of a ``Scan``, so that
recursions stay loops over any number of steps. Only ranks are known while tracing; lengths are read from the data
when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from symrnn.diagnostic import UsageError

OPSET = 17
FAR = 2**62  # the end of a slice that has none


@dataclass(frozen=True)
class Extent:
    """The length of a tensor's axis and a number more."""

    graph: Graph
    tensor: str
    axis: int
    more: int = 0

    def __add__(self, n: int) -> Extent:
        return Extent(self.graph, self.tensor, self.axis, self.more + n)

    def __sub__(self, n: int) -> Extent:
        return self + -n

    def name(self) -> str:
        """A vector of this one number."""
        g = self.graph
        whole = g.node("Shape", [self.tensor], start=self.axis, end=self.axis + 1)
        return g.node("Add", [whole, g.constant(np.array([self.more]))]) if self.more else whole


class Tensor:
    """A named value of the graph."""

    def __init__(self, graph: Graph, name: str, rank: int) -> None:
        self.graph, self.name, self.rank = graph, name, rank

    @property
    def shape(self) -> list[Extent]:
        """The lengths of the axes."""
        return [Extent(self.graph, self.name, k) for k in range(self.rank)]

    def _with(self, op: str, other: Any, turned: bool = False) -> Tensor:
        b = self.graph.tensor(other)
        names = [b.name, self.name] if turned else [self.name, b.name]
        return Tensor(self.graph, self.graph.node(op, names), max(self.rank, b.rank))

    def __add__(self, other: Any) -> Tensor:
        return self._with("Add", other)

    def __radd__(self, other: Any) -> Tensor:
        return self._with("Add", other, True)

    def __mul__(self, other: Any) -> Tensor:
        return self._with("Mul", other)

    def __rmul__(self, other: Any) -> Tensor:
        return self._with("Mul", other, True)

    def __pow__(self, exponent: Any) -> Tensor:
        return self._with("Div", 1.0, True) if exponent == -1 else self._with("Pow", exponent)

    def __gt__(self, other: Any) -> Tensor:
        found = self._with("Greater", other)
        return Tensor(self.graph, self.graph.node("Cast", [found.name], to=self.graph.kind), found.rank)

    def sum(self, axis: int) -> Tensor:
        """Σ over one axis."""
        g = self.graph
        name = g.node("ReduceSum", [self.name, g.constant(np.array([axis]))], keepdims=0)
        return Tensor(g, name, self.rank - 1)

    def __getitem__(self, given: Any) -> Tensor:
        """Components by number, slices, new axes, as in NumPy."""
        g, parts = self.graph, list(given) if isinstance(given, tuple) else [given]
        used = sum(p is not None and p is not ... for p in parts)
        if ... in [p for p in parts if not isinstance(p, Extent)]:
            k = parts.index(...)
            parts[k : k + 1] = [slice(None)] * (self.rank - used)
        name, rank, axis, news = self.name, self.rank, 0, []
        for p in parts:
            if p is None:
                news.append(axis)
                name, rank, axis = g.node("Unsqueeze", [name, g.constant(np.array([axis]))]), rank + 1, axis + 1
            elif isinstance(p, int):
                name, rank = g.node("Gather", [name, g.constant(np.array(p))], axis=axis), rank - 1
            else:
                if p.start or p.stop is not None:
                    ends = [g.number(p.start or 0), g.number(FAR if p.stop is None else p.stop)]
                    name = g.node("Slice", [name, *ends, g.constant(np.array([axis]))])
                axis += 1
        return Tensor(g, name, rank)


class Graph:
    """Nodes and constants as they come; inside a scan's step the nodes go into its body."""

    def __init__(self, dtype: Any) -> None:
        try:
            import onnx
        except ImportError:
            raise UsageError("--to onnx needs onnx: pip install 'symrnn[onnx]'") from None
        self.onnx = onnx
        self.dtype = np.dtype(dtype)
        self.kind = onnx.helper.np_dtype_to_tensor_dtype(self.dtype)
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        self.count = 0

    def new(self) -> str:
        """A name that no one else uses."""
        self.count += 1
        return f"_{self.count}"

    def node(self, op: str, inputs: Sequence[str], outputs: Sequence[str] = (), **attributes: Any) -> str:
        """Add a node; the name of its first output."""
        names = list(outputs) or [self.new()]
        self.nodes.append(self.onnx.helper.make_node(op, list(inputs), names, **attributes))
        return names[0]

    def constant(self, value: Any) -> str:
        """The name of an array that is known now."""
        key = f"_c_{value.dtype}_{value.shape}_{value.tolist()}"
        if key not in self.constants:
            self.constants[key] = self.onnx.numpy_helper.from_array(value, f"_c{len(self.constants)}")
        found: str = self.constants[key].name
        return found

    def number(self, value: int | Extent) -> str:
        """A vector of one integer."""
        return value.name() if isinstance(value, Extent) else self.constant(np.array([value]))

    def tensor(self, value: Any) -> Tensor:
        """A tensor as it is; a number as a constant."""
        if isinstance(value, Tensor):
            return value
        array = np.array(value, self.dtype)
        return Tensor(self, self.constant(array), array.ndim)

    # -- what the functions call --------------------------------------------------------------

    def space(self) -> dict[str, Any]:
        """``jnp`` and ``jax`` as far as the functions use them."""

        def plain(op: str) -> Callable[[Any], Tensor]:
            return lambda x: Tensor(self, self.node(op, [self.tensor(x).name]), self.tensor(x).rank)

        names = {"exp": "Exp", "log": "Log", "tanh": "Tanh", "sin": "Sin", "cos": "Cos", "sinh": "Sinh", "cosh": "Cosh",
                 "arctan": "Atan"}  # fmt: skip
        jnp = SimpleNamespace(**{k: plain(op) for k, op in names.items()})
        jnp.max, jnp.einsum, jnp.concatenate, jnp.stack, jnp.eye = (
            self.max, self.einsum, self.concatenate, self.stack, self.eye,
        )  # fmt: skip
        nn = SimpleNamespace(sigmoid=plain("Sigmoid"), softplus=plain("Softplus"), relu=plain("Relu"))
        return {"jnp": jnp, "jax": SimpleNamespace(nn=nn, lax=SimpleNamespace(scan=self.scan))}

    def max(self, x: Tensor, axis: int) -> Tensor:
        """The greatest along an axis."""
        return Tensor(self, self.node("ReduceMax", [x.name], axes=[axis], keepdims=0), x.rank - 1)

    def einsum(self, form: str, *given: Tensor) -> Tensor:
        """Σ of products; scalars are multiplied afterwards."""
        inner, out = form.split("->")
        pairs = list(zip(inner.split(","), given, strict=True))
        terms, xs = zip(*[(t, x) for t, x in pairs if t], strict=True)
        found = Tensor(self, self.node("Einsum", [x.name for x in xs], equation=f"{','.join(terms)}->{out}"), len(out))
        for term, x in pairs:
            found = found if term else found * x
        return found

    def concatenate(self, parts: Sequence[Tensor]) -> Tensor:
        """One after the other along the first axis."""
        return Tensor(self, self.node("Concat", [p.name for p in parts], axis=0), parts[0].rank)

    def stack(self, parts: Sequence[Tensor], axis: int) -> Tensor:
        """Side by side along a new last axis."""
        return Tensor(self, self.node("Concat", [p[..., None].name for p in parts], axis=-1), parts[0].rank + 1)

    def eye(self, size: Any) -> Tensor:
        """The identity matrix."""
        length = self.number(size)
        zeros = self.node("Expand", [self.tensor(0.0).name, self.node("Concat", [length, length], axis=0)])
        return Tensor(self, self.node("EyeLike", [zeros], dtype=self.kind), 2)

    def scan(
        self, step: Callable[..., Any], held: Sequence[Tensor], given: Sequence[Tensor], reverse: bool = False
    ) -> tuple[None, list[Tensor]]:
        """A recursion over the first axis of what is given: a Scan whose body is the step."""
        make = self.onnx.helper.make_tensor_value_info
        states = [Tensor(self, self.new(), x.rank) for x in held]
        rows = [Tensor(self, self.new(), x.rank - 1) for x in given]
        with self._inside() as nodes:
            news, made = step(states, rows)
            outs = [self.node("Identity", [x.name]) for x in (*news, *made)]
        ranks = [*(x.rank for x in news), *(x.rank for x in made)]
        body = self.onnx.helper.make_graph(
            nodes,
            "step",
            [make(x.name, self.kind, [None] * x.rank) for x in (*states, *rows)],
            [make(name, self.kind, [None] * rank) for name, rank in zip(outs, ranks, strict=True)],
        )
        results = [self.new() for _ in outs]
        way = int(reverse)
        self.node(
            "Scan", [x.name for x in (*held, *given)], results, body=body, num_scan_inputs=len(given),
            scan_input_directions=[way] * len(given), scan_output_directions=[way] * len(made),
        )  # fmt: skip
        return None, [Tensor(self, r, x.rank + 1) for r, x in zip(results[len(news) :], made, strict=True)]

    @contextmanager
    def _inside(self) -> Any:
        before, self.nodes = self.nodes, []
        try:
            yield self.nodes
        finally:
            self.nodes = before

    # -- the model ----------------------------------------------------------------------------

    def model(
        self, inputs: Mapping[str, Sequence[Any]], weights: Mapping[str, Any], outputs: Mapping[str, Tensor], text: str
    ) -> bytes:
        """The model: inputs with their shapes (a name for a free length), trained weights, named outputs."""
        onnx, make = self.onnx, self.onnx.helper.make_tensor_value_info
        for name, x in outputs.items():
            self.node("Identity", [x.name], [name])
        graph = onnx.helper.make_graph(
            self.nodes,
            "symrnn",
            [make(k, self.kind, list(shape)) for k, shape in inputs.items()],
            [make(k, self.kind, [None] * x.rank) for k, x in outputs.items()],
            [*self.constants.values(), *(onnx.numpy_helper.from_array(np.asarray(a), k) for k, a in weights.items())],
            doc_string=text,
        )
        opsets = [onnx.helper.make_opsetid("", OPSET)]
        made = onnx.helper.make_model(graph, opset_imports=opsets, producer_name="symrnn", ir_version=8)
        onnx.checker.check_model(made, full_check=False)
        out: bytes = made.SerializeToString()
        return out
