"""The page for a person: one file, which may load nothing but the answers of its own server."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from pathlib import Path

HTML = (Path(__file__).parent / "page.html").read_text(encoding="utf-8")


def _hash_of(tag: str) -> str:
    """Return the hash by which the policy allows the one script, or style, of the page."""
    found = re.search(rf"<{tag}>(.*?)</{tag}>", HTML, re.DOTALL)
    content = found.group(1) if found else ""
    return f"'sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


_POLICY = {
    "default-src": "'none'",
    "script-src": _hash_of("script"),
    "style-src": _hash_of("style"),
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}

HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}
"""Headers of the page."""
