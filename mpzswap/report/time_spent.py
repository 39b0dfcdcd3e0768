"""
Where the time went: records, and their text; by a clock that keeps a profile's time.

Times are those of the profile's machine.  The stages of a page add up to its latency;
the shares of a worker add up to its life.
"""

from collections.abc import Iterator

import msgspec
from rich.console import RenderableType

from mpzswap.report import numbers
from mpzswap.report.render import facts, table

# A part of a device's engines that is busy for less is shown in JSON alone.
SHOWN_BUSY = 0.0005


class StagesReport(msgspec.Struct, frozen=True):
    """
    What a page took on its way, mean ns of each stage; see ``mpzswap.acomp.stages``.

    Attributes:
        pages: how many.
        total: the mean of their latencies; the stages add up to it.
    """

    pages: int
    prepare: float
    submit: float
    queue: float
    execute: float
    complete: float
    seen: float
    store: float
    total: float


class SharesReport(msgspec.Struct, frozen=True):
    """
    What workers did with their time, shares of 1.

    Attributes:
        cpu: fault, reclaim and bookkeeping of a swap-out, and zswap's own part.
        software: compressors that the CPU runs.
        submit: requests prepared, and descriptors submitted.
        poll: waiting for completions, interrupts included, and for other workers.
    """

    cpu: float
    software: float
    submit: float
    poll: float


class EnginesReport(msgspec.Struct, frozen=True):
    """The engines of one kind of a device: how busy each was, shares of the run."""

    device: str
    # "compress" or "decompress".
    kind: str
    busy: tuple[float, ...]

    @property
    def mean(self) -> float:
        """How busy all of them were."""
        return sum(self.busy) / max(1, len(self.busy))


class WaitingReport(msgspec.Struct, frozen=True):
    """
    One work queue.

    Attributes:
        name: as accel-config has it.
        mean: descriptors that waited in it, over the run.
        utilisation: the same, a share of its size.
    """

    name: str
    mean: float
    utilisation: float


class LatenessReport(msgspec.Struct, frozen=True):
    """
    Whether the host was fast enough for the time scale; times are the profile's.

    Attributes:
        answers: completions that devices wrote.
        late: of these, written later than they should be by a twentieth of their
            descriptor's time in the device, or more.
        mean_ns: how late those were, in the mean.
        max_ns: ... and at most.
        steps: steps of workers whose time was kept.
        steps_late: of these, work of the host that took longer than the step.
        steps_mean_ns: by how much, in the mean.
    """

    answers: int = 0
    late: int = 0
    mean_ns: float = 0.0
    max_ns: int = 0
    steps: int = 0
    steps_late: int = 0
    steps_mean_ns: float = 0.0

    @property
    def share(self) -> float:
        """Of all answers, those that were late."""
        return self.late / max(1, self.answers)


class TimeReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where the time of a run went.

    Attributes:
        profile: the timing profile.
        time_scale: wall time of a model for its own; 0: no wall time passes.
        store, load: pages that were compressed, and decompressed.
        workers: what they did.
        engines: of each device, by kind.
        queues: of each device.
        bottleneck: "engine", "queue", "submit", "poll", "CPU", or "none" where nothing
            took any time.
        because: why, in words.
    """

    profile: str
    time_scale: float
    store: StagesReport
    load: StagesReport
    workers: SharesReport
    engines: tuple[EnginesReport, ...]
    queues: tuple[WaitingReport, ...]
    bottleneck: str
    because: str
    lateness: LatenessReport = LatenessReport()


STAGES = StagesReport.__struct_fields__[1:]


def parts(report: TimeReport) -> Iterator[RenderableType]:
    """Give it as text."""
    made = table("where time goes, us a page", *STAGES)
    for title, stages in (("store", report.store), ("load", report.load)):
        if stages.pages:
            took = (numbers.micros(getattr(stages, name)) for name in STAGES)
            made.add_row(title, *took)
    if made.row_count:
        yield made
        yield ""
    yield facts(_facts(report))


def _facts(report: TimeReport) -> Iterator[tuple[str, tuple[str, ...]]]:
    workers, percent = report.workers, numbers.percent
    names = SharesReport.__struct_fields__
    shares = tuple(f"{name} {percent(getattr(workers, name))}" for name in names)
    yield "workers", shares
    for kind in ("compress", "decompress"):
        busy = [
            f"{each.device} {percent(each.mean)}"
            for each in report.engines
            if each.kind == kind and each.mean > SHOWN_BUSY
        ]
        if busy:
            yield f"{kind} engines", tuple(busy)
    waiting = [
        f"{queue.name} {numbers.digits(queue.mean)} ({percent(queue.utilisation)})"
        for queue in report.queues
        if queue.utilisation > SHOWN_BUSY
    ]
    if waiting:
        yield "queued, mean", tuple(waiting)
    yield "bottleneck", (f"{report.bottleneck}: {report.because}",)
    yield from _lateness(report.lateness)


def _lateness(late: LatenessReport) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Say whether the host kept up."""
    if late.late:
        yield (
            "host too slow",
            (
                f"{numbers.percent(late.share)} of completions late",
                f"by {numbers.micros(late.mean_ns)} us in the mean",
                f"{numbers.micros(late.max_ns)} us at most",
            ),
        )
    if late.steps_late:
        yield (
            "workers late",
            (
                f"{numbers.percent(late.steps_late, late.steps)} of steps",
                f"by {numbers.micros(late.steps_mean_ns)} us in the mean",
            ),
        )
