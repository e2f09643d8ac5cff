"""The command line: ``symrnn check``, ``fix``, ``recheck``, ``schema``, ``explain``, and those of other files."""

from __future__ import annotations

import sys
from codecs import BOM_UTF8
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from symrnn import __version__
from symrnn.derive_command import derive
from symrnn.diagnostic import UsageError
from symrnn.train import commands

if TYPE_CHECKING:
    from symrnn.library import Report

FORMATS = ("text", "json", "github", "sarif")


class _Group(click.Group):
    """Turns what goes wrong into one line on standard error and exit status 2."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            click.echo(f"symrnn: {error}", err=True)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            kind = type(error).__name__
            click.echo(f"symrnn: internal error ({kind}: {error}); run with --debug for the traceback", err=True)
        ctx.exit(2)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="symrnn")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal error.")
def main(debug: bool) -> None:
    """Check the equations of a derivation, exactly.

    symrnn reads a document with its LaTeX formulas and a short manifest, differentiates the forward
    equations that it prints, and gives every displayed equation a verdict with evidence: proved,
    conditional (true under a named re-reading), refuted (with a witness), ill-formed, undecided, or defined.
    """


commands.register(main)


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH…")
@click.option("--manifest", type=click.Path(path_type=Path), help="The manifest (default: NAME.toml beside NAME.md).")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="The report's form.",
)
@click.option("--output", type=click.Path(path_type=Path), help="Write the report to this file.")
@click.option("--jobs", type=click.IntRange(1), help="Documents checked at once, or lines of one that are mended.")
@click.option(
    "--repair/--no-repair",
    default=None,
    help="Search for the smallest proved edits of what is wrong (default: for json only, since it takes longer).",
)
@click.option("--strict", is_flag=True, help="Exit with 1 for conditional equations too.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
@click.pass_context
def check(
    ctx: click.Context,
    paths: tuple[Path, ...],
    manifest: Path | None,
    form: str,
    output: Path | None,
    jobs: int | None,
    repair: bool | None,
    strict: bool,
    color: str,
) -> None:
    """Give every displayed equation of the documents a verdict.

    PATH is a .md, .tex or .txt file, or a folder: every document in it that has a manifest.

    \b
    Exit status: 0 nothing wrong; 1 an equation is refuted, ill-formed or undecided (with --strict also
    conditional); 2 bad usage, unreadable input or an internal error.
    """
    from symrnn.library import documents

    found = [d for path in paths for d in documents(path)]
    if manifest is not None and len(found) > 1:
        raise UsageError("--manifest goes with one document")
    colored = color == "always" or (color == "auto" and output is None and sys.stdout.isatty())
    debug = bool(ctx.find_root().params.get("debug"))
    wanted = form == "json" if repair is None else repair
    several = jobs is not None and min(jobs, len(found)) > 1
    tasks = [_Task(path, manifest, form, colored, wanted, 1 if several else jobs, debug) for path in found]
    if several:
        with ProcessPoolExecutor(jobs) as pool:
            results = list(pool.map(_check_one, tasks))
    else:
        results = [_check_one(task) for task in tasks]
    text = _joined(form, [r[0] for r in results])
    if output is None:
        click.echo(text, nl=False, color=colored or None)
    else:
        _write(output, text)
    broken = [task.path for task, (_, kinds) in zip(tasks, results, strict=True) if "internal error" in kinds]
    for path in broken:
        click.echo(f"symrnn: {path}: internal error; the report says where, --debug shows the traceback", err=True)
    bad = {"refuted", "ill-formed", "undecided"} | ({"conditional"} if strict else set())
    ctx.exit(2 if broken else 1 if any(bad & kinds for _, kinds in results) else 0)


class _Task(NamedTuple):
    """One document to check; it travels to a worker with ``--jobs``."""

    path: Path
    manifest: Path | None
    form: str
    colored: bool
    repair: bool
    jobs: int | None
    debug: bool


def _check_one(task: _Task) -> tuple[str, set[str]]:
    """One document's report, rendered, and the verdicts in it."""
    from symrnn.checker import INTERNAL, Checker
    from symrnn.library import check as check_document

    Checker.debug = task.debug
    with _Progress(str(task.path)) as progress:
        report = check_document(task.path, task.manifest, progress)
    found = {e.verdict.value for e in report.equations}
    if any(d.code == INTERNAL for e in report.equations for d in e.diagnostics):
        found.add("internal error")
    if task.repair and task.form != "github":
        with _Progress(f"{task.path}: repairs") as progress:
            report.equations = report.repaired(progress=progress, jobs=task.jobs)
    return _rendered(task.form, report, task.colored), found


def _rendered(form: str, report: Report, colored: bool) -> str:
    if form == "json":
        import msgspec

        from symrnn.report import json

        return msgspec.json.encode(json.paper(report)).decode()
    if form == "text":
        from symrnn.report import terminal

        return terminal.render([report], colored)
    from symrnn.report import github, sarif

    return github.render(report) if form == "github" else sarif.run(report)


def _joined(form: str, parts: list[str]) -> str:
    if form == "json":
        from symrnn.report import json

        return json.join([p.encode() for p in parts])
    if form == "sarif":
        from symrnn.report import sarif

        return sarif.join(parts)
    return "".join(parts)


class _Progress:
    """A progress bar on standard error, when that is a terminal."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.update: Callable[[int, int], None] = lambda done, of: None

    def __enter__(self) -> Callable[[int, int], None]:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress

            self.bar = Progress(console=Console(stderr=True), transient=True, auto_refresh=False)  # no thread: we fork
            self.bar.start()
            task = self.bar.add_task(self.name, total=None)
            self.update = lambda done, of: self.bar.update(task, completed=done, total=of, refresh=True)
        return self.update

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "bar"):
            self.bar.stop()


@main.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--manifest", type=click.Path(path_type=Path), help="The manifest (default: NAME.toml beside NAME.md).")
@click.option("--diff", "action", flag_value="diff", default=True, help="Print a unified diff (the default).")
@click.option("--write", "action", flag_value="write", help="Edit the document in place.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the corrected edition to this file.")
@click.option("--unsafe", is_flag=True, help="Also make the first of several equally small edits.")
@click.option(
    "--effort", type=click.IntRange(1), default=1, show_default=True, help="Search so many times as long for an edit."
)
@click.option("--jobs", type=click.IntRange(1), help="Lines searched at once (default: one for each processor).")
@click.pass_context
def fix(
    ctx: click.Context,
    path: Path,
    manifest: Path | None,
    action: str,
    output: Path | None,
    unsafe: bool,
    effort: int,
    jobs: int | None,
) -> None:
    """Mend what is wrong in a document with the smallest edits that are proved.

    An edit is made only when every claim of the edited equation is proved as printed, without any re-reading.
    Where several edits are equally small, none is made unless --unsafe is given. The text outside the edits
    stays byte for byte.

    \b
    Exit status: 0 every equation is right now; 1 something is left that was not mended; 2 bad usage.
    """
    from difflib import unified_diff

    from symrnn.library import check as check_document
    from symrnn.repair.mend import GOOD, corrected

    if not path.is_file():
        raise UsageError(f"{path}: is no document")
    with _Progress(str(path)) as progress:
        report = check_document(path, manifest, progress)
    with _Progress(f"{path}: repairs") as progress:
        repaired = report.repaired(unsafe, effort, progress, jobs)
    old = report.document.source.text
    new, made = corrected(old, repaired, unsafe)
    if output is not None or action == "write":
        raw = path.read_bytes()
        _write(output or path, new.replace("\n", "\r\n") if b"\r\n" in raw else new, raw.startswith(BOM_UTF8))
    else:
        lines = unified_diff(old.splitlines(True), new.splitlines(True), str(path), f"{path} (mended)")
        click.echo("".join(line if line.endswith("\n") else line + "\n" for line in lines), nl=False)
    wrong = [e for e in repaired if e.verdict not in GOOD]
    mended = {id(r) for r in made}
    left = [e.number for e in wrong if not any(id(r) in mended for r in e.repairs[:1])]
    click.echo(f"symrnn: {len(wrong) - len(left)} of {len(wrong)} equations mended", err=True)
    if left:
        click.echo(f"symrnn: left as printed: {', '.join(left)}", err=True)
    ctx.exit(1 if left else 0)


def _write(path: Path, text: str, marked: bool = False) -> None:
    try:
        path.write_bytes((BOM_UTF8 if marked else b"") + text.encode())
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


@main.command()
def schema() -> None:
    """Print the JSON Schema of ``check --format json``."""
    from symrnn.report import json

    click.echo(json.schema(), nl=False)


@main.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def recheck(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Confirm every certificate of a JSON report, independently of all that the verdicts came from."""
    from symrnn.recheck.report import main as run

    ctx.exit(run([*arguments]))


@main.command()
@click.argument("code", required=False)
def explain(code: str | None) -> None:
    """Explain a code of the report, SR305 say; without CODE, list them all.

    A page says what the code means and what is bad about it, and shows a small document that gets it
    beside one that does not. CODE may be written SR305, sr305 or 305.

    \b
    Exit status: 0; 2 there is no such code.
    """
    from symrnn.explain import page, pages

    if code is None:
        click.echo("".join(f"{p.code}  {p.title}\n" for p in pages().values()), nl=False)
    elif sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(page(code).text))
    else:
        click.echo(page(code).text, nl=False)


main.add_command(derive)
