"""A folder or a zip file as named bytes: read with suspicion, written all or not at all."""

from __future__ import annotations

import glob
import os
import platform
import secrets
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from automl.errors import BundleError
from automl.files import TEMPORARY, remove, rename, step, sync

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES = 8 * 2**30
"""Most bytes that a model may have."""

MAX_FILES = 100_000

FREE_BYTES = 64 * 2**20
"""Up to this size an archive may expand as it likes."""

MAX_RATIO = 100
"""Above it, this many times its own size at most; larger ones are not compressed when written."""

_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What `zipfile` raises for a file that is damaged."""

_DOS_EPOCH = (1980, 1, 1, 0, 0, 0)


def read(path: Path) -> dict[str, bytes]:
    """Return the files of a folder or a zip file by name, parts separated by ``/``.

    Nothing is unpacked and no link is followed.

    Raises
    ------
    BundleError
        ``E_BUNDLE_NONE``, ``E_BUNDLE_FORMAT``, ``E_BUNDLE_PATH``, ``E_BUNDLE_SIZE`` or
        ``E_BUNDLE_DAMAGED``.
    """
    if path.is_dir():
        return _read_folder(path)
    if not path.exists():
        raise BundleError(
            "E_BUNDLE_NONE", f"There is no model at {str(path)!r}.", "Check the path."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_zip(archive, path)
    except BundleError:
        raise
    except _UNREADABLE as error:
        code = "E_BUNDLE_DAMAGED" if zipfile.is_zipfile(path) else "E_BUNDLE_FORMAT"
        raise BundleError(
            code,
            f"{str(path)!r} cannot be read as a saved model: {error}.",
            "Get the file again from who made it.",
        ) from error


def write(files: Mapping[str, bytes], path: Path) -> None:
    """Write a folder, or a zip file where the path ends in ``.zip``, in the place of what is there.

    The files are written beside the target and moved there at once: a failure leaves the target
    as it was.

    Raises
    ------
    BundleError
        ``E_BUNDLE_WRITE``.
    """
    mark = f"{os.getpid()}-{secrets.token_hex(4)}"
    beside = path.parent / f".{path.name}.{mark}{TEMPORARY}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        if path.suffix.lower() == ".zip":
            _write_zip(files, beside)
            rename(beside, path)
        else:
            _write_folder(files, beside)
            _put_in_place(beside, path)
        sync(path.parent)
    except OSError as error:
        raise BundleError(
            "E_BUNDLE_WRITE",
            f"The model could not be written to {str(path)!r}: {error}.",
            "Free space or choose another place; what was there is as it was.",
        ) from error
    finally:
        remove(beside)


def safe_name(name: str) -> bool:
    """Whether a name stays inside its folder on every system."""
    parts = PurePosixPath(name).parts
    return (
        bool(parts)
        and "/".join(parts) == name
        and not name.startswith("/")
        and all(part not in {".", ".."} and part.rstrip(". ") == part for part in parts)
        and not any(letter in '\\:*?"<>|' or ord(letter) < 32 for letter in name)
    )


def _read_folder(folder: Path) -> dict[str, bytes]:
    found: dict[str, Path] = {}
    total = 0
    waiting = [folder]
    while waiting:
        for entry in sorted(os.scandir(waiting.pop()), key=lambda one: one.name):
            place = Path(entry.path)
            name = place.relative_to(folder).as_posix()
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                waiting.append(place)
                continue
            if not stat.S_ISREG(mode) or not safe_name(name):
                raise _bad_path(name)
            found[name] = place
            total += entry.stat(follow_symlinks=False).st_size
            _check_size(total, len(found), MAX_BYTES)
    return {name: place.read_bytes() for name, place in found.items()}


def _read_zip(archive: zipfile.ZipFile, path: Path) -> dict[str, bytes]:
    entries = archive.infolist()
    limit = min(MAX_BYTES, max(FREE_BYTES, MAX_RATIO * path.stat().st_size))
    _check_size(sum(entry.file_size for entry in entries), len(entries), limit)
    files: dict[str, bytes] = {}
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR} or not safe_name(
            entry.filename.removesuffix("/")
        ):
            raise _bad_path(entry.filename)
        if entry.is_dir():
            continue
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise zipfile.BadZipFile(f"{entry.filename!r} is packed in an unknown way")
        if entry.filename in files:
            raise BundleError(
                "E_BUNDLE_FILES", f"The file {entry.filename!r} is in the archive twice."
            )
        with archive.open(entry) as stream:
            content = stream.read(entry.file_size + 1)
        if len(content) != entry.file_size:
            raise zipfile.BadZipFile(f"{entry.filename!r} has another size than it says")
        files[entry.filename] = content
    return files


def _check_size(total: int, count: int, limit: int) -> None:
    if total > limit or count > MAX_FILES:
        raise BundleError(
            "E_BUNDLE_SIZE",
            f"The model would take {total} bytes in {count} files; at most {limit} bytes and "
            f"{MAX_FILES} files are read.",
            "Do not load it unless you know who made it; unpacked into a folder it may be larger.",
        )


def _bad_path(name: str) -> BundleError:
    return BundleError(
        "E_BUNDLE_PATH",
        f"{name!r} is a link, a special file, or a name that leads out of its folder.",
        "Do not load this model unless you know who made it.",
    )


def _write_folder(files: Mapping[str, bytes], folder: Path) -> None:
    folder.mkdir()
    folders = {folder}
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        folders |= {folder / parent for parent in PurePosixPath(name).parents}
        step("write", place)
        with place.open("xb") as stream:
            stream.write(content)
            stream.flush()
            step("sync", place)
            os.fsync(stream.fileno())
    for one in folders:
        sync(one)


def _write_zip(files: Mapping[str, bytes], file: Path) -> None:
    step("write", file)
    with file.open("xb") as stream:
        _fill_zip(files, stream, zipfile.ZIP_DEFLATED)
        total = sum(len(content) for content in files.values())
        if total > max(FREE_BYTES, MAX_RATIO * stream.tell()):
            stream.seek(0)
            stream.truncate()
            _fill_zip(files, stream, zipfile.ZIP_STORED)
        stream.flush()
        step("sync", file)
        os.fsync(stream.fileno())


def _fill_zip(files: Mapping[str, bytes], stream: object, compression: int) -> None:
    with zipfile.ZipFile(stream, "w") as archive:  # type: ignore[call-overload]  # an open file
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, date_time=_DOS_EPOCH)
            entry.compress_type = compression
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, content)


def _sweep(path: Path) -> None:
    """Remove what processes have left that were killed while they wrote to this place."""
    import psutil

    for place in path.parent.glob(f".{glob.escape(path.name)}.*{TEMPORARY}"):
        owner = place.name.removesuffix(TEMPORARY).rpartition(".")[2].partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            remove(place)


def _put_in_place(beside: Path, path: Path) -> None:
    """Move a folder to where another one may be, in one step where the system can."""
    step("rename", path)
    if not path.exists():
        beside.rename(path)
    elif not _exchange(beside, path):
        old = beside.with_suffix(".old")
        path.rename(old)
        try:
            beside.rename(path)
        except OSError:
            old.rename(path)
            raise
        remove(old)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two folders atomically; False where the system or the file system cannot."""
    import ctypes

    names = os.fsencode(first), os.fsencode(second)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if platform.system() == "Linux":  # renameat2(2), RENAME_EXCHANGE
            return bool(library.renameat2(-100, names[0], -100, names[1], 2) == 0)
        if platform.system() == "Darwin":  # renamex_np(2), RENAME_SWAP
            return bool(library.renamex_np(names[0], names[1], 2) == 0)
    except (OSError, AttributeError, TypeError):
        pass
    return False
