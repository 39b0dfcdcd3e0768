"""Processes die in the middle of their work: the others go on, and nothing is lost."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest

import mpzswap
from mpzswap.errors import CompletionTimeoutError, DeviceDiedError
from mpzswap.machine import devices, ending
from mpzswap.machine.board import Board, CpuWord, DeviceState
from mpzswap.machine.child import Child
from mpzswap.machine.core import Core, Worker
from mpzswap.machine.device_process import DeviceProcess
from mpzswap.machine.process import Starter
from mpzswap.page.mix import generate
from mpzswap.topology import load
from mpzswap.topology.model import Topology
from mpzswap.workload import gather, stress
from mpzswap.workload.plan import Progress, StressPlan
from mpzswap.workload.stress import run
from mpzswap.workload.summary import summarize

pytestmark = pytest.mark.usefixtures("nobody_left")

PAGES = generate("text", 512, seed=9)
# For what takes milliseconds; a loaded machine takes its time.
LIMIT_S = 30.0
RESTART_LIMIT = 2
# How long a device and a worker may be silent.  Short for a test, but a loaded machine
# may have no core for them for some hundred ms, and only those that we hit are to die.
COMPLETION_TIMEOUT_MS = 1000
STALL_TIMEOUT_S = 3.0


def topology(**device: object) -> Topology:
    """Give a machine of two devices that are soon late."""
    return Topology.from_document(
        {
            "memory": "1G",
            "sockets": [{"cores": 2}],
            "devices": [{"name": name, **device} for name in ("iax0", "iax1")],
            "driver": {
                "completion_timeout_ms": COMPLETION_TIMEOUT_MS,
                "watch_interval_ms": 10,
            },
        }
    )


RESTARTING = topology(
    restart="on-failure", restart_backoff_ms=1, restart_limit=RESTART_LIMIT
)
PLAN = StressPlan(
    topology=topology(),
    compressor="lz4",
    workers=2,
    memory_pages=2048,
    limit_pages=2048,
    source="mix:mixed",
    folio_pages=16,
    reclaim_batch=32,
    rounds=2,
    duration_s=0,
    seed=3,
    stall_timeout_s=STALL_TIMEOUT_S,
)

Act = Callable[[Core], None]


def in_mid_run(act: Act) -> stress.Disturb:
    """Give what is done to a machine, once the first pages come back."""
    left = [act]

    def disturb(core: Core, progress: Progress) -> None:
        if progress.pages_checked and left:
            left.pop()(core)

    return disturb


def changed(**changes: object) -> StressPlan:
    """Give the plan with changes."""
    return msgspec.structs.replace(PLAN, **changes)


def ignore(_: Progress) -> None:
    """Take no notice of the progress."""


def send_worker(number: int, sent: signal.Signals) -> Act:
    """Give the act of sending a signal to a worker."""
    return lambda core: os.kill(core.workers[number].child.pid, sent)


@contextmanager
def opened(machine_of: Topology) -> Iterator[mpzswap.Machine]:
    """Give an open machine."""
    with mpzswap.Machine(machine_of, compressor="lz4") as machine:
        yield machine


def kill(process: DeviceProcess) -> None:
    """Kill a device's present process."""
    os.kill(process.child.pid, signal.SIGKILL)


def wait_until(machine: mpzswap.Machine, condition: Callable[[], bool]) -> None:
    """Look at the devices until *condition* holds."""
    until = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < until, "not within the limit"
        machine.core.devices.look()


def assert_right(machine: mpzswap.Machine) -> None:
    """All pages go in and come out."""
    assert np.array_equal(machine.decompress(machine.compress(PAGES)), PAGES)


# Devices


def test_device_that_died_is_started_anew() -> None:
    """It takes work again, and the report tells how often it died."""
    with opened(RESTARTING) as machine:
        assert_right(machine)
        process = machine.core.devices.all[0]
        before = machine.stats().devices[0].descriptors
        kill(process)
        wait_until(machine, lambda: process.incarnation == 1)
        assert_right(machine)
        report = machine.stats().devices[0]

    assert (report.state, report.restarts, len(report.deaths)) == ("ready", 1, 1)
    assert "SIGKILL" in report.death
    assert report.descriptors > before


@pytest.mark.parametrize("at", ["death", "wait_ready", "receive"])
def test_device_is_started_anew_though_that_was_interrupted(
    at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By Ctrl-C while its death is noted, or while the next process comes up."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with opened(RESTARTING) as machine:
        assert_right(machine)
        process = machine.core.devices.all[0]
        kill(process)
        with monkeypatch.context() as patched:
            patched.setattr(Child, at, interrupted)
            with pytest.raises(KeyboardInterrupt):
                wait_until(machine, lambda: process.incarnation > RESTART_LIMIT)
        wait_until(machine, lambda: machine.core.devices.state(0) == DeviceState.READY)
        assert_right(machine)
        report = machine.stats().devices[0]

    assert (report.state, report.restarts) == ("ready", 1)
    assert report.deaths


@pytest.mark.parametrize("at", [(Child, "send"), (Starter, "start")])
def test_restart_that_was_interrupted_leaves_no_process(
    at: tuple[type, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would hear the doorbell of the next one, or be told as a death at the end."""
    original = getattr(*at)

    def interrupted(*args: object, **named: object) -> object:
        if at[0] is Child:
            raise KeyboardInterrupt
        child = original(*args, **named)
        signal.raise_signal(signal.SIGINT)
        return child

    with opened(RESTARTING) as machine:
        process = machine.core.devices.all[0]
        kill(process)
        with monkeypatch.context() as patched:
            patched.setattr(*at, interrupted)
            with pytest.raises(KeyboardInterrupt):
                wait_until(machine, lambda: process.incarnation > RESTART_LIMIT)
        wait_until(machine, lambda: process.restarts == 1)
        wait_until(machine, lambda: living(machine, process) == [process.child])
        assert_right(machine)


def living(machine: mpzswap.Machine, process: DeviceProcess) -> list[Child]:
    """Give the processes of a device that are there."""
    name = process.child.name
    return [
        child
        for child in machine.core.children
        if child.name == name and child.is_alive()
    ]


def test_device_started_anew_leaves_no_descriptor_of_the_dead_one() -> None:
    """However often: a machine is open for long."""
    with opened(RESTARTING) as machine:
        process = machine.core.devices.all[0]
        before = len(list(Path("/proc/self/fd").iterdir()))
        kill(process)
        wait_until(machine, lambda: process.incarnation == 1)
        after = len(list(Path("/proc/self/fd").iterdir()))

    assert after == before


def test_restarts_have_a_limit() -> None:
    """The device stays dead after so many; the other one goes on."""
    with opened(RESTARTING) as machine:
        process = machine.core.devices.all[0]
        for incarnation in range(RESTART_LIMIT + 1):
            wait_until(machine, lambda: process.incarnation == incarnation)  # noqa: B023 - called at once
            kill(process)
            deaths = incarnation + 1
            wait_until(machine, lambda: len(process.deaths) == deaths)  # noqa: B023 - the same
        assert_right(machine)
        report = machine.stats().devices[0]

    assert (report.state, report.restarts) == ("died", RESTART_LIMIT)
    assert len(report.deaths) == RESTART_LIMIT + 1


def test_device_is_not_started_anew_by_default() -> None:
    """As a halted device stays disabled in the kernel."""
    with opened(topology()) as machine:
        process = machine.core.devices.all[0]
        kill(process)
        wait_until(machine, lambda: bool(process.deaths))
        machine.core.devices.look()
        assert_right(machine)

        assert machine.stats().devices[0].restarts == 0
        assert machine.stats().devices[0].state == "died"


def test_device_started_anew_knows_all_memory() -> None:
    """Pages, CPUs and stores that were made before and after its death."""
    with opened(RESTARTING) as machine:
        early, store, cpu = machine.allocate_pages(8), machine.zswap(), machine.cpu()
        for process in machine.core.devices.all:
            kill(process)
        wait_until(
            machine, lambda: all(p.incarnation for p in machine.core.devices.all)
        )
        late = machine.allocate_pages(8)
        early[:] = late[:] = PAGES[:8]
        paths = {
            *machine.compress(early).path.tolist(),
            *machine.compress(late).path.tolist(),
            *cpu.submit(PAGES[:8]).wait().path.tolist(),
        }
        assert store.store(0, PAGES[:8])

        assert paths == {mpzswap.Path.DEVICE}
        assert store.load(7) == PAGES[7].tobytes()


def test_device_started_anew_while_a_cpu_is_closed() -> None:
    """It is told of the CPU's interrupt, which is open until devices have left it."""
    irq = msgspec.structs.replace(RESTARTING.driver, sync_mode="async_irq")
    with opened(msgspec.structs.replace(RESTARTING, driver=irq)) as machine:
        cpu, process = machine.cpu(), machine.core.devices.all[0]
        # Another thread has the machine while this one gives the CPU back.
        with machine.core._lock:
            closing = threading.Thread(target=cpu.close)
            closing.start()
            wait_until(machine, lambda: cpu._submitter.closed)
            kill(process)
            wait_until(machine, lambda: process.incarnation == 1)
        closing.join(LIMIT_S)
        assert_right(machine)

        assert machine.stats().devices[0].state == "ready"


def test_nothing_is_taken_that_was_submitted_to_a_dead_device() -> None:
    """A page that was given up belongs to somebody else when the next one comes."""
    with opened(RESTARTING) as machine:
        cpu = machine.cpu()
        for process in machine.core.devices.all:
            os.kill(process.child.pid, signal.SIGSTOP)
        # In the lanes of processes that will never take them.
        batch = cpu.submit(PAGES[:256])
        for process in machine.core.devices.all:
            kill(process)
        packed = batch.wait()
        wait_until(
            machine, lambda: all(p.incarnation for p in machine.core.devices.all)
        )
        cpu.submit(PAGES[:1]).wait()
        report = machine.stats()

    assert set(packed.path.tolist()) == {mpzswap.Path.SOFTWARE}
    assert sum(device.descriptors for device in report.devices) == 1


def test_device_that_is_being_started_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    It will take what a submitter put into its lanes that looked just before.

    If that were given up instead, it would come when the pages are somebody else's.
    """
    is_starting, may_go_on = threading.Event(), threading.Event()

    def held(
        owner: devices.Devices, index: int, incarnation: int, eventfd: int
    ) -> Child:
        if incarnation:
            is_starting.set()
            assert may_go_on.wait(LIMIT_S)
        return start_child(owner, index, incarnation, eventfd)

    start_child = devices.Devices._start_child
    monkeypatch.setattr(devices.Devices, "_start_child", held)
    patient = load.changed(RESTARTING, ["driver.completion_timeout_ms=30000"])
    with opened(patient) as machine:
        cpu, process = machine.cpu(), machine.core.devices.all[0]
        thread = threading.Thread(
            target=wait_until, args=(machine, lambda: is_ready_anew(machine, process))
        )
        thread.start()
        kill(process)
        assert is_starting.wait(LIMIT_S)
        # As it was before the death; what is submitted is for the next one.
        monkeypatch.setattr(Board, "usable", lambda board: board.layout.every_wq)
        batch = cpu.submit(PAGES[:64])
        with pytest.raises(CompletionTimeoutError):
            batch.wait(0.05)
        may_go_on.set()
        thread.join(LIMIT_S)

        assert set(batch.wait().path.tolist()) == {mpzswap.Path.DEVICE}


def test_descriptors_are_open_until_devices_forget_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another thread may start a device anew just then, which is told of all memory."""

    def check(owner: devices.Devices, segment: int) -> None:
        for attachment in owner._attached.values():
            seen.extend(map(os.fstat, attachment.fds))
        detach(owner, segment)

    seen: list[os.stat_result] = []
    detach = devices.Devices.detach
    with opened(load.changed(RESTARTING, ["driver.sync_mode=async_irq"])) as machine:
        cpu = machine.cpu()
        monkeypatch.setattr(devices.Devices, "detach", check)
        cpu.close()

    assert seen


def test_device_that_maps_no_memory_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be let live: it may wake, and knows nothing of what it is sent."""
    monkeypatch.setattr(devices, "ANSWER_TIMEOUT_S", 0.1)
    with opened(topology()) as machine:
        process = machine.core.devices.all[0]
        os.kill(process.child.pid, signal.SIGSTOP)
        pages = machine.allocate_pages(8)
        pages[:] = PAGES[:8]

        assert process.death == "device iax0: died with SIGKILL (exit code -9)"
        assert set(machine.compress(pages).path.tolist()) == {mpzswap.Path.DEVICE}


def test_late_answer_of_counters_is_none_to_the_next_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or all that are asked for later would be older than what was done."""

    def hear(_: object, __: DeviceProcess, body: bytes, ___: float) -> None:
        asked.append(body)

    asked: list[bytes] = []
    monkeypatch.setattr(devices.Devices, "_hear", hear)
    with opened(topology()) as machine:
        asked.clear()
        machine.stats()
        first = set(asked)
        machine.stats()

        assert first.isdisjoint(asked[len(asked) // 2 :])


def test_device_is_not_started_anew_while_its_machine_ends() -> None:
    """Nobody would tell it what to do, or what memory there is."""
    with opened(RESTARTING) as machine:
        process = machine.core.devices.all[0]
        machine.core.devices.let_end()
        kill(process)
        wait_until(machine, lambda: process.is_due)
        machine.core.devices.look()

        assert (process.incarnation, len(process.deaths)) == (0, 1)


def test_worker_is_buried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that come after it would have its column together."""

    def twice(core: Core, worker: Worker) -> None:
        bury(core, worker)
        bury(core, worker)
        free.extend(core._free_columns)

    free: list[int] = []
    bury = Core.bury
    monkeypatch.setattr(Core, "bury", twice)
    report = run(changed(), ignore, in_mid_run(send_worker(1, signal.SIGKILL)))

    assert len(report.dead_workers) == len(free) == 1


def test_start_that_was_cut_short_is_a_death(monkeypatch: pytest.MonkeyPatch) -> None:
    """By Ctrl-C, and again while that is dealt with: nobody waits for it for ever."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with opened(RESTARTING) as machine, monkeypatch.context() as patch:
        process = machine.core.devices.all[0]
        patch.setattr(devices.Devices, "_start_child", interrupt)
        patch.setattr(devices.Devices, "_end_now", interrupt)
        kill(process)
        with pytest.raises(KeyboardInterrupt):
            wait_until(machine, lambda: False)
        patch.undo()
        wait_until(machine, lambda: len(process.deaths) == 2)
        wait_until(machine, lambda: is_ready_anew(machine, process))
        assert_right(machine)


def is_ready_anew(machine: mpzswap.Machine, process: DeviceProcess) -> bool:
    """Tell whether a device works that died before."""
    state = machine.core.devices.state(process.index)
    return process.incarnation > 0 and state == DeviceState.READY


def test_devices_that_all_died_leave_software() -> None:
    """The run is right, and its report says how it came."""

    def kill_all(core: Core) -> None:
        for process in core.devices.all:
            kill(process)

    report = run(changed(), ignore, in_mid_run(kill_all))

    assert report.ok
    assert [device.state for device in report.devices] == ["died", "died"]
    assert report.paths.software > 0
    assert report.paths.reasons["no_device"] > 0


@pytest.mark.slow
def test_device_is_not_started_anew_without_starter() -> None:
    """Then it stays dead, the run goes on, and no attempt is told as a start."""

    def kill_both(core: Core) -> None:
        os.kill(core.starter.pid, signal.SIGKILL)
        kill(core.devices.all[0])

    report = run(changed(topology=RESTARTING), ignore, in_mid_run(kill_both))

    assert report.ok
    assert "no further child can be started" in report.devices[0].death
    assert (report.devices[0].state, report.devices[0].restarts) == ("died", 0)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_devices_that_come_back_under_load_lose_nothing(number: signal.Signals) -> None:
    """Both die in mid-run, by a kill or since they are late, and take work again."""

    def send(core: Core) -> None:
        for process in core.devices.all:
            os.kill(process.child.pid, number)

    report = run(
        changed(topology=RESTARTING, memory_pages=2048, rounds=4),
        ignore,
        in_mid_run(send),
    )

    assert report.ok
    assert [device.restarts for device in report.devices] == [1, 1]
    assert [device.state for device in report.devices] == ["ready", "ready"]


# Workers


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_others_go_on_without_a_worker(number: signal.Signals) -> None:
    """One that is stopped is ended after its limit; either is named."""
    report = run(changed(), ignore, in_mid_run(send_worker(1, number)))

    assert not report.ok
    assert report.verify.pages_checked >= PLAN.memory_pages * PLAN.rounds
    assert (report.verify.pages_wrong, report.verify.pages_lost) == (0, 0)
    assert len(report.dead_workers) == 1
    assert report.dead_workers[0].startswith("worker 1: died with SIGKILL")
    assert ("within 3 s" in report.dead_workers[0]) == (number == signal.SIGSTOP)
    assert report.problems == report.dead_workers
    assert report.ledger.missing == 0
    assert report.ledger.invalidated > 0


def test_wrong_pages_that_a_dead_worker_found_are_told() -> None:
    """Or whoever hits workers could not see what its faults do to their pages."""

    def spoil_and_kill(core: Core, progress: Progress) -> None:
        worker = core.workers[1]
        if progress.pages_checked and not worker.buried:
            worker.memory.memory[:] = bytes(worker.memory.size)
            if core.board.cpu_row(CpuWord.PAGES_WRONG)[worker.config.column]:
                ending.send_signal(worker.child.process.pidfd, signal.SIGKILL)

    report = run(changed(), ignore, spoil_and_kill)

    assert len(report.dead_workers) == 1
    assert report.verify.pages_wrong > 0
    assert f"pages: {report.verify.pages_wrong} wrong, 0 lost" in report.problems


@pytest.mark.slow
def test_worker_killed_after_its_result_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it has done counts all the same."""

    def kill_first(gathering: gather.Gathering, elapsed_s: float) -> gather.Gathered:
        child = gathering.finished[0].child
        os.kill(child.pid, signal.SIGKILL)
        assert not ending.wait_gone([child.process.pidfd], LIMIT_S, {})
        return done(gathering, elapsed_s)

    done = gather.Gathering.done
    monkeypatch.setattr(gather.Gathering, "done", kill_first)
    report = run(changed(), ignore)

    assert len(report.dead_workers) == 1
    assert report.verify.pages_checked == 2 * PLAN.memory_pages * PLAN.rounds
    assert report.problems == report.dead_workers


@pytest.mark.slow
def test_worker_stopped_after_its_result_is_no_news(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is ended with all the others, by force, and the report is there."""

    def stop_first(gathering: gather.Gathering, elapsed_s: float) -> gather.Gathered:
        os.kill(gathering.finished[0].child.pid, signal.SIGSTOP)
        return done(gathering, elapsed_s)

    done = gather.Gathering.done
    monkeypatch.setattr(gather.Gathering, "done", stop_first)

    assert run(changed(), ignore).ok


@pytest.mark.slow
def test_device_stopped_after_its_last_answer_is_no_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It cannot tell what it has counted; the report says so."""

    def stop_first(gathering: gather.Gathering, elapsed_s: float) -> gather.Gathered:
        os.kill(gathering.core.devices.all[0].child.pid, signal.SIGSTOP)
        return done(gathering, elapsed_s)

    done = gather.Gathering.done
    monkeypatch.setattr(gather.Gathering, "done", stop_first)
    report = run(changed(), ignore)

    assert report.ok
    assert [device.is_silent for device in report.devices] == [True, False]


@pytest.mark.slow
def test_stopped_device_does_not_hold_up_a_burial(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is ended when it is late; until then others would wait for its answer."""
    late: list[float] = []

    def note(core: Core, worker: Worker) -> None:
        started_s = time.monotonic()
        bury(core, worker)
        late.append(time.monotonic() - started_s)

    def stop_one_kill_the_other(core: Core) -> None:
        os.kill(core.devices.all[0].child.pid, signal.SIGSTOP)
        os.kill(core.workers[1].child.pid, signal.SIGKILL)

    bury = Core.bury
    monkeypatch.setattr(Core, "bury", note)
    report = run(changed(), ignore, in_mid_run(stop_one_kill_the_other))

    assert len(report.dead_workers) == 1
    assert late[0] < devices.ANSWER_TIMEOUT_S


def test_run_without_a_worker_left_fails() -> None:
    """It has no result; the last death is raised."""

    def kill_all(core: Core) -> None:
        for worker in core.workers:
            os.kill(worker.child.pid, signal.SIGKILL)

    with pytest.raises(DeviceDiedError, match="died with SIGKILL"):
        run(changed(), ignore, in_mid_run(kill_all))


def test_pages_that_are_given_up_are_invalidated() -> None:
    """The ledger of a run without deaths, by zswap and by its workers alike."""
    report = run(changed(drop_every=3), ignore)
    ledger = report.ledger

    assert report.ok
    assert ledger.missing == 0
    assert ledger.invalidated > 0
    assert ledger.loaded == report.zswap.zswpin


def test_dead_worker_leaves_no_place_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had submitted, and what it only wished for, is given back."""
    left: list[int] = []

    def wish_and_kill(core: Core) -> None:
        worker = core.workers[1]
        os.kill(worker.child.pid, signal.SIGSTOP)
        for wq in core.board.layout.every_wq:
            # As if it had been stopped between its wish and its look at the sum.
            core.board.queue_row(wq, 0)[worker.config.column] += 5
        os.kill(worker.child.pid, signal.SIGKILL)

    def note(core: Core, worker: Worker) -> None:
        bury(core, worker)
        # The other worker is at work: only this column is at rest.
        layout = core.board.layout
        column = worker.config.column
        left.extend(
            core.board.queue_row(wq, 0)[column] - worker.column.before[0, wq]
            for wq in layout.every_wq
        )
        left.append(core.board.cpu_row(CpuWord.POOL_PAGES)[column])

    bury = Core.bury
    monkeypatch.setattr(Core, "bury", note)
    summed: list[int] = []

    def count(plan: StressPlan, core: Core, gathered: gather.Gathered) -> object:
        # Which answers what was not waited for as well.
        core.devices.publish_counters()
        for process in core.devices.all:
            words = core.board.device_words(process.index, 0)
            rows = [
                sum(core.board.queue_row(wq, 0))
                for wq in core.board.layout.every_wq
                if wq.device == process.index
            ]
            summed.append(sum(rows) - sum(words[8:16]))
        return summarize(plan, core, gathered)

    monkeypatch.setattr(stress, "summarize", count)
    monkeypatch.setattr(devices, "COUNTERS_TIMEOUT_S", LIMIT_S)
    run(changed(), ignore, in_mid_run(wish_and_kill))

    assert left
    assert left[-1] == 0
    assert summed == [0, 0]
