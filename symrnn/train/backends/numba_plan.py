"""Numba: the loops of a plan as Python through SymPy's printer, compiled by LLVM and kept by content.

As in the C backend one call takes the table of all arrays, so that it costs what a C call costs.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from sympy.printing.pycode import PythonCodePrinter

from symrnn.diagnostic import UsageError
from symrnn.train.backends.c_plan import aligned, cache, made_once
from symrnn.train.backends.loops import Loops
from symrnn.train.backends.runner import Runner
from symrnn.train.backends.statements import Copy, For, Multiply, Set, Top, numbered
from symrnn.train.plan import Plan
from symrnn.train.sizes import Sizes

try:
    import numba
except ImportError:
    raise UsageError("the backend numba needs numba: pip install 'symrnn[fast]'") from None

HEAD = """
import math

import numpy as np
from numba import carray, cfunc, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

FAST = {"reassoc", "nsz", "arcp", "contract", "afn"}
REAL = np.@


@intrinsic
def pointer(context, address):
    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(address), codegen


@njit(inline="always")
def array(table, k, count):
    return carray(pointer(table[k]), count, REAL)


@intrinsic
def alone(context):  # the function that this stands in is never copied into its callers
    def codegen(context, builder, signature, args):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.none(), codegen


@njit(fastmath=FAST)
def mm(m, n, depth, a, ra, ca, b, rb, cb, c, ldc, add):
    alone()
    if m < 4:
        for i in range(m):
            if not add:
                for j in range(n):
                    c[i*ldc + j] = 0
            if cb == 1:
                for k in range(depth):
                    x = a[i*ra + k*ca]
                    for j in range(n):
                        c[i*ldc + j] += x*b[k*rb + j]
            else:
                for j in range(n):
                    x = c[i*ldc + j]
                    for k in range(depth):
                        x += a[i*ra + k*ca]*b[k*rb + j*cb]
                    c[i*ldc + j] = x
        return
    for i in range(m):
        if not add:
            for j in range(n):
                c[i*ldc + j] = 0
    if cb != 1:
        turned = np.empty(depth*n, REAL)
        for j in range(n):
            for k in range(depth):
                turned[k*n + j] = b[k*rb + j*cb]
        b, rb = turned, n
    whole = m // 2*2
    four = depth // 4*4
    for k in range(0, four, 4):
        w0, w1, w2, w3 = b[k*rb:], b[(k + 1)*rb:], b[(k + 2)*rb:], b[(k + 3)*rb:]
        for i in range(0, whole, 2):
            u, v = a[i*ra + k*ca:], a[(i + 1)*ra + k*ca:]
            u0, u1, u2, u3 = u[0], u[ca], u[2*ca], u[3*ca]
            v0, v1, v2, v3 = v[0], v[ca], v[2*ca], v[3*ca]
            c0, c1 = c[i*ldc:], c[(i + 1)*ldc:]
            for j in range(n):
                c0[j] += u0*w0[j] + u1*w1[j] + u2*w2[j] + u3*w3[j]
                c1[j] += v0*w0[j] + v1*w1[j] + v2*w2[j] + v3*w3[j]
        for i in range(whole, m):
            u, c0 = a[i*ra + k*ca:], c[i*ldc:]
            u0, u1, u2, u3 = u[0], u[ca], u[2*ca], u[3*ca]
            for j in range(n):
                c0[j] += u0*w0[j] + u1*w1[j] + u2*w2[j] + u3*w3[j]
    for k in range(four, depth):
        w0 = b[k*rb:]
        for i in range(m):
            x, c0 = a[i*ra + k*ca], c[i*ldc:]
            for j in range(n):
                c0[j] += x*w0[j]

"""


class Printer(PythonCodePrinter):  # type: ignore[misc]
    """SymPy's Python printer with small powers as products."""

    def __init__(self) -> None:
        super().__init__({"fully_qualified_modules": True, "user_functions": {"fmax": "max", "log1p": "math.log1p"}})

    def _print_Pow(self, expr: Any, **options: Any) -> str:
        base, k = expr.base, expr.exp
        if k.is_Integer and 2 <= abs(int(k)) <= 4:
            inner = "*".join([self.parenthesize(base, 50)] * abs(int(k)))
            return f"({inner})" if k > 0 else f"(1/({inner}))"
        text: str = super()._print_Pow(expr, **options)
        return text


def code(loops: Loops, real: str) -> str:
    """The Python source of a plan."""
    program = loops.program
    body = loops.make()
    lines = ["table = carray(p, COUNT, np.uint64)", "work = carray(w, SIZE(T, B), REAL)", "at = 0"]
    parameters = [loops.names[s] for s in program.parameters]
    data = [loops.names[s] for s in (*program.inputs, *program.targets)]
    states = [loops.names[s] for s in program.states]
    given = [*parameters, *data, *(f"{s}_0" for s in states), *loops.outputs, *(f"{s}_n" for s in states)]
    lengths = [str(_width(loops, s)) for s in program.parameters]
    lengths += [f"T*B*{_width(loops, s)}" for s in (*program.inputs, *program.targets)]
    lags = [f"{lag}*B*{_width(loops, s)}" for s, lag in program.states.items()]
    lengths += lags
    for key in loops.plan.outputs:
        q = loops.plan.quantities[key]
        lengths.append(f"{'T*B*' if q.timed else ''}{loops.width(q.index)}")
    lengths += lags
    for k, (name, length) in enumerate(zip(given, lengths, strict=True)):
        lines.append(f"{name} = array(table, {k}, {length})")
    for name, length in loops.arrays.items():
        lines.append(f"{name} = work[at:at + {length}]")
        lines.append(f"at += ({length} + 7) // 8 * 8")
    if program.timed:
        lines.append("last = (T - 1)*B")
    lines += numbered("\n".join(statements(body, Printer()))).split("\n")
    for symbol in program.parameters:
        slope = program.gradients[symbol]
        if slope in loops.plan.outputs:
            name, out = loops.names[symbol], loops.outputs[loops.plan.outputs.index(slope)]
            lines += ["if rate != 0:", f"    for z in range({_width(loops, symbol)}):"]
            lines.append(f"        {name}[z] -= REAL(rate)*{out}[z]")
    sizes = " + ".join(f"({length} + 7) // 8 * 8" for length in loops.arrays.values()) or "0"
    text = HEAD.replace("np.@", f"np.{real}") + f"COUNT = {len(given)}\n\n\n@njit(inline='always')\ndef SIZE(T, B):\n"
    text += (
        f"    return {sizes}\n\n\n@cfunc('void(int64, int64, float64, voidptr, voidptr)', cache=True, fastmath=FAST)\n"
    )
    return text + "def run(T, B, rate, p, w):\n" + "".join(f"    {line}\n" for line in lines)


def _width(loops: Loops, symbol: Any) -> int:
    out = 1
    for s in loops.sizes.shape(symbol):
        out *= loops.lengths[s.name]
    return out


def statements(body: list[Any], printer: Any) -> list[str]:
    """Lines of Python."""
    out: list[str] = []
    for s in body:
        match s:
            case For(var, low, high, inner, _, back):
                bounds = f"{high} - 1, {low} - 1, -1" if back else f"{low}, {high}"
                out.append(f"for {var} in range({bounds}):")
                out += ["    " + line for line in statements(inner, printer)]
            case Set(target, value, op, new):
                text = printer.doprint(value)
                out.append(f"{target} {op}= REAL({text})" if new else f"{target} {op}= {text}")
            case Top(target, value):
                out.append(f"{target} = max({target}, {printer.doprint(value)})")
            case Copy(target, source, count):
                name, _, offset = source.partition(" + ")
                out.append(f"for z in range({count}):")
                out.append(f"    {target}[z] = {name}[z{f' + {offset}' if offset else ''}]")
            case Multiply(m, n, depth, a, b, c, add):
                views = [f"{x[0]}[{x[1]}:]" if x[1] != "0" else x[0] for x in (a, b, c)]
                strides = f"{views[0]}, {a[2]}, {a[3]}, {views[1]}, {b[2]}, {b[3]}, {views[2]}, {c[2]}"
                out.append(f"mm({m}, {n}, {depth}, {strides}, {add})")
    return out


def function(plan: Plan, sizes: Sizes, lengths: Mapping[str, int], steps: int, batch: int, dtype: Any) -> Runner:
    """The function of a plan at these lengths."""
    loops, (run, size) = made_once(_BUILT, _made, plan, sizes, lengths, dtype)
    work = aligned(size(steps, batch), dtype)

    def bind(arrays: list[Any]) -> Any:
        table = (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))
        place = work.ctypes.data

        def call(rate: float = 0.0) -> None:
            run(steps, batch, rate, table, place)

        call.kept = (table, arrays, work)  # type: ignore[attr-defined]
        return call

    return Runner(loops, steps, batch, dtype, bind)


_BUILT: dict[Any, Any] = {}


def _made(plan: Plan, sizes: Sizes, lengths: Mapping[str, int], dtype: Any) -> Any:
    loops = Loops(plan, sizes, dict(lengths))
    return loops, _load(code(loops, np.dtype(dtype).name))


_LOADED: dict[str, tuple[Any, Any]] = {}


def _load(source: str) -> tuple[Any, Any]:
    """The compiled function of a source and the size of its workspace; compiled code is kept beside the source."""
    name = "symrnn_" + hashlib.sha256((numba.__version__ + source).encode()).hexdigest()[:24]
    if name not in _LOADED:
        file = cache() / f"{name}.py"
        if not file.exists():
            beside = file.with_name(f".{file.name}.{os.getpid()}")
            beside.write_text(source, encoding="utf-8")
            os.replace(beside, file)
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        run = module.run.ctypes
        run.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p]
        run.restype = None
        _LOADED[name] = (run, module.SIZE.py_func)
    return _LOADED[name]
