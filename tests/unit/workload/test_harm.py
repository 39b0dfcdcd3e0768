"""Blows fall when a run is so far, on whoever is alive."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest

from mpzswap.machine.board import DeviceState
from mpzswap.machine.core import Core
from mpzswap.workload.harm import Blow, Harm
from mpzswap.workload.plan import Progress

LIMIT_S = 10


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[str]]:
    """Give a process that waits to be hit."""
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def core_of(pidfd: int, *, alive: bool = True) -> Core:
    """Give a core with one worker and one device, which are the same process."""
    child = SimpleNamespace(
        is_alive=lambda: alive, process=SimpleNamespace(pidfd=pidfd)
    )
    state = DeviceState.READY if alive else DeviceState.DIED
    core = SimpleNamespace(
        workers=[SimpleNamespace(child=child)],
        devices=SimpleNamespace(
            all=[SimpleNamespace(child=child)], state=lambda _: state
        ),
    )
    return cast("Core", core)


def progress(done: int) -> Progress:
    """Give how far a run of 100 pages is."""
    return Progress(
        phase="write",
        pages_written=done,
        pages_checked=0,
        pages_total=100,
        elapsed_s=1.0,
    )


@pytest.mark.parametrize("target", ["device", "worker"])
def test_blow_falls_when_the_run_is_so_far(
    target: str, victim: subprocess.Popen[str]
) -> None:
    """Not before, and once."""
    blow = Blow(0.5, target, 0, "SIGKILL")  # type: ignore[arg-type] # one of the two
    harm = Harm((blow,))
    core = core_of(os.pidfd_open(victim.pid))
    harm(core, progress(49))
    assert harm.dealt == []
    harm(core, progress(50))
    harm(core, progress(100))

    assert harm.dealt == [blow]
    assert victim.wait(LIMIT_S) == -signal.SIGKILL
    assert harm.hit(target, 0)
    assert not harm.hit(target, 1)


@pytest.mark.parametrize("target", ["device", "worker"])
def test_dead_are_not_hit(target: str) -> None:
    """And it does not count."""
    harm = Harm((Blow(0.5, target, 0, "SIGKILL"),))  # type: ignore[arg-type] # one of the two
    harm(core_of(-1, alive=False), progress(60))

    assert harm.dealt == []


def test_blows_fall_in_the_order_of_their_shares(
    victim: subprocess.Popen[str],
) -> None:
    """However they were drawn; those that are due fall together."""
    first, last = (Blow(share, "worker", 0, "SIGSTOP") for share in (0.2, 0.8))
    harm = Harm((last, first))
    core = core_of(os.pidfd_open(victim.pid))
    harm(core, progress(30))
    assert harm.dealt == [first]
    harm(core, progress(90))

    assert harm.dealt == [first, last]


def test_longest_wait_is_that_without_a_page() -> None:
    """From the beginning on; a page ends it."""
    harm = Harm(())
    core = core_of(-1)
    for done, elapsed_s in ((0, 1.0), (1, 2.5), (2, 3.0), (2, 4.0), (3, 4.5)):
        harm(core, msgspec.structs.replace(progress(done), elapsed_s=elapsed_s))

    assert harm.longest_wait_s == 2.5
