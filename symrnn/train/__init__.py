"""From proved equations to running code: ``report.compile()`` and ``symrnn train``."""
