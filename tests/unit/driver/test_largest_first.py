"""A batch of decompressions begins with its two largest inputs (version 14)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpzswap.acomp.request import Path
from mpzswap.driver import submit
from mpzswap.driver.request import IaaRequest
from mpzswap.ring.descriptor import DESCRIPTOR_BYTES, DESCRIPTOR_STRUCT
from tests.tools.driver_rig import DriverRig, driver_rig, one_queue
from tests.tools.zswap_rig import ZERO, noise


def page_of(seed: int, noisy: int) -> bytes:
    """Give a page of which so many bytes do not compress."""
    return noise(seed)[:noisy] + ZERO[noisy:]


# The longest streams are those of pages 3 and 5.
NOISY = (10, 20, 30, 900, 40, 1000, 50)
PAGES = [page_of(seed, noisy) for seed, noisy in enumerate(NOISY)]


def lengths_in_queue(rig: DriverRig, device: int, count: int) -> list[int]:
    """Give src1_size of each descriptor that waits, in its order."""
    data = bytes(rig.queues[device, 0].lane.peek(count))
    assert len(data) == count * DESCRIPTOR_BYTES
    return [fields[5] for fields in DESCRIPTOR_STRUCT.iter_unpack(data)]


def test_two_largest_inputs_are_submitted_first() -> None:
    """On one queue: they, then the others in their order."""
    with driver_rig(one_queue()) as rig:
        request = rig.packed_request(PAGES)
        rig.driver.decompress(request)
        expected = [request.lengths[page] for page in (5, 3, 0, 1, 2, 4, 6)]

        assert lengths_in_queue(rig, 0, 7) == expected
        assert rig.finish(request) == 0
        assert [rig.page(index) for index in range(7)] == PAGES


def test_two_largest_inputs_head_two_queues() -> None:
    """Neither waits for the other."""
    with driver_rig(one_queue(), one_queue(), distribute_decomps=True) as rig:
        request = rig.packed_request(PAGES)
        rig.driver.decompress(request)
        heads = [lengths_in_queue(rig, device, 3)[0] for device in (0, 1)]

        assert heads == [request.lengths[5], request.lengths[3]]
        assert rig.finish(request) == 0
        assert [rig.page(index) for index in range(7)] == PAGES


def test_order_is_kept_once_pages_are_on_their_way() -> None:
    """Full queues take the rest later: no page is lost, none comes twice."""
    with driver_rig(one_queue(2), one_queue(2), distribute_decomps=True) as rig:
        request = rig.packed_request(PAGES)
        rig.driver.decompress(request)
        assert request.waiting == 3

        assert rig.finish(request) == 0
        assert [rig.page(index) for index in range(7)] == PAGES


def test_pages_of_a_dead_device_are_those_that_went_there() -> None:
    """Software does them by their pages, not by their positions."""
    with driver_rig(one_queue(), one_queue(), distribute_decomps=True) as rig:
        request = rig.packed_request(PAGES)
        rig.driver.decompress(request)
        rig.devices[1].serve()
        rig.machine.lose(0)

        assert rig.finish(request) == 0
        assert [rig.page(index) for index in range(7)] == PAGES
        assert request.paths.count(Path.SOFTWARE) == 4
        assert request.paths[5] == Path.SOFTWARE


@pytest.mark.parametrize("bad", range(7))
def test_error_is_that_of_its_page_whatever_the_order(bad: int) -> None:
    """A damaged stream fails where the caller put it."""
    with driver_rig(one_queue(4)) as rig:
        request = rig.packed_request(PAGES)
        rig.pack(request, bad, b"\xff" * 50)
        rig.driver.decompress(request)
        rig.finish(request)
        wrong = [page for page in range(7) if request.errors[page]]

        assert wrong == [bad]
        assert [rig.page(page) for page in range(7) if page != bad] == [
            PAGES[page] for page in range(7) if page != bad
        ]


def test_compressions_are_submitted_in_their_order() -> None:
    """All inputs are of one size."""
    with driver_rig(one_queue()) as rig:
        request = rig.request(PAGES)
        rig.driver.compress(request)

        assert list(request.order) == list(range(7))


@given(lengths=st.lists(st.integers(1, 4096), min_size=3, max_size=20), data=st.data())
def test_order_names_every_page_once(lengths: list[int], data: st.DataObject) -> None:
    """The largest is first, the second largest at the place that was asked for."""
    second = data.draw(st.integers(1, len(lengths) - 1))
    request = IaaRequest(buffers=None, pages=[0] * len(lengths), lengths=lengths)  # type: ignore[arg-type] # not used here
    request.put_largest_first(second)
    by_length = sorted(lengths, reverse=True)

    assert sorted(request.order) == list(range(len(lengths)))
    assert lengths[request.order[0]] == by_length[0]
    assert lengths[request.order[second]] == by_length[1]


def test_many_decompressions_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest is a small part of them, and each column would be put in order."""
    monkeypatch.setattr(submit, "MAX_ORDERED", len(PAGES) - 1)
    with driver_rig(one_queue()) as rig:
        request = rig.packed_request(PAGES)
        rig.driver.decompress(request)

        assert lengths_in_queue(rig, 0, len(PAGES)) == request.lengths
