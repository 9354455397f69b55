"""Say how many MB the installed packages take, without pip and bytecode; fail above a limit."""

import sys
import sysconfig
from pathlib import Path

NOT_OURS = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "wheel")

limit = int(sys.argv[1])
sizes: dict[str, int] = {}
root = Path(sysconfig.get_path("purelib"))
for path in root.rglob("*"):
    top = path.relative_to(root).parts[0]
    if path.is_file() and path.suffix != ".pyc" and not top.startswith(NOT_OURS):
        sizes[top] = sizes.get(top, 0) + path.stat().st_blocks * 512
total = sum(sizes.values()) / 2**20
largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:6]
print(f"{total:.0f} MB:", ", ".join(f"{name} {sizes[name] / 2**20:.0f}" for name in largest))
sys.exit(f"The default install has {total:.0f} MB, at most {limit}." if total > limit else 0)
