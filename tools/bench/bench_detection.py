"""
What do the checksum and the looks for deaths cost a stress run?

Both are on by default.  "Before" is a run without them, "after" one as it is by
default; the ratio is after over before, for the same pages of the same seed.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec

from mpzswap.cli.parser import whole
from mpzswap.errors import InputError, MpzswapError
from mpzswap.report.records import StressReport
from mpzswap.topology.load import find_topology
from mpzswap.topology.named import HOST
from mpzswap.topology.size import parse_size
from mpzswap.workload import stress
from mpzswap.workload.plan import Wishes, choose

sys.path.append(str(Path(__file__).parents[2]))

from tools.bench.pairs import MIN_ROUNDS, Measure, circumstances, measure, table

FORMAT = 1
SEED = 1
# A run of a second or two: long beside its start, short beside what others do.
MEMORY = "16M"
# Ours: an hour and more.
MAX_ROUNDS = 1000
OFF = ("zswap.checksum=false", "driver.watch_interval_ms=3600000")

EXAMPLES = """\
examples:
  python tools/bench/bench_detection.py
  python tools/bench/bench_detection.py --rounds 30 --json detection.json
  python tools/bench/bench_detection.py --off zswap.checksum=false

See README.md beside it for how to read the result.
"""

MEASURES: dict[str, Callable[[StressReport], float]] = {
    "throughput": lambda report: report.throughput_bytes_per_s,
    "elapsed": lambda report: report.elapsed_s,
    "CPU of all processes": lambda report: report.cpu_s.workers + report.cpu_s.devices,
    "store page p50": lambda report: report.latency_ns.store_page.p50,
    "load page p50": lambda report: report.latency_ns.load_page.p50,
}


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What is written as JSON."""

    format: int = FORMAT
    question: str
    off: tuple[str, ...]
    memory: str
    seed: int
    circumstances: dict[str, object]
    measures: tuple[Measure, ...]


def run(memory: str, changes: Sequence[str]) -> StressReport:
    """
    Do one run.

    Raises:
        MpzswapError: it could not be done, or a page was wrong or lost.
    """
    wishes = Wishes(
        topology=find_topology(HOST, changes),
        seed=SEED,
        memory=parse_size(memory),
        changes=tuple(changes),
    )
    report = stress.run(choose(wishes), lambda _: None)
    if not report.ok:
        raise MpzswapError(report.problems[0])
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and say what it means."""
    options = make_parser().parse_args(arguments)
    off = tuple(options.off or OFF)
    try:
        measures = measure(
            partial(run, options.memory, off),
            partial(run, options.memory, ()),
            MEASURES,
            options.rounds,
        )
    except MpzswapError as error:
        print(f"bench_detection: {error}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    result = Result(
        question=(__doc__ or "").strip().partition("\n")[0],
        off=off,
        memory=options.memory,
        seed=SEED,
        circumstances=circumstances(),
        measures=tuple(measures),
    )
    if options.json is not None:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(result)))
    print(result.question)
    print(f"before: {'  '.join(off)}; after: the defaults; {options.rounds} rounds")
    print("\n".join(table(measures)))
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Give the parser of the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").strip().partition("\n")[0],
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--rounds",
        metavar="N",
        type=whole(1, MAX_ROUNDS),
        default=2 * MIN_ROUNDS,
        help="of three runs each (default: %(default)s)",
    )
    parser.add_argument(
        "--memory",
        metavar="SIZE",
        default=MEMORY,
        help="each worker's pages (default: %(default)s)",
    )
    parser.add_argument(
        "--off",
        metavar="KEY=VALUE",
        action="append",
        help="what is different before; may be given again (default: all of it)",
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write JSON there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
