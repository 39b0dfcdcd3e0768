"""
What does batching give?

The whole way of a page, as zswap stores it (``mpzswap stress --no-verify`` with one
worker), and the data path alone (``mpzswap bench``).  The baseline of both is batching
off: a page, a wait, the next page.  One thing at a time is changed from a default:
batches of 8 pages, 64 pages in flight on the data path, two devices.
"""

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple, get_args

from mpzswap.cli.parser import listed, one_of, whole
from mpzswap.machine.machine import Machine
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.page.source import load_pages
from mpzswap.topology.model import MAX_DEVICES, Topology
from mpzswap.topology.named import HOST
from mpzswap.topology.settings import Batching
from mpzswap.topology.size import parse_size
from mpzswap.workload.bench import Trial
from mpzswap.workload.bench_plan import (
    MAX_BATCH_SIZE,
    MAX_DEPTH,
    OPERATIONS,
    Point,
    choose_topologies,
)
from mpzswap.workload.data_path import DataPath

sys.path.append(str(Path(__file__).parents[2]))

from tools.bench.contest import Contestant, Contests, hold_each, make_parser
from tools.bench.stress_run import MIB, figures, one_worker, run_stress

PATHS = ("store", "data")
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)
DEPTHS = (1, 8, 64, 256, 1024)
DEVICE_COUNTS = (1, 2, 4, 8)
# Changed one at a time from these.
BATCH_SIZE, DEPTH, DEVICES = 8, 64, 2

EXAMPLES = """\
examples:
  python tools/bench/bench_batching.py
  python tools/bench/bench_batching.py --path data --depth 8,64,512 --json data.json
  python tools/bench/bench_batching.py --path store --batch-size 8,32 --devices 2,4
"""


class Stored(NamedTuple):
    """A point of the whole way."""

    batching: Batching
    batch_size: int
    devices: int

    def __str__(self) -> str:
        """Name it; where batching is off, a batch is a page."""
        batch = "" if self.batching == "off" else f" {self.batch_size} a batch"
        return f"{self.batching}{batch}, {self.devices} IAA"


class Sent(NamedTuple):
    """A point of the data path."""

    batch_size: int
    depth: int
    devices: int

    def __str__(self) -> str:
        """Name it; a page, a wait, the next page is off."""
        what = f"{self.batch_size} a batch, {self.depth} in flight"
        off = self.batch_size == self.depth == 1
        return f"{'off' if off else what}, {self.devices} IAA"


def stored_points(options: Namespace) -> list[Stored]:
    """Give the points of the whole way: off first, none twice."""
    batched = [mode for mode in get_args(Batching) if mode != "off"]
    points = (
        Stored("off", 1, DEVICES),
        *(Stored(*each, DEVICES) for each in product(batched, options.batch_size)),
        *(Stored("driver", BATCH_SIZE, count) for count in options.devices),
    )
    return list(dict.fromkeys(points))


def sent_points(options: Namespace) -> list[Sent]:
    """Give the points of the data path: off first, none twice."""
    points = (
        Sent(1, 1, DEVICES),
        *(Sent(size, max(size, DEPTH), DEVICES) for size in options.batch_size),
        *(Sent(min(BATCH_SIZE, depth), depth, DEVICES) for depth in options.depth),
        *(Sent(BATCH_SIZE, DEPTH, count) for count in options.devices),
    )
    return list(dict.fromkeys(points))


def store(point: Stored, options: Namespace) -> Mapping[str, float]:
    """Let one worker write its memory, more than may stay there."""
    wishes = one_worker(
        Topology.for_host(point.devices),
        options,
        batching=point.batching,
        batch_size=point.batch_size,
    )
    return figures(run_stress(wishes))


def send(path: DataPath, point: Sent, operation: str) -> Mapping[str, float]:
    """Send every page through the devices once."""
    nr_batches = -(-point.depth // point.batch_size)
    trial = Trial(path, Point(operation, point.batch_size, nr_batches))
    trial.direction.begin()
    trial.time_pass()
    result = trial.result()
    return {
        "MiB/s": result.bytes_per_s / MIB,
        "batch p50, us": result.latency_ns.p50 / 1000,
        "batch p99, us": result.latency_ns.p99 / 1000,
    }


def contests(options: Namespace) -> Contests:
    """Give a contest for each path, and of the data path one each way."""
    if "store" in options.path:
        yield (
            "store",
            [
                Contestant(str(point), partial(store, point, options))
                for point in stored_points(options)
            ],
        )
    if "data" in options.path:
        with ExitStack() as stack:
            points = sent_points(options)
            paths = open_paths(stack, points, options)
            for operation in options.operation:
                yield (
                    f"data path, {operation}",
                    [
                        Contestant(
                            str(point),
                            partial(send, paths[point.devices], point, operation),
                        )
                        for point in points
                    ],
                )


def open_paths(
    stack: ExitStack, points: Sequence[Sent], options: Namespace
) -> dict[int, DataPath]:
    """Open machines of so many devices each, all at once: those not asked sleep."""
    nr_pages = parse_size(options.memory) // PAGE_SIZE
    pages = load_pages(options.pages, nr_pages, options.seed).pages
    counts = sorted({point.devices for point in points})
    # In whole batches.
    most = max(point.depth + point.batch_size for point in points)
    paths = {}
    for count, topology in zip(counts, choose_topologies(HOST, counts), strict=True):
        machine = stack.enter_context(Machine(topology, max_submitters=1))
        paths[count] = DataPath(machine.core, pages, most)
    return paths


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and say what it means."""
    options = parse(arguments)
    return hold_each(__doc__ or "", contests(options), options)


def parse(arguments: Sequence[str] | None) -> Namespace:
    """Read the command line."""
    parser = make_parser(__doc__ or "", EXAMPLES)
    add = parser.add_argument
    add(
        "--path",
        metavar="LIST",
        type=listed(one_of(*PATHS)),
        default=PATHS,
        help="store: the whole way; data: the devices alone (default: both)",
    )
    add(
        "--operation",
        metavar="LIST",
        type=listed(one_of(*OPERATIONS)),
        default=OPERATIONS,
        help="on the data path: compress, decompress or both (default)",
    )
    for name, highest, default, what in (
        ("batch-size", MAX_BATCH_SIZE, BATCH_SIZES, "pages in a batch"),
        ("depth", MAX_DEPTH, DEPTHS, "pages in flight on the data path"),
        ("devices", MAX_DEVICES, DEVICE_COUNTS, "of the machine"),
    ):
        add(
            f"--{name}",
            metavar="LIST",
            type=listed(whole(1, highest)),
            default=default,
            help=f"{what} (default: {','.join(map(str, default))})",
        )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
