"""
What do the checksum and the looks for deaths cost a stress run?

Both are on by default.  The baseline is a run without them, compared is one as it is by
default, for the same pages of the same seed.
"""

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from mpzswap.topology.load import find_topology
from mpzswap.topology.named import HOST
from mpzswap.topology.size import parse_size
from mpzswap.workload.plan import Wishes

sys.path.append(str(Path(__file__).parents[2]))

from tools.bench.contest import Contestant, hold, make_parser
from tools.bench.stress_run import run_stress

OFF = ("zswap.checksum=false", "driver.watch_interval_ms=3600000")

EXAMPLES = """\
examples:
  python tools/bench/bench_detection.py
  python tools/bench/bench_detection.py --rounds 30 --json detection.json
  python tools/bench/bench_detection.py --off zswap.checksum=false

See README.md beside it for how to read the result.
"""


def run(options: Namespace, changes: Sequence[str]) -> Mapping[str, float]:
    """Do one run."""
    wishes = Wishes(
        topology=find_topology(HOST, changes),
        seed=options.seed,
        memory=parse_size(options.memory),
        pages=options.pages,
        changes=tuple(changes),
    )
    report = run_stress(wishes)
    return {
        "throughput": report.throughput_bytes_per_s,
        "elapsed": report.elapsed_s,
        "CPU of all processes": report.cpu_s.workers + report.cpu_s.devices,
        "store page p50": report.latency_ns.store_page.p50,
        "load page p50": report.latency_ns.load_page.p50,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and say what it means."""
    parser = make_parser(__doc__ or "", EXAMPLES)
    parser.add_argument(
        "--off",
        metavar="KEY=VALUE",
        action="append",
        help="what is different before; may be given again (default: all of it)",
    )
    options = parser.parse_args(arguments)
    options.off = tuple(options.off or OFF)
    contestants = (
        Contestant("off", partial(run, options, options.off)),
        Contestant("on", partial(run, options, ())),
    )
    return hold(__doc__ or "", contestants, options)


if __name__ == "__main__":
    sys.exit(main())
