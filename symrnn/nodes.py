"""What all trees of dataclasses share."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

_PARTS: dict[type[Any], tuple[str, ...]] = {}


def parts(node: Any) -> tuple[str, ...]:
    """The names of the fields of a dataclass's object, in order; looked up once for each class."""
    kind = type(node)
    found = _PARTS.get(kind)
    if found is None:
        found = _PARTS[kind] = tuple(f.name for f in fields(kind))
    return found
