"""The beginning of a plugin: a distribution that installs, works and passes the kit as it is."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from automl._version import __version__
from automl.errors import InputError
from automl.plugin.catalog import KINDS
from automl.plugin.discovery import discover
from automl.plugin.fields import NAME

if TYPE_CHECKING:
    import os

TEMPLATES = Path(__file__).parent / "templates"

_USES = {
    "algorithm": "automl fit train.csv target --only $name",
    "preprocessor": "automl fit train.csv target --budget 60",
    "metric": "automl fit train.csv target --metric $name",
    "exporter": "automl export model --to $name --out exported",
    "task": "automl fit train.csv target --task $name",
    "splitter": "python -c \"import automl; automl.fit('train.csv', 'target', "
    "strategy=automl.Strategy(splitter='$name'))\"",
    "reader": "automl fit train.$name target",
    "listener": "AUTOML_$upper=events.jsonl automl fit train.csv target",
}


def write_plugin(
    name: str, kind: str, out: str | os.PathLike[str] | None = None
) -> tuple[Path, ...]:
    """Write a distribution with one contribution, for its author to replace the body.

    Parameters
    ----------
    name : str
        Of the contribution and of the plugin; a lower-case word that nothing installed carries.
    kind : str
        A kind of contribution, such as ``"algorithm"``.
    out : path or None, default=None
        New or empty folder; ``automl-plugin-<name>`` in the working folder where None.

    Returns
    -------
    tuple of Path
        The files, the module first.

    Raises
    ------
    InputError
        ``E_INPUT_KIND``, ``E_INPUT_NAME`` or ``E_INPUT_OUT``: what is wrong with one of the three.
    """
    if kind not in KINDS:
        raise InputError(
            "E_INPUT_KIND", f"{kind!r} is no kind of contribution: {', '.join(KINDS)}."
        )
    _check_name(name)
    distribution, module = f"automl-plugin-{name.replace('_', '-')}", f"automl_{name}"
    folder = Path(distribution if out is None else out)
    _check_folder(folder)
    body = (TEMPLATES / f"{kind}.py.txt").read_text(encoding="utf-8")
    words = {
        "name": name,
        "upper": name.upper(),
        "class_name": "".join(word.capitalize() for word in name.split("_")) + kind.capitalize(),
        "kind": kind,
        "article": "An" if kind[0] in "aeiou" else "A",
        "distribution": distribution,
        "module": module,
        "version": __version__,
    }
    # The first line of the module says what it does as it is, after a colon.
    does = body.partition("\n")[0].strip('"').partition(": ")[2]
    words["says"] = f"{does[:1].upper()}{does[1:]}"
    words["use"] = Template(_USES[kind]).substitute(words)
    files = {
        f"{module}.py": body,
        "pyproject.toml": (TEMPLATES / "pyproject.toml.txt").read_text(encoding="utf-8"),
        "README.md": (TEMPLATES / "README.md.txt").read_text(encoding="utf-8"),
        "tests/test_contract.py": (TEMPLATES / "test_contract.py.txt").read_text(encoding="utf-8"),
    }
    try:
        (folder / "tests").mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(Template(text).substitute(words), encoding="utf-8")
    except OSError as error:
        raise InputError(
            "E_INPUT_OUT", f"{folder} cannot be written: {error}.", "Name another with --out."
        ) from error
    return tuple(folder / file for file in files)


def _check_name(name: str) -> None:
    """Refuse a name that is no word, or that something installed carries."""
    if not NAME.fullmatch(name):
        raise InputError(
            "E_INPUT_NAME",
            f"{name!r} is no name for a plugin: a lower-case word is, such as 'nearest_neighbors'.",
        )
    for (kind, carried), giver in discover().givers.items():
        if name in {carried, giver.plugin}:
            what = f"a {kind}" if name == carried else "a plugin"
            raise InputError(
                "E_INPUT_NAME", f"{name!r} is the name of {what} of {giver}.", "Choose another."
            )
    if f"automl_{name}" in sys.modules or find_spec(f"automl_{name}") is not None:
        raise InputError(
            "E_INPUT_NAME", f"There is a module 'automl_{name}' already.", "Choose another name."
        )


def _check_folder(folder: Path) -> None:
    there = folder.exists()
    if there and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            "E_INPUT_OUT",
            f"{folder} is {'a folder with something in it' if folder.is_dir() else 'a file'}.",
            "Name a new or empty folder with --out.",
        )
