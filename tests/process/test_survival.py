"""What may happen to a machine in use, and leaves it right: found by breaking it."""

import gc
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mpzswap
from mpzswap.machine import core, devices
from mpzswap.machine.machine import MAX_SUBMITTERS
from mpzswap.page.mix import generate
from mpzswap.report.records import DeviceReport
from mpzswap.topology.model import Topology

PAGES = generate("text", 512, seed=9)
# For what takes milliseconds, or the limit below; a loaded machine takes its time.
LIMIT_S = 30.0
# How long a device may be silent here: short for a test, and long for what it does,
# also where it has no core for some hundred ms.
COMPLETION_TIMEOUT_MS = 1000

pytestmark = pytest.mark.usefixtures("nobody_left")


class Interrupted(BaseException):
    """What a signal's handler raises."""


@pytest.fixture
def limit_ms() -> int:
    """Give how long a device may be silent."""
    return COMPLETION_TIMEOUT_MS


@pytest.fixture
def machine(limit_ms: int) -> Iterator[mpzswap.Machine]:
    """Give a machine of two devices that are soon late."""
    document = {
        "memory": "1G",
        "sockets": [{"cores": 2}],
        "devices": [{"name": "iax0"}, {"name": "iax1"}],
        "driver": {"completion_timeout_ms": limit_ms},
    }
    topology = Topology.from_document(document)
    with mpzswap.Machine(topology, compressor="lz4") as made:
        yield made


def freeze(machine: mpzswap.Machine, *numbers: int) -> None:
    """Stop devices; they are not dead, and could go on."""
    for number in numbers:
        os.kill(machine.core.devices.all[number].child.pid, signal.SIGSTOP)


def nr_descriptors() -> int:
    """Give how many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def devices_of(machine: mpzswap.Machine) -> tuple[DeviceReport, ...]:
    """Give the report of each device."""
    return machine.stats().devices


def assert_right(machine: mpzswap.Machine) -> None:
    """All pages go in and come out."""
    assert np.array_equal(machine.decompress(machine.compress(PAGES)), PAGES)


def test_frozen_device_is_ended_and_its_work_done(machine: mpzswap.Machine) -> None:
    """Within its limit; the other device and software are left, and all is right."""
    assert_right(machine)
    freeze(machine, 0)
    packed = machine.compress(PAGES)

    assert np.array_equal(machine.decompress(packed), PAGES)
    assert {int(path) for path in packed.path} == {
        mpzswap.Path.DEVICE,
        mpzswap.Path.SOFTWARE,
    }
    assert [device.state for device in devices_of(machine)] == ["died", "ready"]
    assert machine.stats().driver.total_completion_timeout_errors > 0
    assert_right(machine)


def test_late_device_is_ended_though_a_thread_talks_to_it(
    machine: mpzswap.Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for its answer to an order looks for late devices meanwhile."""
    monkeypatch.setattr(devices, "ANSWER_TIMEOUT_S", LIMIT_S)
    assert_right(machine)
    freeze(machine, 0, 1)
    until = time.monotonic() + LIMIT_S
    telling = threading.Thread(target=machine.allocate_pages, args=(1,))
    telling.start()
    while not machine.core.devices._lock.locked():
        assert telling.is_alive()
    assert_right(machine)
    telling.join()

    assert time.monotonic() < until
    assert [device.state for device in devices_of(machine)] == ["died"] * 2


def test_page_of_a_frozen_device_is_loaded(machine: mpzswap.Machine) -> None:
    """The compressed bytes are at hand: software reads them."""
    zswap = machine.zswap()
    zswap.store(0, PAGES[:16])
    freeze(machine, 0, 1)

    assert [zswap.load(i) for i in range(16)] == [p.tobytes() for p in PAGES[:16]]
    assert zswap.store(100, PAGES[16:32])


def test_late_device_does_not_write_into_a_page_in_use(
    machine: mpzswap.Machine,
) -> None:
    """It is dead before its page is used for anything else: waking it is no use."""
    zswap = machine.zswap()
    zswap.store(0, PAGES[:1])
    zswap.store(1, generate("random", 1, seed=1))
    freeze(machine, 0)
    zswap.load(0)

    first = devices_of(machine)[0]
    assert "SIGKILL" in first.death
    assert zswap.load(1) == generate("random", 1, seed=1).tobytes()


def test_batch_that_nobody_polls_does_not_hold_a_queue(
    machine: mpzswap.Machine,
) -> None:
    """Entries are free when the device takes them."""
    unpolled = machine.cpu(0).submit(PAGES[:256])

    packed = machine.compress(PAGES)

    assert set(packed.path.tolist()) == {mpzswap.Path.DEVICE}
    assert len(unpolled) == 256


def test_poll_of_one_batch_does_not_wait_for_another(machine: mpzswap.Machine) -> None:
    """A thread that waits holds nobody up."""
    cpu = machine.cpu(0)
    freeze(machine, 0, 1)
    first, second = cpu.submit(PAGES[:8]), cpu.submit(PAGES[8:16])
    begun = threading.Event()

    def wait() -> None:
        begun.set()
        first.wait()

    thread = threading.Thread(target=wait)
    thread.start()
    assert begun.wait(LIMIT_S)
    polls = [second.poll() for _ in range(100)]
    thread.join(LIMIT_S)

    assert polls[0] is False
    assert not thread.is_alive()


def test_statistics_of_many_threads_kill_no_device(machine: mpzswap.Machine) -> None:
    """They share the control sockets, one at a time."""

    def ask() -> None:
        for _ in range(20):
            machine.stats()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)

    assert not any(thread.is_alive() for thread in threads)
    assert [device.state for device in devices_of(machine)] == ["ready"] * 2


def test_fork_of_the_user_finds_everything_closed(machine: mpzswap.Machine) -> None:
    """Lanes and records are the parent's; its devices go on."""
    cpu, zswap = machine.cpu(0), machine.zswap()
    pid = os.fork()
    if pid == 0:
        refused = 0
        for use in (
            lambda: machine.compress(PAGES),
            lambda: cpu.submit(PAGES[:1]),
            lambda: zswap.store(0, PAGES[:1]),
        ):
            try:
                use()
            except mpzswap.ClosedError:
                refused += 1
        machine.close()
        os._exit(refused)
    status = os.waitpid(pid, 0)[1]

    assert os.waitstatus_to_exitcode(status) == 3
    assert_right(machine)
    assert [device.state for device in devices_of(machine)] == ["ready"] * 2


def test_fork_does_not_wait_for_a_thread_that_it_does_not_have(
    machine: mpzswap.Machine,
) -> None:
    """Another thread may be in a call when the process is forked; that one goes on."""
    cpu, zswap = machine.cpu(0), machine.zswap()
    batch = cpu.submit(PAGES[:1])
    with cpu._submitter.lock, zswap._submitter.lock:
        pid = os.fork()
        if pid == 0:
            signal.alarm(int(LIMIT_S))
            refused = 0
            for use in (
                lambda: cpu.submit(PAGES[:1]),
                batch.poll,
                lambda: zswap.load(0),
                zswap.stats,
            ):
                try:
                    use()
                except mpzswap.ClosedError:
                    refused += 1
            for closing in (cpu, zswap, machine):
                closing.close()
            os._exit(refused)
    status = os.waitpid(pid, 0)[1]

    assert os.waitstatus_to_exitcode(status) == 4
    assert len(cpu.submit(PAGES[:1]).wait()) == 1
    assert_right(machine)


def test_close_waits_for_the_call_of_another_thread(machine: mpzswap.Machine) -> None:
    """That one ends well, or says that the machine is closed."""
    ends: list[str] = []
    begun = threading.Event()

    def work() -> None:
        try:
            while True:
                machine.compress(PAGES)
                begun.set()
        except mpzswap.ClosedError:
            ends.append("closed")

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(LIMIT_S)
    machine.close()
    thread.join(LIMIT_S)

    assert ends == ["closed"]


# No device is to be ended here at all.
@pytest.mark.parametrize("limit_ms", [30_000])
def test_interrupted_calls_leave_a_machine_that_works(
    machine: mpzswap.Machine,
) -> None:
    """An exception of a signal's handler may come between any two lines."""

    def interrupt(*_: object) -> None:
        raise Interrupted

    assert_right(machine)
    before = signal.signal(signal.SIGALRM, interrupt)
    interrupts = 0
    try:
        # A fast machine ends some of these calls before.
        for delay_us in 3 * [*range(100, 2100, 20)]:
            try:
                signal.setitimer(signal.ITIMER_REAL, delay_us / 1e6)
                machine.compress(PAGES)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Interrupted:
                interrupts += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert interrupts >= 100
    assert_right(machine)
    packed = machine.compress(PAGES)
    assert set(packed.path.tolist()) == {mpzswap.Path.DEVICE}


def test_device_forgets_a_cpu_whose_making_was_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next one has its column, and with it its interrupt."""
    driver = {"sync_mode": "async_irq", "completion_timeout_ms": COMPLETION_TIMEOUT_MS}
    topology = Topology.from_document(
        {"memory": "1G", "sockets": [{"cores": 2}], "driver": driver}
        | {"devices": [{"name": "iax0"}, {"name": "iax1"}]}
    )
    with mpzswap.Machine(topology, compressor="lz4") as machine:

        def interrupted(*_: object) -> None:
            raise Interrupted

        with monkeypatch.context() as patched:
            patched.setattr(machine.core.devices, "_hear", interrupted)
            with pytest.raises(Interrupted):
                machine.cpu()
        packed = machine.cpu().submit(PAGES[:8]).wait()

        assert set(packed.path.tolist()) == {mpzswap.Path.DEVICE}
        assert [device.state for device in devices_of(machine)] == ["ready"] * 2


def test_cpu_whose_making_was_interrupted_is_given_back(
    machine: mpzswap.Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its memory and its column: as often as there are columns, and once more."""

    def interrupted(*_: object) -> None:
        raise Interrupted

    machine.cpu().close()
    before = nr_descriptors()
    with monkeypatch.context() as patched:
        patched.setattr(core, "open_submitter", interrupted)
        for _ in range(MAX_SUBMITTERS):
            with pytest.raises(Interrupted):
                machine.cpu()
    gc.collect()

    assert nr_descriptors() <= before
    machine.cpu().close()


def test_what_is_closed_is_given_back(machine: mpzswap.Machine) -> None:
    """CPUs, stores and pages may come and go for ever."""

    def come_and_go() -> None:
        machine.free_pages(machine.allocate_pages(4))
        machine.cpu(0).close()
        machine.zswap().close()

    come_and_go()
    gc.collect()
    before = nr_descriptors()
    for _ in range(80):
        come_and_go()
    gc.collect()

    assert nr_descriptors() <= before


def test_memory_that_the_host_does_not_have_is_refused(
    machine: mpzswap.Machine,
) -> None:
    """Before the system kills somebody for it."""
    with pytest.raises(mpzswap.MpzswapError, match="what the host has available"):
        machine.allocate_pages(1 << 40)
