"""Results of workers, whatever the numbers of their descriptors."""

import fcntl
import os
import resource
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest

from mpzswap.machine.core import Core, Worker
from mpzswap.machine.process import Starter
from mpzswap.topology.model import Topology
from mpzswap.workload.gather import Watch, gather
from mpzswap.workload.plan import StressPlan
from mpzswap.workload.worker import WorkerResult
from tests.tools.manual_clock import ManualClock

# The first that select(2) cannot take, FD_SETSIZE.
BEYOND_SELECT = 1024


@pytest.fixture
def high_fd() -> Iterator[int]:
    """Give a readable descriptor with a high number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard <= BEYOND_SELECT:
        pytest.skip(f"no more than {hard} descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * BEYOND_SELECT), hard))
    fds = list(os.pipe())
    os.write(fds[1], b"x")
    fds.append(fcntl.fcntl(fds[0], fcntl.F_DUPFD_CLOEXEC, BEYOND_SELECT))
    yield fds[-1]
    for fd in fds:
        os.close(fd)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_worker_with_a_high_descriptor_is_heard(
    high_fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of workers and devices have more than 1024 together."""
    result = cast("WorkerResult", object())
    monkeypatch.setattr(msgspec.json, "decode", lambda *_, **__: result)
    child = SimpleNamespace(
        name="worker 0",
        send=lambda _: None,
        fileno=lambda: high_fd,
        is_alive=lambda: True,
        receive_nowait=lambda: SimpleNamespace(body=b""),
    )
    core = SimpleNamespace(
        devices=SimpleNamespace(pidfds=[], watch=lambda: None),
        board=SimpleNamespace(cpu_row=lambda _: [0]),
        clock=ManualClock(),
        starter=SimpleNamespace(wait=Starter.wait),
    )
    plan = SimpleNamespace(
        workers=1,
        memory_pages=1,
        rounds=1,
        duration_s=0,
        verify=True,
        stall_timeout_s=30.0,
        clock="work",
        topology=Topology.for_host(),
    )

    gathered = gather(
        cast("StressPlan", plan),
        cast("Core", core),
        [
            cast(
                "Worker",
                SimpleNamespace(child=child, config=SimpleNamespace(column=0)),
            )
        ],
        lambda _: None,
    )

    assert gathered.results == (result,)
    assert gathered.columns == (0,)


def watch_of(
    words: list[int], limit_s: float, *, verify: bool = True, clock: str = "work"
) -> Watch:
    """Give a watch over a worker whose words are all *words*."""
    plan = SimpleNamespace(
        workers=1,
        memory_pages=9,
        rounds=1,
        duration_s=0,
        verify=verify,
        stall_timeout_s=limit_s,
        clock=clock,
    )
    core = SimpleNamespace(
        board=SimpleNamespace(cpu_row=lambda _: words), clock=ManualClock()
    )
    return Watch(cast("StressPlan", plan), cast("Core", core))


def test_run_in_virtual_time_may_take_a_host_as_long_as_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A slow host ends no worker that a fast one would not."""
    clock = ManualClock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.ns / 1e9)
    watch = watch_of([0], 1.0, clock="virtual")
    for _ in range(15):
        clock.ns += 400_000_000
        watch.look()

        assert watch.stall() == ""


def test_run_in_virtual_time_is_ended_by_its_own_limit() -> None:
    """Time passes there too where nobody gets further."""
    watch = watch_of([0], 1.0, clock="virtual")
    told = []
    for _ in range(4):
        cast("ManualClock", watch._clock).ns += 400_000_000
        watch.look()
        told.append(bool(watch.stall()))

    assert told == [False, False, True, False]


def test_run_that_stands_still_is_told_after_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And again after as long; a page that is written begins anew."""
    clock, words = ManualClock(), [0]
    monkeypatch.setattr(time, "monotonic", lambda: clock.ns / 1e9)
    watch = watch_of(words, 1.0)
    told = []
    for second_part in range(15):
        clock.ns += 400_000_000
        words[0] += second_part == 6
        watch.look()
        told.append(bool(watch.stall()))

    assert [at for at, is_told in enumerate(told) if is_told] == [2, 5, 9, 12]


def test_time_in_which_nobody_looked_is_not_standing_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After an hour of Ctrl-Z workers have all the time that there is."""
    clock = ManualClock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.ns / 1e9)
    watch = watch_of([0], 1.0)
    clock.ns += 3600 * 1_000_000_000
    watch.look()

    assert watch.stall() == ""


@pytest.mark.parametrize(
    ("verify", "phases", "total"),
    [(True, ["write", "check", "write"], 18), (False, ["write"] * 3, 9)],
)
def test_progress_is_of_what_is_to_be_done(
    *, verify: bool, phases: list[str], total: int
) -> None:
    """Without checks every stretch is one of writing, and there are half as many."""
    words = [0]
    watch = watch_of(words, 1.0, verify=verify)
    seen = []
    for stretch in range(3):
        words[0] = stretch
        seen.append(watch.look())

    assert [progress.phase for progress in seen] == phases
    assert {progress.pages_total for progress in seen} == {total}
