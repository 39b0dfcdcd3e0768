"""Books that must balance, and processor time of devices, some of which have died."""

import os
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from mpzswap.driver.stats import DriverStats
from mpzswap.machine.board import DeviceState
from mpzswap.machine.core import Core
from mpzswap.machine.stats import Books
from mpzswap.report.records import (
    DeviceReport,
    FairnessReport,
    StressReport,
    WorkerReport,
)
from mpzswap.workload import summary
from mpzswap.workload.fairness import Window
from mpzswap.workload.gather import Gathered
from mpzswap.workload.plan import StressPlan
from mpzswap.workload.worker import WorkerResult
from mpzswap.zswap.stats import ZswapStats
from tests.tools.reports import device, stress_report

NOBODY = Gathered((), 1.0)
# More than any process may have, Linux, include/linux/threads.h.
NO_PID = 1 << 22


def core_of(*devices: tuple[int, DeviceState]) -> Core:
    """Give a core with devices of these pids and states."""
    processes = [
        SimpleNamespace(index=index, child=SimpleNamespace(pid=pid))
        for index, (pid, _) in enumerate(devices)
    ]
    made = SimpleNamespace(all=processes, state=lambda index: devices[index][1])
    return cast("Core", SimpleNamespace(devices=made))


def burn() -> None:
    """Use a few ticks of the processor."""
    while os.times().user + os.times().system < 0.05:
        pass


def test_living_devices_are_added_up() -> None:
    """One that is gone, though nobody has noted it, counts nothing."""
    burn()
    gone, alive = (NO_PID, DeviceState.READY), (os.getpid(), DeviceState.READY)

    assert summary.device_cpu_s(core_of(gone, alive)) >= 0.04


def test_dead_device_is_not_asked() -> None:
    """Its pid may be that of another process by now."""
    burn()

    assert summary.device_cpu_s(core_of((os.getpid(), DeviceState.DIED))) == 0


def answering(descriptors: int) -> DeviceReport:
    """Give a device with 100 calls of each kind that answered so many descriptors."""
    replace = msgspec.structs.replace
    wq = replace(device(0).wqs[0], comp_calls=100, decomp_calls=100, verify_calls=100)
    return replace(device(0), descriptors=descriptors, wqs=(wq,))


def test_verifications_are_descriptors_too() -> None:
    """A device answers them like any other."""
    assert not list(summary.find_problems(NOBODY, ZswapStats(), (answering(300),)))


def test_descriptors_without_an_answer_are_a_problem() -> None:
    """Both numbers are said."""
    problems = summary.find_problems(NOBODY, ZswapStats(), (answering(299),))

    assert list(problems) == ["books: 300 descriptors submitted, but 299 answered"]


@pytest.mark.parametrize(
    ("zswap", "worker", "problem"),
    [
        ({"pages_out": 5, "rejected_limit_pages": 3}, {"pages_out": 5}, "2 pages are"),
        ({"stored_pages": 1}, {"pages_swapped": 1}, "-1 pages are in no column"),
        (
            {"pages_out": 2, "rejected_limit_pages": 2},
            {"pages_out": 3},
            "3 pages out by workers, 2 by zswap",
        ),
        (
            {"pages_out": 2, "compressed_out": 2, "stored_pages": 1, "swap_pages": 1},
            {"pages_out": 2, "pages_swapped": 3},
            "3 pages swapped by workers, 2 by zswap",
        ),
        (
            {"pages_out": 1, "compressed_out": 1, "invalidated_pages": 1},
            {"pages_out": 1},
            "0 pages given up by workers, 1 by zswap",
        ),
    ],
)
def test_ledger_that_does_not_balance_is_a_problem(
    zswap: dict[str, int], worker: dict[str, int], problem: str
) -> None:
    """By itself, and beside what workers know of their pages."""
    problems = summary.find_problems(
        Gathered((worker_result(**worker),), 1.0), ZswapStats(**zswap), ()
    )

    assert any(line.startswith(f"ledger: {problem}") for line in problems)


def test_ledger_that_balances_is_none() -> None:
    """Else the test above would say nothing."""
    stats = ZswapStats(pages_out=2, compressed_out=2, stored_pages=1, zswpin=1)
    result = worker_result(pages_out=2, pages_swapped=1, pages_loaded=1)

    assert not list(summary.find_problems(Gathered((result,), 1.0), stats, ()))


def worker_result(**counted: int) -> WorkerResult:
    """Give what the judge looks at of a worker's result."""
    nothing = dict.fromkeys(
        (
            *("pages_out", "pages_swapped", "pages_dropped", "pages_loaded"),
            *("pages_checked", "pages_wrong", "pages_lost"),
        ),
        0,
    )
    made = SimpleNamespace(**(nothing | counted), problems=[])
    return cast("WorkerResult", made)


def test_worker_that_left_pages_unchecked_is_a_problem() -> None:
    """However right those are that it did check."""
    plan = cast("StressPlan", SimpleNamespace(memory_pages=50, verify=True))
    results = [SimpleNamespace(rounds=2, pages_checked=n) for n in (100, 99)]

    assert list(summary.find_unchecked(plan, cast("Any", tuple(results)))) == [
        "pages: 99 checked, must be 100 a worker"
    ]


def test_pages_that_were_not_to_be_checked_are_no_problem() -> None:
    """Without checks there are none; one that was made is a bug."""
    plan = cast("StressPlan", SimpleNamespace(memory_pages=50, verify=False))
    results = [SimpleNamespace(rounds=2, pages_checked=n) for n in (0, 1)]

    assert list(summary.find_unchecked(plan, cast("Any", tuple(results)))) == [
        "pages: 1 checked, must be 0 a worker"
    ]


def test_descriptors_of_the_dead_are_not_compared() -> None:
    """Nobody tells what a worker that died had submitted."""
    gathered = Gathered((), 1.0, ("worker 1: died",))

    assert not list(summary.find_problems(gathered, ZswapStats(), (answering(299),)))


def test_counters_of_a_silent_device_are_not_compared() -> None:
    """It is stopped: they are of some time before."""
    silent = msgspec.structs.replace(answering(299), is_silent=True)

    assert not list(summary.find_problems(NOBODY, ZswapStats(), (silent,)))


def test_worker_is_told_by_its_number_though_another_died() -> None:
    """And how evenly they wrote is of all of them."""
    worker = cast("WorkerResult", SimpleNamespace(pages_written=9, write_ns=7))
    window = Window([3, 1, 2], 0.5)
    gathered = Gathered((worker, worker), 1.0, columns=(0, 2), window=window)

    assert summary.each_worker_report(gathered) == (
        WorkerReport(0, 9, 7, 3),
        WorkerReport(2, 9, 7, 2),
    )
    assert summary.fairness_report(gathered) == FairnessReport(0.8571, 0.5)


def counted(**zswap: float) -> StressReport:
    """Give a run with other counters of zswap."""
    report = stress_report()
    return msgspec.structs.replace(
        report, zswap=msgspec.structs.replace(report.zswap, **zswap)
    )


def test_counters_that_differ_are_named() -> None:
    """In the order of the report; one run that is not like the first is enough."""
    runs = [
        stress_report("off"),
        stress_report("requests"),
        counted(zswpin=1, zswpout=2),
    ]

    assert summary.differing_counters(runs) == ("zswap.zswpout", "zswap.zswpin")


def test_runs_of_other_times_have_the_same_counters() -> None:
    """How fast a run was is what they are compared for; the pool's size goes by it."""
    slow = msgspec.structs.replace(
        counted(pool_total_size=1, compression_ratio=1.5), elapsed_s=99.0
    )

    assert not summary.differing_counters([stress_report(), slow])


def test_page_kept_raw_for_an_error_has_the_drivers_reason_alone() -> None:
    """It says nothing about the page's size."""
    zswap = ZswapStats(incompressible_out=5, incompressible_error_out=3)
    books = Books(DriverStats(reasons={"queue_full": 3, "comp_buf_overflow": 2}), [])

    assert summary.paths_report(zswap, books).reasons == {
        "incompressible": 2,
        "queue_full": 3,
    }
