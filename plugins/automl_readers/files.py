"""Files: which format they are, and their content unpacked and decoded."""

from __future__ import annotations

import contextlib
import difflib
import gzip
import re
import zlib
from pathlib import Path
from urllib.parse import unquote, urlsplit

from automl.errors import InputError

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


def content_of(source: str) -> bytes:
    """Return the content of a file, unpacked; every way to fail is named."""
    path = _path(source)
    try:
        if path.is_dir():
            raise InputError("E_INPUT_FILE", f"{source!r} is a folder.", "Name a file in it.")
        if path.exists() and not path.is_file() and not path.is_char_device():
            raise InputError("E_INPUT_FILE", f"{source!r} is no file: a pipe or a socket.")
        content = path.read_bytes()
    except FileNotFoundError:
        raise no_file(path, source) from None
    except OSError as error:
        raise InputError("E_INPUT_FILE", f"Cannot read {source!r}: {error}.") from error
    if content.startswith(_GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(
                "E_INPUT_FILE", f"{source!r} is a damaged gzip file: {error}."
            ) from error
    if not content.strip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"):
        raise InputError("E_INPUT_EMPTY", f"{source!r} is empty ({len(content)} bytes).")
    for magic, kind in _FOREIGN.items():
        if content.startswith(magic):
            raise InputError(
                "E_INPUT_FORMAT",
                f"{source!r} is {kind}.",
                "Readable are CSV, Parquet, Arrow/Feather and JSON lines files.",
            )
    return content


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


def decoded(content: bytes, source: str) -> str:
    """Decode: by the byte order mark, else as UTF-8, else as Windows-1252 or Latin-1."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif content[1:2] == b"\x00":
        encodings = ["utf-16-le"]
    else:
        encodings = ["utf-8-sig", "cp1252", "latin-1"]
        strange = len(_CONTROL.findall(content[:_LOOK]))
        if strange > 2 + len(content[:_LOOK]) // 50:
            raise InputError("E_INPUT_ENCODING", f"{source!r} is not text: it holds binary data.")
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError("E_INPUT_ENCODING", f"{source!r} is not text in {encodings[0]}.")
