"""What the public API is given by mistake: an error that says so, and nothing else."""

import array
import ctypes
import dataclasses
import mmap
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import mpzswap

PAGES = np.arange(2 * 4096, dtype=np.uint64).astype(np.uint8).reshape(2, 4096)


def released() -> memoryview:
    """Give a view of nothing any more."""
    view = memoryview(bytearray(4096))
    view.release()
    return view


# What has bytes that make pages, and those bytes.
TAKEN: dict[str, Any] = {
    "bytearray": bytearray(4096),
    "strided view": memoryview(bytes(8192))[::2],
    "view of words": memoryview(bytes(8192)).cast("H"),
    "array.array": array.array("d", [0.5] * 512),
    "mmap": mmap.mmap(-1, 4096),
    "ctypes": (ctypes.c_uint8 * 4096)(),
    "read-only": np.frombuffer(bytes(4096), np.uint8),
    "backwards": PAGES[::-1],
    "column order": np.asfortranarray(PAGES),
    "broadcast": np.broadcast_to(np.uint8(3), (2, 4096)),
    "big endian": np.arange(512, dtype=">f8"),
    "half floats": np.ones((1, 2048), np.float16),
    "complex": np.ones(256, complex),
    "booleans": np.ones(4096, bool),
    "records": np.ones(64, [("a", "<u8", (8,))]),
    "three dimensions": np.ones((2, 2, 2048), np.uint8),
    "no pages": np.ones((0, 4096), np.uint8),
}

# What has none, or not of whole pages.
REFUSED: dict[str, tuple[Any, str]] = {
    "odd": (b"x" * 5, "5 bytes, must be a multiple of 4096"),
    "one byte more": (bytes(4097), "4097 bytes, must be a multiple of 4096"),
    "number": (5, "8 bytes, must be a multiple of 4096"),
    "nothing": (None, "NoneType, must be bytes or an array"),
    "text": ("x" * 4096, "str, must be bytes or an array"),
    "text array": (np.array(["a" * 1024]), "must be bytes or an array"),
    "byte strings": (np.array([b"a" * 4096]), "must be bytes or an array"),
    "times": (np.zeros(512, "M8[s]"), "must be bytes or an array"),
    "objects": (np.array([object()] * 512), "must be bytes or an array"),
    "object": (object(), "object, must be bytes or an array"),
    "mapping": ({}, "dict, must be bytes or an array"),
    "generator": ((n for n in range(3)), "generator, must be bytes or an array"),
    "ragged": ([[1], [1, 2]], "inhomogeneous shape"),
    "released view": (released(), "memoryview, must be bytes or an array"),
}


@pytest.fixture(scope="module")
def machine() -> Iterator[mpzswap.Machine]:
    """Give a machine that is used by every test here: none of them may harm it."""
    topology = mpzswap.Topology.for_host(devices=1)
    with mpzswap.Machine(topology, compressor="lz4") as made:
        yield made


@pytest.fixture(autouse=True)
def _unharmed(machine: mpzswap.Machine) -> Iterator[None]:
    """See that pages still come back after a test, and every device lives."""
    yield
    assert np.array_equal(machine.decompress(machine.compress(PAGES)), PAGES)
    assert [device.state for device in machine.stats().devices] == ["ready"]


@pytest.mark.parametrize("kind", TAKEN)
def test_bytes_count_and_not_their_kind(machine: mpzswap.Machine, kind: str) -> None:
    """Any buffer or array of plain numbers, however it lies."""
    expected = np.ascontiguousarray(TAKEN[kind]).tobytes()

    again = machine.decompress(machine.compress(TAKEN[kind]))

    assert again.tobytes() == expected


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_pages_is_refused(machine: mpzswap.Machine, kind: str) -> None:
    """By each way in, before anything is done with it."""
    given, what = REFUSED[kind]
    with machine.cpu() as cpu, machine.zswap() as zswap:
        for use in (
            lambda: machine.compress(given),
            lambda: cpu.submit(given),
            lambda: zswap.store(0, given),
        ):
            with pytest.raises((TypeError, ValueError), match=what):
                use()
        assert len(zswap) == 0


OUTS: dict[str, tuple[object, str]] = {
    "list": ([0] * 4096, "out: list, must be an array of uint8"),
    "other numbers": (np.zeros((2, 512)), "out: float64, must be an array of uint8"),
    "shape": (np.zeros((3, 4096), np.uint8), r"out: \(3, 4096\), must be \(2, 4096\)"),
    "gaps": (np.zeros((2, 8192), np.uint8)[:, ::2], "out: must be contiguous"),
    "read-only": (np.frombuffer(bytes(8192), np.uint8).reshape(2, -1), "not read-only"),
}


@pytest.mark.parametrize("kind", OUTS)
def test_no_pages_are_put_where_they_do_not_fit(
    machine: mpzswap.Machine, kind: str
) -> None:
    """One line says what it must be."""
    out, what = OUTS[kind]
    packed = machine.compress(np.zeros((2, 4096), np.uint8))

    with pytest.raises((TypeError, ValueError), match=what):
        machine.decompress(packed, out)  # type: ignore[arg-type] # that is the test


@pytest.mark.parametrize("offset", [-1, 1 << 58, 1 << 70])
def test_offset_that_no_swap_entry_holds_is_refused(
    machine: mpzswap.Machine, offset: int
) -> None:
    """Above them a number is another swap area's."""
    with machine.zswap() as zswap:
        with pytest.raises(ValueError, match=f"offset: {offset}, must be 0 to 2882"):
            zswap.store(offset, PAGES)
        with pytest.raises(mpzswap.NotStoredError, match=f"swap offset {offset}: "):
            zswap.load(offset)
        assert zswap.invalidate(offset) is False


def test_last_offset_of_a_swap_entry_is_taken(machine: mpzswap.Machine) -> None:
    """The folio has to end there."""
    last = (1 << 58) - 1
    with machine.zswap() as zswap:
        assert zswap.store(last - 1, PAGES)
        with pytest.raises(ValueError, match=f"offset: {last}, "):
            zswap.store(last, PAGES)

        assert zswap.load(last) == PAGES[1].tobytes()


@pytest.mark.parametrize("offset", [None, "a", 1.5, float("nan")])
def test_offset_that_is_no_whole_number_is_refused(
    machine: mpzswap.Machine,
    offset: Any,  # noqa: ANN401 - that is the test
) -> None:
    """And nothing is stored by halves."""
    with machine.zswap() as zswap:
        for use in (lambda: zswap.store(offset, PAGES), lambda: zswap.load(offset)):
            with pytest.raises(TypeError, match="as an integer"):
                use()
        assert len(zswap) == 0


@pytest.mark.parametrize(
    ("count", "what"),
    [
        (0, "pages: 0, must be at least 1"),
        (-1, "pages: -1, must be at least 1"),
        (1.5, "as an integer"),
        ("a", "as an integer"),
        (float("nan"), "as an integer"),
        (1 << 40, "4503599627370496 bytes, must be up to [0-9]*, what the host has"),
        (10**30, "must be up to [0-9]*, what the host has"),
    ],
)
def test_pages_that_cannot_be_had_are_refused(
    machine: mpzswap.Machine,
    count: Any,  # noqa: ANN401 - that is the test
    what: str,
) -> None:
    """The number, and what the host has; earlier pages stay."""
    earlier = machine.allocate_pages(1)
    earlier[:] = 7

    with pytest.raises((TypeError, ValueError, mpzswap.MpzswapError), match=what):
        machine.allocate_pages(count)

    assert (earlier == 7).all()
    assert machine.compress(earlier).ratio > 50
    machine.free_pages(earlier)


def test_pages_that_were_not_given_cannot_be_given_back(
    machine: mpzswap.Machine,
) -> None:
    """Nor a part of them, nor twice: devices would lose sight of the rest."""
    given = machine.allocate_pages(3)
    for part in (given[1:], given[:2], given[:0], given[::2], PAGES, given.T):
        with pytest.raises(ValueError, match="pages: "):
            machine.free_pages(part)
    with pytest.raises(TypeError, match="pages: bytes, must be an array"):
        machine.free_pages(b"")  # type: ignore[arg-type] # that is the test
    machine.free_pages(given)

    with pytest.raises(ValueError, match="not of allocate_pages, or freed already"):
        machine.free_pages(given)


def streams(*data: bytes) -> dict[str, Any]:
    """Give the fields of packed pages with these streams."""
    lengths = np.array([len(each) for each in data], np.uint32)
    return {"parts": (b"".join(data),), "lengths": lengths}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (streams(), "2 paths, must be 0, one a page"),
        (streams(b"a"), "2 paths, must be 1, one a page"),
        ({"path": np.zeros(1, np.uint8)}, "1 paths, must be 2, one a page"),
        ({"path": np.full(2, mpzswap.Path.RAW)}, "page 0: cannot be decompressed"),
        ({"compressor": "zstd"}, "by zstd, must be by lz4"),
        (streams(b"", b""), "page 0: cannot be decompressed"),
        (streams(b"\xff", b"x" * 4096), "page 0: cannot be decompressed"),
        (streams(b"x" * 5000, b""), "5000 bytes, must be up to 4096"),
        ({"parts": (b"x",)}, "part 0 of 1 bytes, must be"),
        ({"parts": ()}, "0 parts, must be 1"),
        ({"pages_per_part": 1}, "1 parts, must be 2"),
        ({"pages_per_part": 0}, "0 pages a part, must be at least 1"),
    ],
)
def test_packed_pages_that_nobody_packed_are_refused(
    machine: mpzswap.Machine, changes: dict[str, Any], what: str
) -> None:
    """No page of such is given as if it were one."""
    packed = dataclasses.replace(machine.compress(PAGES), **changes)

    with pytest.raises((ValueError, mpzswap.CorruptStreamError), match=what):
        machine.decompress(packed)


def test_wait_of_no_number_is_refused(machine: mpzswap.Machine) -> None:
    """It would be a wait without a limit."""
    with machine.cpu() as cpu:
        batch = cpu.submit(PAGES)

        with pytest.raises(ValueError, match="timeout_s: nan, must be a number"):
            batch.wait(float("nan"))


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: mpzswap.Machine("host"), "topology: str, must be a Topology"),  # type: ignore[arg-type] # that is the test
        (lambda: mpzswap.Machine({}), "topology: dict, must be a Topology"),  # type: ignore[arg-type] # that is the test
        (lambda: mpzswap.Machine(compressor=5), "compressor: int, must be text"),  # type: ignore[arg-type] # that is the test
        (lambda: mpzswap.Machine(compressor=""), "compressor '': must be one of"),
        (lambda: mpzswap.Machine(max_submitters=0), "max_submitters: 0: must be 1 to"),
        (lambda: mpzswap.Machine(max_submitters=1 << 40), "must be 1 to 65535"),
    ],
)
def test_machine_of_something_else_is_refused(
    make: Callable[[], mpzswap.Machine], what: str
) -> None:
    """When it is made, not when it is opened."""
    with pytest.raises((TypeError, mpzswap.InputError), match=what):
        make()


@pytest.mark.parametrize(
    ("data", "what"),
    [(b"[" * 99_999, "JSON: "), (b"", "JSON: "), (b"\xff", "JSON: "), (b"[]", "list")],
)
def test_json_that_is_no_topology_is_refused(data: bytes, what: str) -> None:
    """However deep it is nested."""
    with pytest.raises(mpzswap.TopologyError, match=what):
        mpzswap.Topology.from_json(data)


def test_name_of_a_file_that_none_can_have_is_refused() -> None:
    """The message names it."""
    with pytest.raises(mpzswap.TopologyError, match="null byte"):
        mpzswap.Topology.load("a\0b")


def test_key_of_two_lines_is_told_in_one() -> None:
    """Also where the document is no file's."""
    with pytest.raises(mpzswap.TopologyError, match=r"^a b: unknown key") as raised:
        mpzswap.Topology.from_document({"a\nb": 1})

    assert "\n" not in str(raised.value)
