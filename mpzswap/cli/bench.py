"""The command that measures the data path alone, without zswap."""

import argparse
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
from mpzswap.cli.parser import listed, one_of, whole
from mpzswap.report import bench as report_of
from mpzswap.topology.model import MAX_DEVICES
from mpzswap.topology.settings import SyncMode
from mpzswap.workload import bench
from mpzswap.workload.bench_plan import (
    MAX_BATCH_SIZE,
    MAX_DEPTH,
    MIX_PAGES,
    OPERATIONS,
    BenchPlan,
    choose_topologies,
)

NAME = "bench"
SUMMARY = "send pages through the devices, without zswap; lists (1,8,64) sweep"
EXAMPLES = (
    "bench",
    "bench --operation compress --batch-size 1,8,64 --depth 64",
    "bench --compressor deflate-iaa,lz4,zstd --pages mix:text",
    "bench --sync-mode sync,async,async_irq --batch-size 8",
    "bench --devices 1,2 --depth 1,8,64 --json bench.json",
)

MAX_COUNT = 1 << 24
MAX_REPEAT = 1_000_000
REPEAT = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is swept, and what is not."""
    _add_lists(parser)
    add_topology(parser)
    add_pages(parser)
    add = parser.add_argument
    add(
        "--count",
        metavar="N",
        type=whole(1, MAX_COUNT),
        help=f"pages (default: {MIX_PAGES} of a mix, all of anything else)",
    )
    add(
        "--repeat",
        metavar="N",
        type=whole(1, MAX_REPEAT),
        default=REPEAT,
        help="timed passes over all pages (default: %(default)s), after one in which "
        "every page is checked",
    )


def _add_lists(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--operation",
        metavar="LIST",
        type=listed(one_of(*OPERATIONS)),
        default=OPERATIONS,
        help="compress, decompress or both (default)",
    )
    add(
        "--compressor",
        metavar="LIST",
        type=listed(str),
        help="as for stress (default: the topology's)",
    )
    add(
        "--batch-size",
        metavar="LIST",
        type=listed(whole(1, MAX_BATCH_SIZE)),
        default=(8,),
        help=f"pages in a request, 1 to {MAX_BATCH_SIZE} (default: 8)",
    )
    add(
        "--depth",
        metavar="LIST",
        type=listed(whole(1, MAX_DEPTH)),
        default=(64,),
        help=f"pages in flight, 1 to {MAX_DEPTH}, raised to whole batches "
        "(default: 64)",
    )
    add(
        "--devices",
        metavar="LIST",
        type=listed(whole(1, MAX_DEVICES)),
        help="devices, of those near CPU 0 (default: all)",
    )
    add(
        "--sync-mode",
        metavar="LIST",
        type=listed(one_of(*get_args(SyncMode))),
        help=f"of the driver: {', '.join(get_args(SyncMode))} "
        "(default: the topology's)",
    )


def run(args: argparse.Namespace) -> int:
    """
    Do the sweep and show the table; 0.

    Raises:
        MpzswapError: it could not be done, or a page came back wrong.
    """
    settle_seed(args)
    topologies = choose_topologies(args.topology, args.devices, args.changes)
    plan = BenchPlan(
        topologies=topologies,
        compressors=args.compressor or (topologies[0].zswap.compressor,),
        operations=args.operation,
        batch_sizes=args.batch_size,
        depths=args.depth,
        sync_modes=args.sync_mode or (topologies[0].driver.sync_mode,),
        source=args.pages,
        count=args.count,
        repeat=args.repeat,
        seed=args.seed,
    )
    with json_output(args.json) as write:
        with shown_progress(args) as on_progress:
            report = bench.run(plan, on_progress)
        hand_over(args, write, Outcome(report, report_of.text, ()))
    return 0
