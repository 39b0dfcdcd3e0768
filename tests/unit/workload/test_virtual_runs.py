"""Whole stress runs in virtual time: every page is right, and twice is once."""

import gc
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from greenlet import getcurrent

from mpzswap.clock.virtual import VirtualClock
from mpzswap.device.dispatch import Taken
from mpzswap.device.timed import TimedEngine
from mpzswap.errors import DeviceDiedError
from mpzswap.report.records import StressReport
from mpzswap.topology.load import changed
from mpzswap.topology.model import Topology, WorkQueue
from mpzswap.topology.settings import Batching
from mpzswap.topology.timing import Timing
from mpzswap.workload import stress, worker
from mpzswap.workload.plan import Progress, StressPlan, Wishes, choose
from tests.tools.timings import direction, document

PAGES = 2 * 64
WISHES = Wishes(
    topology=Topology.named("laptop-2iaa"),
    seed=7,
    workers=2,
    memory=256 << 10,
    rounds=1,
    clock="virtual",
)
SCRIPT = """
import sys
from mpzswap.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def plan(*settings: str, **wishes: object) -> StressPlan:
    """Give a small run; with *settings* of the topology, and other wishes."""
    topology = changed(WISHES.topology, settings)
    return choose(msgspec.structs.replace(WISHES, topology=topology, **wishes))


def run(*settings: str, **wishes: object) -> StressReport:
    """Do it; whatever is checked is right."""
    report = stress.run(plan(*settings, **wishes), ignore)
    assert report.problems == ()
    assert report.ok
    assert report.verify.pages_wrong == report.verify.pages_lost == 0
    assert report.time is not None
    assert report.time.lateness.late == 0
    return report


def ignore(_: Progress) -> None:
    """Take no notice of the progress."""


def nr_descriptors() -> int:
    """Give how many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture(autouse=True)
def _none_left() -> Iterator[None]:
    """No descriptor is left, nor a greenlet that could go on, nor a segment."""
    # What other tests left in cycles would go meanwhile.
    gc.collect()
    before = nr_descriptors()
    yield
    assert nr_descriptors() == before
    assert "memfd:mpzswap" not in Path("/proc/self/maps").read_text()
    assert getcurrent().parent is None


# Every page


@pytest.mark.parametrize("sync_mode", ["sync", "async", "async_irq"])
@pytest.mark.parametrize("batching", get_args(Batching))
def test_every_page_comes_back(batching: Batching, sync_mode: str) -> None:
    """In each batching mode and sync mode."""
    report = run(f"driver.sync_mode={sync_mode}", batching=batching)

    assert report.verify.pages_checked == PAGES
    assert report.zswap.zswpout > PAGES // 2
    assert report.zswap.zswpin > PAGES // 4
    assert report.paths.software == 0


@pytest.mark.parametrize(
    "compressor", ["deflate-iaa", "deflate-iaa-dynamic", "deflate", "lz4", "zstd:1"]
)
def test_every_compressor_has_its_time(compressor: str) -> None:
    """A profile without hardware claims has all on devices."""
    report = run(compressor=compressor)

    assert report.time is not None
    assert report.time.store.execute > 0
    assert report.paths.device > 0


def test_software_takes_a_cpu_s_time() -> None:
    """What the profile's devices do not run is run by CPUs, and is no fallback."""
    report = run("timing=spr-v14", compressor="zstd", batching="off")
    spent = report.time

    assert spent is not None
    assert report.devices == ()
    assert (spent.store.execute, spent.store.submit) == (15_700, 0)
    assert spent.workers.software > 0
    assert spent.engines == ()


@pytest.mark.parametrize("folio", [4 << 10, 16 << 10, 64 << 10])
def test_folios_of_any_size_come_back(folio: int) -> None:
    """Each costs what the profile says."""
    assert run(folio=folio).verify.pages_checked == PAGES


def test_verified_compressions_come_back() -> None:
    """Devices undo them, in time."""
    plain = run()
    verified = run("driver.verify_compress=true")

    assert verified.driver.total_comp_calls == plain.driver.total_comp_calls
    assert verified.latency_ns.batch.mean > plain.latency_ns.batch.mean


@pytest.mark.parametrize("sync_mode", ["async", "async_irq"])
@pytest.mark.parametrize(
    "queue",
    [WorkQueue(size=1), WorkQueue(size=4, mode="shared", threshold=2)],
    ids=["dedicated", "shared"],
)
def test_full_queue_is_waited_for(queue: WorkQueue, sync_mode: str) -> None:
    """Whoever finds no place looks again, and all is done by the device."""
    topology = changed(WISHES.topology, [f"driver.sync_mode={sync_mode}"])
    small = msgspec.structs.replace(topology.devices[0], wqs=(queue,))
    crowded = msgspec.structs.replace(topology, devices=(small,))
    report = stress.run(
        choose(msgspec.structs.replace(WISHES, topology=crowded)), ignore
    )

    assert report.ok
    assert report.paths.software == 0
    assert report.devices[0].wqs[0].retries > 0


def test_full_pool_without_swap_rejects_and_loses_nothing() -> None:
    """What it has no room for stays in memory."""
    report = run("zswap.max_pool_percent=1", "memory=4M")

    assert report.paths.rejected > 0
    assert report.zswap.pool_limit_hit > 0
    assert report.zswap.written_back_pages == 0


def test_full_pool_with_swap_writes_back_and_loses_nothing() -> None:
    """The coldest pages are decompressed, written, and read again."""
    report = run(
        "zswap.max_pool_percent=1", "memory=4M", swap=(1 << 20,), shrinker=True
    )

    assert report.zswap.written_back_pages > 0
    assert report.zswap.pswpin > 0


def test_comparison_runs_each_batching_mode() -> None:
    """In its own time; they do the same work."""
    report = stress.compare(plan(), ignore)

    assert report.ok
    assert report.same_counters
    assert [each.batching for each in report.runs] == list(get_args(Batching))
    assert {each.clock for each in report.runs} == {"virtual"}
    off, _, driver = (each.latency_ns.store_page.p50 for each in report.runs)
    assert driver < off


def test_run_that_takes_no_time_is_told_all_the_same() -> None:
    """Nothing is reclaimed, so nothing is waited for: there is no throughput."""
    report = run(limit=1 << 30)

    assert (report.write_s, report.throughput_bytes_per_s) == (0, 0)
    assert report.verify.pages_checked == PAGES


def test_duration_that_never_comes_is_not_waited_for() -> None:
    """A round took no time, so all would."""
    report = run(limit=1 << 30, workers=1, rounds=None, duration=1.0)

    assert report.rounds == 1


def test_duration_that_never_comes_is_not_waited_for_by_several() -> None:
    """Their first round took time: they began apart, and waited for each other."""
    report = run(limit=1 << 30, rounds=None, duration=1.0, verify=False)

    assert report.rounds <= 4


def test_duration_is_of_virtual_time() -> None:
    """As many rounds as there are in it, and the last is finished."""
    report = run(rounds=None, duration=0.02)

    assert report.rounds > 1
    assert 0.02 < report.elapsed_s < 0.04


# The same each time


def test_same_seed_gives_the_same_report() -> None:
    """To the last digit."""
    assert msgspec.json.encode(run()) == msgspec.json.encode(run())


def test_same_seed_gives_the_same_report_where_devices_are_late() -> None:
    """When that is noticed, and when another is started, hangs on no host."""
    slow = {"compress": direction((4096, 400_000)), "decompress": direction((4096, 9))}
    figures = document(devices={"deflate-iaa": slow})
    figures["software"]["deflate-iaa"] = figures["software"]["zstd"]
    timing = msgspec.convert(figures, Timing)
    topology = changed(
        WISHES.topology,
        [
            "driver.completion_timeout_ms=1",
            "devices.restart=on-failure",
            "devices.restart_backoff_ms=1",
        ],
    )
    late = msgspec.structs.replace(topology, timing=timing)
    asked = choose(msgspec.structs.replace(WISHES, topology=late, memory=1 << 20))
    first, second = (stress.run(asked, ignore) for _ in range(2))

    assert sum(device.restarts for device in first.devices) > 0
    assert msgspec.json.encode(first) == msgspec.json.encode(second)


def test_other_seed_gives_another() -> None:
    """Pages are others, and compress otherwise."""
    one, other = run(seed=7), run(seed=8)

    assert one.zswap.compressed_bytes != other.zswap.compressed_bytes


def json_of(*args: str, hash_seed: int) -> bytes:
    """Give what the command prints in a process with that hash seed."""
    command = [sys.executable, "-c", SCRIPT, "stress", "--topology", "laptop-2iaa"]
    size = ["--workers", "2", "--memory", "256K", "--rounds", "1"]
    clock = ["--clock", "virtual", "--seed", "7", "--json", "-"]
    done = subprocess.run(
        [*command, *size, *clock, *args],
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "args", [(), ("--set", "driver.sync_mode=async_irq"), ("--compare",)]
)
def test_same_seed_gives_the_same_bytes_in_another_process(
    args: tuple[str, ...],
) -> None:
    """Whatever its hashes and addresses are."""
    first, second = (json_of(*args, hash_seed=seed) for seed in (1, 2))

    assert first
    assert first == second


# What goes wrong


@pytest.fixture(name="told_often")
def _told_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have progress told at each look, however fast this host is."""
    monkeypatch.setattr(stress, "TELL_INTERVAL_S", 0.0)


def once_written(act: Callable[[], None]) -> Callable[[Progress], None]:
    """Give a progress that acts when workers have begun to write."""

    def on_progress(progress: Progress) -> None:
        if progress.pages_written:
            act()

    return on_progress


def interrupt() -> None:
    """Be Ctrl-C."""
    raise KeyboardInterrupt


@pytest.mark.usefixtures("told_often")
@pytest.mark.parametrize("swap", [(), (1 << 20,)])
def test_ctrl_c_leaves_nothing(swap: tuple[int, ...]) -> None:
    """In the middle of it: no descriptor, no segment, no greenlet, no swap file."""
    with pytest.raises(KeyboardInterrupt):
        stress.run(plan(memory=1 << 20, swap=swap), once_written(interrupt))


@pytest.mark.parametrize("nth", [1, 2, 7, 20, 50, 90, 130, 170])
@pytest.mark.parametrize("name", ["spend", "relax", "wait_readable"])
def test_ctrl_c_in_a_child_leaves_nothing(
    name: str, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal comes to whoever runs: a worker or a device, wherever it is."""
    plain, left = getattr(VirtualClock, name), [nth]

    def interrupted(self: VirtualClock, *args: object) -> object:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return plain(self, *args)

    monkeypatch.setattr(VirtualClock, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        stress.run(plan("driver.sync_mode=async"), ignore)


@pytest.mark.usefixtures("told_often")
def test_run_after_ctrl_c_is_as_any() -> None:
    """Nothing of the other is in it."""
    before = run()
    with pytest.raises(KeyboardInterrupt):
        stress.run(plan(), once_written(interrupt))

    assert run() == before


def with_bug(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let worker *number* have a bug once it has written; all of them: -1."""
    plain = worker.Usemem._check_all

    def check_all(self: worker.Usemem) -> None:
        if number in (-1, self._config.number):
            raise LookupError("nothing there")
        plain(self)

    monkeypatch.setattr(worker.Usemem, "_check_all", check_all)


def test_bug_of_a_worker_is_told_as_its_death(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others go on to the end, and the run is not ok."""
    with_bug(monkeypatch, 1)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        report = stress.run(plan(), ignore)

    assert not report.ok
    assert any("worker 1" in problem for problem in report.problems)
    assert "LookupError: nothing there" in str(warned[0].message)
    assert report.verify.pages_checked == PAGES // 2


def test_bug_of_all_workers_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no result."""
    with_bug(monkeypatch, -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(DeviceDiedError, match=r"worker 0.*LookupError"):
            stress.run(plan(), ignore)


def test_bug_of_a_device_leaves_its_work_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No page is lost by it, and it is told."""
    plain, left = TimedEngine.begin, [20]

    def begin(self: TimedEngine, group: int, taken: Taken) -> None:
        left[0] -= 1
        if not left[0]:
            raise LookupError("nothing there")
        plain(self, group, taken)

    monkeypatch.setattr(TimedEngine, "begin", begin)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = stress.run(plan(), ignore)

    assert sorted(each.state for each in report.devices) == ["died", "ready"]
    assert report.verify.pages_wrong == report.verify.pages_lost == 0
    assert report.verify.pages_checked == PAGES


def test_time_of_a_run_is_the_profile_s_and_not_the_host_s() -> None:
    """A report says whose it is."""
    report = run()
    spent = report.time

    assert (report.clock, spent and spent.profile) == ("virtual", "plain")
    assert spent is not None
    assert (spent.time_scale, spent.lateness.late) == (0.0, 0)
    assert spent.lateness.steps_late == 0


def test_stages_are_of_every_page_and_add_up() -> None:
    """Of each that a request was made for."""
    report = run()
    spent = report.time

    assert spent is not None
    for stages in (spent.store, spent.load):
        parts = (
            *(stages.prepare, stages.submit, stages.queue, stages.execute),
            *(stages.complete, stages.seen, stages.store),
        )
        assert sum(parts) == pytest.approx(stages.total, abs=0.5)
    assert spent.store.pages == report.driver.total_comp_calls
    assert spent.load.pages == report.driver.total_decomp_calls


def test_engine_s_part_of_a_page_is_exactly_the_profile_s() -> None:
    """Whatever else it waits for."""
    spent = run().time

    assert spent is not None
    assert (spent.store.execute, spent.load.execute) == (14_000, 6_000)
    assert (spent.store.prepare, spent.store.store) == (1_000, 300)


def test_engines_work_as_long_as_all_that_was_asked_of_them() -> None:
    """Their shares of the run are of all calls together."""
    report = run()
    assert report.time is not None
    shares = [share for each in report.time.engines for share in each.busy]
    calls = report.driver
    worked_ns = 14_000 * calls.total_comp_calls + 6_000 * calls.total_decomp_calls

    assert sum(shares) * report.elapsed_s * 1e9 == pytest.approx(worked_ns, rel=0.01)
