"""From a path to a compiled network, for the command line: documents, data and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symrnn.diagnostic import UsageError
from symrnn.library import SUFFIXES, Draft, documents, draft
from symrnn.train.checkpoint import Checkpoint
from symrnn.train.data import Data
from symrnn.train.net import Net


@dataclass(frozen=True)
class Source:
    """A document whose proved equations give every gradient, and its network at the sizes of the proofs."""

    path: Path
    draft: Draft
    net: Net

    def about(self) -> dict[str, Any]:
        """What a checkpoint keeps of it: with both texts, so that it stands by itself."""
        manifest = self.draft.manifest
        return {
            "document": str(self.path),
            "text": self.draft.checker.document.source.text,
            "manifest": Path(manifest).read_text(encoding="utf-8") if manifest else "",
        }


def find(path: Path, manifest: Path | None, backend: str, dtype: str, options: Mapping[str, Any]) -> Source:
    """The document of a path that compiles; of a folder, the first one.

    Raises UsageError with what each document lacks.
    """
    found: dict[Path, UsageError] = {}
    for document in editions(path):
        begun = draft(document, manifest)
        try:
            return Source(document, begun, begun.compile(backend, dtype, threads=None, **options))
        except UsageError as error:
            found[document] = error
    reasons = [f"{document}: {error}" for document, error in found.items()]  # read only now: reasons take time
    raise UsageError(reasons[0] if len(reasons) == 1 else "no document here runs\n  " + "\n  ".join(reasons))


def editions(path: Path) -> list[Path]:
    """The documents of a path; of a folder, first those with a manifest of their own, then those beside them.

    Raises UsageError when there is none.
    """
    found = documents(path)
    if path.is_file():
        return found
    beside = {p for d in found for p in d.parent.iterdir() if p.suffix in SUFFIXES and p not in found}
    alone = {d.parent for d in found if sum(e.parent == d.parent for e in found) == 1}
    return [*found, *sorted(p for p in beside if p.parent in alone)]


def sizes_for(net: Net, data: Data, given: Mapping[str, int], hidden: int | None) -> dict[str, int]:
    """The sizes for a data set: inputs and classes from it, the others as asked, else as proved.

    Raises UsageError when a formula fixes a size that the data does not have.
    """
    for role in (*net._inputs, *net._targets):
        if len(role.axes) != 1:
            raise UsageError(
                f"{role.name} is no vector; the command feeds vectors, net.value_and_grad of Python all else"
            )
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


def restore(found: Checkpoint) -> Net:
    """The network of a checkpoint, from the document in it, whose equations are judged again.

    Raises UsageError when they are no longer those that were proved when it was written.
    """
    about = found.about
    begun = draft(about["text"] + "\n", about["manifest"] + "\n")
    net = begun.compile(about["backend"], about["dtype"], sizes=about["sizes"], **about["options"])
    if net.hash != about["hash"]:
        raise UsageError(f"the equations of {about['document']} are not those that the checkpoint was trained with")
    return net
