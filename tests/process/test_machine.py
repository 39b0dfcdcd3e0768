"""The public API on real devices: what goes in comes out, and nothing is left."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mpzswap
from mpzswap.codec.table import CODECS
from mpzswap.page.mix import generate
from mpzswap.report.records import DeviceReport

PAGES = generate("mixed", 700, seed=5)
# For what takes milliseconds; a loaded machine may take its time.
LIMIT_S = 20.0

pytestmark = pytest.mark.usefixtures("nobody_left")


@pytest.fixture
def machine() -> Iterator[mpzswap.Machine]:
    """Give a machine of two devices with lz4."""
    topology = mpzswap.Topology.for_host(devices=2)
    with mpzswap.Machine(topology, compressor="lz4") as made:
        yield made


def device_pids(machine: mpzswap.Machine) -> list[int]:
    """Give the processes of all devices."""
    return [process.child.pid for process in machine.core.devices.all]


@pytest.mark.parametrize("compressor", sorted(CODECS))
def test_pages_come_back(compressor: str) -> None:
    """Every compressor returns every page that the devices compressed."""
    topology = mpzswap.Topology.for_host(devices=2)
    with mpzswap.Machine(topology, compressor=compressor) as machine:
        packed = machine.compress(PAGES)
        again = machine.decompress(packed)

    assert np.array_equal(again, PAGES)
    assert len(packed) == 700
    assert packed.nbytes == sum(len(page) for page in packed)
    assert packed.ratio > 1.5


def test_fields_of_packed_have_the_shapes_of_the_contract(
    machine: mpzswap.Machine,
) -> None:
    """Lengths, status and path are arrays with an entry for each page."""
    packed = machine.compress(PAGES.tobytes())

    assert packed.lengths.dtype == np.uint32
    assert packed.status.dtype == packed.path.dtype == np.uint8
    assert packed.lengths.tolist() == [len(packed[i]) for i in range(700)]
    assert isinstance(packed[0], memoryview)


def test_page_that_does_not_compress_is_kept_as_it_was(
    machine: mpzswap.Machine,
) -> None:
    """Its path says so, and its bytes are the page's."""
    noise = generate("random", 3, seed=1)

    packed = machine.compress(noise)

    assert packed.path.tolist() == [mpzswap.Path.RAW] * 3
    assert bytes(packed[1]) == noise[1].tobytes()


def test_no_pages_give_no_pages(machine: mpzswap.Machine) -> None:
    """Nothing in, nothing out, no error."""
    packed = machine.compress(b"")

    assert (len(packed), packed.nbytes, packed.ratio) == (0, 0, 0.0)
    assert machine.decompress(packed).shape == (0, 4096)


def test_both_devices_take_both_directions(machine: mpzswap.Machine) -> None:
    """Bulk work is spread over all devices."""
    machine.decompress(machine.compress(PAGES))

    calls = [(d.wqs[0].comp_calls, d.wqs[0].decomp_calls) for d in _devices(machine)]
    assert all(comp > 200 and decomp > 200 for comp, decomp in calls)


def _devices(machine: mpzswap.Machine) -> tuple[DeviceReport, ...]:
    return machine.stats().devices


def test_shared_pages_are_compressed_where_they_are(machine: mpzswap.Machine) -> None:
    """What a device reads is the memory that the user wrote: no copy is made."""
    shared = machine.allocate_pages(64)
    shared[:] = PAGES[:64]

    packed = machine.compress(shared)

    assert np.array_equal(machine.decompress(packed), PAGES[:64])
    assert machine.core.space.address_of(shared[5:9]) is not None


@pytest.mark.parametrize("shared", [False, True])
def test_pages_come_back_where_they_are_wanted(
    machine: mpzswap.Machine,
    shared: bool,  # noqa: FBT001 - pytest gives it by name
) -> None:
    """The array that was handed in is the one that is given."""
    out = machine.allocate_pages(700) if shared else np.empty_like(PAGES)
    out[:] = 1

    assert machine.decompress(machine.compress(PAGES), out) is out
    assert np.array_equal(out, PAGES)


def test_size_that_is_no_multiple_of_a_page_is_named(machine: mpzswap.Machine) -> None:
    """ValueError, with the size."""
    with pytest.raises(ValueError, match="4097 bytes, must be a multiple of 4096"):
        machine.compress(b"x" * 4097)


def test_input_without_bytes_of_its_own_is_refused(machine: mpzswap.Machine) -> None:
    """Text has none before it is encoded."""
    with pytest.raises(TypeError, match="pages: str, must be bytes or an array"):
        machine.compress("x" * 4096)
    with pytest.raises(TypeError, match="packed: bytes, must be a Packed"):
        machine.decompress(b"x")  # type: ignore[arg-type] # that is the test


def test_any_layout_of_the_input_is_taken(machine: mpzswap.Machine) -> None:
    """Other types, gaps, read-only: what counts is the bytes in order."""
    floats = np.linspace(0, 1, 3 * 512).reshape(3, 512)
    gaps = PAGES[:20:2]
    view = memoryview(PAGES[:6].tobytes())[::2]
    view_bytes = view.tobytes()

    for given, expected in (
        (floats, floats.tobytes()),
        (gaps, gaps.tobytes()),
        (view, view_bytes),
        (bytearray(4096), bytes(4096)),
    ):
        assert machine.decompress(machine.compress(given)).tobytes() == expected


def test_packed_page_longer_than_a_page_is_refused(machine: mpzswap.Machine) -> None:
    """Nothing of ours is so long, and there is no room for it."""
    raw = np.array([mpzswap.Path.RAW], np.uint8)
    longer = mpzswap.Packed.of(machine.compressor, [b"x" * 5000], raw)

    with pytest.raises(ValueError, match="5000 bytes, must be up to 4096"):
        machine.decompress(longer)


def test_batch_is_done_some_time_after_submit(machine: mpzswap.Machine) -> None:
    """Submit returns a batch that can be polled to its end."""
    batch = machine.cpu(0).submit(PAGES[:8])
    until = time.monotonic() + LIMIT_S
    while not batch.poll():
        assert time.monotonic() < until

    assert np.array_equal(machine.decompress(batch.wait()), PAGES[:8])


def test_batch_can_be_awaited(machine: mpzswap.Machine) -> None:
    """Several at once, in one event loop."""

    async def compress_three() -> list[mpzswap.Packed]:
        cpu = machine.cpu(1)
        batches = [cpu.submit(PAGES[i : i + 8]) for i in (0, 8, 16)]
        return list(await asyncio.gather(*map(_wait_for, batches)))

    async def _wait_for(batch: mpzswap.Batch) -> mpzswap.Packed:
        return await batch

    parts = asyncio.run(compress_three())
    pages = np.concatenate([machine.decompress(part) for part in parts])

    assert np.array_equal(pages, PAGES[:24])


def test_batches_that_nobody_asks_for_give_their_buffers_back(
    machine: mpzswap.Machine,
) -> None:
    """A thousand dropped batches do not use a CPU up."""
    cpu = machine.cpu(0)
    until = time.monotonic() + LIMIT_S
    submitted = 0
    while submitted < 1000:
        assert time.monotonic() < until
        try:
            cpu.submit(PAGES[:16])
            submitted += 1
        except mpzswap.QueueFullError:
            continue

    assert len(cpu.submit(PAGES[:1]).wait()) == 1


def test_input_may_change_after_submit(machine: mpzswap.Machine) -> None:
    """Pages that are not shared were copied."""
    pages = PAGES[:8].copy()
    batch = machine.cpu(0).submit(pages)
    pages[:] = 0

    assert np.array_equal(machine.decompress(batch.wait()), PAGES[:8])


def test_wait_has_a_limit(machine: mpzswap.Machine) -> None:
    """A frozen device is not waited for longer than was said."""
    cpu = machine.cpu(0)
    for pid in device_pids(machine):
        os.kill(pid, signal.SIGSTOP)
    batch = cpu.submit(PAGES[:8])

    with pytest.raises(mpzswap.CompletionTimeoutError, match=r"not done within 0.05 s"):
        batch.wait(timeout_s=0.05)


def test_killed_devices_are_survived(machine: mpzswap.Machine) -> None:
    """With every device dead software does the work, and the report says so."""
    machine.compress(PAGES[:10])
    for pid in device_pids(machine):
        os.kill(pid, signal.SIGKILL)

    packed = machine.compress(PAGES)

    assert np.array_equal(machine.decompress(packed), PAGES)
    stats = machine.stats()
    assert [device.state for device in stats.devices] == ["died", "died"]
    assert stats.driver.total_sw_comp_calls > 0


def test_device_killed_under_load_loses_no_page(machine: mpzswap.Machine) -> None:
    """What was in flight there is done elsewhere."""
    victim = device_pids(machine)[0]
    killer = threading.Timer(0.01, os.kill, (victim, signal.SIGKILL))
    killer.start()
    until = time.monotonic() + LIMIT_S
    while machine.stats().devices[0].state == "ready":
        packed = machine.compress(PAGES)
        assert np.array_equal(machine.decompress(packed), PAGES)
        assert time.monotonic() < until
    killer.join()

    assert np.array_equal(machine.decompress(machine.compress(PAGES)), PAGES)


def test_page_store_keeps_pages(machine: mpzswap.Machine) -> None:
    """Stored, loaded, forgotten; a load keeps the page."""
    zswap = machine.zswap(cpu=0, max_pool_percent=20)

    assert zswap.store(100, PAGES[:16])
    assert [zswap.load(100 + i) for i in range(16)] == [p.tobytes() for p in PAGES[:16]]
    assert zswap.load(100) == PAGES[0].tobytes()
    assert zswap.invalidate(100)
    with pytest.raises(mpzswap.NotStoredError, match="100"):
        zswap.load(100)
    assert zswap.stats().zswpout == 16


def test_setting_of_a_page_store_is_checked(machine: mpzswap.Machine) -> None:
    """A percentage above 100 is refused by name."""
    with pytest.raises(mpzswap.InputError, match="max_pool_percent"):
        machine.zswap(cpu=0, max_pool_percent=101)


def test_cpu_that_the_topology_lacks_is_refused(machine: mpzswap.Machine) -> None:
    """The message has the number."""
    with pytest.raises(mpzswap.InputError, match="4000"):
        machine.cpu(4000)


def test_several_threads_share_a_machine(machine: mpzswap.Machine) -> None:
    """Calls take turns, and each gets its own pages."""
    right: list[bool] = []

    def work(number: int) -> None:
        part = PAGES[number * 50 : number * 50 + 50]
        packed = [machine.compress(part) for _ in range(3)]
        right.extend(np.array_equal(machine.decompress(p), part) for p in packed)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)

    assert not any(thread.is_alive() for thread in threads)
    assert right == [True] * 18


def test_what_is_closed_can_be_had_again() -> None:
    """Closed CPUs and stores take no place, and a machine still works after them."""
    topology = mpzswap.Topology.for_host(devices=1)
    with mpzswap.Machine(topology, compressor="lz4", max_submitters=3) as machine:
        for _ in range(6):
            with machine.cpu(0) as cpu, machine.zswap() as zswap:
                batch = cpu.submit(PAGES[:8])
                assert zswap.store(3, PAGES[:2])
                assert zswap.load(4) == PAGES[1].tobytes()
            assert np.array_equal(machine.decompress(batch.wait()), PAGES[:8])
        calls = machine.stats().driver.total_comp_calls
        cpu = machine.cpu(0)
    cpu.close()

    assert calls == 6 * 10


def test_closed_machine_says_so() -> None:
    """Every use after the end is a ClosedError, not a wait."""
    machine = mpzswap.Machine(mpzswap.Topology.for_host(devices=1), compressor="lz4")
    with machine:
        cpu = machine.cpu(0)
        zswap = machine.zswap()
        shared = machine.allocate_pages(2)
    shared[:] = 1

    for use in (
        lambda: machine.compress(b""),
        lambda: cpu.submit(PAGES[:1]),
        lambda: zswap.store(0, PAGES[:1]),
        machine.open,
    ):
        with pytest.raises(mpzswap.ClosedError):
            use()


def test_machine_without_devices_works_in_software() -> None:
    """A topology may have none."""
    topology = mpzswap.Topology.from_document(
        {"memory": "1G", "sockets": [{"cores": 1}], "devices": []}
    )
    with mpzswap.Machine(topology, compressor="zstd") as machine:
        packed = machine.compress(PAGES[:20])

        assert np.array_equal(machine.decompress(packed), PAGES[:20])
        assert set(packed.path.tolist()) <= {mpzswap.Path.SOFTWARE, mpzswap.Path.RAW}


def test_nothing_is_left_in_file_systems() -> None:
    """Shared memory has no name, and no temporary file is made."""
    before = {str(p) for d in ("/dev/shm", "/tmp") for p in Path(d).iterdir()}
    with mpzswap.Machine(mpzswap.Topology.for_host(devices=2)) as machine:
        machine.compress(PAGES[:100])
        during = {str(p) for d in ("/dev/shm", "/tmp") for p in Path(d).iterdir()}

    assert {path for path in during - before if "mpzswap" in path} == set()
