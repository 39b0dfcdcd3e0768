"""What this machine lets us use: cores and memory, after affinity and cgroup limits."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

from mpzswap.errors import MpzswapError

ROOT = Path("/")


def usable_cores(root: Path = ROOT) -> int:
    """Give the CPUs that we may run on, or fewer if a quota allows less time."""
    allowed = len(os.sched_getaffinity(0))
    quotas = [quota for quota in _cpu_quotas(root) if quota > 0]
    return max(1, min([allowed, *map(math.ceil, quotas)]))


def usable_memory_bytes(root: Path = ROOT) -> int:
    """Give the machine's memory, or the least limit of a cgroup that we are in."""
    limits = [
        int(text)
        for name in ("memory.max", "memory.limit_in_bytes")
        for text in _settings(root, "memory", name)
        if text.isdigit()
    ]
    return min([_meminfo_bytes(root, "MemTotal"), *limits])


def available_memory_bytes(root: Path = ROOT) -> int:
    """Give what may be had without swapping, whatever cgroups say."""
    return _meminfo_bytes(root, "MemAvailable")


def _meminfo_bytes(root: Path, name: str) -> int:
    """Give a line of /proc/meminfo, which counts in KiB."""
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
    except OSError as error:
        raise MpzswapError(f"{name} of /proc/meminfo: {error.strerror}") from error
    return next(int(line.split()[1]) for line in lines if f"{name}:" in line) * 1024


def _cpu_quotas(root: Path) -> Iterator[float]:
    """Give each CPU limit on us, in CPUs; version 2 and version 1 of cgroups."""
    for text in _settings(root, "cpu", "cpu.max"):
        quota, period = text.split()
        if quota != "max":
            yield int(quota) / int(period)
    quotas = _settings(root, "cpu", "cpu.cfs_quota_us")
    periods = _settings(root, "cpu", "cpu.cfs_period_us")
    for quota, period in zip(quotas, periods, strict=False):
        yield int(quota) / int(period)


def _settings(root: Path, controller: str, name: str) -> Iterator[str]:
    """Give what the file *name* says in our cgroup and in all those above it."""
    for folder in _cgroup_folders(root, controller):
        try:
            yield (folder / name).read_text().strip()
        except OSError:
            continue  # This cgroup has no such limit.


def _cgroup_folders(root: Path, controller: str) -> Iterator[Path]:
    """Give our cgroup of *controller* and all above it, in both versions' places."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return  # A kernel without cgroups has no limits.
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / (controller if controllers else "")
        inside = path.strip("/")
        yield top / inside
        if inside:
            yield from [top / part for part in Path(inside).parents]
