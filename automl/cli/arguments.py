"""The arguments of a run: from the command line and a file, in the words of `automl.fit`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from automl.errors import InputError

DEFAULT_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """What a run is asked for, as plain values.

    Parameters
    ----------
    source, target : str
    metric : str or None
    budget : float or mapping or None
        Seconds, or the fields of `automl.Budget`, ``memory`` also as ``"4GB"``; without seconds
        and trials it is 60 seconds.
    seed : int
    n_jobs : int or None
    columns, plugins, strategy : mapping
        Fields of `automl.Columns`, `automl.Plugins`, `automl.Strategy`.
    run : str or None
        Name of the run, or a folder.
    out : str or None
        Folder of the model; inside the run's folder by default.
    """

    source: str = ""
    target: str = ""
    metric: str | None = None
    budget: float | Mapping[str, Any] | None = None
    seed: int = 0
    n_jobs: int | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    plugins: Mapping[str, Any] = field(default_factory=dict)
    strategy: Mapping[str, Any] = field(default_factory=dict)
    run: str | None = None
    out: str | None = None

    @property
    def limits(self) -> dict[str, Any]:
        """Fields of the budget.

        Raises
        ------
        InputError
            ``E_INPUT_CONFIG`` for one that it does not have, ``E_INPUT_BUDGET`` for what is no
            number.
        """
        said = self.budget if isinstance(self.budget, Mapping) else {"seconds": self.budget}
        _check_keys(said, ("seconds", "trials", "memory"), "budget")
        seconds, trials, memory = (said.get(name) for name in ("seconds", "trials", "memory"))
        if seconds is None and trials is None:
            seconds = DEFAULT_SECONDS
        return {
            "seconds": None if seconds is None else _number(seconds, float, "seconds"),
            "trials": None if trials is None else _number(trials, int, "trials"),
            "memory": None if memory is None else n_bytes(memory),
        }


_SIZE = re.compile(
    r"\s*(?P<number>\d+(\.\d+)?)\s*((?P<unit>[KMGT])(?P<kibi>i)?)?B?\s*", re.IGNORECASE
)

_TYPES: Mapping[str, tuple[type, ...]] = {
    "source": (str,),
    "target": (str,),
    "metric": (str,),
    "budget": (int, float, Mapping),
    "seed": (int,),
    "n_jobs": (int,),
    "columns": (Mapping,),
    "plugins": (Mapping, list, str),
    "strategy": (Mapping,),
    "run": (str,),
    "out": (str,),
}


def from_file(path: str) -> dict[str, Any]:
    """Read arguments from a TOML, YAML or JSON file.

    Raises
    ------
    InputError
        ``E_INPUT_CONFIG`` where the file cannot be read, or says what is no argument.
    """
    data = _parse(Path(path))
    if not isinstance(data, dict):
        raise _refused(path, f"holds {type(data).__name__}, expected arguments by name")
    _check_keys(data, tuple(one.name for one in fields(Arguments)), path)
    for name, value in data.items():
        if not isinstance(value, _TYPES[name]) or isinstance(value, bool):
            wanted = " or ".join(one.__name__.lower() for one in _TYPES[name])
            raise _refused(path, f"{name} is {value!r}, expected {wanted}")
    if isinstance(data.get("plugins"), list | str):
        words = data["plugins"] if isinstance(data["plugins"], list) else [data["plugins"]]
        data["plugins"] = {
            "only": [word for word in words if not word.startswith("-")],
            "without": [word.removeprefix("-") for word in words if word.startswith("-")],
        }
    return data


def merged(file: Mapping[str, Any], words: Mapping[str, Any]) -> Arguments:
    """Join both sources; what stands on the command line wins, field by field.

    Parameters
    ----------
    file : mapping
        As `from_file` returns it.
    words : mapping
        Arguments by name; None and empty values were not given.
    """
    together = dict(file)
    for name, value in words.items():
        if value is None or value in ((), {}):
            continue
        if isinstance(value, Mapping):
            before = together.get(name, {})
            if not isinstance(before, Mapping):
                before = {"seconds": before}
            said = {key: one for key, one in value.items() if one not in (None, (), {})}
            together[name] = {**before, **said}
        else:
            together[name] = value
    return Arguments(**together)


def value_of(kind: type, given: Mapping[str, Any], name: str) -> Any:
    """Build a frozen value such as `automl.Columns` from plain values.

    Raises
    ------
    InputError
        ``E_INPUT_CONFIG`` for a field that it does not have.
    """
    _check_keys(given, tuple(one.name for one in fields(kind)), name)
    several = {one.name for one in fields(kind) if one.default == ()}
    return kind(
        **{
            key: (value,) if key in several and isinstance(value, str) else _frozen(value)
            for key, value in given.items()
        }
    )


def pairs(words: Sequence[str], option: str) -> dict[str, str]:
    """Split ``COLUMN=WHAT``; the last ``=`` counts, so that a column's name may hold one.

    Raises
    ------
    InputError
        ``E_INPUT_OPTION`` where there is none.
    """
    found = {}
    for word in words:
        name, equals, what = word.rpartition("=")
        if not equals or not name or not what:
            raise InputError(
                "E_INPUT_OPTION",
                f"{option} {word!r} has no column or no value.",
                "Write COLUMN=VALUE.",
            )
        found[name] = what
    return found


def numbers(words: Sequence[str], option: str) -> dict[str, int]:
    """Split ``COLUMN=NUMBER``.

    Raises
    ------
    InputError
        ``E_INPUT_OPTION`` where it is no whole number.
    """
    found = {}
    for name, what in pairs(words, option).items():
        try:
            found[name] = int(what)
        except ValueError as error:
            raise InputError(
                "E_INPUT_OPTION", f"{option}: {what!r} for {name!r} is no whole number."
            ) from error
    return found


def n_bytes(given: object) -> int:
    """Return a size in bytes from a number, or from words such as ``"4GB"`` and ``"800 MiB"``.

    Raises
    ------
    InputError
        ``E_INPUT_BUDGET`` where it is none.
    """
    found = _SIZE.fullmatch(str(given))
    if found is None or isinstance(given, bool):
        raise InputError(
            "E_INPUT_BUDGET", f"memory={given!r} is no size.", "Write bytes, or such as 800MB, 4GB."
        )
    base = 1024 if found["kibi"] else 1000
    return int(float(found["number"]) * base ** " KMGT".index((found["unit"] or " ").upper()))


def listed(words: Sequence[str]) -> tuple[str, ...]:
    """Split names at commas."""
    return tuple(part.strip() for word in words for part in word.split(",") if part.strip())


def _number(given: object, kind: type, name: str) -> Any:
    if isinstance(given, bool) or not isinstance(given, int | kind):
        raise InputError("E_INPUT_BUDGET", f"{name}={given!r}, expected a number.")
    return kind(given)


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(one) for one in value)
    if isinstance(value, Mapping):
        return {key: _frozen(one) for key, one in value.items()}
    return value


def _parse(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(str(path), f"cannot be read: {error}") from error
    if path.suffix.lower() == ".toml":
        import tomllib

        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise _refused(str(path), f"is not TOML: {error}") from error
    if path.suffix.lower() == ".json":
        try:
            return json.loads(text)
        except ValueError as error:
            raise _refused(str(path), f"is not JSON: {error}") from error
    if path.suffix.lower() in {".yaml", ".yml"}:
        import yaml

        try:
            return yaml.safe_load(text) or {}
        except yaml.YAMLError as error:
            raise _refused(str(path), f"is not YAML: {error}") from error
    raise _refused(str(path), "ends in none of .toml, .yaml and .json")


def _check_keys(given: Mapping[Any, Any], known: tuple[str, ...], where: str) -> None:
    for key in given:
        if key not in known:
            close = get_close_matches(str(key), known, n=1)
            meant = f"Did you mean {close[0]!r}? " if close else ""
            raise _refused(where, f"has no {key!r}", f"{meant}Known: {', '.join(known)}.")


def _refused(where: str, what: str, remedy: str = "") -> InputError:
    return InputError("E_INPUT_CONFIG", f"{where} {what}.", remedy)
