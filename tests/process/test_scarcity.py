"""Too few descriptors, too little memory: one error of ours, and all goes on after."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from mpzswap.report.records import StressReport

# A script opens a machine some times; a loaded machine may take its time.
LIMIT_S = 60.0

pytestmark = pytest.mark.usefixtures("nobody_left")

BEGIN = """
import gc, os, resource
import mpzswap

def nr_descriptors():
    return len(os.listdir("/proc/self/fd")) - 1

def nr_mappings():
    with open("/proc/self/maps") as maps:
        return maps.read().count("memfd:mpzswap")

def limited(what, soft, use):
    before = resource.getrlimit(what)
    resource.setrlimit(what, (soft, before[1]))
    try:
        use()
    except mpzswap.MpzswapError as error:
        assert "\\n" not in str(error)
        return str(error)
    finally:
        resource.setrlimit(what, before)
    return "done"

def virtual_bytes():
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmSize"))
    return int(line.split()[1]) * 1024

# Imported here: what Python itself cannot import is no error of ours.
machine_class = mpzswap.Machine
topology = mpzswap.Topology.for_host(devices=2)
page = b"a page " * 585 + b"!"
"""

OPEN = """
machine = None
def open_machine():
    global machine
    machine = mpzswap.Machine(topology, compressor="lz4")
    machine.open()
    machine.compress(page)
"""

DESCRIPTORS_AT_OPEN = """
before = nr_descriptors()
for more in range(40):
    told = limited(resource.RLIMIT_NOFILE, before + more, open_machine)
    machine.close()
    gc.collect()
    assert nr_descriptors() == before, more
    assert nr_mappings() == 0
    if told == "done":
        break
    assert "Too many open files" in told or "too many are open" in told, told
assert 5 < more < 39, more
"""

MEMORY_AT_OPEN = """
before = nr_descriptors()
for more in (0, 1 << 18, 1 << 20, 1 << 22):
    told = limited(resource.RLIMIT_AS, virtual_bytes() + more, open_machine)
    machine.close()
    assert nr_descriptors() == before, more
    assert "cannot be had: Cannot allocate memory" in told, told
open_machine()
machine.close()
"""

MIDLIFE = """
with mpzswap.Machine(topology, compressor="lz4") as machine:
    shared = machine.allocate_pages(4)
    shared[:] = 7
    packed = machine.compress(shared)
    before, mapped = nr_descriptors(), nr_mappings()

    def cpu():
        machine.cpu(0).close()
    def zswap():
        machine.zswap().close()
    def pages():
        machine.free_pages(machine.allocate_pages(1 << 14))

    for use in (cpu, zswap, pages):
        for more in LIMITS:
            told = limited(WHAT, START + more, use)
            gc.collect()
            assert nr_descriptors() == before, (use, more, told)
            assert nr_mappings() == mapped, (use, more, told)
        assert told == "done", (use, told)
    assert (machine.decompress(packed) == 7).all()
    assert machine.compress(shared).ratio > 50
    assert [device.state for device in machine.stats().devices] == ["ready"] * 2
"""

DESCRIPTORS = MIDLIFE.replace("LIMITS", "range(-1, 12)").replace(
    "WHAT", "resource.RLIMIT_NOFILE"
)
MEMORY = MIDLIFE.replace("LIMITS", "(0, 1 << 20, 1 << 22, 1 << 30)").replace(
    "WHAT", "resource.RLIMIT_AS"
)

SCRIPTS = {
    "descriptors when it is opened": OPEN + DESCRIPTORS_AT_OPEN,
    "descriptors in mid-life": DESCRIPTORS.replace("START", "before"),
    "memory when it is opened": OPEN + MEMORY_AT_OPEN,
    "memory in mid-life": MEMORY.replace("START", "virtual_bytes()"),
}


def run(script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a script in a process of its own, whose limits are its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", BEGIN + script],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        cwd=folder,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_what_cannot_be_had_is_one_error_and_leaves_nothing(
    name: str, tmp_path: Path
) -> None:
    """No descriptor, no mapping, no process; what was there before is still there."""
    done = run(SCRIPTS[name], tmp_path)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("limit", "what"),
    [
        ("-n 8", "Too many open files"),
        ("-n 18", "oo many"),
        ("-f 0", "shared memory: .* cannot be had: File too large"),
    ],
)
def test_command_without_means_is_told_in_a_line(
    limit: str, what: str, tmp_path: Path
) -> None:
    """Under the limits of a shell; it is the host's fault, so 1."""
    command = f"{sys.executable} -m mpzswap stress --memory 1M --quiet"
    done = subprocess.run(
        ["/bin/sh", "-c", f"ulimit {limit}; exec {command}"],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        cwd=tmp_path,
    )

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert re.search(what, done.stderr)


def can_mount() -> bool:
    """Tell whether we may have a file system of our own, which goes with its user."""
    done = subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", "/mnt"],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("unshare") is None or not can_mount(), reason="no tmpfs can be mounted"
)
def test_full_disk_under_a_swap_file_loses_nothing(tmp_path: Path) -> None:
    """What it does not take stays where it is, and every page comes back."""
    disk = tmp_path / "disk"
    disk.mkdir()
    words = "--memory 4M --limit 2M --workers 2 --rounds 1 --seed 1 --swap 16M"
    small = "--set memory=4M --set zswap.max_pool_percent=20 --json run.json"
    mount = f"mount -t tmpfs -o size=1M tmpfs {disk} && export TMPDIR={disk}"
    command = f"{mount} && exec {sys.executable} -m mpzswap stress {words} {small}"
    done = subprocess.run(
        ["unshare", "-m", "/bin/sh", "-c", command],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        cwd=tmp_path,
    )

    assert (done.returncode, done.stderr) == (0, "")
    report = msgspec.json.decode(
        (tmp_path / "run.json").read_bytes(), type=StressReport
    )
    assert (report.verify.pages_wrong, report.verify.pages_lost) == (0, 0)
    assert report.zswap.written_back_pages > 0
    assert report.paths.rejected > 0
