"""The bench for contributions that need no more than themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl.plugin.catalog import Catalog
    from automl.plugin.selection import Plugins


class Bench:
    """What the checks of one contribution share: itself.

    Parameters
    ----------
    contribution : Splitter, Reader or Listener
    catalog : Catalog
    plugins : Plugins
    """

    def __init__(self, contribution: Any, catalog: Catalog, plugins: Plugins) -> None:
        self.contribution = contribution
        self.catalog = catalog
        self.plugins = plugins
