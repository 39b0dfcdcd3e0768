"""Where the time of a run went, put together from what workers and devices counted."""

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import groupby
from operator import add
from typing import NamedTuple, Self

from mpzswap.acomp.stages import Stage, StageSums
from mpzswap.clock.steps import Step
from mpzswap.machine.core import Core
from mpzswap.report.records import DeviceReport
from mpzswap.report.time_spent import (
    EnginesReport,
    LatenessReport,
    SharesReport,
    StagesReport,
    TimeReport,
    WaitingReport,
)
from mpzswap.workload.gather import Gathered
from mpzswap.workload.plan import StressPlan
from mpzswap.workload.worker import WorkerResult

# Engines that are busy for more of the time have no more to give: what is left goes
# with the beginning and the end of a run.
SATURATED = 0.85
MOSTLY = 0.5
SOFTWARE = (Step.SOFTWARE_COMPRESS, Step.SOFTWARE_DECOMPRESS)
SUBMIT = (
    *(Step.COMPRESS_CALL, Step.DECOMPRESS_CALL),
    *(Step.COMPRESS_DESCRIPTOR, Step.DECOMPRESS_DESCRIPTOR),
)


def time_report(
    plan: StressPlan, core: Core, gathered: Gathered, devices: Sequence[DeviceReport]
) -> TimeReport | None:
    """Give it; None where no profile's time is kept."""
    timing = plan.topology.timing
    if plan.clock == "work" or timing is None:
        return None
    results, elapsed_ns = gathered.results, gathered.elapsed_s * 1e9
    engines = tuple(engines_of(core, elapsed_ns))
    workers = shares_of(results)
    store = stages_report(result.store_stages for result in results)
    load = stages_report(result.load_stages for result in results)
    pages = PagesAt.of(store, load)
    bottleneck, because = find_bottleneck(engines, workers, devices, pages)
    return TimeReport(
        profile=timing.name,
        time_scale=plan.time_scale if plan.clock == "model" else 0.0,
        store=store,
        load=load,
        workers=workers,
        engines=engines,
        queues=tuple(queues_of(devices, elapsed_ns)),
        bottleneck=bottleneck,
        because=because,
        lateness=lateness_of(core, results),
    )


def stages_report(parts: Iterator[StageSums]) -> StagesReport:
    """Give the means of all workers' pages."""
    sums = reduce(add, parts)
    pages = max(1, sums.pages)
    means = {stage.name.lower(): round(sums.ns[stage] / pages, 1) for stage in Stage}
    return StagesReport(pages=sums.pages, **means, total=round(sum(sums.ns) / pages, 1))


def shares_of(results: Sequence[WorkerResult]) -> SharesReport:
    """Give what workers did with their time."""
    life_ns = sum(result.write_ns + result.check_ns for result in results)
    if not life_ns:
        return SharesReport(cpu=0.0, software=0.0, submit=0.0, poll=0.0)
    spent = [
        sum(column) for column in zip(*(r.steps.spent_ns for r in results), strict=True)
    ]
    # It sleeps until it is woken: that is no work of its CPU's.
    spent[Step.INTERRUPT] = 0
    software = sum(spent[step] for step in SOFTWARE)
    submit = sum(spent[step] for step in SUBMIT)
    rest = life_ns - sum(spent)
    cpu = sum(spent) - software - submit
    shares = (
        round(max(0, part) / life_ns, 4) for part in (cpu, software, submit, rest)
    )
    return SharesReport(*shares)


def engines_of(core: Core, elapsed_ns: float) -> Iterator[EnginesReport]:
    """Give how busy the engines of each device were."""
    for process in core.devices.all:
        units = core.devices.engines(process.index)
        for compresses, part in groupby(
            sorted(units, key=lambda unit: not unit.compresses),
            key=lambda unit: unit.compresses,
        ):
            yield EnginesReport(
                process.name,
                "compress" if compresses else "decompress",
                tuple(round(unit.busy_ns / max(1, elapsed_ns), 4) for unit in part),
            )


def queues_of(
    devices: Sequence[DeviceReport], elapsed_ns: float
) -> Iterator[WaitingReport]:
    """Give how many waited in each queue: by Little's law, from how long they did."""
    for device in devices:
        for wq in device.wqs:
            mean = wq.wait_ns / max(1, elapsed_ns)
            yield WaitingReport(wq.name, round(mean, 4), round(mean / wq.size, 4))


class PagesAt(NamedTuple):
    """Where pages were: shares of the time of all of them."""

    queued: float = 0.0
    executed: float = 0.0

    @classmethod
    def of(cls, *ways: StagesReport) -> Self:
        """Give it for stores and loads together."""
        whole = max(1.0, sum(way.pages * way.total for way in ways))
        return cls(
            sum(way.pages * way.queue for way in ways) / whole,
            sum(way.pages * way.execute for way in ways) / whole,
        )


def find_bottleneck(
    engines: Sequence[EnginesReport],
    workers: SharesReport,
    devices: Sequence[DeviceReport],
    pages: PagesAt = PagesAt(),  # noqa: B008 - a tuple
) -> tuple[str, str]:
    """
    Name what would have to be faster, and say why.

    Pages that wait most of their time in queues wait for engines, though these may be
    idle before and after, and workers at work elsewhere meanwhile.  Who waits mostly
    for pages that are in engines, or queued for them, waits for engines.

    Args:
        engines: of each device, how busy they were.
        workers: what they did.
        devices: whose queues may have been full.
        pages: where they were.
    """
    busiest = max(engines, key=lambda each: each.mean, default=None)
    if busiest is not None and busiest.mean >= SATURATED:
        return "engine", (
            f"the {busiest.kind} engines of {busiest.device} are busy for "
            f"{100 * busiest.mean:.1f} % of the time"
        )
    if busiest is not None and min(pages.queued, busiest.mean) > MOSTLY:
        return "engine", (
            f"pages wait in queues for {100 * pages.queued:.1f} % of their time, and "
            f"the {busiest.kind} engines of {busiest.device} are busy for "
            f"{100 * busiest.mean:.1f} %"
        )
    shares = {
        "CPU": workers.cpu + workers.software,
        "submit": workers.submit,
        "poll": workers.poll,
    }
    name = max(shares, key=lambda each: shares[each])
    if not shares[name]:
        return "none", "nothing was swapped out, or it took no time"
    full = [wq.name for device in devices for wq in device.wqs if wq.retries]
    if name == "poll" and full:
        return "queue", f"{', '.join(full)} full, and workers wait for a place"
    in_engines = pages.queued + pages.executed
    if name == "poll" and in_engines > MOSTLY and busiest is not None:
        return "engine", (
            f"pages are in engines, or queued for them, for {100 * in_engines:.1f} % "
            f"of their time; the {busiest.kind} engines of {busiest.device} are the "
            "busiest"
        )
    words = {
        "CPU": "workers spend {:.1f} % of their time on what only a CPU does",
        "submit": "workers spend {:.1f} % of their time on requests and descriptors",
        "poll": "workers wait for completions for {:.1f} % of their time",
    }
    return name, words[name].format(100 * shares[name])


def lateness_of(core: Core, results: Sequence[WorkerResult]) -> LatenessReport:
    """Give how late the host was."""
    counted = [core.devices.counters(process.index) for process in core.devices.all]
    late = sum(each.late for each in counted)
    steps_late = sum(result.steps.late for result in results)
    return LatenessReport(
        answers=sum(each.descriptors for each in counted),
        late=late,
        mean_ns=round(sum(each.late_ns for each in counted) / max(1, late), 1),
        max_ns=max((each.late_max_ns for each in counted), default=0),
        steps=sum(result.steps.steps for result in results),
        steps_late=steps_late,
        steps_mean_ns=round(
            sum(result.steps.late_ns for result in results) / max(1, steps_late), 1
        ),
    )
