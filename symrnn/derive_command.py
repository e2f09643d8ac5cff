"""The command ``symrnn derive``: gradients in LaTeX, or a whole derivation with its manifest."""

from __future__ import annotations

from pathlib import Path

import click

from symrnn.diagnostic import UsageError

FORMS = ("components", "sums", "matrix")


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--wrt", multiple=True, metavar="NAME", help="A quantity, by its plain name: W, h, hat_y. May be repeated."
)
@click.option(
    "--of", metavar="NAME", help="The Jacobian of this quantity by each NAME of --wrt, in the declared layout."
)
@click.option(
    "--form", type=click.Choice(FORMS), default="matrix", show_default=True, help="How gradients are written."
)
@click.option("--steps", type=click.IntRange(1), help="Spell sums over steps out for a sequence of this length.")
@click.option("--numbered", is_flag=True, help="Gradients in environments that LaTeX numbers.")
@click.option("--loss", metavar="NAME", help="The scalar that is derived (default: the one that nothing else uses).")
@click.option(
    "--product", type=click.Choice(["diag", "hadamard"]), help="Products with a diagonal: diag(u) v or u ⊙ v."
)
@click.option("--output", type=click.Path(path_type=Path), help="Write a whole derivation, and its manifest beside it.")
@click.option("--format", "kind", type=click.Choice(["md", "tex"]), help="Of the whole derivation.")
@click.option(
    "--detail",
    type=click.Choice(["full", "brief"]),
    default="full",
    show_default=True,
    help="Of the whole derivation: with components worked out and matrices written out, or without.",
)
@click.option("--manifest", type=click.Path(path_type=Path), help="The manifest (default: NAME.toml beside NAME.md).")
def derive(
    path: Path,
    wrt: tuple[str, ...],
    of: str | None,
    form: str,
    steps: int | None,
    numbered: bool,
    loss: str | None,
    product: str | None,
    output: Path | None,
    kind: str | None,
    detail: str,
    manifest: Path | None,
) -> None:
    """Write the gradients of the loss that a document defines.

    PATH is a document that prints forward equations and a loss, or a folder with one (forward.md first). With
    --output or --format a whole derivation is written: symrnn check proves every line of it.

    \b
    Exit status: 0; 2 bad usage, or a definition that cannot be differentiated (the line is named).
    """
    from symrnn.derive.gradients import Gradients
    from symrnn.library import prepare

    checker = prepare(_document(path), manifest)
    found = Gradients(checker, loss, product)
    if of is not None:
        click.echo(_jacobians(found, of, wrt))
        return
    if output is None and kind is None:
        click.echo(_listed(found, wrt, form, steps, numbered))
        return
    if wrt or steps is not None:
        raise UsageError("--wrt and --steps do not go with a whole derivation (--output, --format)")
    _whole(found, _document(path), output, kind, detail == "full", manifest)


def _document(path: Path) -> Path:
    from symrnn.library import documents

    if path.is_dir() and (path / "forward.md").is_file():
        return path / "forward.md"
    found = documents(path)
    if len(found) != 1:
        raise UsageError(f"{path}: {len(found)} documents; name one")
    return found[0]


def _listed(found, wrt: tuple[str, ...], form: str, steps: int | None, numbered: bool) -> str:  # type: ignore[no-untyped-def]
    from symrnn.general.form import Abstain

    out = []
    for name in wrt or tuple(found):
        try:
            derivative = found[name]
        except KeyError as error:
            raise UsageError(str(error.args[0])) from None
        try:
            out.append(derivative.latex(form, steps, numbered))
        except Abstain as reason:
            raise UsageError(f"the gradient by {name} cannot be written in this form: {reason}") from None
    return "\n\n".join(out)


def _jacobians(found, of: str, wrt: tuple[str, ...]) -> str:  # type: ignore[no-untyped-def]
    from symrnn.derive.jacobians import Jacobians
    from symrnn.derive.worked import Worked

    if not wrt:
        raise UsageError("--of goes with --wrt")
    jacobians = Jacobians(found, Worked(found))
    return "\n\n".join(found.aligned([jacobians.pair(of, name)]) for name in wrt)


def _whole(found, path: Path, output: Path | None, kind: str | None, full: bool, manifest: Path | None) -> None:  # type: ignore[no-untyped-def]
    from symrnn.derive import write

    kind = kind or ("tex" if output is not None and output.suffix == ".tex" else "md")
    made = write.derivation(found, full)
    text = write.tex(made) if kind == "tex" else write.markdown(made)
    if output is None:
        click.echo(text, nl=False)
        return
    beside = manifest or path.with_suffix(".toml")
    if output.resolve() == path.resolve():
        raise UsageError(f"{output}: this is the document itself")
    try:
        output.write_text(text, encoding="utf-8")
        if beside.is_file():
            output.with_suffix(".toml").write_text(
                write.manifest(made, beside.read_text(encoding="utf-8")), encoding="utf-8"
            )
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be written: {error.strerror}") from error
