"""How long a check of the note takes, as a ratio to importing SymPy; and the naive way beside it.

    python benchmarks/check.py [--runs N] [--cap SECONDS]

Whole processes in turn, A B A B …, wall time of each; the ratio of the medians is what counts.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECK = [sys.executable, "-m", "symrnn", "check", "derivations/bptt", "--format", "json", "--no-repair"]
IMPORT = [sys.executable, "-c", "import sympy"]


def wall(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    return time.perf_counter() - start


def phases() -> None:
    """Where the time of one check goes."""
    start = time.perf_counter()
    import sympy  # noqa: F401

    marks = [("import sympy", time.perf_counter() - start)]

    def mark(name: str, begin: float) -> float:
        now = time.perf_counter()
        marks.append((name, now - begin))
        return now

    begin = time.perf_counter()
    from symrnn.checker import Checker
    from symrnn.manifest import load
    from symrnn.read.document import read_path
    from symrnn.report import json  # noqa: F401

    begin = mark("import symrnn", begin)
    document, manifest = read_path(ROOT / "derivations/bptt/note.md"), load(ROOT / "derivations/bptt/note.toml")
    begin = mark("read", begin)
    checker = Checker(document, manifest)
    begin = mark("parse, elaborate definitions", begin)
    for equation in checker.paper.equations:
        checker.equation(equation)
    mark("elaborate and decide claims", begin)
    for name, seconds in marks:
        print(f"  {name:<30} {seconds * 1000:7.0f} ms")


def naive(number: str, steps: int, queue: multiprocessing.Queue) -> None:
    """simplify(lhs − rhs) on the loss with everything substituted, as one would first think of it."""
    import sympy

    import symrnn
    from symrnn.algebra.terms import rebuild
    from symrnn.checker import AS_PRINTED
    from symrnn.elaborate.claim import elaborate
    from symrnn.evaluate import Evaluator
    from symrnn.partials import to_sympy

    checker = symrnn.check(ROOT / "derivations/bptt/note.md").checker
    claim = next(e for e in checker.paper.equations if e.number == number).claims[0]
    typed = elaborate(checker.context, claim, AS_PRINTED)
    assert typed is not None
    network = checker.network(steps, tuple(checker.assumptions))
    evaluator = Evaluator(network, {**network.values, "t": 1})
    left, right = evaluator(typed.lhs), evaluator(typed.rhs)
    start = time.perf_counter()
    made: dict = {}
    a, b = (to_sympy(rebuild(m.column()[0], lambda s: s), made, {}) for m in (left, right))
    result = sympy.simplify(a - b) == 0
    queue.put((time.perf_counter() - start, result))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--cap", type=float, default=20.0, help="seconds for each naive line")
    options = parser.parse_args()
    wall(CHECK), wall(IMPORT)
    pairs = [(wall(CHECK), wall(IMPORT)) for _ in range(options.runs)]
    a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"symrnn check derivations/bptt --format json   median {a:.2f} s over {options.runs} runs")
    print(f'python -c "import sympy"                      median {b:.2f} s')
    print(f"ratio of medians {a / b:.1f}   (pairs: {', '.join(f'{x / y:.1f}' for x, y in pairs)})")
    print("\nwhere the time goes (one process):")
    phases()
    print("\nthe naive way, simplify(lhs - rhs) fully substituted, one component of one instance,")
    print(f"cap {options.cap:.0f} s:")
    for number, steps in (("20", 1), ("27", 1), ("43", 2), ("45", 2), ("81", 2)):
        queue: multiprocessing.Queue = multiprocessing.Queue()
        process = multiprocessing.Process(target=naive, args=(number, steps, queue))
        process.start()
        process.join(options.cap)
        if process.is_alive():
            process.kill()
            print(f"  ({number}) at length {steps}: more than {options.cap:.0f} s")
        else:
            seconds, result = queue.get(timeout=1)
            print(f"  ({number}) at length {steps}: {seconds:.2f} s, zero: {result}")


if __name__ == "__main__":
    main()
