"""
What does it cost to exist?

Start and stop of a machine, its memory, and what it does while nobody asks anything.
Each machine is the first of a process that is new, so that nothing is left there of
another: memory that was given back is used again.
"""

import gc
import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from mpzswap.cli.parser import listed, seconds, whole
from mpzswap.clock.cpu_time import cpu_time_ns
from mpzswap.errors import InputError, MpzswapError
from mpzswap.machine.machine import Machine
from mpzswap.machine.store import PageStore
from mpzswap.page.frame import PAGE_SIZE, Pages
from mpzswap.page.source import load_pages
from mpzswap.topology.model import MAX_DEVICES, Topology
from mpzswap.topology.size import format_size, parse_size

sys.path.append(str(Path(__file__).parents[2]))

from tools.bench.contest import Contestant, Outcome, hold_each, make_parser

# The first is the baseline.
DEVICES = (2, 1, 8)
IDLE_S = 3.0
# Stored: the system gives memory by 2 MiB, which is much for few pages.
MEMORY = "32M"
# Ours: an hour.
MAX_IDLE_S = 3600.0
FOLIO_PAGES = 16
# A folio before what is measured, and one more.
MIN_BYTES = 2 * FOLIO_PAGES * PAGE_SIZE
# Ours: a machine is there before anybody waits for it, and may be left open.
GOALS: dict[str | tuple[str, str], float] = {
    ("2 IAA", "start, s"): 0.7,
    ("8 IAA", "start, s"): 2.0,
    "idle, % of a core": 1.0,
    "device, MiB": 60.0,
}
MIB = 1 << 20
KIB = 1 << 10

EXAMPLES = """\
examples:
  python tools/bench/bench_existence.py
  python tools/bench/bench_existence.py --devices 2,8 --idle 10 --json existence.json
"""


def smaps(pid: int, *names: str) -> int:
    """
    Give the sum of some lines of /proc/PID/smaps_rollup, bytes.

    Source: Linux, Documentation/filesystems/proc.rst: Private_Clean and Private_Dirty
    are pages that nobody else maps, Pss_Shmem is our share of shared memory.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    wanted = tuple(f"{name}:" for name in names)
    return sum(int(line.split()[1]) * KIB for line in lines if line.startswith(wanted))


def run(devices: int, options: Namespace) -> dict[str, float]:
    """Measure in a process that is new."""
    if parse_size(options.memory) < MIN_BYTES:
        raise InputError(
            f"memory: {options.memory}: must be at least {format_size(MIN_BYTES)}"
        )
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, devices, options).result()


def measure(devices: int, options: Namespace) -> dict[str, float]:
    """Let a machine of so many devices exist, in this process, and look at it."""
    nr_pages = parse_size(options.memory) // PAGE_SIZE
    pages = load_pages(options.pages, nr_pages, options.seed).pages
    machine = Machine(Topology.for_host(devices))
    began_s = time.monotonic()
    machine.open()
    started_s = time.monotonic()
    try:
        found = look_at(machine, options.idle, pages)
    finally:
        ending_s = time.monotonic()
        machine.close()
        ended_s = time.monotonic()
    return {"start, s": started_s - began_s, "stop, s": ended_s - ending_s, **found}


def look_at(machine: Machine, idle_s: float, pages: Pages) -> dict[str, float]:
    """Say what an open machine takes."""
    children = [process.child.pid for process in machine.core.devices.all]
    pids = [os.getpid(), machine.core.starter.pid, *children]
    idle = idle_percent(pids, idle_s)
    # The start is over: what each part more takes, shared memory alone, as all see it.
    shared = [shared_bytes(pids)]
    machine.cpu()
    shared.append(shared_bytes(pids))
    store = machine.zswap(max_pool_percent=100)
    shared.append(shared_bytes(pids))
    beside = bytes_beside(store, pages)
    # Devices have worked by now.
    private = [private_bytes(pid) for pid in pids]
    return {
        "idle, % of a core": idle,
        "device, MiB": max(private[2:]) / MIB,
        "starter, MiB": private[1] / MIB,
        "Machine.cpu, MiB": (shared[1] - shared[0]) / MIB,
        "Machine.zswap, MiB": (shared[2] - shared[1]) / MIB,
        "stored page, bytes beside": beside,
    }


def bytes_beside(store: PageStore, pages: Pages) -> float:
    """Give what a stored page takes of this process beside its compressed bytes."""
    # Folio by folio; the first makes what is made once.
    folios = [pages[at : at + FOLIO_PAGES] for at in range(0, len(pages), FOLIO_PAGES)]
    store.store(0, folios[0])
    gc.collect()
    before, stored = private_bytes(os.getpid()), store.stats()
    for number, folio in enumerate(folios[1:], 1):
        if not store.store(number * FOLIO_PAGES, folio):
            raise MpzswapError(f"folio {number}: was not stored")
    taken, now = private_bytes(os.getpid()) - before, store.stats()
    compressed = now.compressed_bytes - stored.compressed_bytes
    return (taken - compressed) / (now.stored_pages - stored.stored_pages)


def idle_percent(pids: Sequence[int], duration_s: float) -> float:
    """Give the processor time that processes take meanwhile, in percent of a core."""
    began_ns, used_ns = time.monotonic_ns(), sum(cpu_time_ns(pid) or 0 for pid in pids)
    time.sleep(duration_s)
    elapsed_ns = time.monotonic_ns() - began_ns
    return 100 * (sum(cpu_time_ns(pid) or 0 for pid in pids) - used_ns) / elapsed_ns


def private_bytes(pid: int) -> int:
    """Give the memory that a process has for itself."""
    return smaps(pid, "Private_Clean", "Private_Dirty")


def shared_bytes(pids: Sequence[int]) -> int:
    """Give the shared memory of processes, each page of it once."""
    return sum(smaps(pid, "Pss_Shmem") for pid in pids)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and say what it means."""
    parser = make_parser(__doc__ or "", EXAMPLES)
    parser.set_defaults(memory=MEMORY)
    add = parser.add_argument
    add(
        "--devices",
        metavar="LIST",
        type=listed(whole(1, MAX_DEVICES)),
        default=DEVICES,
        help="of the machines; the first is compared with (default: 2,1,8)",
    )
    add(
        "--idle",
        metavar="SECONDS",
        type=seconds(MAX_IDLE_S),
        default=IDLE_S,
        help="for which a machine does nothing (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    contestants = (
        Contestant(f"{count} IAA", partial(run, count, options))
        for count in options.devices
    )
    contests = (each for each in [("", contestants)])
    return hold_each(__doc__ or "", contests, options, judge_goals)


def judge_goals(outcome: Outcome) -> Iterator[str]:
    """Say of each goal whether it is met."""
    for standing in outcome.standings:
        for measure in standing.measures:
            goal = GOALS.get((standing.name, measure.name), GOALS.get(measure.name))
            if goal is not None:
                met = "met" if measure.spread.median < goal else "not met"
                yield f"{standing.name}, {measure.name}: under {goal:g}: {met}"


if __name__ == "__main__":
    sys.exit(main())
