"""Files: which format they are, and their content unpacked and decoded."""

from __future__ import annotations

import codecs
import contextlib
import difflib
import gzip
import re
import zlib
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote, urlsplit

from automl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+://")
_SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".feather": "arrow",
    ".arrow": "arrow",
    ".ipc": "arrow",
    ".jsonl": "json_lines",
    ".ndjson": "json_lines",
    ".json": "json_lines",
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".data": "csv",
}
_MAGIC = {
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"FEA1": "arrow",
    b"\xff\xff\xff\xff": "arrow",
}
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or an Excel file",
    b"\xd0\xcf\x11\xe0": "an Excel file",
    b"%PDF": "a PDF",
    b"SQLite format 3\x00": "an SQLite database (use sqlite:///FILE?table=NAME)",
    b"\x89HDF": "an HDF5 file",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
    b"\x89PNG": "an image",
    b"\x93NUMPY": "a NumPy file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"\xff\xfe\x00\x00": "text in UTF-32",
}
_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x1f\x7f]")
_LOOK = 4096
_GZIP = b"\x1f\x8b"
_HEAD = 16
_CHUNK = 2**20


def _path(source: str) -> Path:
    if source.startswith("file://"):
        source = unquote(urlsplit(source).path)
    return Path(source).expanduser()


def format_of(source: str) -> str:
    """Return the name of the reader in charge, or an empty string."""
    if _URL.match(source) and not source.startswith("file://"):
        scheme = source.split("://", 1)[0].lower()
        return "" if scheme in {"http", "https", "ftp", "s3", "gs"} else "sql"
    path = _path(source)
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    named = _SUFFIXES.get(suffixes[-1], "") if suffixes else ""
    try:
        if path.is_fifo():
            return "csv"  # to look into a pipe would wait for who writes; the reader refuses it
        head = _head(path, _HEAD)
    except OSError:
        return named or "csv"
    for magic, found in _MAGIC.items():
        if head.startswith(magic):
            return found
    if named:
        return named
    return "json_lines" if head.lstrip()[:1] == b"{" else "csv"


def _head(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        head = file.read(size)
        if not head.startswith(_GZIP):
            return head
        file.seek(0)
        try:
            with gzip.open(file) as unpacked:
                return unpacked.read(size)
        except (OSError, EOFError, zlib.error):
            return head


@contextmanager
def stream_of(source: str) -> Iterator[BinaryIO]:
    """Open a file, unpacked; every way to fail is named."""
    path = _path(source)
    try:
        if path.is_dir():
            raise InputError("E_INPUT_FILE", f"{source!r} is a folder.", "Name a file in it.")
        if path.exists() and not path.is_file() and not path.is_char_device():
            raise InputError("E_INPUT_FILE", f"{source!r} is no file: a pipe or a socket.")
        with path.open("rb") as file, _unpacked(file) as stream:
            _check(stream, source)
            yield stream
    except FileNotFoundError:
        raise no_file(path, source) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError("E_INPUT_FILE", f"{source!r} is a damaged gzip file: {error}.") from error
    except OSError as error:
        raise InputError("E_INPUT_FILE", f"Cannot read {source!r}: {error}.") from error


def is_packed(source: str) -> bool:
    """Whether a file is packed, so that it cannot be looked into at any place."""
    with _path(source).open("rb") as file:
        return file.read(len(_GZIP)) == _GZIP


def path_of(source: str) -> Path:
    """Return the path of a file that `stream_of` can open."""
    with stream_of(source):
        return _path(source)


def _unpacked(file: BinaryIO) -> AbstractContextManager[Any]:
    packed = file.read(len(_GZIP)) == _GZIP
    file.seek(0)
    return gzip.open(file) if packed else nullcontext(file)


def _check(stream: BinaryIO, source: str) -> None:
    """Refuse a file that begins with nothing, or as a format that cannot be read."""
    head = stream.read(_LOOK)
    stream.seek(0)
    if len(head) < _LOOK and not head.strip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"):
        raise InputError("E_INPUT_EMPTY", f"{source!r} is empty ({len(head)} bytes).")
    for magic, kind in _FOREIGN.items():
        if head.startswith(magic):
            raise InputError(
                "E_INPUT_FORMAT",
                f"{source!r} is {kind}.",
                "Readable are CSV, Parquet, Arrow/Feather and JSON lines files.",
            )


def no_file(path: Path, source: str) -> InputError:
    """Return the error for a file that is not there, with the nearest name."""
    siblings: list[str] = []
    with contextlib.suppress(OSError):
        siblings = [one.name for one in path.parent.iterdir() if one.is_file()]
    close = difflib.get_close_matches(path.name, siblings, n=1)
    return InputError(
        "E_INPUT_FILE",
        f"There is no file {source!r}.",
        f"Did you mean {str(path.parent / close[0])!r}?" if close else "",
    )


def encoding_of(source: str) -> str:
    """Return how a file is encoded: by its byte order mark, else UTF-8, Windows-1252 or Latin-1.

    The whole file is looked at, a part at a time.
    """
    with stream_of(source) as stream:
        head = stream.read(_LOOK)
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            encodings = ["utf-16"]
        elif head[1:2] == b"\x00":
            encodings = ["utf-16-le"]
        else:
            encodings = ["utf-8-sig", "cp1252", "latin-1"]
            if len(_CONTROL.findall(head)) > 2 + len(head) // 50:
                raise InputError(
                    "E_INPUT_ENCODING", f"{source!r} is not text: it holds binary data."
                )
        for encoding in encodings:
            stream.seek(0)
            if _says(stream, encoding):
                return encoding
    raise InputError("E_INPUT_ENCODING", f"{source!r} is not text in {encodings[0]}.")


def _says(stream: BinaryIO, encoding: str) -> bool:
    """Whether all bytes mean something in an encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while chunk := stream.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
