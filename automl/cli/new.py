"""``automl plugins new``: the beginning of a plugin."""

from __future__ import annotations

import click

from automl.cli.face import face_of, shared

EXAMPLES = """\b
Examples:
  automl plugins new soft_neighbors --kind algorithm
  automl plugins new claim_cost --kind metric --out claim-cost
"""


@click.command("new", short_help="Write the beginning of a plugin.", epilog=EXAMPLES)
@click.argument("name")
@click.option("--kind", required=True, metavar="KIND", help="What it contributes.")
@click.option("--out", metavar="DIR", help="New or empty folder; default: automl-plugin-NAME.")
@shared
@click.pass_context
def command(context: click.Context, name: str, kind: str, out: str | None) -> None:
    """Write a distribution with one contribution that works as it is; then replace its body.

    KIND is algorithm, preprocessor, metric, task, splitter, reader, listener or exporter.
    """
    from automl.testing.template import write_plugin

    files = write_plugin(name, kind, out)
    folder = files[0].parent
    text = [*map(str, files), "", "Install it once, edit it in place, and check it:"]
    text += [f"  pip install -e {folder}", f"  automl check {name}"]
    document = {"name": name, "kind": kind, "folder": folder, "files": files}
    face_of(context).show("\n".join(text), document)
