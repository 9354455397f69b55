"""A candidate: pure data that survives JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from automl.plugin.learning import KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One preprocessor in a chain.

    Parameters
    ----------
    name : str
        Name of the preprocessor.
    params : mapping, default={}
    """

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An algorithm with its parameters and its preparation.

    Parameters
    ----------
    algorithm : str
        Name of the algorithm.
    params : mapping, default={}
        What its ``build`` is given.
    preparation : mapping of str to tuple of Step, default={}
        For each kind of column in the table its chain; an empty chain hands the block over as it
        is, a kind that is not named is left out. A chain that begins with a step that reads the
        whole table stands under the name of that step.
    rows : int or None, default=None
        Training rows of each fold that it is fitted on; all of them where None.
    """

    algorithm: str
    params: Mapping[str, Any] = field(default_factory=dict)
    preparation: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    rows: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the candidate as plain JSON values."""
        rows = {} if self.rows is None else {"rows": self.rows}
        return rows | {
            "algorithm": self.algorithm,
            "params": dict(self.params),
            "preparation": {
                kind: [{"name": step.name, "params": dict(step.params)} for step in chain]
                for kind, chain in self.preparation.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Candidate:
        """Return the candidate that `to_json` described."""
        return cls(
            algorithm=data["algorithm"],
            params=data["params"],
            preparation={
                kind: tuple(Step(name=step["name"], params=step["params"]) for step in chain)
                for kind, chain in data["preparation"].items()
            },
            rows=data.get("rows"),
        )

    def on(self, rows: int | None) -> Candidate:
        """Return the same candidate on so many rows; on all where None."""
        return self if rows == self.rows else replace(self, rows=rows)

    @property
    def extra(self) -> dict[str, tuple[Step, ...]]:
        """The chains that begin with a step that reads the whole table."""
        return {name: chain for name, chain in self.preparation.items() if name not in KINDS}

    def with_extra(self, extra: Mapping[str, tuple[Step, ...]]) -> Candidate:
        """Return the candidate with these chains beside those of the kinds, and no others."""
        kinds = {name: chain for name, chain in self.preparation.items() if name in KINDS}
        return replace(self, preparation={**kinds, **dict(sorted(extra.items()))})

    @property
    def key(self) -> str:
        """A hash of the content: equal candidates have equal keys."""
        return _digest(self.to_json())

    @property
    def preparation_key(self) -> str:
        """A hash of the preparation alone: what can be shared between candidates."""
        return _digest(self.to_json()["preparation"])


def _digest(data: object) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
