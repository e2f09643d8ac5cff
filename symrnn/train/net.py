"""A compiled network: parameters and data in, the loss and its proved gradients out."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from symrnn.diagnostic import UsageError
from symrnn.expr import Symbol
from symrnn.train.assume import premise
from symrnn.train.backends.names import plain
from symrnn.train.backends.runner import Runner
from symrnn.train.facts import Knowledge
from symrnn.train.index import Get
from symrnn.train.plan import Plan, plan
from symrnn.train.program import Maker, Program, gets, make
from symrnn.train.roles import roles
from symrnn.train.sizes import Sizes

if TYPE_CHECKING:
    from symrnn.checker import Checker
    from symrnn.verdict import EquationReport

Array = np.ndarray[Any, np.dtype[Any]]
Params = Mapping[str, Array]
BACKENDS = ("numpy", "c", "numba")


class Backend(Protocol):
    """Makes the function of one plan at given lengths: arrays in the order of the plan, tuples of results out."""

    def __call__(self, plan: Plan, sizes: Sizes, lengths: Mapping[str, int], steps: int, batch: int, dtype: Any) -> Any:
        """The function for ``steps`` steps and ``batch`` sequences."""


def compile_document(
    checker: Checker,
    path: str,
    backend: str = "numpy",
    dtype: Any = "float64",
    known: dict[int, EquationReport] | None = None,
    *,
    sizes: Mapping[str, int] | None = None,
    loss: str | None = None,
    inputs: Iterable[str] = (),
    targets: Iterable[str] = (),
    equations: Iterable[str] | None = None,
    threads: int | None = 1,
) -> Net:
    """Compile the proved equations of a document.

    ``known``: verdicts by the place of the equation; of the others those are judged that define or run (all, where some
    gradient is missing) and put there. ``sizes``: other sizes than those of the manifest, by name. ``inputs``,
    ``targets``, ``loss``: names, where the document leaves it open. ``equations``: use no claim but those of these
    numbers. ``threads``: how many threads BLAS may use from now on (None: leave it alone).
    Raises UsageError naming what is not proved, or not given by any proved equation.
    """
    if backend not in BACKENDS:
        raise UsageError(f"no backend '{backend}'; there are {', '.join(BACKENDS)}")
    facts = Knowledge(checker, path, {} if known is None else known, None if equations is None else tuple(equations))
    manifest = checker.manifest
    first, last, named = manifest.steps.first, manifest.steps.last, dict(manifest.sizes)
    premises = {n: premise(n, d, first, last, named) for n, d in checker.assumptions.items()}
    maker = Maker(facts, first, last, named, premises)
    program = make(maker, *roles(maker, loss, inputs, targets, manifest.data))
    limit_threads(threads)
    used = [facts.report(k) for k, e in enumerate(facts.equations) if e.number in program.numbers]
    return Net(program, named, backend, np.dtype(dtype), dict(sizes or {}), certificate(used), _any_size(used))


def _any_size(used: Iterable[EquationReport]) -> bool:
    """Whether every equation that runs and is no definition was proved at all sizes."""
    scopes = [c.scope for e in used for c in e.claims if c.scope is not None and c.kind != "definition"]
    return all(scope.sizes == "all" for scope in scopes)


def certificate(used: Iterable[EquationReport]) -> str:
    """The hash of the equations that run, as printed, with their verdicts and their scope."""
    digest = hashlib.sha256()
    for equation in used:
        digest.update(f"{equation.number}\t{equation.verdict.value}\t{equation.latex}\n".encode())
        for claim in equation.claims:
            digest.update(f"{claim.reading}\t{claim.scope.words() if claim.scope else ''}\n".encode())
    return digest.hexdigest()


def limit_threads(threads: int | None) -> None:
    """Let BLAS use this many threads: for small matrices on a busy machine more are slower."""
    if threads is not None:
        import threadpoolctl

        threadpoolctl.threadpool_limits(threads, user_api="blas")


@dataclass(frozen=True)
class Role:
    """An array that the network takes: its name and the names of its axes' sizes."""

    symbol: Symbol
    name: str
    axes: tuple[str, ...]


class Net:
    """The loss of a document and its gradients as numeric functions.

    ``parameters``: name → shape; ``equations``: the numbers of the equations that run; ``hash``: of those equations
    as they were proved. Shapes: inputs (T, B, n), targets (T, B, m) or classes (T, B); without steps no T.
    """

    def __init__(
        self,
        program: Program,
        named: Mapping[str, int],
        backend: str,
        dtype: Any,
        sizes: dict[str, int],
        mark: str,
        any_size: bool = False,
        full: Plan | None = None,
    ) -> None:
        self.program = program
        self.backend = backend
        self.dtype = dtype
        self.hash = mark
        self.any_size = any_size
        self.full = full or plan(program)
        self.layout = Sizes(self.full, named)
        self._functions: dict[Any, Any] = {}
        self._plans: dict[Any, tuple[Plan, Sizes]] = {}
        self._named = named

        def role(symbol: Symbol) -> Role:
            return Role(symbol, plain(symbol), tuple(s.name for s in self.layout.shape(symbol)))

        self._parameters = tuple(map(role, program.parameters))
        self._inputs = tuple(map(role, program.inputs))
        self._targets = tuple(map(role, program.targets))
        self._states = tuple(map(role, program.states))
        known = {s.name: s for s in self.layout.all}
        for name, size in sizes.items():
            if name not in known:
                raise UsageError(f"no size '{name}'; the sizes are {', '.join(known)}")
            if size < 1 or (known[name].fixed and size != known[name].proved):
                raise UsageError(f"the size {name} is {known[name].proved} in the formulas and cannot be {size}")
        self.sizes = {name: sizes.get(name, s.proved) for name, s in known.items()}

    def other(self, sizes: Mapping[str, int], dtype: Any = None, backend: str | None = None) -> Net:
        """The same network at other sizes, in another precision, by another backend."""
        kind = self.dtype if dtype is None else np.dtype(dtype)
        return Net(
            self.program, self._named, backend or self.backend, kind, dict(sizes), self.hash, self.any_size, self.full
        )

    # -- what it is ---------------------------------------------------------------------------

    @property
    def equations(self) -> tuple[str, ...]:
        """The numbers of the equations that run."""
        return self.program.numbers

    @property
    def proved_sizes(self) -> dict[str, int]:
        """The sizes at which the equations were proved."""
        return {s.name: s.proved for s in self.layout.all}

    @property
    def parameters(self) -> dict[str, tuple[int, ...]]:
        """The parameters and their shapes."""
        return {r.name: self._shape(r) for r in self._parameters}

    @property
    def states(self) -> dict[str, tuple[int, ...]]:
        """The states given before the first step, and their shapes for one sequence."""
        return {r.name: (self.program.states[r.symbol], *self._shape(r)) for r in self._states}

    @property
    def prediction(self) -> Symbol:
        """The quantity that the loss compares with the target: it stands in a definition beside it."""
        program = self.program
        for q in program.quantities.values():
            keys = {g.key for r in q.rules for g, _ in gets(r.body)}
            if isinstance(q.key, Symbol) and keys & set(program.targets):
                for key in keys:
                    if isinstance(key, Symbol) and key in program.quantities and key.shape != (1, 1):
                        return key
        raise UsageError("the loss compares no computed vector with the target")

    def _shape(self, role: Role) -> tuple[int, ...]:
        return tuple(self.sizes[a] for a in role.axes)

    def init(self, seed: int = 0, scale: float | None = None) -> dict[str, Array]:
        """Random parameters: matrices normal with deviation ``scale`` (default 1/√columns), vectors zero."""
        rng = np.random.default_rng(seed)
        out = {}
        for name, shape in self.parameters.items():
            if len(shape) < 2:
                out[name] = np.zeros(shape, self.dtype)
            else:
                deviation = shape[-1] ** -0.5 if scale is None else scale
                out[name] = (deviation * rng.standard_normal(shape)).astype(self.dtype)
        return out

    # -- running ------------------------------------------------------------------------------

    def value_and_grad(
        self, params: Params, xs: Any, ys: Any, states: Params | None = None
    ) -> tuple[float, dict[str, Array]]:
        """The loss, summed over the sequences of the batch, and its gradients by name.

        ``xs`` (T, B, n), ``ys`` (T, B, m) or classes (T, B); ``states``: name → (lag, B, n), zero by default.
        Raises UsageError for shapes, numbers or classes that are not as they must be.
        """
        x, y = self.checked(xs, ys)
        return self.raw(self.ready(params), x, y, states)[:2]

    def value(self, params: Params, xs: Any, ys: Any, states: Params | None = None) -> float:
        """The loss alone."""
        x, y = self.checked(xs, ys)
        run = self.function((self.program.loss,), self._steps(x), self._batch(x))
        return float(run(*self.ready(params).values(), x, y, *self._given(states, self._batch(x)))[0])

    def predict(self, params: Params, xs: Any, states: Params | None = None) -> tuple[Array, dict[str, Array]]:
        """The quantity that the loss compares with targets, at every step (T, B, m), and the last states."""
        x = self._input(xs)
        run = self.function((self.prediction,), self._steps(x), self._batch(x))
        dummy = np.zeros((*x.shape[:-1], *self._shape(self._targets[0])), self.dtype) if self._targets else None
        out = run(*self.ready(params).values(), x, dummy, *self._given(states, self._batch(x)))
        return out[0], {r.name: s for r, s in zip(self._states, out[1:], strict=True)}

    def stepper(self, params: Params, x: Array, y: Array, states: Params | None = None) -> Callable[[float], float]:
        """A function that takes one gradient step, ``θ ← θ − rate · gradient`` in place, and gives the loss before it.

        For ``checked`` data and ``ready`` parameters that stay where they are: what costs time is done once.
        """
        batch = self._batch(x)
        run = self.function(self.full.outputs, self._steps(x), batch)
        arrays = [params[r.name] for r in self._parameters]
        given = self._given(states, batch)
        if isinstance(run, Runner):
            return run.stepper(arrays, [x, y, *given])

        def step(rate: float) -> float:
            out = run(*arrays, x, y, *given)
            for a, g in zip(arrays, out[1:], strict=False):
                g *= rate
                a -= g
            return float(out[0])

        return step

    def raw(
        self, params: Params, x: Array, y: Array, states: Params | None = None
    ) -> tuple[float, dict[str, Array], dict[str, Array]]:
        """Loss, gradients and last states, without looking at the data: for arrays that were ``checked``."""
        batch = self._batch(x)
        run = self.function(self.full.outputs, self._steps(x), batch)
        out = run(*[params[r.name] for r in self._parameters], x, y, *self._given(states, batch))
        count = len(self._parameters) + 1
        grads = {r.name: np.asarray(g) for r, g in zip(self._parameters, out[1:count], strict=True)}
        return float(out[0]), grads, {r.name: s for r, s in zip(self._states, out[count:], strict=True)}

    def function(self, outputs: tuple[Any, ...], steps: int, batch: int) -> Any:
        """The generated function of some outputs, for a number of steps and sequences; made once."""
        key = (outputs, steps, batch)
        found = self._functions.get(key)
        if found is None:
            if len(self._functions) > 256:
                self._functions.clear()
            maker = backend(self.backend)
            found = self._functions[key] = maker(*self.arranged(outputs), self.sizes, steps, batch, self.dtype)
        return found

    def arranged(self, outputs: tuple[Any, ...]) -> tuple[Plan, Sizes]:
        """The plan of some outputs, and its sizes; made once."""
        made = self._plans.get(outputs)
        if made is None:
            found = self.full if outputs == self.full.outputs else plan(self.program, outputs)
            made = self._plans[outputs] = (found, Sizes(found, self._named))
        return made

    # -- looking at what is given -------------------------------------------------------------

    def ready(self, params: Params) -> dict[str, Array]:
        """The parameters as arrays of the right type and shape, in order."""
        out = {}
        for role in self._parameters:
            if role.name not in params:
                raise UsageError(f"the parameter {role.name} is missing")
            a = np.asarray(params[role.name], self.dtype, order="C")
            if a.shape != self._shape(role):
                raise UsageError(f"the parameter {role.name} has shape {a.shape}, it must be {self._shape(role)}")
            out[role.name] = a
        if len(params) > len(out):
            extra = next(k for k in params if k not in out)
            raise UsageError(f"there is no parameter {extra}; the parameters are {', '.join(out)}")
        return out

    def checked(self, xs: Any, ys: Any) -> tuple[Array, Array]:
        """Data as arrays, looked at: shapes, finite numbers, classes in range, and what the proofs assume of them."""
        x = self._input(xs)
        if len(self._targets) != 1:
            raise UsageError("networks with one target are run for now")
        return x, self._target(ys, x.shape[: 1 + self.program.timed])

    def _input(self, xs: Any) -> Array:
        if len(self._inputs) != 1:
            raise UsageError("networks with one input are run for now")
        (role,) = self._inputs
        x = np.asarray(xs)
        if x.dtype == object or x.dtype.kind not in "fiub":
            raise UsageError(f"the input {role.name} does not consist of numbers")
        lead = ("T", "B") if self.program.timed else ("B",)
        want = (*lead, *(str(n) for n in self._shape(role)))
        if x.ndim != len(want) or x.shape[len(lead) :] != self._shape(role):
            raise UsageError(f"the input {role.name} has shape {x.shape}, it must be ({', '.join(want)})")
        if 0 in x.shape:
            raise UsageError(f"the input {role.name} is empty: shape {x.shape}")
        x = np.ascontiguousarray(x, self.dtype)
        _finite(x, role.name)
        return x

    def _target(self, ys: Any, lead: tuple[int, ...]) -> Array:
        (role,) = self._targets
        y = np.asarray(ys)
        if y.dtype == object or y.dtype.kind not in "fiub":
            raise UsageError(f"the target {role.name} does not consist of numbers")
        if y.shape == lead and len(role.axes) == 1 and y.dtype.kind in "iu":
            return one_hot(y, self._shape(role)[0], role.name, self.dtype)
        if y.shape != (*lead, *self._shape(role)):
            want = (*lead, *self._shape(role))
            raise UsageError(f"the target {role.name} has shape {y.shape}, it must be {want} (or classes, {lead})")
        y = np.ascontiguousarray(y, self.dtype)
        _finite(y, role.name)
        for p in self.program.premises:
            if p.symbol is role.symbol and p.total is not None:
                off = np.abs(y.sum(-1) - float(p.total)) > 64 * np.finfo(self.dtype).eps * y.shape[-1]
                if off.any():
                    where = tuple(int(i) for i in np.argwhere(off)[0])
                    what = f"entries of {role.name} that sum to {p.total}"
                    raise UsageError(f"the proofs assume «{p.name}»: {what}; at {where} they do not")
        return y

    def _given(self, states: Params | None, batch: int) -> list[Array]:
        if states is None:
            return [np.zeros((self.program.states[r.symbol], batch, *self._shape(r)), self.dtype) for r in self._states]
        out = []
        for r in self._states:
            want = (self.program.states[r.symbol], batch, *self._shape(r))
            if r.name not in states or np.shape(states[r.name]) != want:
                raise UsageError(f"the state {r.name} must have shape {want}")
            out.append(np.asarray(states[r.name], self.dtype))
        return out

    def _steps(self, x: Array) -> int:
        return int(x.shape[0]) if self.program.timed else 1

    def _batch(self, x: Array) -> int:
        return int(x.shape[1] if self.program.timed else x.shape[0])


def one_hot(classes: Array, size: int, name: str, dtype: Any) -> Array:
    """Classes 0 … size − 1 as unit vectors. Raises UsageError for a class out of range."""
    if classes.size and (int(classes.min()) < 0 or int(classes.max()) >= size):
        bad = classes[(classes < 0) | (classes >= size)].flat[0]
        raise UsageError(f"the target {name} has class {bad}, classes are 0 … {size - 1}")
    out = np.zeros((classes.size, size), dtype)
    out[np.arange(classes.size), classes.ravel()] = 1
    return out.reshape((*classes.shape, size))


def _finite(a: Array, name: str) -> None:
    flat = a.ravel()
    if not math.isfinite(float(np.dot(flat, flat))) and not np.isfinite(flat).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(a))[0])
        raise UsageError(f"{name} holds {a[where]} at {where}")


def backend(name: str) -> Backend:
    """The code generator of that name."""
    from importlib import import_module

    found: Backend = import_module(f"symrnn.train.backends.{name}_plan").function
    return found


__all__ = ["BACKENDS", "Get", "Net", "certificate", "compile_document", "limit_threads"]
