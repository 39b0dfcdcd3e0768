"""This machine: affinity, quotas and memory limits, from a made-up /proc and /sys."""

from pathlib import Path

import pytest

from mpzswap.topology import host


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root folder of a machine of 8 CPUs and 16 GiB without cgroups."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    write(tmp_path, "proc/meminfo", "MemTotal:       16777216 kB\nMemFree: 1 kB\n")
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    """Write one file of the machine."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_cgroups_the_affinity_and_the_memory_hold(root: Path) -> None:
    """Nothing else limits us."""
    assert host.usable_cores(root) == 8
    assert host.usable_memory_bytes(root) == 16 << 30


def test_least_limit_of_all_cgroups_above_us_holds(root: Path) -> None:
    """A limit of version 2 holds for all groups inside; part of a CPU is one."""
    write(root, "proc/self/cgroup", "0::/outer/inner\n")
    write(root, "sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n")
    write(root, "sys/fs/cgroup/outer/cpu.max", "250000 100000\n")
    write(root, "sys/fs/cgroup/outer/inner/memory.max", "max\n")
    write(root, "sys/fs/cgroup/outer/memory.max", "1073741824\n")

    assert host.usable_cores(root) == 3
    assert host.usable_memory_bytes(root) == 1 << 30


def test_limits_inside_a_container_hold(root: Path) -> None:
    """With a cgroup namespace our group is the top one."""
    write(root, "proc/self/cgroup", "0::/\n")
    write(root, "sys/fs/cgroup/cpu.max", "50000 100000\n")

    assert host.usable_cores(root) == 1


def test_limits_of_version_1_hold(root: Path) -> None:
    """Older systems have a tree for each controller; -1 is no limit."""
    write(root, "proc/self/cgroup", "5:cpu,cpuacct:/job\n4:memory:/job\n1:name=x:/y\n")
    write(root, "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "200000\n")
    write(root, "sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n")
    write(root, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
    write(root, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    write(root, "sys/fs/cgroup/memory/job/memory.limit_in_bytes", "536870912\n")

    assert host.usable_cores(root) == 2
    assert host.usable_memory_bytes(root) == 512 << 20
