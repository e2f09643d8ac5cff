"""``python -m symrnn.recheck REPORT.json``; also ``python symrnn/recheck REPORT.json``, with nothing installed."""

import sys
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from symrnn.recheck.report import main

sys.exit(main())
