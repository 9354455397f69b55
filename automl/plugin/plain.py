"""What a model is, as plain tables: what an exporter writes down that needs no automl.

``plain(model)`` puts all together that has to be computed for a row. What has no table or formula
is named in ``refused`` instead, one line each, for an exporter's ``refuses`` to return::

    def refuses(model):
        return list(plain(model).refused)

A value is computed so:

1. Raw cells are read by ``schema`` into blocks: numbers and dates as float64 (NaN where missing),
   categories and strings as codes into the levels (-1 missing, -2 unseen), texts as strings.
2. Each of ``chains`` makes columns of the block of its kind, one formula after the other
   (``"table"``: of numbers, dates, categories and strings side by side, as float64).
3. The matrix of a member is what its ``chains`` make, side by side; its table says
   probabilities of the classes ``present``, in their order (0 for all others), or one number.
4. The values of the members, each times its ``share``, and ``constant`` are added up. A number is
   held within ``bounds``; probabilities are raised to ``power`` (none counting as smaller than
   ``SMALLEST``) and divided by the sum of their row. That is what ``predict_proba`` says.
5. The label is the class with the highest probability times its ``weights``, the first of several.

``strings`` is the module by which cells that are strings are read. It needs the standard library
and NumPy only, so that an export may hold a copy. `Plain.values` does steps 2 to 4, as what others
have to agree with.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data import parse as strings
from automl.data.apply import apply
from automl.data.frame import take_in
from automl.data.table import Kind
from automl.plugin.catalog import Giver
from automl.plugin.formulas import Formula
from automl.plugin.nearest import cells_kept
from automl.plugin.tables import Coefficients, Trees

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from automl.data.schema import Schema
    from automl.data.table import Table
    from automl.plugin.exporting import FittedModel

    Matrix = NDArray[np.float64]
    Learned = Trees | Coefficients | Formula

__all__ = ["Plain", "PlainChain", "PlainMember", "bounded", "given_to", "plain", "strings"]

logger = logging.getLogger("automl.plugin.plain")

TABLE = "table"
"""The kind of a chain that reads the whole table."""

SMALLEST = 1e-12
"""No probability counts as smaller where all are raised to a power."""

RELATIVE, ABSOLUTE = 1e-5, 1e-6
"""What a table says may differ from the estimator by so much: many learners add up in float32."""

MOST_KEPT = 20_000_000
"""Cells of training rows that all members together may hold: 80 MB, as float32."""

_PROBES = 200


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlainChain:
    """What is made of the columns of one kind.

    Parameters
    ----------
    kind : str
        ``"number"``, ``"date"``, ``"category"``, ``"string"``, ``"text"`` or ``"table"``.
    formulas : tuple of Formula
        One after the other; none where columns are taken as they are.
    """

    kind: str
    formulas: tuple[Formula, ...]

    def outputs(self, block: NDArray[Any]) -> Matrix:
        """Return the columns of rows, of shape (n_rows, n_out)."""
        for formula in self.formulas:
            block = formula.outputs(block)
        return block


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlainMember:
    """One fitted pipeline of the blend.

    Parameters
    ----------
    share : float
        What its values are multiplied by.
    chains : tuple of int
        Numbers of the chains that make its matrix, from left to right.
    learned : Trees, Coefficients or Formula
        The first two say values by their ``link``.
    present : tuple of int
        Which class each column of its values is; empty where the target is a number.
    """

    share: float
    chains: tuple[int, ...]
    learned: Learned
    present: tuple[int, ...]

    def values(self, X: Matrix, n_classes: int) -> Matrix:
        """Return what it says of rows of its matrix: (n_rows, n_classes), or (n_rows,)."""
        table = self.learned
        said = table.outputs(X) if isinstance(table, Formula) else table.values(X)
        if not n_classes:
            return said[:, 0]
        if len(self.present) == n_classes:
            return said
        wide = np.zeros((len(said), n_classes))
        wide[:, list(self.present)] = said
        return wide


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plain:
    """A model as plain tables; see the module.

    Parameters
    ----------
    schema : Schema
    target, task : str
        Name of the predicted column, and of the task.
    labels : list or None
        Of the classes; None where the target is a number.
    dtype : str
        What NumPy calls the type of the labels.
    chains : tuple of PlainChain
    members : tuple of PlainMember
    constant : ndarray of shape (n_classes,) or ()
        What members without a matrix add.
    bounds : mapping or None
        ``low`` and ``high``, and the ``margin`` that `bounded` approaches beyond them: 0 clips,
        None leaves numbers as they are.
    power : float or None
    weights : tuple of float or None
    refused : tuple of str
        What cannot be put down, one line each; chains and members are then left out.
    """

    schema: Schema
    target: str
    task: str
    labels: list[Any] | None
    dtype: str
    chains: tuple[PlainChain, ...]
    members: tuple[PlainMember, ...]
    constant: Matrix
    bounds: Mapping[str, float | None] | None
    power: float | None
    weights: tuple[float, ...] | None
    refused: tuple[str, ...]

    @property
    def n_classes(self) -> int:
        """Number of classes; 0 where the target is a number."""
        return 0 if self.labels is None else len(self.labels)

    def values(self, table: Table) -> Matrix:
        """Return what the model says of canonical rows: (n_rows, n_classes), or (n_rows,)."""
        made = [chain.outputs(given_to(chain.kind, table)) for chain in self.chains]
        total = np.tile(self.constant, (table.n_rows, 1) if self.n_classes else (table.n_rows,))
        for member in self.members:
            X = side_by_side([made[number] for number in member.chains], table.n_rows)
            total = total + member.share * member.values(X, self.n_classes)
        if self.bounds is not None:
            return bounded(total, self.bounds)
        if self.power is None:
            return total
        raised = np.clip(total, SMALLEST, None) ** self.power
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def given_to(kind: str, table: Table) -> NDArray[Any]:
    """Return what the first formula of a chain is given."""
    if kind != TABLE:
        return table.block(Kind(kind))
    return np.concatenate(
        [table.number, table.date, table.category, table.string], axis=1, dtype=np.float64
    )


def side_by_side(blocks: Sequence[Matrix], n_rows: int) -> Matrix:
    """Return the matrix of a member from what its chains made; it may have none."""
    return np.concatenate([np.zeros((n_rows, 0)), *blocks], axis=1)


def bounded(values: Matrix, bounds: Mapping[str, float | None]) -> Matrix:
    """Return numbers held within bounds: beyond them they approach the margin."""
    margin = bounds["margin"]
    if margin is None:
        return values
    inside = np.clip(values, bounds["low"], bounds["high"])
    return inside + margin * np.tanh((values - inside) / margin) if margin else inside


def plain(model: FittedModel) -> Plain:
    """Return a model as plain tables, or what of it cannot be put so.

    Parameters
    ----------
    model : FittedModel
        Its members are loaded, and each is compared with its tables on the sample rows.
    """
    found = _Reader(model)
    for part in model.parts:
        kept: dict[str, Any] = {}
        for member in part.members:
            pipeline = member.load(model.catalog, kept)
            found.add(part, part.weight / len(part.members), pipeline)
    tuned, refused = model.info.get("tuned") or {}, tuple(found.refusals())
    weights = tuple(float(one) for one in tuned["weights"]) if "weights" in tuned else None
    labels = None if model.classes is None else model.classes.tolist()
    refused += _about_labels(model, labels, weights)
    return Plain(
        schema=model.schema,
        target=model.target,
        task=model.task.name,
        labels=labels,
        dtype="" if model.classes is None else model.classes.dtype.str,
        chains=() if refused else tuple(found.chains),
        members=() if refused else tuple(found.members),
        constant=np.asarray(found.constant),
        bounds=model.info.get("bounds"),
        power=float(tuned["power"]) if "power" in tuned else None,
        weights=weights,
        refused=refused,
    )


@dataclass(slots=True)
class _Reader:
    """Takes in one pipeline after the other."""

    model: FittedModel
    chains: list[PlainChain] = field(default_factory=list)
    members: list[PlainMember] = field(default_factory=list)
    constant: Any = 0.0
    _numbers: dict[tuple[Any, ...], int | None] = field(default_factory=dict)
    _alive: list[Any] = field(default_factory=list)
    _lacking: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    _rows: Table | None = None
    _made: list[Matrix] = field(default_factory=list)
    _kept: int = 0

    def add(self, part: Any, share: float, pipeline: Any) -> None:
        """Take in a pipeline of a part of the blend, or note what it lacks."""
        self._alive.append(pipeline)  # chains are told apart by the numbers of living objects
        n_classes = len(self.model.classes) if self.model.classes is not None else 0
        if pipeline.estimator is None:
            same = np.array(pipeline.constant)
            self.constant = self.constant + share * (same if n_classes else same[0])
            return
        if isinstance(self.constant, float) and n_classes:
            self.constant = np.zeros(n_classes)
        lacking: list[str] = []
        numbers = [self._chain(chain, lacking) for chain in pipeline.preparation.chains]
        learned = self._learned(part.candidate.algorithm, pipeline, lacking)
        if learned is not None and None not in numbers:
            member = PlainMember(
                share=share,
                chains=tuple(number for number in numbers if number is not None),
                learned=learned,
                present=tuple(pipeline.present),
            )
            said = self._compared(part.candidate.algorithm, member, pipeline)
            lacking += [said] if said else []
            self.members.append(member)
        for line in lacking:
            mine = self._lacking[line]
            mine[id(part)] = part.weight

    def refusals(self) -> list[str]:
        """Return what is lacking, each with the share of the blend that stands on it."""
        return [
            f"{line} ({sum(weights.values()):.0%} of the blend)"
            for line, weights in self._lacking.items()
        ]

    def _said(self, kind: str, name: str) -> str:
        giver = self.model.catalog.givers.get((kind, name), Giver())
        return f"the {kind} {name!r} of {giver}"

    def _chain(self, chain: Any, lacking: list[str]) -> int | None:
        """Return the number of a chain, or None where a step of it has no formula."""
        key = (chain.kind, *(id(step.transformer) for step in chain.steps))
        if key not in self._numbers or self._numbers[key] is None:
            formulas = self._formulas(chain, lacking)
            self._numbers[key] = None
            if formulas is not None:
                kind = TABLE if chain.kind is None else chain.kind.value
                self._numbers[key] = len(self.chains)
                self.chains.append(PlainChain(kind=kind, formulas=formulas))
        return self._numbers[key]

    def _formulas(self, chain: Any, lacking: list[str]) -> tuple[Formula, ...] | None:
        formulas: list[Formula] = []
        steps = chain.steps
        if chain.kind in {Kind.CATEGORY, Kind.STRING}:
            read, steps = chain.by_code(
                [len(one.levels) for one in self.model.schema.of(chain.kind)]
            )
            formulas += [read] if read is not None else []
        for step in steps:
            declared = self.model.catalog.get("preprocessor", step.name).formula
            formula = _asked(declared, step.transformer, step.name)
            if formula is None:
                lacking.append(f"{self._said('preprocessor', step.name)} states no formula")
                return None
            formulas.append(formula)
        return tuple(formulas)

    def _learned(self, name: str, pipeline: Any, lacking: list[str]) -> Learned | None:
        algorithm = self.model.catalog.get("algorithm", name)
        why = "states no trees, coefficients or formula"
        for declared in (algorithm.trees, algorithm.coefficients, algorithm.formula):
            found: Learned | None = _asked(declared, pipeline.estimator, name)
            self._kept += (kept := cells_kept(found))
            if kept and self._kept > MOST_KEPT:
                why = f"keeps training rows of more than {MOST_KEPT:,} cells, fold models together"
            elif found is not None:
                return found
        lacking.append(f"{self._said('algorithm', name)} {why}")
        return None

    def _compared(self, name: str, member: PlainMember, pipeline: Any) -> str:
        """Say whether a member's tables give other values than itself; empty where they do not."""
        model = self.model
        if self._rows is None:
            sample = list((model.info.get("sample") or {}).get("rows", ()))
            cells = {one: [row.get(one) for row in sample] for one in model.schema.learned}
            self._rows = apply(model.schema, take_in(cells), on_missing="impute").table
        rows = self._rows
        if not rows.n_rows:
            return ""
        for number in range(len(self._made), len(self.chains)):
            chain = self.chains[number]
            self._made.append(chain.outputs(given_to(chain.kind, rows)))
        X = side_by_side([self._made[number] for number in member.chains], rows.n_rows)
        said = member.values(X, pipeline.n_classes)
        own = pipeline.values(rows)
        if said.shape != own.shape or not _alike(said, own):
            return f"{self._said('algorithm', name)} says something else than its tables"
        return ""


def _asked(declared: Any, fitted: Any, name: str) -> Any:
    if declared is None:
        return None
    try:
        return declared(fitted)
    except Exception:
        logger.warning("the table or formula of %r failed", name, exc_info=True)
        return None


def _alike(said: Matrix, own: Matrix) -> bool:
    close = RELATIVE * np.abs(own) + ABSOLUTE * np.abs(own).max(initial=0.0)
    return bool((np.abs(said - own) <= close).all())


def _about_labels(
    model: FittedModel, labels: list[Any] | None, weights: tuple[float, ...] | None
) -> tuple[str, ...]:
    """Say where a task decides in a way of its own, or labels are no plain values."""
    rng = np.random.default_rng(0)
    if labels is None:
        probes = rng.normal(size=_PROBES) * 10
        expected = probes
    else:
        if not all(isinstance(one, bool | int | float | str) for one in labels):
            return ("its labels are neither truth values, numbers nor strings",)
        probes = rng.dirichlet(np.ones(len(labels)), _PROBES)
        factors = 1.0 if weights is None else np.array(weights)
        expected = (probes * factors).argmax(axis=1)
    if np.array_equal(np.asarray(model.task.decide(probes.copy())), expected):
        return ()
    return (f"the task {model.task.name!r} decides on its predictions in a way of its own",)
