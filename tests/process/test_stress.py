"""A stress run on real processes: every byte is right and every book balances."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from mpzswap.machine.core import Core
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.report.records import StressReport, VerifyReport
from mpzswap.topology.model import Topology
from mpzswap.topology.settings import Batching
from mpzswap.workload import stress
from mpzswap.workload.gather import Gathered
from mpzswap.workload.plan import Progress, StressPlan, Wishes, choose
from mpzswap.workload.stress import run
from mpzswap.workload.summary import summarize
from mpzswap.workload.worker import WorkerResult

pytestmark = pytest.mark.usefixtures("nobody_left")

TWO_DEVICES = Topology.for_host(devices=2)
PLAN = StressPlan(
    topology=TWO_DEVICES,
    compressor="lz4",
    workers=2,
    memory_pages=1024,
    limit_pages=1024,
    source="mix:mixed",
    folio_pages=16,
    reclaim_batch=32,
    rounds=2,
    duration_s=0,
    seed=3,
)


def changed(**changes: object) -> StressPlan:
    """Give the plan with changes."""
    return msgspec.structs.replace(PLAN, **changes)


def ignore(_: Progress) -> None:
    """Take no notice of the progress."""


def children_of(pid: int) -> dict[str, int]:
    """Give the grandchildren of *pid*, which the starter forked, by name."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            fields = (path.parent / "stat").read_text().rpartition(")")[2].split()
            parent = Path(f"/proc/{fields[1]}/stat").read_text()
            if parent.rpartition(")")[2].split()[1] == str(pid):
                found[path.read_text().strip()] = int(path.parent.name)
        except OSError:
            continue
    return found


def once_written(act: Callable[[], None]) -> Callable[[Progress], None]:
    """Give a progress that acts once, when workers have begun to write."""
    left = [act]

    def on_progress(progress: Progress) -> None:
        if progress.pages_written and left:
            left.pop()()

    return on_progress


def assert_books_balance(report: StressReport) -> None:
    """Compare what zswap, the drivers, the devices and the workers counted."""
    assert report.problems == ()
    assert report.ok
    zswap = report.zswap
    assert zswap.pages_out == (
        zswap.compressed_out
        + zswap.same_filled_out
        + zswap.incompressible_out
        + zswap.rejected_pages
    )
    calls = [wq.comp_calls + wq.decomp_calls for d in report.devices for wq in d.wqs]
    assert sum(calls) == report.paths.device
    assert report.verify.pages_wrong == report.verify.pages_lost == 0


@pytest.mark.parametrize("batching", ["off", "requests", "driver"])
@pytest.mark.parametrize("compressor", ["lz4", "deflate-iaa"])
def test_every_byte_comes_back(batching: Batching, compressor: str) -> None:
    """In each batching mode, pages go out, come in, and are what they were."""
    report = run(changed(compressor=compressor).with_batching(batching), ignore)

    assert_books_balance(report)
    assert report.verify.pages_checked == 2 * 2 * 1024
    assert report.zswap.zswpout > 500
    assert report.zswap.zswpin > 500


@pytest.mark.parametrize("rounds", [1, 2])
def test_pages_are_only_written_where_nothing_is_to_be_checked(rounds: int) -> None:
    """They come back when they are written again, and nobody else touches them."""
    report = run(changed(verify=False, rounds=rounds), ignore)

    assert_books_balance(report)
    assert report.pages_written == rounds * 2 * 1024
    assert report.verify == VerifyReport(0, 0, 0, asked=False)
    assert report.zswap.zswpout > 500 * rounds
    assert (report.zswap.zswpin > 0) == (rounds == 2)
    written = report.pages_written * PAGE_SIZE / report.write_s
    assert report.throughput_bytes_per_s == pytest.approx(written, rel=0.001)


@pytest.mark.parametrize("folio_pages", [1, 4, 8, 16, 512])
def test_folios_of_every_size_come_back(folio_pages: int) -> None:
    """From a page to a PMD."""
    report = run(changed(folio_pages=folio_pages, workers=1, limit_pages=512), ignore)

    assert_books_balance(report)
    assert report.zswap.zswpout > 0


def work_of(report: StressReport) -> list[object]:
    """Give all that was done, whatever its order and its time."""
    wqs = [wq for device in report.devices for wq in device.wqs]
    # What lies beside what depends on the order in which sub-batches end.
    zswap = msgspec.structs.replace(report.zswap, pool_total_size=0)
    return [
        zswap,
        report.driver,
        report.paths,
        report.verify,
        sum(wq.comp_calls for wq in wqs),
        sum(wq.decomp_calls for wq in wqs),
        sum(wq.comp_bytes for wq in wqs),
        sum(wq.decomp_bytes for wq in wqs),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "memory_pages", "rounds", "folio_pages"),
    [(2, 2048, 2, 1), (1, 16384, 1, 16)],
)
def test_batching_modes_do_the_same_work(
    workers: int, memory_pages: int, rounds: int, folio_pages: int
) -> None:
    """Runs of one seed differ in sub-batches and time alone: they can be compared."""
    plan = changed(
        workers=workers,
        memory_pages=memory_pages,
        rounds=rounds,
        folio_pages=folio_pages,
        limit_pages=workers * memory_pages * 3 // 4,
        compressor="deflate-iaa",
        # The larger differed when the limit counted the pool's pages.
        seed=2,
    )
    off, requests, driver = (
        work_of(run(plan.with_batching(mode), ignore)) for mode in get_args(Batching)
    )

    assert off == requests
    assert off == driver


def test_same_seed_gives_the_same_counts() -> None:
    """One worker's run follows from its seed."""
    first, second = (run(changed(workers=1, limit_pages=512), ignore) for _ in range(2))

    assert work_of(first) == work_of(second)


def tenth(*, shrinker: bool, swap: tuple[int, ...], workers: int = 1) -> StressReport:
    """Run with a pool that may have a tenth of the pages that are written."""
    memory = 4 << 20
    zswap = msgspec.structs.replace(TWO_DEVICES.zswap, max_pool_percent=10)
    whole = workers * memory
    topology = msgspec.structs.replace(TWO_DEVICES, memory=whole, zswap=zswap)
    wishes = Wishes(
        topology=topology,
        seed=3,
        workers=workers,
        memory=memory,
        limit=whole // 2,
        compressor="lz4",
        shrinker=shrinker,
        swap=swap,
    )
    return run(choose(wishes), ignore)


@pytest.mark.parametrize("swap", [(4 << 20,), (4 << 20, 2 << 20)])
@pytest.mark.parametrize("workers", [1, 2])
def test_pool_of_a_tenth_is_shrunk(swap: tuple[int, ...], workers: int) -> None:
    """Nothing stays for want of room; what was written is what it was."""
    report = tenth(shrinker=True, swap=swap, workers=workers)

    assert_books_balance(report)
    # One that has no page in the pool may find it full of another's.
    assert workers > 1 or report.zswap.rejected_pages == 0
    assert report.zswap.pswpout == (
        report.zswap.written_back_pages + report.zswap.rejected_pages
    )
    assert report.zswap.written_back_pages > 200
    assert report.zswap.pswpin > 200


def test_pool_of_a_tenth_rejects_without_the_shrinker() -> None:
    """Nothing is written back; what is rejected stays, and is what it was."""
    report = tenth(shrinker=False, swap=())

    assert_books_balance(report)
    assert report.zswap.rejected_pages > 200
    assert report.zswap.pool_limit_hit > 0
    assert report.zswap.written_back_pages == report.zswap.pswpout == 0
    assert report.paths.reasons["pool_limit"] == report.zswap.rejected_pages


def test_pool_limit_rejects_and_loses_nothing() -> None:
    """A pool of 100 pages: folios are rejected, stay, and are right."""
    zswap = msgspec.structs.replace(TWO_DEVICES.zswap, max_pool_percent=1)
    topology = msgspec.structs.replace(
        TWO_DEVICES, memory=100 * 100 * PAGE_SIZE, zswap=zswap
    )

    report = run(changed(topology=topology, workers=1, limit_pages=512), ignore)

    assert_books_balance(report)
    assert report.zswap.pool_limit_hit > 0
    assert report.zswap.rejected_pages > 0
    assert report.paths.reasons["pool_limit"] == report.zswap.rejected_pages
    assert report.zswap.pool_total_size <= (100 + 8 * 16) * PAGE_SIZE


def test_pages_come_back_from_the_swap_file() -> None:
    """At the pool's limit the coldest are written back; nothing is rejected."""
    zswap = msgspec.structs.replace(
        TWO_DEVICES.zswap, max_pool_percent=1, shrinker_enabled=True
    )
    topology = msgspec.structs.replace(
        TWO_DEVICES, memory=100 * 150 * PAGE_SIZE, zswap=zswap
    )

    report = run(
        changed(topology=topology, workers=1, limit_pages=512, swap_areas=(1024,)),
        ignore,
    )

    assert_books_balance(report)
    assert report.zswap.written_back_pages > 0
    assert report.zswap.pswpin > 0
    assert report.zswap.rejected_pages == 0


def test_what_zswap_rejects_goes_to_the_swap_file() -> None:
    """Without the shrinker the newest go there, whole folios, and come back."""
    zswap = msgspec.structs.replace(
        TWO_DEVICES.zswap, max_pool_percent=1, shrinker_enabled=False
    )
    topology = msgspec.structs.replace(
        TWO_DEVICES, memory=100 * 150 * PAGE_SIZE, zswap=zswap
    )

    report = run(
        changed(topology=topology, workers=1, limit_pages=512, swap_areas=(1024,)),
        ignore,
    )

    assert_books_balance(report)
    assert report.zswap.written_back_pages == 0
    assert report.zswap.pswpout == report.zswap.rejected_pages > 0
    assert report.zswap.pswpin > 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "list_end"),
        ({"reclaim_batch": 1}, "full"),
        ({"folio_pages": 512}, "pmd"),
        ({"interleave": True}, "node"),
        # Of 7 pages, so that a list has folios of two turns.
        ({"swap_areas": (1024, 1024), "folio_pages": 7}, "swap_area"),
    ],
)
def test_workers_tell_of_reclaim_and_readahead(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], reason: str
) -> None:
    """Why their batches ended, and how many pages were read ahead and hit."""
    told: list[WorkerResult] = []

    def listen(plan: StressPlan, core: Core, gathered: Gathered) -> StressReport:
        told.extend(gathered.results)
        return summarize(plan, core, gathered)

    monkeypatch.setattr(stress, "summarize", listen)
    two_nodes = Topology.named("spr-2s8iaa")
    topology = two_nodes if "interleave" in changes else TWO_DEVICES
    plan = changed(topology=topology, workers=1, limit_pages=512, rounds=1, **changes)
    report = run(plan, ignore)

    assert_books_balance(report)
    for result in told:
        plug = result.reclaim
        assert getattr(plug, reason) > 0
        assert plug.batches == (
            plug.full + plug.swap_area + plug.node + plug.pmd + plug.list_end
        )
        assert 0 < result.swap_ra_hit <= result.swap_ra < result.pages_loaded


def test_incompressible_pages_are_rejected_without_writeback() -> None:
    """memory.zswap.writeback off: what does not compress is not kept."""
    zswap = msgspec.structs.replace(TWO_DEVICES.zswap, writeback=False)
    topology = msgspec.structs.replace(TWO_DEVICES, zswap=zswap)

    report = run(
        changed(topology=topology, source="mix:random", limit_pages=512), ignore
    )

    assert_books_balance(report)
    assert report.zswap.zswpout == 0
    assert report.zswap.reject_compress_poor > 0


def test_killed_device_is_survived_under_load() -> None:
    """Its work is done elsewhere, and the report shows how it ended."""

    def kill_a_device() -> None:
        os.kill(children_of(os.getpid())["device iax1"], signal.SIGKILL)

    report = run(
        changed(memory_pages=2048, limit_pages=2048), once_written(kill_a_device)
    )

    assert report.ok
    assert [device.state for device in report.devices] == ["ready", "died"]
    assert "SIGKILL" in report.devices[1].death


@pytest.mark.slow
def test_all_devices_that_stop_at_once_are_ended() -> None:
    """One request is late in each of them; software goes on, and nothing is lost."""
    whole = Topology.named("spr-1s4iaa")
    driver = msgspec.structs.replace(
        whole.driver, distribute_decomps=True, completion_timeout_ms=300
    )

    def stop_the_devices() -> None:
        for name, pid in children_of(os.getpid()).items():
            if name.startswith("device "):
                os.kill(pid, signal.SIGSTOP)

    report = run(
        changed(
            topology=msgspec.structs.replace(whole, driver=driver),
            workers=1,
            memory_pages=2048,
            limit_pages=1024,
        ),
        once_written(stop_the_devices),
    )

    assert report.ok
    assert [device.state for device in report.devices] == ["died"] * 4
    assert report.driver.total_completion_timeout_errors > 0
    assert report.paths.software > 0


@pytest.mark.slow
def test_every_device_of_a_large_machine_takes_work() -> None:
    """8 devices and 16 workers, 24 processes on whatever cores there are."""
    topology = Topology.named("spr-2s8iaa")

    report = run(changed(topology=topology, workers=16, limit_pages=8192), ignore)

    assert_books_balance(report)
    assert len(report.devices) == 8
    assert all(device.descriptors > 0 for device in report.devices)


@pytest.fixture
def victim() -> Iterator[int]:
    """Give a live process with some MB of objects in its memory."""
    code = "x = [{'n': i, 's': str(i)} for i in range(60000)]; print(1); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        yield process.pid
        process.kill()


@pytest.mark.slow
def test_memory_of_a_live_process_comes_back(victim: int) -> None:
    """16,384 pages, stored, loaded, every byte equal."""
    plan = changed(
        workers=1,
        memory_pages=16384,
        limit_pages=8192,
        source=f"pid:{victim}",
        rounds=1,
    )

    report = run(plan, ignore)

    assert_books_balance(report)
    assert report.verify.pages_checked == 16384


@pytest.mark.slow
def test_pages_of_a_folder_come_back() -> None:
    """The standard library, some 50 MB, through one worker."""
    folder = str(Path(os.__file__).parent)
    plan = changed(
        workers=1, memory_pages=12800, limit_pages=4096, source=folder, rounds=1
    )

    report = run(plan, ignore)

    assert_books_balance(report)
    assert report.verify.pages_checked == 12800
