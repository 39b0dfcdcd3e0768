"""
The self-test: every vector of every compressor, through every mode that there is.

    for each compressor:   the codec itself
        for each sync mode:   a machine of two devices
            for each batching mode:   one pass

What the kernel's crypto testmgr does before it lets an algorithm be used.  A wrong
answer is no exception here: it is in the report, by the name of its vector.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import get_args, get_type_hints

import msgspec

from mpzswap.codec.table import make_codec, parse_compressor
from mpzswap.codec.vector import Suite
from mpzswap.codec.vectors import SUITES
from mpzswap.machine.bulk import spread
from mpzswap.machine.machine import Machine
from mpzswap.report.selftest_records import (
    SelftestFailure,
    SelftestReport,
    SelftestResult,
)
from mpzswap.topology.load import changed
from mpzswap.topology.model import Topology
from mpzswap.topology.settings import Batching, DriverSettings
from mpzswap.version import __version__
from mpzswap.workload.known_answers import Devices, Faults, ask_codec, count, pages_of
from mpzswap.workload.plan import Progress

OnProgress = Callable[[Progress], None]

# Two: pages of a request are spread, and come back in any order.
NR_DEVICES = 2
BY_CODEC = "codec"


def choices(settings: type, name: str) -> tuple[str, ...]:
    """Give what the attribute *name* of *settings* may be, as its type says."""
    return get_args(get_type_hints(settings)[name])


SYNC_MODES = choices(DriverSettings, "sync_mode")
BATCHINGS: tuple[Batching, ...] = get_args(Batching)


class SelftestPlan(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is to be tested.

    Attributes:
        compressors: as users write them, with :LEVEL or without.
        seed: the order of the vectors follows from it, and so their neighbours.
        suites: the vectors by the name of their compressor.
    """

    compressors: tuple[str, ...]
    seed: int
    suites: Mapping[str, Suite] = SUITES

    def __post_init__(self) -> None:
        """Refuse a compressor that there is not, before anything is started."""
        for compressor in self.compressors:
            parse_compressor(compressor)

    def suite_of(self, compressor: str) -> Suite:
        """Give the vectors of *compressor*, whatever its level."""
        return self.suites[parse_compressor(compressor)[0]]

    @property
    def total(self) -> int:
        """How many answers there will be."""
        suites = [self.suite_of(compressor) for compressor in self.compressors]
        pages = [pages_of(suite) for suite in suites]
        return count(suites) + count(pages) * len(SYNC_MODES) * len(BATCHINGS)


class Pass(msgspec.Struct, frozen=True):
    """The answers of one compressor in one mode."""

    compressor: str
    mode: str
    faults: Faults

    def result(self) -> SelftestResult:
        """Give its row of the table."""
        failed = sum(map(bool, self.faults.values()))
        return SelftestResult(
            compressor=self.compressor,
            mode=self.mode,
            vectors=len(self.faults),
            passed=len(self.faults) - failed,
            failed=failed,
        )

    def failures(self) -> Iterator[SelftestFailure]:
        """Give each wrong answer."""
        for vector, fault in self.faults.items():
            if fault:
                yield SelftestFailure(
                    compressor=self.compressor,
                    mode=self.mode,
                    vector=vector,
                    fault=fault,
                )


def run(plan: SelftestPlan, on_progress: OnProgress) -> SelftestReport:
    """
    Ask for every vector in every mode.

    Raises:
        MpzswapError: a machine could not be had, or ended before it was done.
    """
    started = time.monotonic()
    passes: list[Pass] = []
    checked = 0
    for each in all_passes(plan):
        passes.append(each)
        checked += len(each.faults)
        on_progress(
            Progress(
                phase=f"{each.compressor} {each.mode}",
                pages_written=0,
                pages_checked=checked,
                pages_total=plan.total,
                elapsed_s=time.monotonic() - started,
            )
        )
    failures = tuple(failure for each in passes for failure in each.failures())
    return SelftestReport(
        version=__version__,
        seed=plan.seed,
        results=tuple(each.result() for each in passes),
        failures=failures,
        ok=not failures,
    )


def all_passes(plan: SelftestPlan) -> Iterator[Pass]:
    """Do one pass after the other."""
    for compressor in plan.compressors:
        codec = make_codec(compressor)
        faults = ask_codec(codec, plan.suite_of(compressor))
        yield Pass(compressor, BY_CODEC, faults)
        for sync_mode in SYNC_MODES:
            yield from device_passes(plan, compressor, sync_mode)


def device_passes(
    plan: SelftestPlan, compressor: str, sync_mode: str
) -> Iterator[Pass]:
    """Do a pass in each batching mode on one machine."""
    topology = make_topology(sync_mode)
    with Machine(topology, compressor=compressor, max_submitters=1) as machine:
        suite = pages_of(plan.suite_of(compressor))
        devices = Devices(machine.core, suite, topology.zswap.batch_size)
        for batching in BATCHINGS:
            faults = devices.ask(batching, plan.seed)
            yield Pass(compressor, f"{sync_mode}/{batching}", faults)


def make_topology(sync_mode: str) -> Topology:
    """Give this host with devices that take turns in both directions."""
    host = Topology.for_host(devices=NR_DEVICES)
    in_turn = msgspec.structs.replace(host, driver=spread(host.driver))
    return changed(in_turn, [f"driver.sync_mode={sync_mode}"])
