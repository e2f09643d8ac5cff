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
from symrnn.train.backends.c_plan import aligned, cache, made_once, text_of
from symrnn.train.backends.loops import Loops
from symrnn.train.backends.runner import Runner
from symrnn.train.backends.statements import Copy, For, Multiply, Set, Top, numbered
from symrnn.train.plan import Plan
from symrnn.train.sizes import Sizes

try:
    import numba
except ImportError:
    raise UsageError("the backend numba needs numba: pip install 'symrnn[fast]'") from None


class Printer(PythonCodePrinter):  # type: ignore[misc]
    """SymPy's Python printer with small powers as products."""

    def __init__(self) -> None:
        super().__init__({"fully_qualified_modules": True, "user_functions": {"fmax": "max", "log1p": "math.log1p"}})

    def _print_exp(self, expr: Any) -> str:
        return f"vexp({self._print(expr.args[0])})"

    def _print_tanh(self, expr: Any) -> str:
        return f"vtanh({self._print(expr.args[0])})"

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
    lines = ["table = addresses(p)", "work = address(w)"]
    parameters = [loops.names[s] for s in program.parameters]
    data = [loops.names[s] for s in (*program.inputs, *program.targets)]
    states = [loops.names[s] for s in program.states]
    given = [*parameters, *data, *(f"{s}_0" for s in states), *loops.outputs, *(f"{s}_n" for s in states)]
    lines += [f"{name} = numbers(table[{k}])" for k, name in enumerate(given)]
    for name, length in loops.arrays.items():
        lines.append(f"{name} = numbers(work)")
        lines.append(f"work += ({length} + 7) // 8 * 8 * SIZE")
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
    head = text_of("kernel.numba").replace(".@", f".{real}") + f"\n\ndef size(T, B):\n    return {sizes}\n\n\n"
    run = "@cfunc('void(int64, int64, float64, voidptr, voidptr)', cache=True, fastmath=FAST, error_model='numpy')\n"
    return head + run + "def run(T, B, rate, p, w):\n" + "".join(f"    {line}\n" for line in lines)


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
                out.append(f"m_{target} = {printer.doprint(value)}")
                out.append(f"{target} = m_{target} if m_{target} > {target} else {target}")
            case Copy(target, source, count):
                name, _, offset = source.partition(" + ")
                out.append(f"for z in range({count}):")
                out.append(f"    {target}[z] = {name}[z{f' + {offset}' if offset else ''}]")
            case Multiply(m, n, depth, a, b, c, add):
                first = [f"address({x[0]}) + ({x[1]})*SIZE" if x[1] != "0" else f"address({x[0]})" for x in (a, b, c)]
                strides = f"{first[0]}, {a[2]}, {a[3]}, {first[1]}, {b[2]}, {b[3]}, {first[2]}, {c[2]}"
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
        _LOADED[name] = (run, module.size)
    return _LOADED[name]
