"""Lines searched side by side, in processes of their own, before their turn comes.

A search depends on the document and on what the line continues; the first is the same for all lines, the second is
known as printed. Where a repaired line above has changed it, the line is searched again in its turn: so the repairs are
those of one line after the other.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager

from symrnn.elaborate.paper import Flow
from symrnn.repair.editions import Found

Sought = Callable[[int, Flow], list[Found]]  # the proved editions of a line that continues something

_search: Sought | None = None  # in a process of the pool: what it was forked with


def processors() -> int:
    """How many processes can run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def ahead(search: Sought, printed: Mapping[int, Flow], jobs: int) -> Iterator[Sought]:
    """``search``, with the lines of ``printed`` looked at by up to ``jobs`` processes meanwhile."""
    if min(jobs, len(printed)) < 2 or not _forks():
        yield search
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(min(jobs, len(printed)), context, _begin, (search,)) as pool:
        waiting: dict[int, Future[list[Found]]] = {k: pool.submit(_found, k, flow) for k, flow in printed.items()}

        def found(k: int, flow: Flow) -> list[Found]:
            return waiting[k].result() if k in waiting and flow == printed[k] else search(k, flow)

        try:
            yield found
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _forks() -> bool:
    """Whether a process can be copied with all that it knows."""
    return sys.platform == "linux" and "fork" in multiprocessing.get_all_start_methods()


def _begin(search: Sought) -> None:
    global _search
    _search = search
    gc.freeze()  # the document stays


def _found(k: int, flow: Flow) -> list[Found]:
    assert _search is not None
    return _search(k, flow)
