"""Problems as values: a code, a severity, a sentence and the place in the author's text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from symrnn.span import Span


class Severity(StrEnum):
    """How much a diagnostic matters."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem, tied to a span of the source when it has a place there."""

    code: str
    message: str
    span: Span | None = None
    severity: Severity = Severity.ERROR


class UsageError(Exception):
    """Bad usage or unreadable input: one sentence for the user, exit status 2."""


class Problem(Exception):
    """Carries a diagnostic out of a nested reading function to the statement that holds it.

    It never crosses a module's public boundary: the caller turns it into a value.
    """

    def __init__(self, code: str, message: str, span: Span | None = None) -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(code, message, span)
