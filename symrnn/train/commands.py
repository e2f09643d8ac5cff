"""The commands of training: ``symrnn train``, ``symrnn sample``, ``symrnn export``."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from symrnn.diagnostic import UsageError

if TYPE_CHECKING:
    from symrnn.train.data import Data
    from symrnn.train.loop import Settings, State
    from symrnn.train.net import Net

TOLERANCE = 1e-6
INTERRUPTED = 130
_PATH = click.Path(path_type=Path)


def register(main: click.Group) -> None:
    """Add the commands to the command line."""
    for command in (train, sample, export):
        main.add_command(command)


@click.command()
@click.argument("path", type=_PATH)
@click.option("--data", "source", required=True, help="A text, .csv or .npz file, reber[:N] or names[:LIST].")
@click.option("--lines", is_flag=True, help="Of a text, every line is a sequence (default: one stream).")
@click.option("--manifest", type=_PATH, help="The manifest (default: NAME.toml beside NAME.md).")
@click.option("--input", "inputs", multiple=True, help="Name of the input, where the document leaves it open.")
@click.option("--target", "targets", multiple=True, help="Name of the target, likewise.")
@click.option("--hidden", type=click.IntRange(1), help="Every size that the data does not set.")
@click.option("--size", "sizes", multiple=True, metavar="NAME=N", help="One size.")
@click.option("--optimiser", type=click.Choice(["sgd", "momentum", "adam", "lbfgs"]), default="adam", show_default=True)
@click.option("--rate", type=float, default=0.01, show_default=True, help="The learning rate.")
@click.option(
    "--clip", type=click.FloatRange(0), default=5.0, show_default=True, help="Greatest gradient norm; 0: none."
)
@click.option("--epochs", type=click.IntRange(1), default=10, show_default=True)
@click.option("--batch", type=click.IntRange(1), default=16, show_default=True)
@click.option("--window", type=click.IntRange(1), default=100, show_default=True, help="Steps of truncated BPTT.")
@click.option("--validation", type=click.FloatRange(0, 0.9), default=0.1, show_default=True, help="Share held out.")
@click.option("--patience", type=click.IntRange(0), default=0, show_default=True, help="Epochs; 0: no early stop.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--backend", type=click.Choice(["numpy", "c", "numba"]), default="numpy", show_default=True)
@click.option("--dtype", type=click.Choice(["float64", "float32"]), default="float64", show_default=True)
@click.option("--checkpoint", type=_PATH, default=Path("symrnn.npz"), show_default=True)
@click.option("--every", type=click.IntRange(0), default=0, help="Save every N steps too (default: every epoch).")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint, bit for bit.")
@click.option("--steps", type=click.IntRange(1), help="Stop after this many steps of this run, and save.")
@click.option("--curve", type=_PATH, help="Draw the losses into this PNG or SVG file.")
@click.pass_context
def train(ctx: click.Context, /, path: Path, **options: Any) -> None:
    """Train the network of a document with its proved equations.

    \b
    PATH is a document or a folder: the first document in it whose proved equations give every gradient.
    Ctrl-C saves the checkpoint (exit status 130); --resume goes on from it.
    """
    with _quiet_blas():
        ctx.exit(_train(path, options))


def _train(path: Path, options: dict[str, Any]) -> int:
    from symrnn.train import checkpoint, data, document, loop

    read = data.read(options["source"], "lines" if options["lines"] else None)
    named = {"inputs": list(options["inputs"]), "targets": list(options["targets"])}
    source = document.find(path, options["manifest"], options["backend"], options["dtype"], named)
    net = source.net.other(document.sizes_for(source.net, read, _sizes(options["sizes"]), options["hidden"]))
    settings = loop.Settings(
        **{
            k: options[k]
            for k in ("optimiser", "rate", "epochs", "batch", "window", "clip", "validation", "patience", "seed")
        }
    )
    part, held = read.split(settings.validation, settings.seed)
    if not part.sequences or any(len(x) == 0 for x, _ in part.sequences):
        raise UsageError("no sequence is left for training: take a smaller --validation")
    if any(len(x) == 0 for x, _ in held.sequences):
        held = part.__class__(read.kind, (), read.symbols, read.inputs)
    about = {
        **source.about(), "hash": net.hash, "equations": list(net.equations), "options": named, "sizes": net.sizes,
        "backend": options["backend"], "dtype": options["dtype"], "symbols": list(read.symbols), "kind": read.kind,
        "start": read.start, "stop": read.stop, "settings": loop.describe(settings), "data": str(options["source"]),
        "digest": read.digest(),
    }  # fmt: skip
    file: Path = options["checkpoint"]
    if options["resume"]:
        found = checkpoint.load(file)
        _same(found.about, about)
        state = loop.resume(found, settings)
    else:
        state = loop.start(net, settings)
        _say(f"{source.path}: {', '.join(f'({n})' for n in net.equations)} run; equations {net.hash[:12]}")
        _say_sizes(net)
        _check_gradients(net, part, settings)
    status = _run(net, part, held, settings, state, about, options)
    _finish(net, held, state, options)
    return status


def _sizes(given: tuple[str, ...]) -> dict[str, int]:
    out = {}
    for item in given:
        name, _, number = item.partition("=")
        if not number.isdigit():
            raise UsageError(f"--size {item}: write NAME=N")
        out[name] = int(number)
    return out


def _same(old: dict[str, Any], new: dict[str, Any]) -> None:
    """A run goes on only as it began: --epochs alone may differ. Raises UsageError naming what does not agree."""
    names = {"hash": "equations", "digest": "data", "sizes": "sizes", "backend": "--backend", "dtype": "--dtype"}
    for key, word in names.items():
        if old.get(key) != new[key]:
            raise UsageError(f"the checkpoint was made with other {word.removeprefix('--')} than this run asks for")
    for key, value in old["settings"].items():
        if key not in ("epochs", "patience") and new["settings"].get(key) != value:
            raise UsageError(f"the checkpoint was made with --{key} {value}, not {new['settings'].get(key)}")


def _say_sizes(net: Net) -> None:
    count = sum(_product(s) for s in net.parameters.values())
    sizes = ", ".join(f"{k}={v}" for k, v in net.sizes.items())
    _say(f"sizes {sizes}; {count} parameters: {', '.join(net.parameters)}")
    if net.sizes != net.proved_sizes and not net.any_size:
        proved = ", ".join(f"{k}={v}" for k, v in net.proved_sizes.items())
        _say(
            f"the equations are proved at {proved}; they run at these sizes as they stand, checked here by differences"
        )


def _product(shape: tuple[int, ...]) -> int:
    out = 1
    for n in shape:
        out *= n
    return out


def _check_gradients(net: Net, data: Data, settings: Settings) -> None:
    """The gradient check, in double precision. Raises UsageError when a gradient is not the loss's."""
    from symrnn.train import loop
    from symrnn.train.data import batches

    exact = net.other(net.sizes, "float64")
    batch = next(batches(data, settings.batch, settings.window, None))
    errors = loop.gradient_check(exact, exact.init(settings.seed), batch, settings.seed)
    text = ", ".join(f"{k} {v:.0e}" for k, v in errors.items())
    _say(f"gradient check against central differences: {text}")
    worst = max(errors, key=lambda k: errors[k])
    if not errors[worst] < TOLERANCE:
        raise UsageError(
            f"the gradient of {worst} is not that of the loss at these sizes (difference {errors[worst]:.1e})"
        )


def _run(
    net: Net, data: Data, held: Data, settings: Settings, state: State, about: dict[str, Any], options: dict[str, Any]
) -> int:
    """The loop with its progress bar and checkpoints; the exit status."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from symrnn.train import loop

    file: Path = options["checkpoint"]
    limit = None if options["steps"] is None else state.step + options["steps"]
    columns = (
        TextColumn("epoch {task.completed}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("loss {task.fields[loss]:.4f}  {task.fields[speed]:,.0f} symbols/s"),
    )  # fmt: skip
    with _interrupts() as stopped, Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=settings.epochs, completed=state.epoch, loss=float("nan"), speed=0.0)
        run = loop.lbfgs if settings.optimiser == "lbfgs" else loop.train
        began, symbols = time.perf_counter(), 0
        for event in run(
            net, data, held, settings, state, lambda: stopped() or (limit is not None and state.step >= limit)
        ):
            symbols += event.symbols
            speed = symbols / max(1e-9, time.perf_counter() - began)
            if event.epoch:
                bar.update(task, completed=state.epoch, loss=event.loss, speed=speed)
                _say(_epoch_line(event, speed))
                state.checkpoint(about).save(file)
            elif state.step % 20 == 0:
                bar.update(task, loss=event.loss, speed=speed)
            if options["every"] and state.step % options["every"] == 0:
                state.checkpoint(about).save(file)
        interrupted = stopped()
    state.checkpoint(about).save(file)
    _say(f"{'interrupted; ' if interrupted else ''}saved {file} at step {state.step}")
    return INTERRUPTED if interrupted else 0


def _epoch_line(event: Any, speed: float) -> str:
    held = f", validation {event.validation:.4f}" if event.validation == event.validation else ""
    return f"epoch {event.state.epoch}, step {event.state.step}: loss {event.loss:.4f}{held}, {speed:,.0f} symbols/s"


def _finish(net: Net, held: Data, state: State, options: dict[str, Any]) -> None:
    """What was reached, and the curve."""
    from symrnn.train import loop

    params = state.best or state.params
    if held.sequences and held.allowed:
        good, total = loop.reber_score(net, params, held)
        click.echo(
            f"Reber grammar, held-out strings: {good} of {total} steps rank every allowed symbol above all others"
        )
    elif held.sequences and held.kind == "classes":
        click.echo(f"held-out accuracy {loop.accuracy(net, params, held):.3f}")
    if state.history:
        click.echo(f"best loss {state.best_loss:.4f} a step after {state.step} steps")
    if options["curve"] is not None:
        from symrnn.train.curve import draw

        draw(state.history or [], options["curve"])
        _say(f"drew {options['curve']}")


@contextmanager
def _interrupts() -> Iterator[Any]:
    """Ctrl-C only sets a mark, which is looked at between steps; a second one stops at once."""
    seen: list[int] = []

    def note(number: int, frame: Any) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(seen)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _quiet_blas() -> Iterator[None]:
    """One BLAS thread while a command runs."""
    import threadpoolctl

    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        yield


def _say(line: str) -> None:
    click.echo(line, err=True)


@click.command()
@click.argument("checkpoint", type=_PATH)
@click.option("--length", type=click.IntRange(1), default=200, show_default=True, help="Symbols at most.")
@click.option("--count", type=click.IntRange(1), default=1, show_default=True, help="How many samples.")
@click.option("--prime", default="", help="Text to begin with.")
@click.option("--temperature", type=click.FloatRange(0), default=1.0, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def sample(checkpoint: Path, length: int, count: int, prime: str, temperature: float, seed: int) -> None:
    """Write text with a trained network."""
    from symrnn.train import checkpoint as checkpoints
    from symrnn.train import document
    from symrnn.train.sample import sample as draw

    found = checkpoints.load(checkpoint)
    about = found.about
    if about["kind"] == "classes":
        raise UsageError(f"{checkpoint}: was trained to classify sequences; there is no text to write")
    symbols = about["symbols"]
    codes = [symbols.index(c) for c in prime if c in symbols]
    if len(codes) < len(prime):
        raise UsageError(f"--prime: {next(c for c in prime if c not in symbols)!r} is not in the alphabet of the data")
    begin = [about["start"]] if about["start"] is not None else [] if codes else [0]
    stop = tuple(about["stop"]) if about["stop"] else None
    net = document.restore(found)
    with _quiet_blas():
        for k in range(count):
            begun = [*begin, *codes]
            drawn = draw(net, found.best or found.params, symbols, begun, length, stop, temperature, seed + k)
            text = "".join(drawn)
            click.echo(prime + text)


@click.command()
@click.argument("checkpoint", type=_PATH)
@click.option("--to", "target", type=click.Choice(["numpy", "jax", "torch", "onnx"]), required=True)
@click.option("--training", is_flag=True, help="Of ONNX: loss and gradients in place of predictions.")
@click.option("--output", type=_PATH, help="Write to this file (default: standard output).")
def export(checkpoint: Path, target: str, training: bool, output: Path | None) -> None:
    """Write a trained network as a module or model that runs without symrnn.

    \b
    numpy, jax, torch: a Python module with the loss and its gradients.
    onnx: a model with the trained parameters; x and the first states in, predictions and the last states out.
    """
    from symrnn.train import checkpoint as checkpoints
    from symrnn.train import document
    from symrnn.train.export import module, onnx

    found = checkpoints.load(checkpoint)
    net = document.restore(found)
    if target == "onnx":
        made = onnx(net, found.best or found.params, training)
    else:
        made = module(net, target).encode()
    if output is None:
        click.echo(made, nl=False)
        return
    try:
        output.write_bytes(made)
    except OSError as error:
        raise UsageError(f"{output}: cannot be written: {error.strerror}") from error
