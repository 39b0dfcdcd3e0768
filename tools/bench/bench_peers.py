"""
Ahead of what?

The baseline is the engine, from pages in shared memory; peers compress the same pages
on the same cores at the same level.  Of a pool, that with the better size of chunks
counts.  A peer that compresses worse is named, but not counted.
"""

import importlib
import multiprocessing
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mpzswap.cli.parser import listed, one_of, whole
from mpzswap.machine.machine import Machine
from mpzswap.page.frame import Pages
from mpzswap.topology.host import usable_cores
from mpzswap.topology.model import MAX_DEVICES, Topology

sys.path.append(str(Path(__file__).parents[2]))

from tools.bench.contest import (
    Contestant,
    Contests,
    Outcome,
    Standing,
    hold_each,
    make_parser,
)
from tools.bench.fork_join import Area
from tools.bench.peers import (
    BLOSC_LEVELS,
    blosc_peer,
    figures,
    multi_peer,
    pool_peers,
    remember,
)
from tools.bench.real_pages import load_real, prefer_real
from tools.bench.zram import Writers, ZramUnavailableError, new_zram

COMPRESSORS = (*BLOSC_LEVELS, "deflate-iaa")
# The kernel's zstd is at level 3 where nobody says another.
ZRAM_ALGORITHMS = ("lz4", "zstd")
ENGINE = "engine"
# Headers and tables of a format, in parts of a ratio, do not make it worse.
RATIO_SLACK = 0.01

EXAMPLES = """\
examples:
  python tools/bench/bench_peers.py
  python tools/bench/bench_peers.py --compressor lz4 --pages FOLDER --json peers.json
"""


@dataclass(frozen=True, eq=False)
class Field:
    """What all contests use."""

    area: Area
    nr_devices: int
    threads: ThreadPoolExecutor
    processes: ProcessPoolExecutor
    # None: it is not installed.
    blosc2: Any
    zrams: dict[str, Writers]

    def peers(self, name: str) -> Iterator[Contestant]:
        """Give the peers of a codec."""
        pages = self.area.pages
        if name.startswith("zstd"):
            yield multi_peer(name, pages, self.nr_devices)
        yield from pool_peers(name, pages, self.threads, self.processes)
        if self.blosc2 is not None and name in BLOSC_LEVELS:
            yield blosc_peer(self.blosc2, name, pages, self.nr_devices)
        if name in self.zrams:
            yield Contestant("zram", self.zrams[name].write)


def contests(options: Namespace) -> Contests:
    """Give a contest a compressor; what they need ends with them."""
    source = load_real(options)
    print(f"{source.description}; {options.devices} devices")
    with ExitStack() as stack:
        field = prepare(stack, Area.of(source.pages), options)
        for name in options.compressor:
            topology = Topology.for_host(devices=options.devices)
            with Machine(topology, compressor=name) as machine:
                shared = machine.allocate_pages(len(source.pages))
                shared[:] = source.pages
                engine = Contestant(ENGINE, partial(compress, machine, shared))
                yield name, [engine, *field.peers(name)]


def prepare(stack: ExitStack, area: Area, options: Namespace) -> Field:
    """Make what contests use: forks first, then threads."""
    count = options.devices
    zrams = {}
    for name in ZRAM_ALGORITHMS:
        if name not in options.compressor:
            continue
        try:
            device = stack.enter_context(new_zram(name, area.pages.nbytes))
        except ZramUnavailableError as error:
            print(f"left out: {name}: {error}")
            continue
        zrams[name] = Writers(device, area, count)
        stack.callback(zrams[name].crew.close)
    fork = multiprocessing.get_context("fork")
    processes = ProcessPoolExecutor(
        count, mp_context=fork, initializer=remember, initargs=(area,)
    )
    stack.enter_context(processes)
    # It starts them with its first task.
    processes.submit(int).result()
    threads = stack.enter_context(ThreadPoolExecutor(count))
    return Field(area, count, threads, processes, find_blosc2(), zrams)


def find_blosc2() -> Any:  # noqa: ANN401 - a module that need not be there
    """Import it, or say that it is missing."""
    try:
        return importlib.import_module("blosc2")
    except ImportError as error:
        print(f"left out: blosc2: {error}")
        return None


def compress(machine: Machine, pages: Pages) -> Mapping[str, float]:
    """Compress all pages by the engine."""
    return figures(len(pages), lambda: int(machine.compress(pages).lengths.sum()))


def conclude(outcome: Outcome) -> Iterator[str]:
    """Give the verdict: who of those that compress no worse is ahead."""
    engine, *others, _ = outcome.standings
    peers = better_chunks(others)
    least = middle(engine, "ratio") * (1 - RATIO_SLACK)
    equal = [each for each in peers if middle(each, "ratio") >= least]
    for each in peers:
        if each not in equal:
            yield (
                f"{outcome.title}: {each.name} does not count: its ratio is "
                f"{middle(each, 'ratio'):.2f}, not {middle(engine, 'ratio'):.2f}"
            )
    for each in equal:
        if over_engine(each) < 1:
            yield f"{outcome.title}: {each.name} is ahead: {said(each)}"
    if equal and over_engine(equal[0]) >= 1:
        next_best = equal[0]
        yield (
            f"{outcome.title}: the engine is ahead of all; the next is "
            f"{next_best.name}: {said(next_best)}"
        )


def better_chunks(peers: Sequence[Standing]) -> list[Standing]:
    """Give each peer once, by its better size of chunks; the fastest first."""
    best: dict[str, Standing] = {}
    for each in sorted(peers, key=over_engine):
        best.setdefault(each.name.partition(",")[0], each)
    return list(best.values())


def said(peer: Standing) -> str:
    """Say how it compares."""
    return f"it takes {over_engine(peer):.2f} of the engine's time"


def middle(standing: Standing, name: str) -> float:
    """Give the median of a measure."""
    return standing[name].spread.median


def over_engine(standing: Standing) -> float:
    """Give the time over the engine's."""
    ratio = standing["us/page"].ratio
    assert ratio is not None, "the engine takes time"
    return ratio.spread.median


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and say what it means."""
    parser = make_parser(__doc__ or "", EXAMPLES)
    prefer_real(parser)
    add = parser.add_argument
    add(
        "--compressor",
        metavar="LIST",
        type=listed(one_of(*COMPRESSORS)),
        default=COMPRESSORS,
        help=f"of {','.join(COMPRESSORS)} (default: all)",
    )
    add(
        "--devices",
        metavar="N",
        type=whole(1, MAX_DEVICES),
        default=usable_cores(),
        help="and threads, processes, writers (default: a core each, %(default)s)",
    )
    options = parser.parse_args(arguments)
    # A device of the kernel's must not stay behind.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    return hold_each(__doc__ or "", contests(options), options, conclude)


if __name__ == "__main__":
    sys.exit(main())
