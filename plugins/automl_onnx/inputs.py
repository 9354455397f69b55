"""The inputs of a graph: a tensor of shape (n_rows, 1) for each column that is learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl.plugin.plain import Plain

OUTPUTS = ("label", "probabilities", "value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One column and its tensor.

    Parameters
    ----------
    column : str
        The user's name.
    name : str
        The tensor's.
    kind : str
        ``"number"``, ``"date"``, ``"category"`` or ``"string"``.
    """

    column: str
    name: str
    kind: str

    @property
    def text(self) -> bool:
        """Whether the tensor holds strings."""
        return self.kind in {"category", "string"}


def inputs_of(model: Plain) -> list[Input]:
    """Return an input for each column that is read; texts, which no part reads, have none."""
    taken = set(OUTPUTS)
    found = []
    for feature in model.schema.features:
        if feature.kind == "text":
            continue
        name = feature.name or "column"
        while name in taken:
            name += "_"
        taken.add(name)
        found.append(Input(column=feature.name, name=name, kind=str(feature.kind)))
    return found
