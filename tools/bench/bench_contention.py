"""
What does contention do?

1 to 72 workers on 1, 2, 4 and 8 devices store the same number of pages, all of them
together, but each at least 4 MiB: less is no more than a few batches.  The ratios are
to 2 workers on 2 devices.  "fairness" is Jain's index of what
each worker wrote while all of them did: 1 where all wrote alike, 1/n where one of n
alone did.
"""

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path

import msgspec

from mpzswap.cli.parser import listed, whole
from mpzswap.report.records import StressReport
from mpzswap.topology.model import MAX_CORES, MAX_DEVICES, Socket, Topology
from mpzswap.topology.size import parse_size
from mpzswap.workload.fairness import jain_index
from mpzswap.workload.plan import FOLIO_BYTES, Wishes

sys.path.append(str(Path(__file__).parents[2]))

from tools.bench.contest import Contestant, hold, make_parser
from tools.bench.stress_run import figures, run_stress

WORKERS = (1, 2, 8, 24, 72)
DEVICES = (1, 2, 4, 8)
BASELINE = 2, 2
MEMORY = "32M"
# Of a worker, at least: some batches of folios.
MIN_SHARE_BYTES = 4 << 20

EXAMPLES = """\
examples:
  python tools/bench/bench_contention.py
  python tools/bench/bench_contention.py --workers 72 --devices 8 --rounds 10
"""


def run(workers: int, devices: int, options: Namespace) -> Mapping[str, float]:
    """Do one run, in which the memory is shared out to all workers."""
    share = parse_size(options.memory) // workers // FOLIO_BYTES * FOLIO_BYTES
    least = min(parse_size(options.memory), MIN_SHARE_BYTES)
    report = run_stress(
        Wishes(
            topology=topology_of(workers, devices),
            workers=workers,
            memory=max(FOLIO_BYTES, least, share),
            verify=False,
            pages=options.pages,
            seed=options.seed,
        )
    )
    return {"fairness": fairness(report), **figures(report)}


def fairness(report: StressReport) -> float:
    """Give Jain's index; of a run too short to be looked at, by each one's own time."""
    own = [each.pages_written / each.write_ns for each in report.each_worker]
    return report.fairness.jain_index or jain_index(own)


def topology_of(workers: int, devices: int) -> Topology:
    """Give this host with so many devices, and a core on paper for each worker."""
    topology = Topology.for_host(devices)
    return msgspec.structs.replace(topology, sockets=(Socket(cores=workers),))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and say what it means."""
    parser = make_parser(__doc__ or "", EXAMPLES)
    parser.set_defaults(memory=MEMORY)
    add = parser.add_argument
    add(
        "--workers",
        metavar="LIST",
        type=listed(whole(1, MAX_CORES)),
        default=WORKERS,
        help="processes that store (default: 1,2,8,24,72)",
    )
    add(
        "--devices",
        metavar="LIST",
        type=listed(whole(1, MAX_DEVICES)),
        default=DEVICES,
        help="of the machine (default: 1,2,4,8)",
    )
    options = parser.parse_args(arguments)
    points = dict.fromkeys((BASELINE, *product(options.workers, options.devices)))
    contestants = [
        Contestant(
            f"{workers} workers, {devices} IAA",
            partial(run, workers, devices, options),
        )
        for workers, devices in points
    ]
    return hold(__doc__ or "", contestants, options)


if __name__ == "__main__":
    sys.exit(main())
