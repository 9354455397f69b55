"""Small real distributions in temporary folders: a module and its ``*.dist-info``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return a function that installs a distribution with one plugin module."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delenv("AUTOML_PLUGINS_OFF", raising=False)
    monkeypatch.delenv("AUTOML_PLUGINS_ALLOW", raising=False)
    before = set(sys.modules)

    def install(
        plugin: str, code: str, *, distribution: str = "", module: str = "", version: str = "1.0"
    ) -> None:
        distribution = distribution or f"some-{plugin}"
        module = module or f"some_{plugin}"
        (folder / f"{module}.py").write_text(dedent(code), encoding="utf-8")
        info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n", encoding="utf-8"
        )
        (info / "entry_points.txt").write_text(f"[automl]\n{plugin} = {module}\n", encoding="utf-8")

    yield install
    for name in set(sys.modules) - before:
        if name.startswith("some_"):
            del sys.modules[name]
