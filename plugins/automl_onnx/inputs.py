"""The inputs of a graph: a tensor of shape (n_rows, 1) for each column that is learned from.

Texts have up to three: their words and pieces of words as strings, as many in each row as the
longest has, and seven numbers that tell their shape. No operator could take a text apart so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automl.plugin.formulas import Formula
from automl.plugin.wording import Shape, Terms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from automl.plugin.plain import Plain

OUTPUTS = ("label", "probabilities", "value")

N_SHAPE = 7
"""Numbers by which the shape of a text is told."""


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
        ``"number"``, ``"date"``, ``"category"``, ``"string"`` or ``"text"``.
    part : str
        ``"words"``, ``"pieces"`` or ``"shape"`` of a text, else empty.
    """

    column: str
    name: str
    kind: str
    part: str = ""

    @property
    def text(self) -> bool:
        """Whether the tensor holds strings."""
        return self.kind in {"category", "string"} or self.part in {"words", "pieces"}

    @property
    def width(self) -> int | str:
        """Cells of a row; a name where the longest text says it."""
        if self.part == "shape":
            return N_SHAPE
        return f"{self.name} of the longest" if self.part else 1


def inputs_of(model: Plain) -> list[Input]:
    """Return an input for each column that is read, and of texts for each part that is."""
    taken = set(OUTPUTS)
    parts = way_of(model).parts
    found = []
    for feature in model.schema.features:
        kind = str(feature.kind)
        for part in parts if kind == "text" else ("",):
            name = f"{feature.name or 'column'}_{part}" if part else feature.name or "column"
            while name in taken:
                name += "_"
            taken.add(name)
            found.append(Input(column=feature.name, name=name, kind=kind, part=part))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How texts are taken apart.

    Parameters
    ----------
    parts : tuple of str
        What is made of them.
    how : tuple of dict
        By which pattern words are found, and so on; several where steps do it unlike each other.
    """

    parts: tuple[str, ...]
    how: tuple[dict[str, Any], ...]


def way_of(model: Plain) -> Way:
    """Return how the texts of a model are taken apart."""
    found = [*_of_texts(model)]
    terms = [one for one in found if isinstance(one, Terms)]
    cuts = {one.max_chars for one in found}
    hows = {(one.pattern, tuple(one.lengths)) for one in terms} or {("", (0, 0))}
    return Way(
        parts=(("words", "pieces") if terms else ())
        + (("shape",) if len(found) > len(terms) else ()),
        how=tuple(
            {"pattern": pattern, "lengths": list(lengths), "max_chars": cut}
            for pattern, lengths in sorted(hows)
            for cut in sorted(cuts)
        ),
    )


def _of_texts(model: Plain) -> Iterator[Terms | Shape]:
    formulas = [formula for chain in model.chains for formula in chain.formulas]
    formulas += [one.learned for one in model.members if isinstance(one.learned, Formula)]
    for formula in formulas:
        yield from (one for one in formula.operations if isinstance(one, Terms | Shape))
