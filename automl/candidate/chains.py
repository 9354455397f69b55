"""Which steps can turn columns of one kind into what an algorithm accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automl.data.table import Kind
from automl.plugin.learning import TABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from automl.plugin.contributions import Preprocessor

LONGEST = 4
"""Steps in a chain at most."""

MOST = 4
"""Alternatives kept for one kind."""

Chain = tuple[str, ...]


def initial_traits(kind: Kind) -> frozenset[str]:
    """Return the traits of a column of this kind before any step.

    Cells can be missing at predict time even where training had none.
    """
    unscaled = {"unscaled"} if kind is Kind.NUMBER else set()
    return frozenset({kind.value, "missing"} | unscaled)


def after(traits: frozenset[str], step: Preprocessor) -> frozenset[str]:
    """Return the traits that columns have after a step."""
    return (traits - step.takes - step.removes) | step.emits


def possible_chains(
    kind: Kind, accepts: frozenset[str], steps: Iterable[Preprocessor]
) -> tuple[Chain, ...]:
    """Return the chains from a kind to what is accepted, the default one first.

    A chain ends as soon as what is left is accepted; where nothing has to be done, steps that turn
    the kind into another are alternatives. Of chains with the same steps the order with the lower
    priorities first stays. Lower priorities in sum come first, then fewer steps, then names.
    """
    ordered = sorted(steps, key=lambda step: (step.priority, step.name))
    return _ranked(_walk(initial_traits(kind), accepts, ordered, kind))


def chain_behind(
    first: Preprocessor, accepts: frozenset[str], steps: Iterable[Preprocessor]
) -> Chain | None:
    """Return the chain that begins with a step that reads the whole table; None without one.

    Of several it is the one that `possible_chains` would name first.
    """
    ordered = sorted(steps, key=lambda step: (step.priority, step.name))
    found = _ranked(_walk(after(frozenset({TABLE}), first), accepts, ordered, None, (first,)))
    return found[0] if found else None


def _ranked(chains: Iterable[tuple[Preprocessor, ...]]) -> tuple[Chain, ...]:
    found: dict[frozenset[str], tuple[tuple[int, int], Chain]] = {}
    for chain in chains:
        names = tuple(step.name for step in chain)
        rank = (sum(step.priority for step in chain), len(chain))
        found.setdefault(frozenset(names), (rank, names))
    return tuple(chain for _, chain in sorted(found.values())[:MOST])


def _walk(
    traits: frozenset[str],
    accepts: frozenset[str],
    steps: list[Preprocessor],
    kind: Kind | None,
    chain: tuple[Preprocessor, ...] = (),
) -> Iterator[tuple[Preprocessor, ...]]:
    done = traits <= accepts
    if done:
        yield chain
        if chain:
            return
    if len(chain) == LONGEST:
        return
    for step in steps:
        turns_kind = kind in step.takes and kind not in step.emits
        if step in chain or not step.takes <= traits or (done and not turns_kind):
            continue
        left = after(traits, step)
        if left != traits:
            yield from _walk(left, accepts, steps, kind, (*chain, step))
