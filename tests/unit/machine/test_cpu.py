"""A CPU: what is copied, who waits for whom, how it ends."""

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from mpzswap.acomp.request import Path, Request
from mpzswap.errors import ClosedError
from mpzswap.machine.cpu import Cpu
from mpzswap.machine.packed import Packed, Packing
from mpzswap.page.frame import Pages
from mpzswap.page.mix import generate
from tests.tools.submitter_rig import NR_BUFFERS, SubmitterRig, submitter_rig

TEXT = generate("text", 4, seed=1)
NOISE = generate("random", 4, seed=1)
POISON = 0xEE
LIMIT_S = 30.0


@pytest.fixture
def rig() -> Iterator[SubmitterRig]:
    """Give a submitter of one device."""
    with submitter_rig() as made:
        made.staged.array[:] = POISON
        yield made


@pytest.fixture
def cpu(rig: SubmitterRig) -> Cpu:
    """Give a CPU over it."""
    return Cpu(rig.submitter, rig.staging, rig.give_back)


def unpacked(rig: SubmitterRig, packed: Packed) -> list[bytes]:
    """Give the pages that *packed* holds."""
    decompress = rig.rig.codec.decompress
    return [
        bytes(data) if path == Path.RAW else decompress(data, 4096)
        for data, path in zip(packed, packed.path, strict=True)
    ]


@pytest.mark.parametrize("pages", [TEXT, NOISE])
def test_shared_pages_are_copied_nowhere(
    rig: SubmitterRig, cpu: Cpu, pages: Pages
) -> None:
    """Not into staging frames either; what does not compress is read where it is."""
    shared = rig.shared.array[2:6]
    shared[:] = pages

    packed = cpu.submit(shared).wait()

    assert unpacked(rig, packed) == [page.tobytes() for page in pages]
    assert (rig.staged.array == POISON).all()


@pytest.mark.parametrize("pages", [TEXT, NOISE])
def test_other_pages_may_change_after_submit(
    rig: SubmitterRig, cpu: Cpu, pages: Pages
) -> None:
    """They were copied, once, to where devices see them."""
    theirs = pages.copy()
    batch = cpu.submit(theirs)
    theirs[:] = 0

    assert unpacked(rig, batch.wait()) == [page.tobytes() for page in pages]
    assert np.array_equal(rig.staged.array[:4], pages)


def test_batch_has_the_checksums_of_what_was_submitted(cpu: Cpu) -> None:
    """As bulk has, so that bulk can decompress it."""
    pages = np.concatenate([TEXT, NOISE])
    expected = [zlib.crc32(page) for page in pages]
    batch = cpu.submit(pages)
    pages[:] = 0

    checksums = batch.wait().checksums
    assert checksums is not None
    assert checksums.tolist() == expected


def test_lock_is_free_while_a_batch_is_waited_for(
    rig: SubmitterRig, cpu: Cpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polls of other batches go on."""
    other = cpu.submit(TEXT)
    polled: list[bool] = []
    serve = rig.rig.driver.pause

    def pause(requests: Sequence[Request]) -> None:
        assert not cpu.turn.locked()
        polled.append(other.poll())
        serve(requests)

    monkeypatch.setattr(rig.rig.driver, "pause", pause)
    cpu.submit(TEXT).wait()

    assert polled
    assert not polled[0]


def test_close_sees_batches_to_their_end_first(rig: SubmitterRig, cpu: Cpu) -> None:
    """Only then all is given back, once; their results stay."""
    batches = [cpu.submit(TEXT), cpu.submit(NOISE)]
    cpu.close()
    cpu.close()

    assert rig.given_back == [True]
    assert unpacked(rig, batches[0].wait()) == [page.tobytes() for page in TEXT]
    assert batches[1].poll()


def test_closed_cpu_says_so(rig: SubmitterRig, cpu: Cpu) -> None:
    """By its number; the end of a block closes it."""
    with cpu:
        pass

    assert rig.given_back == [True]
    with pytest.raises(ClosedError, match="CPU 3: is closed"):
        cpu.submit(TEXT)


def test_close_after_the_machine_gives_nothing_back(
    rig: SubmitterRig, cpu: Cpu
) -> None:
    """Devices are gone, so nothing is waited for; the machine has it all."""
    batch = cpu.submit(TEXT)
    rig.submitter.closed = True
    cpu.close()

    assert rig.given_back == []
    with pytest.raises(ClosedError):
        batch.wait()


def test_interrupted_result_is_had_again_and_its_buffers_once(
    rig: SubmitterRig, cpu: Cpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while a batch is packed: two batches would have one buffer."""
    batch = cpu.submit(TEXT)

    def interrupt(_: Packing) -> Packed:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Packing, "done", interrupt)
        with pytest.raises(KeyboardInterrupt):
            batch.wait(LIMIT_S)

    assert batch.wait(LIMIT_S).path.tolist() == [Path.DEVICE] * 4
    assert rig.rig.portal._free == [(0, NR_BUFFERS)]


@pytest.mark.parametrize("started", [True, False])
def test_interrupted_submit_keeps_no_buffers(
    rig: SubmitterRig, cpu: Cpu, monkeypatch: pytest.MonkeyPatch, *, started: bool
) -> None:
    """Ctrl-C may come just before devices have the batch, or just after."""
    compress = rig.rig.driver.compress

    def interrupted(request: Request) -> int:
        if started:
            compress(request)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rig.rig.driver, "compress", interrupted)
        with pytest.raises(KeyboardInterrupt):
            cpu.submit(TEXT)

    assert unpacked(rig, cpu.submit(TEXT).wait()) == [p.tobytes() for p in TEXT]
    cpu.close()
    assert rig.given_back == [True]
