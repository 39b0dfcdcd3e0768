"""The options of a run, once for all commands that do runs: their names and types."""

import argparse
from collections.abc import Callable
from typing import NamedTuple, get_args

from mpzswap.cli.parser import between, on_off, one_of, seconds, size, sizes, whole
from mpzswap.clock.config import ClockName
from mpzswap.topology.faults import Kind
from mpzswap.topology.model import MAX_CORES, MAX_SOCKETS, MAX_THREADS
from mpzswap.topology.settings import (
    MAX_BATCH_SIZE,
    MAX_COMPRESS_BATCHSIZE,
    Batching,
)
from mpzswap.topology.size import format_size, parse_size
from mpzswap.workload.plan import (
    FOLIO_BYTES,
    MAX_DEFAULT_WORKERS,
    MEMORY_BYTES,
    ROUNDS,
    TIME_SCALE,
)

FOLIOS = ("4K", "16K", "32K", "64K", "2M")
CLOCKS = get_args(ClockName)
# Ours: no host keeps more than the hardware's pace, and limits are the model's: below
# it devices would be ended for the host's slowness.  A day for a second is for nobody.
MIN_TIME_SCALE, MAX_TIME_SCALE = 1.0, 100_000.0

# What a topology may have.
MAX_WORKERS = MAX_SOCKETS * MAX_CORES * MAX_THREADS
MAX_ROUNDS = 1_000_000
MAX_DURATION_S = 1_000_000.0


# The default, by clock: 64M, model: 512K, ...
MEMORY = ", ".join(
    format_size(memory) if clock == CLOCKS[0] else f"{clock}: {format_size(memory)}"
    for clock, memory in MEMORY_BYTES.items()
)


class RunOption(NamedTuple):
    """
    One option that has a value; its name is the word of ``Wishes``.

    Attributes:
        name: of the value; the option has hyphens in it.
        metavar: what the help calls the value.
        read: what it is of a text; raises ArgumentTypeError.
        default: where it is not given.
        help: its line in the help.
    """

    name: str
    metavar: str
    read: Callable[[str], object]
    default: object
    help: str

    @property
    def flag(self) -> str:
        """Give the option: ``--batch-size``."""
        return f"--{self.name.replace('_', '-')}"


def folio(text: str) -> int:
    """Read the size of a folio."""
    return parse_size(one_of(*FOLIOS)(format_size(size(text))))


# Of each a run has one value, and a sweep a list.
RUN_OPTIONS = (
    RunOption(
        "clock",
        "CLOCK",
        one_of(*CLOCKS),
        CLOCKS[0],
        "whose time it is: work, wall time (default); model, the topology's timing "
        "profile, kept by processes; virtual, the same simulated in one process",
    ),
    RunOption(
        "time_scale",
        "N",
        between(MIN_TIME_SCALE, MAX_TIME_SCALE),
        None,
        "of --clock model: wall seconds for each second of the profile's machine "
        f"(default: {TIME_SCALE:g})",
    ),
    RunOption(
        "workers",
        "N",
        whole(1, MAX_WORKERS),
        None,
        "workers, each on a CPU of the topology (default: usable cores, at most "
        f"{MAX_DEFAULT_WORKERS}; of --clock virtual: {MAX_DEFAULT_WORKERS}, or as many "
        "as it has CPUs)",
    ),
    RunOption(
        "memory",
        "SIZE",
        size,
        None,
        f"each worker's pages (default: {MEMORY})",
    ),
    RunOption(
        "limit",
        "SIZE",
        size,
        None,
        "memory.high for all workers together (default: 75 %% of it)",
    ),
    RunOption(
        "rounds",
        "N",
        whole(1, MAX_ROUNDS),
        None,
        "times that every page is written and read "
        f"(default: {ROUNDS}; with --duration: no limit)",
    ),
    RunOption(
        "duration",
        "S",
        seconds(MAX_DURATION_S),
        0.0,
        "end after the round in which so many seconds of the clock are over",
    ),
    RunOption(
        "folio",
        "SIZE",
        folio,
        FOLIO_BYTES,
        f"of the folios reclaimed: {', '.join(FOLIOS)} "
        f"(default: {format_size(FOLIO_BYTES)})",
    ),
    RunOption(
        "compressor",
        "NAME",
        str,
        None,
        "deflate-iaa, deflate-iaa-dynamic, deflate, lz4 or zstd, with :LEVEL "
        "where it has levels (default: the topology's)",
    ),
    RunOption(
        "batching",
        "HOW",
        one_of(*get_args(Batching)),
        None,
        "off, requests or driver (default: the topology's)",
    ),
    RunOption(
        "batch_size",
        "N",
        whole(1, MAX_BATCH_SIZE),
        None,
        "pages in a sub-batch (default: the topology's, 8 if it says nothing)",
    ),
    RunOption(
        "shrinker",
        "on|off",
        on_off,
        None,
        "whether the coldest pages are written to the swap areas at the pool's "
        "limit, or new ones are rejected (default: the topology's, on if it says "
        "nothing)",
    ),
    RunOption(
        "reclaim_batch",
        "N",
        whole(1, MAX_COMPRESS_BATCHSIZE),
        None,
        "folios reclaimed in one batch (default: the topology's, 32 if it says "
        "nothing)",
    ),
)
# Its value has commas of its own, so there can be no list of it.
SWAP = RunOption(
    "swap",
    "SIZE[,SIZE...]",
    sizes,
    (),
    "each worker's swap areas, a file each, for what zswap does not take "
    "and, at the pool's limit, for the coldest pages; a cluster of pages goes "
    "to each in turn (default: none)",
)


def add_one(parser: argparse.ArgumentParser, option: RunOption) -> None:
    """Add an option that has one value."""
    parser.add_argument(
        option.flag,
        metavar=option.metavar,
        type=option.read,
        default=option.default,
        help=option.help,
    )


def add_inject(parser: argparse.ArgumentParser) -> None:
    """Add the faults of a run."""
    parser.add_argument(
        "--inject",
        metavar="FAULT",
        dest="faults",
        action="append",
        default=[],
        help="what is to go wrong, KIND[:KEY=VALUE,...]; may be given again. KIND: "
        f"{', '.join(Kind)}. KEY: which descriptors (device, wq, op, p, every, after, "
        "count, seed), delay of late and slow, code of status. "
        "Example: wrong_data:p=1%%,device=iax0,op=compress",
    )


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what a run does or does not."""
    parser.add_argument(
        "--no-verify",
        dest="verify",
        action="store_false",
        help="pages are written and not touched again to be checked: the speed is "
        "that of swap-out alone in the first round",
    )
    parser.add_argument(
        "--interleave",
        action="store_true",
        help="a worker's folios lie on all nodes in turn, as with numactl; it "
        "matters to reclaim alone, where each batch is of one node",
    )
