"""What the process may use, by machine, affinity and cgroups of both versions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.search.cores import cores, memory_left

GB = 1 << 30
MACHINE = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def v2(tmp_path):
    """A process in /a/b of a version 2 hierarchy."""
    write(tmp_path, "proc/self/cgroup", "0::/a/b\n")
    write(tmp_path, "proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
    (tmp_path / "sys/fs/cgroup/a/b").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def v1(tmp_path):
    """A process in a container that has its own part of each hierarchy mounted."""
    write(tmp_path, "proc/self/cgroup", "4:memory:/docker/abc\n3:cpuacct,cpu:/docker/abc\n")
    write(
        tmp_path,
        "proc/self/mountinfo",
        "31 23 0:28 / / rw - overlay overlay rw,memory\n"
        "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu rw,nosuid shared:9 - cgroup cgroup rw,cpu\n"
        "33 31 0:30 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
    )
    (tmp_path / "sys/fs/cgroup/cpu").mkdir(parents=True)
    return tmp_path


def test_without_cgroups_the_machine_counts(tmp_path):
    assert cores(tmp_path) == MACHINE
    assert 0 < memory_left(tmp_path) <= psutil.virtual_memory().total


def test_here_there_is_at_least_a_core_and_some_memory():
    assert 1 <= cores() <= MACHINE
    assert 0 < memory_left() <= psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("100000 100000", 1),
        ("max 100000", MACHINE),
        ("50000 100000", 1),
        ("999900000 100000", MACHINE),
        ("", MACHINE),
        ("nonsense here", MACHINE),
        ("100000 0", MACHINE),
    ],
)
def test_a_quota_of_version_2_bounds_the_cores(v2, text, expected):
    write(v2, "sys/fs/cgroup/a/b/cpu.max", text)
    assert cores(v2) == expected


def test_a_quota_further_up_counts_as_well(v2):
    write(v2, "sys/fs/cgroup/a/b/cpu.max", "max 100000")
    write(v2, "sys/fs/cgroup/a/cpu.max", "100000 100000")
    assert cores(v2) == 1


@pytest.mark.parametrize(("quota", "expected"), [("100000", 1), ("-1", MACHINE), ("1", 1)])
def test_a_quota_of_version_1_bounds_the_cores(v1, quota, expected):
    write(v1, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", quota)
    write(v1, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000")
    assert cores(v1) == expected


def test_memory_of_version_2_counts_droppable_cache_as_free(v2):
    write(v2, "sys/fs/cgroup/a/b/memory.max", str(100_000_000))
    write(v2, "sys/fs/cgroup/a/b/memory.current", str(90_000_000))
    write(v2, "sys/fs/cgroup/a/b/memory.stat", "anon 5\ninactive_file 30000000\nfile 7\n")
    assert memory_left(v2) == 40_000_000


def test_memory_of_version_1(v1):
    write(v1, "sys/fs/cgroup/memory/memory.limit_in_bytes", str(100_000_000))
    write(v1, "sys/fs/cgroup/memory/memory.usage_in_bytes", str(90_000_000))
    assert memory_left(v1) == 10_000_000
    write(v1, "sys/fs/cgroup/memory/memory.limit_in_bytes", str((1 << 63) - 4096))
    assert memory_left(v1) > 10_000_000


def test_memory_is_never_negative(v2):
    write(v2, "sys/fs/cgroup/a/b/memory.max", "100")
    write(v2, "sys/fs/cgroup/a/b/memory.current", "200")
    assert memory_left(v2) == 0


@given(text=st.text(max_size=60))
def test_files_of_any_content_are_survived(tmp_path_factory, text):
    root = tmp_path_factory.mktemp("root")
    mount = "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    write(root, "proc/self/cgroup", "0::/\n")
    write(root, "proc/self/mountinfo", mount)
    encoded = text.encode("utf-8", "surrogatepass")
    for name in ("cpu.max", "memory.max", "memory.current", "memory.stat"):
        write(root, f"sys/fs/cgroup/{name}", "")
        (root / "sys/fs/cgroup" / name).write_bytes(encoded)
    assert cores(root) >= 1
    assert memory_left(root) >= 0
    (root / "proc/self/cgroup").write_bytes(encoded)
    (root / "proc/self/mountinfo").write_bytes(encoded)
    assert cores(root) >= 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_an_affinity_bounds_the_cores():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "from automl.search.cores import cores; print(cores())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
