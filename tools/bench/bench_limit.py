"""
How close to the limit?

The baseline is the fork-join limit: as many bare processes as devices, the same codec,
the same pages in shared memory, results dropped.  "limit, results kept" writes them to
shared memory too, as whoever needs them must.  Efficiency is the limit's time over the
engine's, in the same round.

Compressed are all pages.  Decompressed are, by all alike, those that the codec made
smaller: others are kept as they are, and to copy them is no decompression.

The whole way is that of zswap: one worker writes more memory than may stay there
(``stress --no-verify``).  Its limit is what bare processes take for the same number of
compressions and decompressions.
"""

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import TypeVar

from mpzswap.cli.parser import listed, whole
from mpzswap.codec.table import parse_compressor
from mpzswap.machine.bulk import Bulk
from mpzswap.machine.machine import Machine
from mpzswap.machine.packed import Packed
from mpzswap.page.frame import Pages
from mpzswap.report.records import StressReport
from mpzswap.topology.host import usable_cores
from mpzswap.topology.model import MAX_DEVICES, Topology
from mpzswap.workload.plan import Wishes

sys.path.append(str(Path(__file__).parents[2]))

from tools.bench.contest import Contestant, Contests, Outcome, hold_each, make_parser
from tools.bench.fork_join import Area, ForkJoin
from tools.bench.real_pages import load_real, prefer_real
from tools.bench.spread import Spread
from tools.bench.stress_run import one_worker, run_stress

COMPRESSORS = ("deflate-iaa", "deflate-iaa-dynamic", "zstd", "zstd:1", "lz4")
LIMIT, KEPT = "limit", "limit, results kept"
NS_PER_US = 1000
US_PER_S = 1_000_000

EXAMPLES = """\
examples:
  python tools/bench/bench_limit.py
  python tools/bench/bench_limit.py --compressor lz4 --devices 1 --json limit.json
"""

T = TypeVar("T")


def contests(options: Namespace) -> Contests:
    """Give two contests a compressor; what they need ends with them."""
    for name in options.compressor:
        parse_compressor(name)
    source = load_real(options)
    print(f"{source.description}; {options.devices} devices")
    area = Area.of(source.pages)
    with ExitStack() as stack:
        # All forks before the first machine.
        limits = [
            stack.enter_context(ForkJoin(name, area, options.devices))
            for name in options.compressor
        ]
        for name, limit in zip(options.compressor, limits, strict=True):
            topology = Topology.for_host(devices=options.devices)
            with Machine(topology, compressor=name) as machine:
                yield f"{name}, compress", compressing(limit, machine, source.pages)
                packed = machine.compress(source.pages[limit.compressible])
                yield f"{name}, decompress", decompressing(limit, machine, packed)
            yield f"{name}, whole way", storing(name, limit, options)


def compressing(limit: ForkJoin, machine: Machine, pages: Pages) -> list[Contestant]:
    """Give who compresses, from shared memory and from a plain buffer."""
    shared = machine.allocate_pages(len(pages))
    shared[:] = pages
    return [
        Contestant(LIMIT, partial(limit.compress, kept=False)),
        Contestant(KEPT, partial(limit.compress, kept=True)),
        Contestant("engine, shared pages", partial(compress, machine, shared)),
        Contestant("engine, plain buffer", partial(compress, machine, pages)),
    ]


def decompressing(
    limit: ForkJoin, machine: Machine, packed: Packed
) -> list[Contestant]:
    """Give who decompresses, into shared memory and into plain buffers."""
    shared = machine.allocate_pages(len(packed))
    return [
        Contestant(LIMIT, partial(limit.decompress, kept=False)),
        Contestant(KEPT, partial(limit.decompress, kept=True)),
        Contestant(
            "engine, shared pages", partial(decompress, machine, packed, shared)
        ),
        Contestant("engine, plain buffer", partial(decompress, machine, packed)),
    ]


def storing(name: str, limit: ForkJoin, options: Namespace) -> list[Contestant]:
    """Give who lets a worker write its memory, more than may stay there."""
    topology = Topology.for_host(devices=options.devices)
    wishes = one_worker(topology, options, compressor=name)
    # The same in each run: how many pages went which way follows from the seed.
    report = run_stress(wishes)
    return [
        Contestant(LIMIT, partial(bare_way, limit, report, kept=False)),
        Contestant(KEPT, partial(bare_way, limit, report, kept=True)),
        Contestant("engine, one worker", partial(whole_way, wishes)),
    ]


def bare_way(limit: ForkJoin, report: StressReport, *, kept: bool) -> dict[str, float]:
    """Give what a page written takes bare processes that do what *report* has."""
    calls = report.driver
    us = (
        limit.compress(kept=kept)["us/page"] * calls.total_comp_calls
        + limit.decompress(kept=kept)["us/page"] * calls.total_decomp_calls
    )
    return {"us/page": us / report.pages_written}


def whole_way(wishes: Wishes) -> dict[str, float]:
    """Give what a page written takes a worker."""
    report = run_stress(wishes)
    return {"us/page": report.write_s * US_PER_S / report.pages_written}


def compress(machine: Machine | Bulk, pages: Pages) -> dict[str, float]:
    """Compress all pages."""
    us, packed = timed(partial(machine.compress, pages))
    return {
        "us/page": us / len(pages),
        "ratio": pages.nbytes / int(packed.lengths.sum()),
    }


def decompress(
    machine: Machine | Bulk, packed: Packed, *out: Pages
) -> dict[str, float]:
    """Decompress all pages."""
    us, _ = timed(partial(machine.decompress, packed, *out))
    return {"us/page": us / len(packed)}


def timed(run: Callable[[], T]) -> tuple[float, T]:
    """Give the us that it took, and the result: to give that up is not timed."""
    began_ns = time.perf_counter_ns()
    result = run()
    return (time.perf_counter_ns() - began_ns) / NS_PER_US, result


def conclude(outcome: Outcome) -> Iterator[str]:
    """Give the efficiency of each engine against each limit."""
    runs = {
        name: [outcome[each]["us/page"].samples for each in of]
        for name, of in {LIMIT: (LIMIT, f"{LIMIT} again"), KEPT: (KEPT,)}.items()
    }
    for standing in outcome.standings:
        if not standing.name.startswith("engine"):
            continue
        for limit, samples in runs.items():
            found = efficiency(samples, standing["us/page"].samples)
            yield (
                f"{outcome.title}, {standing.name}: efficiency {found.median:.2f} "
                f"({found.low:.2f} to {found.high:.2f}) of the {limit}"
            )


def efficiency(limit: Sequence[Sequence[float]], engine: Sequence[float]) -> Spread:
    """Give the mean time of runs of the limit over the engine's, round by round."""
    means = map(fmean, zip(*limit, strict=True))
    return Spread.of([one / other for one, other in zip(means, engine, strict=True)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and say what it means."""
    parser = make_parser(__doc__ or "", EXAMPLES)
    prefer_real(parser)
    add = parser.add_argument
    add(
        "--compressor",
        metavar="LIST",
        type=listed(str),
        default=COMPRESSORS,
        help=f"NAME or NAME:LEVEL (default: {','.join(COMPRESSORS)})",
    )
    add(
        "--devices",
        metavar="N",
        type=whole(1, MAX_DEVICES),
        default=usable_cores(),
        help="and bare processes (default: a core each, %(default)s)",
    )
    options = parser.parse_args(arguments)
    return hold_each(__doc__ or "", contests(options), options, conclude)


if __name__ == "__main__":
    sys.exit(main())
