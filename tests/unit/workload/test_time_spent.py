"""Where the time of a run went: shares, means, and what would have to be faster."""

from types import SimpleNamespace
from typing import cast

import msgspec
import pytest

from mpzswap.acomp.stages import Stage, StageSums
from mpzswap.clock.steps import Books, Step
from mpzswap.device.counters import DeviceCounters
from mpzswap.device.timed import Unit
from mpzswap.machine.core import Core
from mpzswap.report.records import DeviceReport
from mpzswap.report.time_spent import EnginesReport, SharesReport, StagesReport
from mpzswap.workload.gather import Gathered
from mpzswap.workload.plan import StressPlan
from mpzswap.workload.time_spent import (
    SATURATED,
    PagesAt,
    engines_of,
    find_bottleneck,
    lateness_of,
    queues_of,
    shares_of,
    stages_report,
    time_report,
)
from mpzswap.workload.worker import WorkerResult
from tests.tools.reports import device

IDLE = (EnginesReport("iax0", "compress", (0.2, 0.4)),)


def worker(life_ns: int = 1000, late: int = 0, **spent: int) -> WorkerResult:
    """Give the result of a worker that has spent so much on each step."""
    books = Books.of_all_steps()
    for name, ns in spent.items():
        books.spent_ns[Step[name]] = ns
    books.steps, books.late, books.late_ns = 10, late, 100 * late
    made = SimpleNamespace(write_ns=life_ns // 2, check_ns=life_ns // 2, steps=books)
    return cast("WorkerResult", made)


def with_retries(retries: int, wait_ns: int = 0) -> DeviceReport:
    """Give a device with a queue that was full so often."""
    report = device(0)
    replace = msgspec.structs.replace
    wqs = tuple(replace(wq, retries=retries, wait_ns=wait_ns) for wq in report.wqs)
    return replace(report, wqs=wqs)


def core_of(*units: Unit, late: tuple[int, ...] = ()) -> Core:
    """Give a core with one device of these engines, or devices that were late."""
    counted = [
        DeviceCounters(descriptors=100, late=each, late_ns=50 * each, late_max_ns=each)
        for each in late
    ]
    processes = [
        SimpleNamespace(name=f"iax{index}", index=index)
        for index in range(max(1, len(late)))
    ]
    devices = SimpleNamespace(
        all=processes, engines=lambda _: list(units), counters=counted.__getitem__
    )
    return cast("Core", SimpleNamespace(devices=devices))


# Shares


def test_shares_of_a_worker_are_of_its_life() -> None:
    """What is not spent, it waits for."""
    shares = shares_of(
        [
            worker(
                *(1000, 0),
                SWAP_OUT_64K=100,
                STORE_CALL=50,
                SOFTWARE_COMPRESS=200,
                COMPRESS_CALL=30,
                DECOMPRESS_DESCRIPTOR=70,
            )
        ]
    )

    assert shares == SharesReport(cpu=0.15, software=0.2, submit=0.1, poll=0.55)


def test_shares_are_of_all_workers_together() -> None:
    """Whoever lived longer counts for more."""
    shares = shares_of([worker(3000, SOFTWARE_DECOMPRESS=3000), worker(1000)])

    assert shares == SharesReport(cpu=0, software=0.75, submit=0, poll=0.25)


def test_waiting_for_an_interrupt_is_waiting() -> None:
    """It does not make a run of slow devices one that is bound by CPUs."""
    shares = shares_of([worker(1000, SWAP_OUT_64K=100, INTERRUPT=600)])

    assert shares == SharesReport(cpu=0.1, software=0, submit=0, poll=0.9)


def test_worker_that_spent_more_than_its_life_waited_for_nothing() -> None:
    """By a host's clock, parts may be over the whole."""
    assert shares_of([worker(1000, LOAD_CALL=1100)]).poll == 0


# Stages


def test_stages_are_means_of_all_pages() -> None:
    """They add up to the total."""
    one, other = StageSums(), StageSums()
    one.add(1, [10] * len(Stage))
    other.add(3, [6] * len(Stage))
    report = stages_report(iter([one, other]))

    assert (report.pages, report.prepare, report.store) == (4, 4.0, 4.0)
    assert report.total == 4.0 * len(Stage)


def test_stages_of_no_pages_are_nothing() -> None:
    """As of a run that loads none."""
    report = stages_report(iter([StageSums()]))

    assert (report.pages, report.total) == (0, 0)


# Engines and queues


def test_engines_are_told_by_kind() -> None:
    """Whatever groups they are in."""
    units = (
        Unit(0, 0, compresses=True, busy_ns=500),
        Unit(1, 0, compresses=False, busy_ns=100),
        Unit(2, 1, compresses=True, busy_ns=250),
        Unit(3, 1, compresses=False),
    )
    compress, decompress = engines_of(core_of(*units), 1000)

    assert compress == EnginesReport("iax0", "compress", (0.5, 0.25))
    assert decompress == EnginesReport("iax0", "decompress", (0.1, 0.0))
    assert compress.mean == 0.375


def test_waiting_in_a_queue_is_time_over_time() -> None:
    """Little's law: its mean length, and that over its size."""
    (queue,) = queues_of([with_retries(0, wait_ns=64_000)], 1000)

    assert (queue.mean, queue.utilisation) == (64.0, 0.5)


# The bottleneck


@pytest.mark.parametrize(
    ("shares", "name"),
    [
        (SharesReport(0.5, 0.1, 0.2, 0.2), "CPU"),
        (SharesReport(0.1, 0.5, 0.2, 0.2), "CPU"),
        (SharesReport(0.25, 0.15, 0.25, 0.35), "CPU"),
        (SharesReport(0.1, 0.1, 0.5, 0.3), "submit"),
        (SharesReport(0.1, 0.1, 0.2, 0.6), "poll"),
    ],
)
def test_bottleneck_is_what_workers_do_most(shares: SharesReport, name: str) -> None:
    """What only a CPU does is one thing."""
    assert find_bottleneck(IDLE, shares, [with_retries(0)])[0] == name


def test_saturated_engines_are_the_bottleneck() -> None:
    """Whatever workers do meanwhile; the busiest are named."""
    busy = EnginesReport("iax3", "decompress", (SATURATED, SATURATED))
    found = find_bottleneck((*IDLE, busy), SharesReport(0.9, 0, 0, 0.1), [])

    assert found == (
        "engine",
        "the decompress engines of iax3 are busy for 85.0 % of the time",
    )


def test_one_busy_engine_of_several_is_no_bottleneck() -> None:
    """The others have more to give."""
    uneven = EnginesReport("iax0", "compress", (1.0, 0.5))

    assert find_bottleneck((uneven,), SharesReport(0, 0, 0, 1), [])[0] == "poll"


def test_full_queue_that_is_waited_for_is_the_bottleneck() -> None:
    """It is named."""
    found = find_bottleneck(IDLE, SharesReport(0.1, 0, 0.1, 0.8), [with_retries(3)])

    assert found == ("queue", "wq0.0 full, and workers wait for a place")


def test_full_queue_that_nobody_waits_for_is_none() -> None:
    """Workers have something else to do."""
    found = find_bottleneck(IDLE, SharesReport(0.8, 0, 0.1, 0.1), [with_retries(3)])

    assert found[0] == "CPU"


def test_engines_that_are_queued_for_are_the_bottleneck() -> None:
    """Also in a run whose beginning and end leave them idle."""
    busy = EnginesReport("iax0", "compress", (0.7, 0.7))
    waiting = SharesReport(0.3, 0, 0, 0.7)

    idle = EnginesReport("iax0", "compress", (0.4, 0.4))

    why = (
        "pages wait in queues for 60.0 % of their time, and the compress engines "
        "of iax0 are busy for 70.0 %"
    )

    for shares in (waiting, SharesReport(0.7, 0, 0, 0.3)):
        found = find_bottleneck((busy,), shares, [], PagesAt(queued=0.6))
        assert found == ("engine", why)
    found = find_bottleneck((idle,), SharesReport(0.7, 0, 0, 0.3), [], PagesAt(0.6))
    assert found[0] == "CPU"


@pytest.mark.parametrize(
    ("pages", "name"),
    [
        (PagesAt(0.0, 0.6), "engine"),
        (PagesAt(0.3, 0.3), "engine"),
        (PagesAt(0.2, 0.2), "poll"),
    ],
)
def test_engines_that_workers_wait_for_are_the_bottleneck(
    pages: PagesAt, name: str
) -> None:
    """Whoever has one page at a time under way keeps one engine of several busy."""
    half = EnginesReport("iax0", "compress", (0.45, 0.45))
    found = find_bottleneck((half,), SharesReport(0.3, 0, 0, 0.7), [], pages)

    assert found[0] == name
    assert ("pages are in engines" in found[1]) == (name == "engine")


def test_run_in_which_nothing_took_time_has_no_bottleneck() -> None:
    """Nor has anybody waited."""
    shares = shares_of([worker(0)])

    assert shares == SharesReport(0, 0, 0, 0)
    assert find_bottleneck(IDLE, shares, []) == (
        "none",
        "nothing was swapped out, or it took no time",
    )


def test_pages_are_where_their_stages_were() -> None:
    """Stores and loads together, each page for its time."""
    rest = {"prepare": 0.0, "submit": 0.0, "complete": 0.0, "seen": 0.0, "store": 0.0}
    store = StagesReport(pages=10, queue=60.0, execute=40.0, total=100.0, **rest)
    load = StagesReport(pages=30, queue=0.0, execute=20.0, total=100.0, **rest)

    assert PagesAt.of(store, load) == (0.15, 0.25)


def test_bottleneck_without_devices_is_the_cpu() -> None:
    """There are no engines to look at."""
    assert find_bottleneck((), SharesReport(0.1, 0.9, 0, 0), []) == (
        "CPU",
        "workers spend 100.0 % of their time on what only a CPU does",
    )


# Lateness


def test_lateness_is_of_all_devices_and_workers() -> None:
    """Means over those that were late; the most is the most of any."""
    found = lateness_of(core_of(late=(4, 0, 6)), [worker(late=1), worker(late=3)])

    assert (found.answers, found.late, found.share) == (300, 10, 10 / 300)
    assert (found.mean_ns, found.max_ns) == (50.0, 6)
    assert (found.steps, found.steps_late, found.steps_mean_ns) == (20, 4, 100.0)


def test_host_that_was_never_late_has_no_means() -> None:
    """Nothing is divided by."""
    found = lateness_of(core_of(late=(0,)), [])

    assert (found.late, found.mean_ns, found.steps_mean_ns) == (0, 0, 0)


def test_clock_of_work_has_no_such_report() -> None:
    """It would tell of the host's scheduler."""
    plan = cast(
        "StressPlan",
        SimpleNamespace(clock="work", topology=SimpleNamespace(timing=None)),
    )

    assert time_report(plan, core_of(), Gathered((), 1.0), []) is None
