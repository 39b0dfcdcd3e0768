"""
Are the defaults right?

The baseline is a machine as it is made without arguments; the others have one thing or
two otherwise.  Of bulk: pages in a request, and requests in flight.  Of the whole way,
one worker: pages in a sub-batch, and sub-batches in flight.  Below each table: how fast
the defaults are, as part of the best that was found.
"""

import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import product
from pathlib import Path

from msgspec.structs import replace

from mpzswap.acomp.pipeline import Shape
from mpzswap.cli.parser import listed, one_of, whole
from mpzswap.machine.bulk import Bulk, spread
from mpzswap.machine.machine import Machine
from mpzswap.machine.packed import Packed
from mpzswap.machine.staging import Staging
from mpzswap.page.frame import Pages
from mpzswap.topology.model import Topology
from mpzswap.workload.bench_plan import MAX_BATCH_SIZE
from mpzswap.workload.plan import Wishes

sys.path.append(str(Path(__file__).parents[2]))

from tools.bench.bench_limit import compress, decompress
from tools.bench.contest import Contestant, Contests, Outcome, hold_each, make_parser
from tools.bench.real_pages import load_real, prefer_real
from tools.bench.stress_run import figures, one_worker, run_stress

PATHS = ("bulk", "store")
COMPRESSORS = ("deflate-iaa", "lz4")
REQUEST_PAGES = (64, 128, 256, 512)
REQUESTS = (2, 4, 8)
BATCH_SIZES = (8, 16, 32, 64)
SUB_BATCHES = (2, 4, 16)
MOST = 4096
DEFAULTS = "defaults"
SPEED, TIME = "MiB/s", "us/page"

EXAMPLES = """\
examples:
  python tools/bench/bench_defaults.py
  python tools/bench/bench_defaults.py --path bulk --compressor zstd --requests 2,4,16
"""


def contests(options: Namespace) -> Contests:
    """Give the contests of each path, compressor by compressor."""
    source = load_real(options)
    for name in options.compressor:
        if "bulk" in options.path:
            with ExitStack() as stack:
                machine = stack.enter_context(Machine(compressor=name))
                bulks = [*make_bulks(machine, options)]
                packed = machine.compress(source.pages)
                yield f"{name}, compress", compressing(machine, bulks, source.pages)
                yield f"{name}, decompress", decompressing(machine, bulks, packed)
        if "store" in options.path:
            yield f"{name}, whole way", [*storing(name, options)]


def make_bulks(machine: Machine, options: Namespace) -> Iterator[tuple[str, Bulk]]:
    """Give bulk of each shape, beside the machine's own; it ends with the machine."""
    for nr_pages, nr_requests in product(options.request_pages, options.requests):
        shape = Shape(1, nr_pages, nr_requests, items_per_request=1)
        core = machine.core
        driver = spread(machine.topology.driver)
        submitter = core.new_submitter(0, shape.nr_pages, driver)
        frames = core.new_frames(shape.nr_pages)
        staging = Staging(frames, submitter.buffers_address, core.space)
        name = f"{nr_requests} requests of {nr_pages} pages"
        yield name, Bulk(submitter, staging, shape)


def compressing(
    machine: Machine, bulks: Sequence[tuple[str, Bulk]], pages: Pages
) -> list[Contestant]:
    """Give who compresses pages of shared memory."""
    shared = machine.allocate_pages(len(pages))
    shared[:] = pages
    return [
        Contestant(name, partial(compress, made, shared))
        for name, made in with_defaults(machine, bulks)
    ]


def decompressing(
    machine: Machine, bulks: Sequence[tuple[str, Bulk]], packed: Packed
) -> list[Contestant]:
    """Give who decompresses into shared memory."""
    out = machine.allocate_pages(len(packed))
    return [
        Contestant(name, partial(decompress, made, packed, out))
        for name, made in with_defaults(machine, bulks)
    ]


def with_defaults(
    machine: Machine, bulks: Sequence[tuple[str, Bulk]]
) -> list[tuple[str, Machine | Bulk]]:
    """Give the machine as it is, and then bulk of each shape."""
    return [(DEFAULTS, machine), *bulks]


def storing(name: str, options: Namespace) -> Iterator[Contestant]:
    """Give who lets one worker write its memory, more than may stay there."""
    wishes = one_worker(Topology.for_host(), options, compressor=name)
    yield Contestant(DEFAULTS, partial(store, wishes))
    for batch_size, nr_sub_batches in product(options.batch_size, options.sub_batches):
        changes = (f"zswap.nr_sub_batches={nr_sub_batches}",)
        changed = replace(wishes, batch_size=batch_size, changes=changes)
        what = f"{batch_size} pages a batch, {nr_sub_batches} in flight"
        yield Contestant(what, partial(store, changed))


def store(wishes: Wishes) -> Mapping[str, float]:
    """Do one run."""
    return figures(run_stress(wishes))


def conclude(outcome: Outcome) -> Iterator[str]:
    """Give how fast the defaults are, as part of the best."""
    names = [each.name for each in outcome.standings if not each.name.endswith("again")]
    if outcome.title.endswith("whole way"):
        speeds = {name: outcome[name][SPEED].spread.median for name in names}
    else:
        speeds = {name: 1 / outcome[name][TIME].spread.median for name in names}
    best = max(speeds, key=speeds.__getitem__)
    part = speeds[DEFAULTS] / speeds[best]
    yield f"{outcome.title}: defaults {part:.2f} of the best, {best}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and say what it means."""
    parser = make_parser(__doc__ or "", EXAMPLES)
    prefer_real(parser)
    add = parser.add_argument
    add(
        "--path",
        metavar="LIST",
        type=listed(one_of(*PATHS)),
        default=PATHS,
        help="bulk, or the whole way of a page (default: both)",
    )
    add(
        "--compressor",
        metavar="LIST",
        type=listed(str),
        default=COMPRESSORS,
        help=f"NAME or NAME:LEVEL (default: {','.join(COMPRESSORS)})",
    )
    for option, highest, default, what in (
        ("request-pages", MOST, REQUEST_PAGES, "pages in a request of bulk"),
        ("requests", MOST, REQUESTS, "requests of bulk in flight"),
        ("batch-size", MAX_BATCH_SIZE, BATCH_SIZES, "pages in a sub-batch"),
        ("sub-batches", MOST, SUB_BATCHES, "sub-batches in flight"),
    ):
        add(
            f"--{option}",
            metavar="LIST",
            type=listed(whole(1, highest)),
            default=default,
            help=f"{what} (default: {','.join(map(str, default))})",
        )
    options = parser.parse_args(arguments)
    return hold_each(__doc__ or "", contests(options), options, conclude)


if __name__ == "__main__":
    sys.exit(main())
