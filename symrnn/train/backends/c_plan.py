"""C: the loops of a plan through SymPy's C printer, compiled by the system's compiler and kept by content.

The library exports ``run(T, B, rate, arrays, work)``; with a rate other than 0 it also takes the gradient step
``θ ← θ − rate · gradient``. Element loops call the vector forms of exp, tanh and log where the system's mathematics
library has them (they differ from the scalar forms by a few units in the last place).
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sympy.printing.c import C99CodePrinter

from symrnn.diagnostic import UsageError
from symrnn.train.backends.loops import Loops
from symrnn.train.backends.runner import Runner
from symrnn.train.backends.statements import Copy, For, Multiply, Set, Top, numbered
from symrnn.train.plan import Plan
from symrnn.train.sizes import Sizes

FLAGS = ("-march=native", "-std=gnu11", "-fPIC", "-shared", "-ffast-math", "-fno-finite-math-only")
# What of -O3 makes these loops faster than -O2 does: compiled in half its time, they run as fast.
LEVEL = (
    "-O2",
    "-ftree-vectorize",
    "-fvect-cost-model=dynamic",
    "-fpeel-loops",
    "-funswitch-loops",
    "-ftree-partial-pre",
)
TRIES = (  # options before and after the files, the best first
    ((*LEVEL, "-DVECTOR"), ("-lmvec", "-lm")),
    (("-O3", "-DVECTOR"), ("-lmvec", "-lm")),
    (("-O3",), ("-lm",)),
)


class Printer(C99CodePrinter):  # type: ignore[misc]
    """SymPy's C printer with small powers as products and divisions, and functions of the type at hand."""

    def __init__(self, suffix: str) -> None:
        super().__init__({"user_functions": {"fmax": f"fmax{suffix}", "log1p": f"log1p{suffix}"}})
        self.suffix = suffix

    def _print_Pow(self, expr: Any) -> str:
        base, k = expr.base, expr.exp
        if k.is_Integer and 2 <= abs(int(k)) <= 4:
            inner = "*".join([self.parenthesize(base, 50)] * abs(int(k)))
            return f"({inner})" if k > 0 else f"(1/({inner}))"
        text: str = super()._print_Pow(expr)
        return text

    def _print_Rational(self, expr: Any) -> str:
        return f"((R){int(expr.p)}/(R){int(expr.q)})"

    def _print_Function(self, expr: Any) -> str:
        text: str = super()._print_Function(expr)
        return text

    def _named(self, name: str, expr: Any) -> str:
        return f"{name}{self.suffix}({self._print(expr.args[0])})"

    def _print_tanh(self, expr: Any) -> str:
        return self._named("tanh", expr)

    def _print_exp(self, expr: Any) -> str:
        return self._named("exp", expr)

    def _print_log(self, expr: Any) -> str:
        return self._named("log", expr)


def code(loops: Loops, real: str) -> str:
    """The C source of a plan."""
    suffix = "f" if real == "float" else ""
    printer = Printer(suffix)
    body = loops.make()
    lines: list[str] = []
    taken = [loops.names[s] for s in (*loops.program.parameters, *loops.program.inputs, *loops.program.targets)]
    given = taken + [f"{loops.names[s]}_0" for s in loops.program.states]
    results = loops.outputs + [f"{loops.names[s]}_n" for s in loops.program.states]
    for k, name in enumerate(given + results):
        writes = name in results or k < len(loops.program.parameters)
        lines.append(f"{'' if writes else 'const '}R *restrict {name} = p[{k}];")
    lines.append("long at = 0;")
    for name, length in loops.arrays.items():
        lines.append(f"R *restrict {name} = work + at; at += (({length}) + 7) & ~7L;")
    if loops.program.timed:
        lines.append("const long last = (T - 1)*B;")
    lines += statements(body, printer)
    for symbol in loops.program.parameters:
        slope = loops.program.gradients[symbol]
        if slope in loops.plan.outputs:
            name, out = loops.names[symbol], loops.outputs[loops.plan.outputs.index(slope)]
            size = _product(loops.lengths[s.name] for s in loops.sizes.shape(symbol))
            lines.append(f"if (rate != 0) for (long z = 0; z < {size}; z++) {name}[z] -= rate*{out}[z];")
    sizes = " + ".join(f"((({length}) + 7) & ~7L)" for length in loops.arrays.values()) or "0"
    head = f"typedef {real} R;\n" + text_of("kernel.c").replace("@", suffix)
    text = numbered("\n  ".join(lines))
    main = "void run(long T, long B, double rate, R *const *p, R *restrict work)"
    return f"{head}\nlong size(long T, long B) {{ return {sizes}; }}\n\n{main} {{\n  {text}\n}}\n"


def statements(body: list[Any], printer: Any) -> list[str]:
    """Lines of C."""
    out: list[str] = []
    for s in body:
        match s:
            case For(var, low, high, inner, flat, back):
                if flat and not any(isinstance(x, For) for x in inner):
                    out.append("#pragma GCC ivdep")
                head = f"long {var} = {low}; {var} < {high}; {var}++"
                if back:
                    head = f"long {var} = {high} - 1; {var} >= {low}; {var}--"
                out.append(f"for ({head}) {{")
                out += ["  " + line for line in statements(inner, printer)]
                out.append("}")
            case Set(target, value, op, new):
                out.append(f"{'R ' if new else ''}{target} {op}= {printer.doprint(value)};")
            case Top(target, value):
                name = f"m_{target}"
                text = f"{{ R {name} = {printer.doprint(value)}; {target} = {name} > {target} ? {name} : {target}; }}"
                out.append(text)
            case Copy(target, source, count):
                out.append(f"memcpy({target}, {source}, ({count}) * sizeof(R));")
            case Multiply(m, n, depth, a, b, c, add):
                one = f"{a[0]} + {a[1]}, {a[2]}, {a[3]}, {b[0]} + {b[1]}, {b[2]}, {b[3]}"
                out.append(f"mm({m}, {n}, {depth}, {one}, {c[0]} + {c[1]}, {c[2]}, {int(add)});")
    return out


def text_of(name: str) -> str:
    """A file that comes with this package."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _product(numbers: Iterable[int]) -> int:
    out = 1
    for n in numbers:
        out *= n
    return out


def cache() -> Path:
    """Where compiled code is kept: ``$SYMRNN_CACHE``, else the user's cache folder."""
    base = os.environ.get("SYMRNN_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "symrnn"
    )
    folder = Path(base)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"symrnn-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def build(source: str) -> ctypes.CDLL:
    """The library of a source, compiled unless it was before. Raises UsageError without a compiler, or its words."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise UsageError("the backend c needs a C compiler (cc); without one take numpy or numba")
    machine = hashlib.sha256(" ".join([compiler, *FLAGS, *LEVEL, _cpu(), source]).encode()).hexdigest()[:24]
    file = cache() / f"{machine}.so"
    if not file.exists():
        with tempfile.TemporaryDirectory() as folder:
            text, made = Path(folder) / "plan.c", Path(folder) / "plan.so"
            text.write_text(source, encoding="utf-8")
            error = ""
            for options, libraries in TRIES:
                done = subprocess.run(
                    [compiler, *FLAGS, *options, str(text), "-o", str(made), *libraries],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if done.returncode == 0:
                    break
                error = done.stderr
            else:
                raise UsageError(f"{compiler} could not compile the generated code: {error.splitlines()[0]}")
            beside = file.with_name(f".{file.name}.{os.getpid()}")
            shutil.copy(made, beside)
            os.replace(beside, file)
    return ctypes.CDLL(str(file))


def _cpu() -> str:
    """What ``-march=native`` means here."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next((line for line in lines if line.startswith("flags")), "")
    except OSError:
        import platform

        return platform.processor()


def function(plan: Plan, sizes: Sizes, lengths: Mapping[str, int], steps: int, batch: int, dtype: Any) -> Runner:
    """The function of a plan at these lengths."""
    loops, library = made_once(_BUILT, _made, plan, sizes, lengths, dtype)
    work = aligned(int(library.size(steps, batch)), dtype)

    def bind(arrays: list[Any]) -> Any:
        table = (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))
        place, run = work.ctypes.data, library.run

        def call(rate: float = 0.0) -> None:
            run(steps, batch, rate, table, place)

        call.kept = (table, arrays, work)  # type: ignore[attr-defined]
        return call

    return Runner(loops, steps, batch, dtype, bind)


_BUILT: dict[Any, Any] = {}


def _made(plan: Plan, sizes: Sizes, lengths: Mapping[str, int], dtype: Any) -> tuple[Loops, ctypes.CDLL]:
    loops = Loops(plan, sizes, dict(lengths))
    library = build(code(loops, "float" if np.dtype(dtype) == np.float32 else "double"))
    library.size.restype = ctypes.c_long
    library.size.argtypes = [ctypes.c_long, ctypes.c_long]
    library.run.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p]
    library.run.restype = None
    return loops, library


def made_once(
    store: dict[Any, Any], make: Callable[..., Any], plan: Plan, sizes: Sizes, lengths: Mapping[str, int], dtype: Any
) -> Any:
    """What ``make`` gives for a plan at some sizes; whatever the number of steps and sequences, it is made once."""
    key = (id(plan), tuple(sorted(lengths.items())), np.dtype(dtype).name)
    if key not in store:
        store[key] = (plan, make(plan, sizes, lengths, dtype))  # the plan is kept, and with it its identity
    return store[key][1]


def aligned(count: int, dtype: Any) -> Any:
    """An array that begins at a cache line."""
    size = np.dtype(dtype).itemsize
    raw = np.zeros(count * size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + count * size].view(dtype)
