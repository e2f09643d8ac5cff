"""How long the repairs of a document take: each line, and the whole, as ratios to the plain check in the same run.

python benchmarks/repair.py [PATH] [--effort N]
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import symrnn
from symrnn.repair.ahead import processors
from symrnn.repair.mend import GOOD
from symrnn.repair.search import Search

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Check three times, mend once, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", default=str(ROOT / "derivations/bptt/note.md"))
    parser.add_argument("--effort", type=int, default=1)
    given = parser.parse_args()
    checks = []
    for _ in range(3):
        start = time.perf_counter()
        report = symrnn.check(given.path)
        checks.append(time.perf_counter() - start)
    check = statistics.median(checks)
    times: dict[str, float] = {}
    run = Search.run

    def timed(self: Search) -> list:  # type: ignore[type-arg]
        start = time.perf_counter()
        found = run(self)
        times[self.line.number] = time.perf_counter() - start
        return found

    Search.run = timed  # type: ignore[method-assign]
    start = time.perf_counter()
    repaired = report.repaired(effort=given.effort, jobs=1)
    whole = time.perf_counter() - start
    start = time.perf_counter()
    again = symrnn.check(given.path).repaired(effort=given.effort)
    beside = time.perf_counter() - start
    assert [e.repairs for e in again] == [e.repairs for e in repaired]
    print(f"{'line':>6} {'s':>7} {'× check':>8}  repair")
    for e in repaired:
        if e.verdict not in GOOD:
            first = e.repairs[0] if e.repairs else None
            words = "none" if first is None else f"{first.applicability}: {first.words}"
            took = times.get(e.number, 0.0)
            print(f"{e.number:>6} {took:7.2f} {took / check:8.2f}  {words}")
    found = [times.get(e.number, 0.0) for e in repaired if e.verdict not in GOOD and e.repairs]
    print(
        f"plain check {check:.2f} s; repairs, one line after the other, {whole:.1f} s, {whole / check:.1f} × the check"
    )
    both = f"check and repairs with {processors()} processes {beside:.1f} s, {beside / check:.1f} × the check"
    print(f"{both}; the repairs are the same")
    print(f"median of the {len(found)} repaired lines {statistics.median(found):.2f} s")


if __name__ == "__main__":
    main()
