"""What a proof costs as sequences and layers grow: instances decided one by one, beside one proof for all of them.

    python benchmarks/general.py [--cap SECONDS] [--lines 17,19,23,26]

The lines are those of ``derivations/elman``: the recursion of the gradient by the state (17), that by the input (19),
the totals by the recurrent weights (23) and the bias (26). Each point is a fresh checker, the definitions read and
elaborated, nothing decided before; CPU seconds. The exponent is the slope of log time over log size between the last
two points.
"""

from __future__ import annotations

import argparse
import math
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from symrnn.checker import Checker
from symrnn.elaborate.claim import elaborate
from symrnn.general.decide import General
from symrnn.manifest import Manifest, load
from symrnn.read.document import Document, read_path
from symrnn.verdict import Kind

ROOT = Path(__file__).resolve().parent.parent
NOTE = ROOT / "derivations" / "elman" / "note.md"
LENGTHS = (2, 5, 10, 20, 50)
WIDTHS = (2, 4, 8, 16, 32, 64)


class Slow(Exception):
    """Past the cap."""


def timed(call: Callable[[], bool], cap: float) -> float | None:
    """CPU seconds of a call that must succeed, None past the cap."""

    def stop(*_: object) -> None:
        raise Slow

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, cap)
    start = time.process_time()
    try:
        assert call()
    except Slow:
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return time.process_time() - start


def point(document: Document, manifest: Manifest, number: str, general: bool, cap: float) -> float | None:
    """Seconds of the concrete or of the general decider for the first claim of a line, by a fresh checker."""
    checker = Checker(document, manifest)
    claim = next(e for e in checker.paper.equations if e.number == number).claims[0]
    typed = elaborate(checker.context, claim)
    assert typed is not None
    if general:
        return timed(lambda: isinstance(checker.general.decide(typed, claim.where, ()), General), cap)
    return timed(lambda: checker.decide(claim, typed, ()).kind is Kind.PROVED, cap)


def exponent(sizes: list[int], times: list[float | None]) -> str:
    """The slope between the last two points that were reached."""
    known = [(n, t) for n, t in zip(sizes, times, strict=True) if t]
    if len(known) < 2:
        return "  –"
    (a, s), (b, t) = known[-2:]
    return f"{math.log(t / s) / math.log(b / a):5.1f}"


def row(name: str, times: list[float | None], slope: str) -> str:
    cells = "".join(f"{t * 1000:10.0f}" if t is not None else "         –" for t in times)
    return f"  {name:<22}{cells}   {slope}"


def table(title: str, sizes: tuple[int, ...], lines: list[str], manifests: dict[int, Manifest], cap: float) -> None:
    document = read_path(NOTE)
    print(title)
    print(f"  {'ms':<22}" + "".join(f"{n:>10}" for n in sizes) + "   exponent")
    for number in lines:
        for name, general in (("instances", False), ("in general", True)):
            times: list[float | None] = []
            for n in sizes:
                beyond = None in times
                times.append(None if beyond else point(document, manifests[n], number, general, cap))
            print(row(f"({number}) {name}", times, exponent([*sizes], times)), flush=True)
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cap", type=float, default=60.0, help="seconds for one point")
    parser.add_argument("--lines", default="17,19,23,26")
    options = parser.parse_args()
    sys.setrecursionlimit(10_000)
    lines = options.lines.split(",")
    base = load(NOTE.with_suffix(".toml"))

    def at(length: int, width: int) -> Manifest:
        steps = msgspec.structs.replace(base.steps, check=(length,))
        return msgspec.structs.replace(base, steps=steps, sizes={**base.sizes, "n": width})

    import sympy  # noqa: F401  (its import is no part of a decision)

    table("sequence length T (n = 3, d = 2, m = 4)", LENGTHS, lines, {n: at(n, 3) for n in LENGTHS}, options.cap)
    table("hidden units n (T = 3, d = 2, m = 4)", WIDTHS, lines, {n: at(3, n) for n in WIDTHS}, options.cap)


if __name__ == "__main__":
    main()
