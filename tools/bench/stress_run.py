"""A stress run as a contestant has it: its figures, or an error."""

from argparse import Namespace

import msgspec

from mpzswap.errors import MpzswapError
from mpzswap.report.records import StressReport
from mpzswap.topology.model import Topology
from mpzswap.topology.size import parse_size
from mpzswap.workload import stress
from mpzswap.workload.plan import Wishes, choose

MIB = 1 << 20


def one_worker(topology: Topology, options: Namespace, **more: object) -> Wishes:
    """Let one worker write its memory, more than may stay there, and check nothing."""
    wishes = Wishes(
        topology=topology,
        workers=1,
        memory=parse_size(options.memory),
        pages=options.pages,
        verify=False,
        seed=options.seed,
    )
    return msgspec.structs.replace(wishes, **more)


def run_stress(wishes: Wishes) -> StressReport:
    """
    Do a run.

    Raises:
        MpzswapError: it could not be done, or a page was wrong or lost.
    """
    report = stress.run(choose(wishes), lambda _: None)
    if not report.ok:
        raise MpzswapError(report.problems[0])
    return report


def figures(report: StressReport) -> dict[str, float]:
    """Give how fast it was, and what it took."""
    cpu_s = report.cpu_s.workers + report.cpu_s.devices
    return {
        "MiB/s": report.throughput_bytes_per_s / MIB,
        "CPU, us/page": cpu_s * 1e6 / report.pages_written,
        "batch p50, us": report.latency_ns.batch.p50 / 1000,
        "batch p99, us": report.latency_ns.batch.p99 / 1000,
    }
