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


UNDECIDED = frozenset({"SR102", "SR190", "SR191", "SR192"})  # limits of the tool: nothing is said against the line


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem, tied to a span of the source when it has a place there.

    One that only says why a line is undecided is a warning, never an error.
    """

    code: str
    message: str
    span: Span | None = None
    severity: Severity = Severity.ERROR

    def __post_init__(self) -> None:
        if self.code in UNDECIDED and self.severity is Severity.ERROR:
            object.__setattr__(self, "severity", Severity.WARNING)


class UsageError(Exception):
    """Bad usage or unreadable input: one sentence for the user, exit status 2."""


class Problem(Exception):
    """Carries a diagnostic out of a nested reading function to the statement that holds it.

    It never crosses a module's public boundary: the caller turns it into a value.
    """

    def __init__(self, code: str, message: str, span: Span | None = None) -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(code, message, span)
