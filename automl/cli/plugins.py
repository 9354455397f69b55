"""``automl plugins``: what is installed, who gave it, what was skipped and why; and new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from automl.cli import new
from automl.cli.face import face_of, shared
from automl.cli.tables import text_table

if TYPE_CHECKING:
    from automl.plugin.catalog import Catalog

EXAMPLES = """\b
Examples:
  automl plugins
  automl plugins --json
  automl plugins new soft_neighbors --kind algorithm
"""


@click.group(
    "plugins",
    short_help="List what is installed, begin a new one.",
    epilog=EXAMPLES,
    invoke_without_command=True,
)
@shared
@click.pass_context
def command(context: click.Context) -> None:
    """List the plugins: name, version, giver, what each contributes, what was skipped and why."""
    if context.invoked_subcommand is not None:
        return
    import numpy as np  # noqa: F401 - its first import changes warnings filters, no plugin does

    from automl.plugin.discovery import discover

    document = _document(discover())
    face_of(context).show(_text(document), document)


command.add_command(new.command)


def _document(catalog: Catalog) -> dict[str, Any]:
    plugins: dict[tuple[str, str, str], dict[str, Any]] = {}
    for (kind, name), giver in sorted(catalog.givers.items()):
        key = (giver.plugin, giver.distribution, giver.version)
        plugin = plugins.setdefault(
            key,
            {
                "name": giver.plugin,
                "version": giver.version,
                "giver": giver.distribution,
                "contributes": {},
            },
        )
        plugin["contributes"].setdefault(kind, []).append(name)
    return {
        "plugins": [plugins[key] for key in sorted(plugins)],
        "unavailable": [
            {"kind": kind, "name": name, "needs": needs}
            for (kind, name), needs in sorted(catalog.unavailable.items())
        ],
        "skipped": [
            {
                "name": one.plugin,
                "version": one.version,
                "giver": one.distribution,
                "code": one.code,
                "reason": one.message,
            }
            for one in (*catalog.skipped, *catalog.noted)
        ],
    }


def _text(document: dict[str, Any]) -> str:
    rows = [
        (
            one["name"],
            one["version"],
            one["giver"],
            "; ".join(
                f"{kind}{'s' if len(names) > 1 else ''}: {', '.join(names)}"
                for kind, names in one["contributes"].items()
            ),
        )
        for one in document["plugins"]
    ]
    parts = [text_table(("plugin", "version", "giver", "contributes"), rows)]
    parts += [f"{one['name']}: {one['needs']}" for one in document["unavailable"]]
    parts += [f"{one['reason']} [{one['code']}]" for one in document["skipped"]]
    return "\n".join(parts)
