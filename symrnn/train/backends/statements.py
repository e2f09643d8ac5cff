"""The statements that scalar loops are made of; a printer writes them in C or in Python."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_WORDS = """
at b for do if int long last memcpy mm p r R rate run size tile t work z V VU MR NR NV VL KC SIMD float double
fmax log1p char short void const static struct union enum auto case default goto sizeof switch typedef signed
unsigned volatile inline restrict main arrays table array pointer math np ir SIZE REAL FAST cfunc njit
types intrinsic max min abs alone numbers addresses address float64 int64 two_to exp_of vexp vtanh
"""
WORDS = frozenset(_WORDS.split())  # names that the loops themselves use


@dataclass
class For:
    """``for var in low … high − 1``; ``flat``: the iterations do not depend on each other; ``back``: downward."""

    var: str
    low: str
    high: str
    body: list[Any] = field(default_factory=list)
    flat: bool = False
    back: bool = False


@dataclass
class Set:
    """``target = value`` (``op`` "" ), ``target += value`` ("+"); ``new``: the target is a new scalar."""

    target: str
    value: Any  # a SymPy expression
    op: str = ""
    new: bool = False


@dataclass
class Top:
    """``target = max(target, value)``."""

    target: str
    value: Any


@dataclass
class Multiply:
    """``c[i·ldc + j] (+)= Σ_k a[i·ra + k·ca] b[k·rb + j·cb]`` for i < m, j < n, k < depth. Arrays with offsets."""

    m: str
    n: str
    depth: str
    a: tuple[str, str, str, str]
    b: tuple[str, str, str, str]
    c: tuple[str, str, str]
    add: bool = False


@dataclass
class Copy:
    """``target[: count] = source``, both with offsets."""

    target: str
    source: str
    count: str


def numbered(code: str) -> str:
    """The code with its bound indices (``i349``, ``k12``) numbered as they come, so that one plan has one text."""
    seen: dict[str, str] = {}
    return re.sub(r"\b[ik]\d+\b", lambda m: seen.setdefault(m[0], f"{m[0][0]}{len(seen)}"), code)
