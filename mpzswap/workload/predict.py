"""
Predict a published figure from runs: what is measured of each, and the formulas.

usemem30, the published workload: 30 processes write 10 GiB each, memory.high is 150G.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from mpzswap.page.frame import PAGE_SIZE
from mpzswap.report.records import StressReport
from mpzswap.report.validate import Measured

# usemem -n 30 10g, of every cover of the series.
PROCESSES = 30
PAGES_WRITTEN = 78_643_200
# memory.high=150G over 300G.
RESIDENT_SHARE = 0.5

NS_PER_S = 1_000_000_000
KIB = 1024


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of a kernel's compilation, its source's own figures: pages out, and sys time."""

    zswpout: int
    sys_s: float


def measure(name: str, report: StressReport) -> Measured:
    """Give what formulas need of a run by a clock that keeps a profile's time."""
    if report.time is None:
        raise ValueError(f"clock: {report.clock}: must keep a profile's time")
    store, load = report.time.store, report.time.load
    written_ns = [worker.write_ns for worker in report.each_worker]
    pages_out = report.zswap.pages_out
    return Measured(
        scenario=name,
        pages_out=pages_out,
        store_page_p50_ns=report.latency_ns.store_page.p50,
        store_page_mean_ns=report.latency_ns.store_page.mean,
        driver_store_ns=round(store.total - store.store, 1),
        driver_load_ns=round(load.total - load.store, 1),
        page_out_ns=round(sum(written_ns) / pages_out, 1),
        pages_out_per_s=round(pages_out / max(written_ns) * NS_PER_S, 1),
        ratio=round(pages_out * PAGE_SIZE / report.zswap.compressed_bytes, 4),
        bottleneck=report.time.bottleneck,
        because=report.time.because,
    )


def share_out(ratio: float) -> float:
    """
    Give the share of the pages written that is swapped out, by the capacity identity.

    What is resident is written less what is swapped out, and compressed bytes count
    to memory.high too: high = written - out + out / ratio.
    """
    return (1 - RESIDENT_SHARE) / (1 - 1 / ratio)


# Formulas.  Each is told what was measured in the runs of its row.


def throughput(run: Measured) -> float:
    """
    Give usemem30's total throughput, KB/s.

    A process writes a page in page_out_ns times the share of its pages that is swapped
    out, since nothing else of a page takes time; 30 do so at once.
    """
    page_ns = run.page_out_ns * share_out(run.ratio)
    return PROCESSES * PAGE_SIZE / KIB / page_ns * NS_PER_S


def throughput_ratio(new: Measured, old: Measured) -> float:
    """Give the throughput of *new* over that of *old*."""
    return throughput(new) / throughput(old)


def zswpout(run: Measured) -> float:
    """Give usemem30's pages out, by the capacity identity with the pages' own ratio."""
    return PAGES_WRITTEN * share_out(run.ratio)


def sys_ratio(new: Measured, old: Measured, given: Given) -> float:
    """
    Give the sys time of a compilation over that of *old*, whose figures are *given*.

    All that changes is what a page's store takes, for each page that was swapped out.
    """
    saved_ns = old.store_page_mean_ns - new.store_page_mean_ns
    return 1 - given.zswpout * saved_ns / NS_PER_S / given.sys_s


FormulaName = Literal[
    "store_page_p50",
    "driver_store",
    "driver_load",
    "throughput",
    "throughput_ratio",
    "zswpout",
    "sys_ratio",
    "pages_out_rate",
    "bottleneck",
]
Formula = Callable[[Sequence[Measured], Given | None], float | str]


def _sys_ratio(runs: Sequence[Measured], given: Given | None) -> float:
    if given is None:
        raise ValueError(
            "sys_ratio: needs the figures of the run that is compared with"
        )
    return sys_ratio(runs[0], runs[1], given)


FORMULAS: Mapping[FormulaName, Formula] = {
    "store_page_p50": lambda runs, _: runs[0].store_page_p50_ns,
    "driver_store": lambda runs, _: runs[0].driver_store_ns,
    "driver_load": lambda runs, _: runs[0].driver_load_ns,
    "throughput": lambda runs, _: throughput(runs[0]),
    "throughput_ratio": lambda runs, _: throughput_ratio(runs[0], runs[1]),
    "zswpout": lambda runs, _: zswpout(runs[0]),
    "sys_ratio": _sys_ratio,
    "pages_out_rate": lambda runs, _: runs[0].pages_out_per_s,
    "bottleneck": lambda runs, _: runs[0].bottleneck,
}
