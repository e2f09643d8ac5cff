"""From a path to a compiled network, for the command line: documents, data and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symrnn.diagnostic import UsageError
from symrnn.library import Report, check, documents
from symrnn.train.checkpoint import Checkpoint
from symrnn.train.data import Data
from symrnn.train.net import Net


@dataclass(frozen=True)
class Source:
    """A document whose proved equations give every gradient."""

    path: Path
    report: Report

    def about(self) -> dict[str, Any]:
        """What a checkpoint keeps of it: with both texts, so that it stands by itself."""
        manifest = self.report.manifest
        return {
            "document": str(self.path),
            "text": self.report.document.source.text,
            "manifest": Path(manifest).read_text(encoding="utf-8") if manifest else "",
        }


def find(path: Path, manifest: Path | None, options: Mapping[str, Any]) -> Source:
    """The document of a path that compiles; of a folder, the first one.

    Raises UsageError with what each document lacks.
    """
    reasons = []
    found = documents(path)
    for document in found:
        report = check(document, manifest)
        try:
            report.compile(threads=None, **options)
        except UsageError as error:
            reasons.append(f"{document}: {error}")
            continue
        return Source(document, report)
    raise UsageError(reasons[0] if len(reasons) == 1 else "no document here runs\n  " + "\n  ".join(reasons))


def sizes_for(net: Net, data: Data, given: Mapping[str, int], hidden: int | None) -> dict[str, int]:
    """The sizes for a data set: inputs and classes from it, the others as asked, else as proved.

    Raises UsageError when a formula fixes a size that the data does not have.
    """
    out = dict(net.sizes)
    out.update({axis: data.inputs for role in net._inputs for axis in role.axes})
    out.update({axis: data.classes for role in net._targets for axis in role.axes})
    bound = {axis for role in (*net._inputs, *net._targets) for axis in role.axes}
    if hidden is not None:
        out.update({name: hidden for name in out if name not in bound})
    for name, size in given.items():
        if name not in out:
            raise UsageError(f"no size '{name}'; the sizes are {', '.join(out)}")
        if name in bound and out[name] != size:
            raise UsageError(f"the data has {name} = {out[name]}, not {size}")
        out[name] = size
    return out


def restore(found: Checkpoint, backend: str | None = None) -> Net:
    """The network of a checkpoint, from the document in it, which is checked again.

    Raises UsageError when its equations are no longer those that were proved when it was written.
    """
    about = found.about
    report = check(about["text"] + "\n", about["manifest"] + "\n")
    return compiled(report, about, backend)


def compiled(report: Report, about: Mapping[str, Any], backend: str | None = None) -> Net:
    """The network as a checkpoint describes it. Raises UsageError when the hash of the equations is another."""
    net = report.compile(backend or about["backend"], about["dtype"], sizes=about["sizes"], **about["options"])
    if net.hash != about["hash"]:
        raise UsageError(f"the equations of {about['document']} are not those that the checkpoint was trained with")
    return net
