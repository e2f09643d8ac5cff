"""symrnn: checks the equations of a derivation, exactly.

``symrnn.check("note.md")`` reads a document and its manifest and gives every displayed equation a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Manifest", "Report", "UsageError", "__version__", "check", "compile"]

if TYPE_CHECKING:
    from symrnn.diagnostic import UsageError
    from symrnn.library import Report, check, compile
    from symrnn.manifest import Manifest

_HOMES = {
    "check": "library",
    "compile": "library",
    "Report": "library",
    "UsageError": "diagnostic",
    "Manifest": "manifest",
}


def __getattr__(name: str) -> Any:
    """Import on first use: ``import symrnn`` costs nothing."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"symrnn.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'symrnn' has no attribute '{name}'")
