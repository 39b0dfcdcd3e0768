"""
Does the model agree with the virtual clock?

Both run the same pages on the same topology, by the same profile.  The baseline is the
virtual clock, which is the same each time; compared are models of several time scales,
and how late the host was for each: one that it cannot keep says so itself.
"""

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from mpzswap.clock.config import ClockName
from mpzswap.topology.load import find_topology
from mpzswap.topology.size import parse_size
from mpzswap.workload.plan import Wishes

sys.path.append(str(Path(__file__).parents[2]))

from tools.bench.contest import Contestant, hold, make_parser
from tools.bench.stress_run import run_stress

EXAMPLES = """\
examples:
  python tools/bench/bench_twin.py
  python tools/bench/bench_twin.py --topology spr-1s4iaa --workers 4 --scales 3000
  python tools/bench/bench_twin.py --set zswap.nr_sub_batches=1 --json twin.json

See README.md beside it for how to read the result.
"""


def run(
    options: Namespace, clock: ClockName, scale: float | None = None
) -> Mapping[str, float]:
    """Do one run."""
    wishes = Wishes(
        topology=find_topology(options.topology, options.changes),
        seed=options.seed,
        workers=options.workers,
        memory=parse_size(options.memory),
        pages=options.pages,
        verify=False,
        rounds=1,
        clock=clock,
    )
    wishes = msgspec.structs.replace(wishes, time_scale=scale)
    report = run_stress(wishes)
    assert report.time is not None, "no clock here is that of work"
    return {
        "throughput": report.throughput_bytes_per_s,
        "batch p50": report.latency_ns.batch.p50,
        "store page p50": report.latency_ns.store_page.p50,
        "completions in time": 1 - report.time.lateness.share,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and say what it means."""
    parser = make_parser(__doc__ or "", EXAMPLES)
    parser.set_defaults(memory="512K")
    parser.add_argument(
        "--topology", default="laptop-2iaa", help="(default: %(default)s)"
    )
    parser.add_argument("--workers", type=int, default=2, help="(default: %(default)s)")
    parser.add_argument(
        "--scales", default="300,1000", help="time scales (default: %(default)s)"
    )
    parser.add_argument("--set", dest="changes", action="append", default=[])
    options = parser.parse_args(arguments)
    options.changes = tuple(options.changes)
    contestants = [Contestant("virtual", partial(run, options, "virtual"))]
    contestants += [
        Contestant(
            f"model, scale {scale}", partial(run, options, "model", float(scale))
        )
        for scale in options.scales.split(",")
    ]
    return hold(__doc__ or "", contestants, options)


if __name__ == "__main__":
    sys.exit(main())
