"""Children of the starter come, go and die well, whatever the parent does."""

import os
import select
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from mpzswap.errors import (
    ClosedError,
    CompletionTimeoutError,
    DeviceDiedError,
    InputError,
    MpzswapError,
)
from mpzswap.machine import control, ending
from mpzswap.machine.child import Child
from mpzswap.machine.control import MESSAGE_LIMIT_BYTES, RemoteTraceback
from mpzswap.machine.process import Starter

HERE = Path(__file__).parent
CHILDREN = "life_cycle_children"
# For what should happen at once; a loaded machine may take its time.
LIMIT_S = 10.0
# After any end nothing is left for longer; the promise of the design.
LEFT_LIMIT_S = 2.0

pytestmark = pytest.mark.usefixtures("nobody_left")


@pytest.fixture(autouse=True)
def children_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The starter gets our path, so that children are found by name."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(HERE)])


def is_there(pid: int) -> bool:
    """Tell whether a process has this pid, be it a zombie."""
    return Path(f"/proc/{pid}").exists()


def new_starter() -> Starter:
    """Give a starter that may start what is in the children's module."""
    return Starter(allowed=[CHILDREN])


def start(starter: Starter, function: str, name: str = "device iax1") -> Child:
    """Start a child of this file's helper module."""
    return starter.start(f"{CHILDREN}:{function}", name, b"some config")


def start_ready(starter: Starter, function: str, name: str = "device iax1") -> Child:
    """Start a child and wait until it is ready."""
    child = start(starter, function, name)
    child.wait_ready(LIMIT_S)
    return child


def wait_dead(child: Child) -> None:
    """Wait for a death that was caused."""
    assert not ending.wait_gone([child.process.pidfd], LIMIT_S, {})


def kill(child: Child) -> None:
    """Kill *child* behind its parent's back."""
    ending.send_signal(child.process.pidfd, signal.SIGKILL)
    wait_dead(child)


# The end of the block


def test_children_leave_at_the_end_of_the_block() -> None:
    """After the block neither children nor the starter are there, nor zombies."""
    with new_starter() as starter:
        children = [start_ready(starter, "echo", f"cpu {n}") for n in range(3)]
        pids = [starter.pid, *(child.pid for child in children)]
        assert all(is_there(pid) for pid in pids)

    assert not any(is_there(pid) for pid in pids)
    assert [child.exit_code for child in children] == [0, 0, 0]


def test_children_leave_when_the_block_raises() -> None:
    """The block's own error comes out, though a child failed as well."""
    with pytest.raises(KeyError, match="ours"), new_starter() as starter:  # noqa: PT012 - the block is the test
        pids = [start_ready(starter, "fail_late").pid, starter.pid]
        raise KeyError("ours")

    assert not any(is_there(pid) for pid in pids)


def test_twenty_children_start_and_stop() -> None:
    """A machine of many devices and workers is no special case."""
    with new_starter() as starter:
        children = [start(starter, "echo", f"cpu {n}") for n in range(20)]
        infos = [child.wait_ready(LIMIT_S) for child in children]

    assert infos == [b"some config"] * 20
    assert {child.exit_code for child in children} == {0}


def test_many_starters_leave_no_descriptor_open() -> None:
    """Who opens and closes machines all day does not run out of descriptors."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with new_starter() as starter:
            start_ready(starter, "echo")

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_last_words_do_not_hinder_the_end() -> None:
    """A draining child may say more than a socket holds; the parent listens."""
    with new_starter() as starter:
        child = start_ready(starter, "say_much")

        assert child.stop(LIMIT_S) == 0


def test_stop_may_be_repeated() -> None:
    """The second stop finds nothing to do and gives the same exit code."""
    with new_starter() as starter:
        child = start_ready(starter, "echo")

        assert (child.stop(), child.stop()) == (0, 0)
        assert not child.is_alive()
        with pytest.raises(ClosedError, match="device iax1"):
            child.send(b"too late")


# Deaths


def test_frozen_child_is_killed() -> None:
    """A child that cannot answer is ended by SIGKILL within the limits."""
    with new_starter() as starter:
        child = start_ready(starter, "echo")
        ending.send_signal(child.process.pidfd, signal.SIGSTOP)
        began = time.monotonic()
        code = child.stop(drain_s=0.05)

    assert code == -signal.SIGKILL
    assert time.monotonic() - began < 0.05 + ending.TERM_TIMEOUT_S + LEFT_LIMIT_S


@pytest.mark.slow
def test_block_with_deaf_children_ends_within_the_limits() -> None:
    """Limits are for all together; the child that was killed is named."""
    starter = new_starter()
    for n in range(3):
        start_ready(starter, "be_deaf", f"device iax{n}")
    began = time.monotonic()

    with pytest.raises(DeviceDiedError, match=r"iax0: died with SIGKILL .* asked"):
        starter.close()
    assert time.monotonic() - began < LEFT_LIMIT_S


def test_killed_child_is_noticed_by_name() -> None:
    """Who was killed, and by which signal, is in the message."""
    with new_starter() as starter:
        child = start_ready(starter, "echo")
        other = start_ready(starter, "echo", "device iax2")
        kill(child)

        with pytest.raises(
            DeviceDiedError, match=r"device iax1: died with SIGKILL \(exit code -9\)"
        ):
            child.check_alive()
        other.check_alive()
        assert not child.is_alive()


@pytest.mark.parametrize("act", ["receive", "send"])
def test_killed_child_is_noticed_by_who_talks_to_it(act: str) -> None:
    """Neither waiting for a dead child nor sending to it hangs."""
    with new_starter() as starter:
        child = start_ready(starter, "echo")
        kill(child)

        with pytest.raises(DeviceDiedError, match="device iax1: died with SIGKILL"):
            child.receive(LIMIT_S) if act == "receive" else child.send(b"hello")


def test_failure_of_a_child_is_the_cause() -> None:
    """The child's traceback travels; it is the cause of the parent's error."""
    with new_starter() as starter:
        child = start(starter, "fail")

        with pytest.raises(DeviceDiedError) as caught:
            child.wait_ready(LIMIT_S)
    assert str(caught.value) == (
        "device iax1: ended with exit code 1: ValueError: some config"
    )
    assert isinstance(caught.value.__cause__, RemoteTraceback)
    assert "life_cycle_children.py" in str(caught.value.__cause__)


def test_failure_is_heard_though_words_of_ours_were_not() -> None:
    """A reset connection still gives what the child said before."""
    with new_starter() as starter:
        child = start_ready(starter, "fail_unread")
        child.send(b"nobody reads it")

        with pytest.raises(DeviceDiedError, match="ValueError: did not listen"):
            child.receive(LIMIT_S)


def test_last_word_is_heard_though_words_of_ours_were_not() -> None:
    """A result that came before a reset connection is not lost."""
    with new_starter() as starter:
        child = start_ready(starter, "speak_unread")
        child.send(b"nobody reads it")
        wait_dead(child)

        assert child.receive(LIMIT_S).body == b"last word"
        with pytest.raises(DeviceDiedError, match="ended with exit code 0"):
            child.receive(LIMIT_S)


def test_dead_child_that_is_sent_to_tells_its_failure() -> None:
    """A broken connection is not the news; why it broke is."""
    with new_starter() as starter:
        child = start(starter, "fail")
        wait_dead(child)

        with pytest.raises(DeviceDiedError, match="ValueError: some config"):
            child.send(b"nobody reads it")


def test_unknown_entry_is_a_failure_of_the_child() -> None:
    """A wrong function name comes back as the child's AttributeError."""
    with new_starter() as starter:
        child = start(starter, "no_such_function")

        with pytest.raises(DeviceDiedError, match="AttributeError"):
            child.wait_ready(LIMIT_S)


def test_failure_that_nobody_asked_for_is_raised_at_the_end() -> None:
    """No failure is lost: a child that fails while it drains is told of."""
    starter = new_starter()
    start_ready(starter, "fail_late")

    with pytest.raises(DeviceDiedError, match=r"device iax1: .*too late"):
        starter.close()


def test_failure_that_was_told_is_not_raised_again() -> None:
    """A machine that goes on without a dead device closes without an error."""
    with new_starter() as starter:
        child = start_ready(starter, "echo")
        kill(child)
        with pytest.raises(DeviceDiedError):
            child.check_alive()


def test_second_child_starts_when_the_first_is_dead() -> None:
    """A death does not hurt the starter: a device can be replaced."""
    with new_starter() as starter:
        first = start_ready(starter, "echo")
        kill(first)
        assert first.stop() == -signal.SIGKILL
        second = start_ready(starter, "echo")
        second.send(b"hello")

        assert second.receive(LIMIT_S).body == b"hello"


def test_silent_child_is_waited_for_within_the_limit() -> None:
    """The message has the child, what was awaited and the limit."""
    with new_starter() as starter:
        child = start(starter, "be_silent")

        with pytest.raises(
            CompletionTimeoutError, match=r"iax1: ready did not come within 0.05 s"
        ):
            child.wait_ready(0.05)


# The starter


def test_start_without_starter_is_a_clear_error() -> None:
    """A killed starter is named; children that live go on and are stopped."""
    with new_starter() as starter:
        child = start_ready(starter, "echo")
        os.kill(starter.pid, signal.SIGKILL)

        with pytest.raises(
            DeviceDiedError, match=r"starter: died with SIGKILL .*; no further child"
        ):
            start(starter, "echo")
        child.send(b"still there")
        assert child.receive(LIMIT_S).body == b"still there"
        assert child.stop() is None


def test_death_is_seen_without_starter() -> None:
    """Its pidfd tells of a child's death, though nobody knows the exit code."""
    with new_starter() as starter:
        child = start_ready(starter, "echo")
        os.kill(starter.pid, signal.SIGKILL)
        kill(child)

        with pytest.raises(DeviceDiedError, match=r"iax1: .*unknown exit code"):
            child.check_alive()


def test_module_that_cannot_be_imported_is_named() -> None:
    """The starter's failed import reaches whoever starts the first child."""
    with (
        Starter(modules=["no_such_module"], allowed=[CHILDREN]) as starter,
        pytest.raises(DeviceDiedError, match=r"starter: .*no_such_module") as caught,
    ):
        start(starter, "echo")
    assert isinstance(caught.value.__cause__, RemoteTraceback)


def test_entry_outside_of_the_package_is_refused() -> None:
    """The starter calls nothing but what its owner allowed."""
    with new_starter() as starter, pytest.raises(InputError, match="os:system"):
        starter.start("os:system", "device iax1")


def test_starter_has_one_thread() -> None:
    """Forking it is safe, since numpy's libraries start no threads in it."""
    with new_starter() as starter:
        start_ready(starter, "echo")
        threads = list(Path(f"/proc/{starter.pid}/task").iterdir())

        assert len(threads) == 1


def test_starter_and_children_work_from_a_thread() -> None:
    """Neither signals nor locks tie them to the main thread."""
    codes: list[int | None] = []

    def run() -> None:
        with new_starter() as starter:
            codes.append(start_ready(starter, "echo").stop())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(LIMIT_S)

    assert codes == [0]


def test_ctrl_c_in_the_first_moments_leaves_nobody() -> None:
    """The starter survives it before its first line; the parent decides."""
    starter = new_starter()
    os.kill(starter.pid, signal.SIGINT)
    child = start_ready(starter, "echo")
    starter.close()

    assert child.exit_code == 0


def test_dropped_starter_leaves_at_once() -> None:
    """In a notebook, a machine that nobody holds any more is stopped."""
    starter = new_starter()
    pids = [start_ready(starter, "echo").pid, starter.pid]
    del starter

    assert not any(is_there(pid) for pid in pids)


def test_modules_of_this_room_are_not_at_top_level() -> None:
    """That boot.py is run by path does not make its neighbours importable."""
    with new_starter() as starter:
        path = start(starter, "tell_path").wait_ready(LIMIT_S).decode().split("\n")

        assert str(Path(control.__file__).parent) not in path


@pytest.mark.slow
def test_frozen_starter_does_not_hold_the_end() -> None:
    """Its children leave by themselves, and it is killed within the limits."""
    starter = new_starter()
    child = start_ready(starter, "echo")
    os.kill(starter.pid, signal.SIGSTOP)
    began = time.monotonic()
    starter.close()

    assert time.monotonic() - began < LEFT_LIMIT_S
    assert child.exit_code is None
    assert not is_there(starter.pid)


# What children hold


def test_child_holds_its_own_descriptors_only() -> None:
    """With others alive, it has the standard three, its control, and no more."""
    with new_starter() as starter:
        start_ready(starter, "echo", "device iax0")
        child = start(starter, "list_descriptors", "device iax1")
        names = child.wait_ready(LIMIT_S).decode().split("\n")
        sockets = [name for name in names if name.startswith("socket:")]
        pidfds = [name for name in names if "pidfd" in name]

        assert (len(sockets), pidfds) == (1, [])
        assert child.receive(LIMIT_S).body == b"device iax1"


def test_child_leaves_while_a_younger_one_lives() -> None:
    """The younger holds no copy of its control, so the end of file comes."""
    with new_starter() as starter:
        older = start_ready(starter, "echo", "device iax1")
        younger = start_ready(starter, "echo", "device iax2")

        assert older.stop(LIMIT_S) == 0
        assert younger.is_alive()


def test_child_ignores_ctrl_c() -> None:
    """SIGINT goes to the whole group; the parent alone acts on it."""
    with new_starter() as starter:
        child = start_ready(starter, "echo")
        ending.send_signal(child.process.pidfd, signal.SIGINT)
        child.send(b"hello")

        assert child.receive(LIMIT_S).body == b"hello"


# What is said


def test_descriptors_travel_both_ways() -> None:
    """The child writes into a file of ours, and we read one of the child's."""
    ours = os.memfd_create("ours")
    with new_starter() as starter:
        child = starter.start(f"{CHILDREN}:write_into", "cpu 0", b"config", [ours])
        assert child.wait_ready(LIMIT_S) == b"1"
        (theirs,) = child.receive(LIMIT_S).fds

        assert os.pread(ours, 100, 0) == b"config"
        assert os.pread(theirs, 100, 0) == b"from the child"
        assert not os.get_inheritable(theirs)
    os.close(ours)
    os.close(theirs)


def test_more_descriptors_than_a_packet_holds_travel() -> None:
    """The kernel's limit of 253 a packet is not a limit of a machine's size."""
    ours = os.memfd_create("ours")
    with new_starter() as starter:
        child = starter.start(f"{CHILDREN}:write_into", "cpu 0", b"x", [ours] * 600)

        assert child.wait_ready(LIMIT_S) == b"600"
    os.close(ours)


@pytest.mark.parametrize("size", [0, 1, 32766, 32767, 1 << 20])
def test_message_of_any_size_travels(size: int) -> None:
    """A message may be empty, fill a packet, or exceed the socket's buffer."""
    body = os.urandom(size)
    with new_starter() as starter:
        child = start_ready(starter, "echo")
        child.send(body)

        assert child.receive(LIMIT_S).body == body


def test_message_over_the_limit_is_refused() -> None:
    """The message names both sizes; nothing was sent and the child goes on."""
    with new_starter() as starter:
        child = start_ready(starter, "echo")
        with pytest.raises(MpzswapError, match=str(MESSAGE_LIMIT_BYTES)):
            child.send(bytes(MESSAGE_LIMIT_BYTES + 1))
        child.send(b"hello")

        assert child.receive(LIMIT_S).body == b"hello"


def test_control_can_be_polled() -> None:
    """A parent with many children waits for all of them in one poll."""
    with new_starter() as starter:
        child = start_ready(starter, "echo")
        assert child.receive_nowait() is None
        child.send(b"hello")
        poller = select.poll()
        poller.register(child, select.POLLIN)

        assert poller.poll(1000 * LIMIT_S)
        message = child.receive_nowait()
        assert message is not None
        assert message.body == b"hello"
