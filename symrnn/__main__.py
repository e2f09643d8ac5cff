"""``python -m symrnn`` is ``symrnn``."""

from symrnn.cli import main

if __name__ == "__main__":
    main(prog_name="symrnn")
