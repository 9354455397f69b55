"""Copies classes out of modules, with all that they need to fit, transform and predict, no more.

What comes out is source as it was written: definitions that nothing needs are left out, and so are
methods that nobody calls (those that serve the search and other exports).
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from automl.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CALLED = frozenset(
    {"fit", "fit_transform", "transform", "predict", "predict_proba", "decision_function"}
    | {"get_params", "set_params"}
)
"""Methods that are called from outside."""

CONTRACT = "automl.plugin"
"""Where plugins take from what is not their own; it is copied likewise."""

FOLDER = "steps"
"""The package that the copies make."""


@dataclass(slots=True)
class _Module:
    """A module, and what of it is needed."""

    name: str
    source: str
    tree: ast.Module
    defined: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imported: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    needed: set[str] = field(default_factory=set)
    taken: dict[str, str] = field(default_factory=dict)
    """Import lines that are kept, by the name that they give."""


def copies(wanted: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the text of each file that is needed, by its name within the package `FOLDER`.

    Parameters
    ----------
    wanted : iterable of (module, name)

    Raises
    ------
    PluginError
        ``E_PLUGIN_CODE`` where something needs what cannot be copied.
    """
    places = sorted(set(wanted))
    known: set[str] = set()
    called = set(CALLED)
    # Which methods are called is known only once all is there that may call them.
    while known != called:
        known = set(called)
        modules: dict[str, _Module] = {}
        for module, name in places:
            _need(modules, *_home(module, name), called)
    _refuse_doubles(modules)
    return {f"{leaf(one.name)}.py": _text(one, known) for one in modules.values()}


def leaf(module: str) -> str:
    """Return what a copied module is called."""
    return module.rpartition(".")[2].removeprefix("automl_")


def _refuse_doubles(modules: dict[str, _Module]) -> None:
    leaves = [leaf(name) for name in modules]
    for name in leaves:
        if leaves.count(name) > 1:
            raise PluginError("E_PLUGIN_CODE", f"two modules are called {name!r}")


def _home(module: str, name: str) -> tuple[str, str]:
    """Return where something is defined that a package hands on."""
    thing = getattr(import_module(module), name, None)
    home = getattr(thing, "__module__", None)
    if isinstance(home, str) and _follows(home, module) and hasattr(import_module(home), name):
        return home, name
    return module, name


def _follows(target: str, module: str) -> bool:
    """Whether an import leads to what has to be copied as well."""
    top = module.partition(".")[0]
    own = target.partition(".")[0] == top and top != "automl"
    beside = target.partition(".")[0].startswith("automl_")
    return own or beside or target == CONTRACT or target.startswith(f"{CONTRACT}.")


def _read(name: str) -> _Module:
    found = find_spec(name)
    if found is None or found.origin is None:
        raise PluginError("E_PLUGIN_CODE", f"the source of {name!r} is not there")
    source = Path(found.origin).read_text(encoding="utf-8")
    module = _Module(name=name, source=source, tree=ast.parse(source))
    last: list[str] = []
    for statement in module.tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            module.imported |= _names_of(statement)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            for one in last:  # the sentence below a constant
                module.defined[one].append(statement)
        last = _given_by(statement)
        for one in last:
            module.defined[one] = [statement]
    return module


def _names_of(statement: ast.Import | ast.ImportFrom) -> dict[str, tuple[str, str | None]]:
    if isinstance(statement, ast.Import):
        return {
            one.asname or one.name.partition(".")[0]: (one.name, None) for one in statement.names
        }
    return {one.asname or one.name: (statement.module or "", one.name) for one in statement.names}


def _given_by(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        return [
            one.id
            for target in statement.targets
            for one in ast.walk(target)
            if isinstance(one, ast.Name)
        ]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    return []


def _need(modules: dict[str, _Module], module: str, name: str, called: set[str]) -> None:
    """Mark a definition as needed, and all that it reads."""
    if module not in modules:
        modules[module] = _read(module)
    one = modules[module]
    if name in one.needed:
        return
    if name not in one.defined:
        raise PluginError("E_PLUGIN_CODE", f"{name!r} is not defined in {module!r}")
    one.needed.add(name)
    for statement in one.defined[name]:
        for node in _used(statement, called):
            if isinstance(node, ast.Attribute):
                called.add(node.attr)
            elif isinstance(node, ast.Name):
                _need_name(modules, one, node.id, called)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                _need_import(modules, one, node, called)


def _need_import(
    modules: dict[str, _Module], one: _Module, node: ast.Import | ast.ImportFrom, called: set[str]
) -> None:
    """Mark what an import within a function reads."""
    for module, given in _names_of(node).values():
        if given is not None and _follows(module, one.name):
            _need(modules, *_home(module, given), called)
        elif module.partition(".")[0] == "automl":
            raise PluginError("E_PLUGIN_CODE", f"{one.name!r} reads {module!r}")


def _need_name(modules: dict[str, _Module], one: _Module, name: str, called: set[str]) -> None:
    """Mark what a name stands for, and keep the line that imports it."""
    if name in one.defined:
        _need(modules, one.name, name, called)
        return
    if name not in one.imported:
        return
    module, given = one.imported[name]
    if given is None:
        plain = name == module.partition(".")[0]
        one.taken[name] = f"import {module}" + ("" if plain else f" as {name}")
        return
    source = module
    if _follows(module, one.name):
        home, given = _home(module, given)
        _need(modules, home, given, called)
        source = f"{FOLDER}.{leaf(home)}"
    elif module.partition(".")[0] == "automl":
        raise PluginError("E_PLUGIN_CODE", f"{one.name!r} reads {module!r}")
    one.taken[name] = f"from {source} import {given}" + ("" if given == name else f" as {name}")


def _used(node: ast.AST, called: set[str]) -> Iterator[ast.AST]:
    """Walk through what runs: no annotations, and no methods that nobody calls."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST):
                continue
            if isinstance(node, ast.ClassDef) and not _kept(child, called):
                continue
            yield from _used(child, called)


def _kept(statement: ast.AST, called: set[str]) -> bool:
    """Whether something in a class is called."""
    if not isinstance(statement, ast.FunctionDef):
        return True
    special = statement.name.startswith("__") and statement.name not in {
        "__getstate__",
        "__setstate__",
        "__reduce__",
    }
    return special or statement.name in called


def _text(module: _Module, called: set[str]) -> str:
    lines = module.source.splitlines()
    chosen = [one for name in module.needed for one in module.defined[name]]
    body, before = "", ""
    for statement in sorted(
        {one.lineno: one for one in chosen}.values(), key=lambda one: one.lineno
    ):
        here = type(statement).__name__
        apart = (
            ""
            if here == "Expr"
            else "\n"
            if {here, before} <= {"Assign", "Expr", "AnnAssign"}
            else "\n\n"
        )
        body += apart + _lines_of(statement, lines, called)
        before = here
    said = (ast.get_docstring(module.tree) or "").partition("\n")[0]
    typing = _typing_of(module, body)
    taken = [line for name, line in module.taken.items() if name not in {"Any", "TYPE_CHECKING"}]
    names = ", ".join(name for name in ("TYPE_CHECKING", "Any") if name in (body + typing))
    ours = sorted(line for line in taken if line.startswith(f"from {FOLDER}."))
    others = sorted(set(taken) - set(ours), key=lambda line: line.split()[1])
    blocks = [
        f'"""{said}"""',
        "from __future__ import annotations",
        "\n".join([f"from typing import {names}"] if names else []),
        "\n".join(others),
        "\n".join(ours),
        typing,
    ]
    head = "\n\n".join(block for block in blocks if block)
    return _renamed(head + "\n" + body, module)


def _typing_of(module: _Module, body: str) -> str:
    """Return what only annotations read; what is not copied is anything."""
    words = set(re.findall(r"\w+", body))
    inner = [
        one
        for statement in module.tree.body
        if isinstance(statement, ast.If) and getattr(statement.test, "id", "") == "TYPE_CHECKING"
        for one in statement.body
    ]
    named = {n: m for n, m in module.imported.items() if n not in module.taken and m[1]}
    named = {n: m for n, m in named.items() if m[0] not in {"__future__", "typing"}}
    aliases = []
    for one in inner:
        if isinstance(one, ast.Import | ast.ImportFrom):
            named |= _names_of(one)
        elif words.intersection(_given_by(one)):
            words |= set(re.findall(r"\w+", ast.unparse(one)))
            aliases.append(f"    {ast.unparse(one)}")
    lines = sorted(_typing_lines(named, words)) + aliases
    return "if TYPE_CHECKING:\n" + "\n".join(lines) if lines else ""


def _typing_lines(names: dict[str, tuple[str, str | None]], words: set[str]) -> list[str]:
    lines = []
    for name, (module, given) in names.items():
        if name in words and name != "TYPE_CHECKING":
            strange = module.partition(".")[0].startswith("automl") or given is None
            lines.append(f"    {name}: Any" if strange else f"    from {module} import {given}")
    return lines


def _renamed(text: str, module: _Module) -> str:
    """Let imports inside of functions lead to the copies."""
    found = [text]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module and _follows(node.module, module.name):
            homes = {_home(node.module, alias.name)[0] for alias in node.names}
            if len(homes) == 1:
                target = f"from {FOLDER}.{leaf(homes.pop())} import"
                found[0] = found[0].replace(f"from {node.module} import", target)
    return found[0]


def _lines_of(statement: ast.stmt, lines: list[str], called: set[str]) -> str:
    """Return a statement as it is written, with the comment above, without what nobody calls."""
    first = _first_line(statement)
    while first > 1 and lines[first - 2].startswith("#"):
        first -= 1
    left_out: set[int] = set()
    for child in statement.body if isinstance(statement, ast.ClassDef) else ():
        if not _kept(child, called):
            above = _first_line(child) - 1
            # The empty line above goes with the method.
            start = above if not lines[above - 1].strip() else above + 1
            left_out |= set(range(start, (child.end_lineno or start) + 1))
    last = statement.end_lineno or first
    kept = [lines[n - 1] for n in range(first, last + 1) if n not in left_out]
    return "\n".join(kept).rstrip() + "\n"


def _first_line(statement: ast.stmt) -> int:
    marks: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(mark.lineno for mark in marks)])
