"""The command that stresses the whole machine and checks every byte."""

import argparse
from collections.abc import Callable
from typing import get_args

from mpzswap.cli.options import (
    Outcome,
    add_pages,
    add_topology,
    hand_over,
    json_output,
    settle_seed,
    shown_progress,
)
from mpzswap.cli.parser import on_off, one_of, seconds, size, sizes, whole
from mpzswap.cli.stats import (
    add_stats,
    check_stats,
    replaces_table,
    stats_output,
    with_stats,
)
from mpzswap.clock.config import ClockName
from mpzswap.report import comparison
from mpzswap.report import stress as report_of
from mpzswap.topology.faults import Kind
from mpzswap.topology.load import find_topology
from mpzswap.topology.model import MAX_CORES, MAX_SOCKETS, MAX_THREADS
from mpzswap.topology.settings import (
    MAX_BATCH_SIZE,
    MAX_COMPRESS_BATCHSIZE,
    Batching,
)
from mpzswap.topology.size import format_size, parse_size
from mpzswap.workload import stress
from mpzswap.workload.plan import (
    FOLIO_BYTES,
    MAX_DEFAULT_WORKERS,
    MEMORY_BYTES,
    ROUNDS,
    TIME_SCALE,
    Wishes,
    choose,
)

NAME = "stress"
SUMMARY = "write pages over the memory limit, read them back, check every byte"
EXAMPLES = (
    "stress",
    "stress --compressor zstd:1 --pages mix:text --memory 16M",
    "stress --compare --batch-size 8 --workers 2 --memory 16M",
    "stress --topology spr-1s4iaa --workers 4 --memory 16M --json run.json",
    "stress --stats kernel:counters --seed 7",
    "stress --set memory=64M --set zswap.max_pool_percent=5 --swap 64M",
    "stress --no-verify --rounds 1 --compressor lz4 --memory 16M",
    "stress --duration 10 --batching requests --seed 7 --progress",
    "stress --inject lost:p=0.1% --inject crash:after=500,device=iax0",
)

FOLIOS = ("4K", "16K", "32K", "64K", "2M")
CLOCKS = get_args(ClockName)
# Ours: a day of wall time for a second is for nobody.
MAX_TIME_SCALE = 100_000.0

# What a topology may have.
MAX_WORKERS = MAX_SOCKETS * MAX_CORES * MAX_THREADS
MAX_ROUNDS = 1_000_000
MAX_DURATION_S = 1_000_000.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be turned; what is left out is chosen by ``plan.choose``."""
    _add_machine(parser)
    _add_load(parser)
    _add_zswap(parser)
    parser.add_argument(
        "--compare",
        action="store_true",
        help="the same run with batching off and on, side by side, with ratios",
    )
    add_stats(parser)


def _add_machine(parser: argparse.ArgumentParser) -> None:
    add_topology(parser)
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
    parser.add_argument(
        "--clock",
        type=one_of(*CLOCKS),
        default=CLOCKS[0],
        metavar="CLOCK",
        help="whose time it is: work, wall time (default); model, the topology's "
        "timing profile, kept by processes; virtual, the same made up in one process",
    )
    parser.add_argument(
        "--time-scale",
        metavar="N",
        type=seconds(MAX_TIME_SCALE),
        default=TIME_SCALE,
        help="of --clock model: wall time for each second of the profile's machine "
        "(default: %(default)g)",
    )


def _add_load(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--workers",
        metavar="N",
        type=whole(1, MAX_WORKERS),
        help="worker processes, each on a CPU of the topology "
        f"(default: usable cores, at most {MAX_DEFAULT_WORKERS})",
    )
    add(
        "--memory",
        metavar="SIZE",
        type=size,
        default=MEMORY_BYTES,
        help=f"each worker's pages (default: {format_size(MEMORY_BYTES)})",
    )
    add(
        "--limit",
        metavar="SIZE",
        type=size,
        help="memory.high for all workers together (default: 75 %% of it)",
    )
    add_pages(parser)
    add(
        "--rounds",
        metavar="N",
        type=whole(1, MAX_ROUNDS),
        help="times that every page is written and read "
        f"(default: {ROUNDS}; with --duration: no limit)",
    )
    add(
        "--duration",
        metavar="S",
        type=seconds(MAX_DURATION_S),
        default=0.0,
        help="end after the round in which so many seconds are over",
    )
    add(
        "--no-verify",
        dest="verify",
        action="store_false",
        help="pages are written and not touched again to be checked: the speed is "
        "that of swap-out alone in the first round",
    )


def _add_zswap(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--folio",
        metavar="SIZE",
        type=lambda text: parse_size(one_of(*FOLIOS)(text)),
        default=FOLIO_BYTES,
        help=f"of the folios reclaimed: {', '.join(FOLIOS)} "
        f"(default: {format_size(FOLIO_BYTES)})",
    )
    add(
        "--compressor",
        metavar="NAME",
        help="deflate-iaa, deflate-iaa-dynamic, deflate, lz4 or zstd, with :LEVEL "
        "where it has levels (default: the topology's)",
    )
    add(
        "--batching",
        type=one_of(*get_args(Batching)),
        metavar="HOW",
        help="off, requests or driver (default: the topology's)",
    )
    add(
        "--batch-size",
        metavar="N",
        type=whole(1, MAX_BATCH_SIZE),
        help="pages in a sub-batch (default: the topology's, 8 if it says nothing)",
    )
    add(
        "--swap",
        metavar="SIZE[,SIZE...]",
        type=sizes,
        default=(),
        help="each worker's swap areas, a file each, for what zswap does not take "
        "and, at the pool's limit, for the coldest pages; a cluster of pages goes "
        "to each in turn (default: none)",
    )
    add(
        "--shrinker",
        metavar="on|off",
        type=on_off,
        help="whether the coldest pages are written to the swap areas at the pool's "
        "limit, or new ones are rejected (default: the topology's, on if it says "
        "nothing)",
    )
    add(
        "--interleave",
        action="store_true",
        help="a worker's folios lie on all nodes in turn, as with numactl; it "
        "matters to reclaim alone, where each batch is of one node",
    )
    add(
        "--reclaim-batch",
        metavar="N",
        type=whole(1, MAX_COMPRESS_BATCHSIZE),
        help="folios reclaimed in one batch (default: the topology's, 32 if it says "
        "nothing)",
    )


def text_for(args: argparse.Namespace) -> Callable[..., str]:
    """Give what makes the text of a run; it is empty where --stats has its place."""
    return (lambda *_, **__: "") if replaces_table(args.stats) else report_of.text


def run(args: argparse.Namespace) -> int:
    """
    Do the run and show what happened; 0.

    Raises:
        MpzswapError: it could not be done, or a page was lost or wrong.
    """
    settle_seed(args)
    check_stats(args)
    names = set(Wishes.__struct_fields__) - {"topology", "changes", "faults"}
    wishes = Wishes(
        topology=find_topology(args.topology, args.changes),
        changes=tuple(args.changes),
        faults=tuple(args.faults),
        **{name: getattr(args, name) for name in names},
    )
    plan = choose(wishes)
    with json_output(args.json) as write, stats_output(args.stats) as write_stats:
        with shown_progress(args, plan.duration_s) as on_progress:
            if args.compare:
                both = stress.compare(plan, on_progress)
                outcome = Outcome(both, comparison.text, comparison.problems(both))
            else:
                one = stress.run(plan, on_progress)
                outcome = Outcome(one, text_for(args), report_of.problems_of(one))
        hand_over(args, with_stats(write, write_stats), outcome)
    return 0
