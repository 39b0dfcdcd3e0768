"""Children that are no processes: they start, speak, die and end as processes do."""

import gc
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mpzswap.clock.config import ClockConfig
from mpzswap.clock.steps import Step
from mpzswap.errors import CompletionTimeoutError, DeviceDiedError, InputError
from mpzswap.machine.child import Child
from mpzswap.machine.control import RemoteTraceback
from mpzswap.machine.virtual import LOOK_INTERVAL_NS, VirtualStarter, check_files
from tests.tools import virtual_children
from tests.tools.eventfd import new_eventfd
from tests.tools.virtual_children import DELAY_NS

CLOCK = ClockConfig("virtual", (1.0,) * len(Step))
ENTRIES = virtual_children.__name__


def nr_descriptors() -> int:
    """Give how many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture(autouse=True)
def _none_left() -> Iterator[None]:
    """Whatever a test does, each descriptor is given back."""
    # What other tests left in cycles would go meanwhile.
    gc.collect()
    before = nr_descriptors()
    yield
    assert nr_descriptors() == before


@contextmanager
def starter() -> Iterator[VirtualStarter]:
    """Give one that ends with the block."""
    with VirtualStarter(CLOCK) as made:
        yield made


def start(made: VirtualStarter, name: str, config: bytes = b"", *fds: int) -> Child:
    """Start a child by the name of its function."""
    return made.start(f"{ENTRIES}:{name}", f"the {name}", config, fds)


def test_child_speaks_and_is_spoken_to() -> None:
    """As over the socket of a process; time passes meanwhile."""
    with starter() as made:
        child = start(made, "echo", b"hello")
        assert child.wait_ready() == b"hello"
        child.send(b"word")

        assert made.wait([child.fileno()], 1.0) == [child.fileno()]
        message = child.receive_nowait()
        assert message is not None
        assert message.body == b"word"
        assert made.clock.now_ns() == DELAY_NS


def test_parent_looks_again_after_a_while() -> None:
    """Of virtual time, though nobody has said anything."""
    with starter() as made:
        child = start(made, "echo")
        child.wait_ready()

        assert made.wait([child.fileno()], 1.0) == []
        assert made.clock.now_ns() == LOOK_INTERVAL_NS


def test_children_drain_at_the_end_of_the_block() -> None:
    """Each says that it has ended, with which code."""
    with starter() as made:
        children = [start(made, "echo") for _ in range(3)]
        for child in children:
            child.wait_ready()
        assert all(child.is_alive() for child in children)

    assert [child.exit_code for child in children] == [0, 0, 0]


def test_child_gets_copies_of_its_descriptors() -> None:
    """Ours stay open, its own are given back with it."""
    with new_eventfd() as fd, starter() as made:
        before = nr_descriptors()
        child = start(made, "write", (5).to_bytes(8, "little"), fd)
        assert nr_descriptors() == before + 4
        child.wait_ready()
        made.wait([child.process.pidfd], 1.0)

        assert os.eventfd_read(fd) == 5
        # The parent's end, and what stands for a pidfd.
        assert nr_descriptors() == before + 2
        assert not child.is_alive()


def test_bug_of_a_child_is_its_death() -> None:
    """With its traceback, as from another process."""
    with starter() as made:
        child = start(made, "fail", b"nothing there")
        child.wait_ready()
        with pytest.raises(DeviceDiedError, match="exit code 1: LookupError: nothing"):
            child.receive(1.0)
        cause = child.death().__cause__

        assert isinstance(cause, RemoteTraceback)
        assert "virtual_children.py" in str(cause)


def test_death_that_nobody_noticed_is_raised_at_the_end() -> None:
    """A bug in draining does not go by, and it says which."""
    told = r"the fail_at_the_end: .*LookupError: late"
    with pytest.raises(DeviceDiedError, match=told), starter() as made:
        start(made, "fail_at_the_end").wait_ready()


def test_death_that_was_told_is_not_raised_again() -> None:
    """Its owner went on without it."""
    with starter() as made:
        child = start(made, "fail", b"x")
        made.wait([child.process.pidfd], 1.0)
        child.death()


def test_limit_of_a_wait_is_exactly_so_long() -> None:
    """A host's own time is no part of it."""
    with starter() as made:
        child = start(made, "echo")
        child.wait_ready()
        before_ns = made.clock.now_ns()
        with pytest.raises(CompletionTimeoutError):
            child.receive(0.25)

        assert made.clock.now_ns() - before_ns == 250_000_000


def test_child_that_is_never_ready_is_not_waited_for_for_ever() -> None:
    """The limit is as long as that of a process, in virtual time."""
    made = VirtualStarter(CLOCK)
    told = "ready did not come within 10.0 s"
    with pytest.raises(CompletionTimeoutError, match=told), made:
        start(made, "never_ready").wait_ready()

    assert made.clock.now_ns() == pytest.approx(10e9, rel=0.01)


def test_child_that_does_not_drain_is_ended() -> None:
    """In time, and its owner is told."""
    told = "the never_done: ended with exit code 1 after it was asked to drain"
    with pytest.raises(DeviceDiedError, match=told), starter() as made:
        start(made, "never_done").wait_ready()


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("name", ["echo", "wait_for_ever", "never_done"])
def test_child_can_be_killed(name: str, *, begun: bool) -> None:
    """Once or twice, whatever it waits for, whether it has begun or not."""
    with new_eventfd() as fd, starter() as made:
        other, child = start(made, "echo"), start(made, name, b"", fd)
        if begun:
            child.wait_ready()
        child.process.kill()
        child.process.kill()

        told = f"the {name}: died with SIGKILL"
        with pytest.raises(DeviceDiedError, match=told):
            child.check_alive()
        assert other.wait_ready() == b""


def stop(child: Child) -> None:
    """Let the block end as by Ctrl-C, after a child has begun."""
    child.wait_ready()
    raise KeyboardInterrupt


def stop_at_once(child: Child) -> None:
    """... or before."""
    del child
    raise KeyboardInterrupt


@pytest.mark.parametrize("end", [stop, stop_at_once])
@pytest.mark.parametrize("name", ["echo", "wait_for_ever"])
def test_children_are_ended_where_they_stand(
    name: str, end: Callable[[Child], None]
) -> None:
    """Whatever they wait for, whether they have begun or not; nobody drains."""
    with new_eventfd() as fd:
        with pytest.raises(KeyboardInterrupt), starter() as made:
            end(start(made, name, b"", fd))

        assert made.clock.now_ns() == 0


def test_ctrl_c_in_draining_ends_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user does not wait to the end."""

    def interrupted(_: VirtualStarter) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(VirtualStarter, "_drain", interrupted)
    made = VirtualStarter(CLOCK)
    with pytest.raises(KeyboardInterrupt), made:
        start(made, "echo").wait_ready()

    assert [actor.greenlet.dead for actor in made._scheduler._actors] == [True]


def test_children_have_as_many_files_as_the_host_allows() -> None:
    """They have one process's limit together."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with starter():
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


def test_more_files_than_the_host_allows_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In words, before anything is started."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))

    check_files(workers=8, devices=8)
    with pytest.raises(
        InputError, match=r"^workers: 72: .* must be at most 1024, what"
    ):
        check_files(workers=72, devices=8)
