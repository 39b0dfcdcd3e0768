"""Which queues the driver uses, and what it does when they are full."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from mpzswap.acomp.request import EAGAIN, EINPROGRESS, Path
from mpzswap.ring.occupancy import Occupancy
from mpzswap.topology.model import Device, WorkQueue
from tests.tools.driver_rig import driver_rig, one_queue
from tests.tools.zswap_rig import noise, text

TWO_QUEUES = Device(
    name="two", wqs=(WorkQueue(name="a", size=8), WorkQueue(name="b", size=8))
)


def texts(count: int) -> list[bytes]:
    """Give so many pages."""
    return [text(seed) for seed in range(count)]


def test_requests_go_round_the_queues() -> None:
    """Each begins at the queue after the last one's: wq_table_next_wq."""
    with driver_rig(one_queue(), one_queue(), one_queue()) as rig:
        seen = []
        for index in range(4):
            rig.driver.compress(rig.request([text(index)], first=index))
            seen.append(rig.ready())

    assert seen == [[1, 0, 0], [1, 1, 0], [1, 1, 1], [2, 1, 1]]


def test_global_queue_gets_its_descriptors_in_a_row() -> None:
    """g_consec_descs_per_gwq of them, then the next one does."""
    devices = [TWO_QUEUES] * 2
    with driver_rig(*devices, wq_tables="global", g_consec_descs_per_gwq=3) as rig:
        rig.driver.compress(rig.request(texts(4)))
        # Of each device a local queue, then a global one.
        assert rig.ready() == [0, 3, 0, 1]
        rig.driver.compress(rig.request(texts(3), first=8))

        assert rig.ready() == [0, 4, 0, 3]


@pytest.mark.parametrize(
    ("count", "shares"), [(8, [4, 4]), (7, [4, 3]), (1, [1, 0]), (16, [8, 8])]
)
def test_one_request_is_shared_over_the_queues(count: int, shares: list[int]) -> None:
    """All devices work on it at once."""
    with driver_rig(one_queue(), one_queue()) as rig:
        rig.driver.compress(rig.request(texts(count)))

        assert rig.ready() == shares


@pytest.mark.parametrize(("balance", "ready"), [("turns", 6), ("shortest", 4)])
def test_device_that_is_behind_gets_nothing_where_the_shortest_queue_gets_all(
    balance: str, ready: int
) -> None:
    """The other one would wait for it, as it does where they are used in turn."""
    with driver_rig(one_queue(), one_queue(), wq_balance=balance) as rig:
        requests = [rig.request(texts(4), first=4 * index) for index in range(3)]
        rig.driver.compress(requests[0])
        served = rig.ready().index(max(rig.ready()))
        rig.driver.compress(requests[1])
        rig.devices[served].serve()
        rig.driver.poll(requests[0])
        rig.driver.compress(requests[2])

        assert rig.ready()[1 - served] == ready


def test_shortest_queue_is_that_with_the_least_unanswered() -> None:
    """What a device has taken it still has to do."""
    with driver_rig(one_queue(), one_queue(), wq_balance="shortest") as rig:
        used = [rig.queues[device, 0] for device in range(2)]
        rig.driver.compress(rig.request(texts(3)))
        behind = max(used, key=lambda queue: queue.in_flight)
        taken = [list(device.arbiter.take()) for device in rig.devices]
        rig.driver.compress(rig.request(texts(2), first=3))
        rig.driver.compress(rig.request(texts(2), first=5))

        assert sum(map(len, taken)) == 1
        assert (behind.in_flight, sum(queue.in_flight for queue in used)) == (3, 7)


def test_shortest_queue_that_is_full_leaves_the_rest_to_others() -> None:
    """All of a request is in queues as long as one of them has room."""
    with driver_rig(one_queue(), one_queue(), wq_balance="shortest") as rig:
        rig.driver.compress(rig.request(texts(12)))

        assert sorted(rig.ready()) == [4, 8]


def test_operations_use_their_own_queues() -> None:
    """With two queues the last compresses and the first decompresses."""
    with driver_rig(TWO_QUEUES) as rig:
        rig.driver.compress(rig.request(texts(3)))
        assert rig.ready() == [0, 3]
        rig.driver.decompress(rig.packed_request(texts(2), first=8))
        assert rig.ready() == [2, 3]


def test_turns_of_operations_are_counted_apart() -> None:
    """Decompressions between do not make compressions skip a queue."""
    with driver_rig(one_queue(), one_queue(), distribute_decomps=1) as rig:
        rig.driver.compress(rig.request([text(0)]))
        rig.driver.decompress(rig.packed_request([text(1)], first=1))

        assert rig.ready() == [2, 0]


def test_full_queue_is_counted_and_tried_again() -> None:
    """What a dedicated queue did not take goes on when there is room."""
    with driver_rig(one_queue(2)) as rig:
        request = rig.request(texts(5))
        assert rig.driver.compress(request) == EINPROGRESS
        assert (rig.ready(), request.waiting) == ([2], 3)
        assert rig.driver.poll(request) == EAGAIN
        retries = rig.queues[0, 0].stats.retries
        rig.serve()

        assert retries == 1
        assert rig.finish(request) == 0
        assert request.paths == [Path.DEVICE] * 5


def test_one_full_queue_leaves_the_pages_to_the_other() -> None:
    """The share of a full queue is not lost and is not waited for."""
    with driver_rig(one_queue(), one_queue()) as rig:
        rig.occupy(8, device=0)
        request = rig.request(texts(4))
        rig.driver.compress(request)
        rig.finish(request)

        assert rig.queues[0, 0].stats.comp_calls == 0
        assert rig.queues[1, 0].stats.comp_calls == 4


def test_shared_queue_is_tried_as_enqcmds_is() -> None:
    """The first time and enqcmds_retries times again, in each attempt."""
    shared = one_queue(mode="shared")
    with driver_rig(shared, enqcmds_retries=7) as rig:
        rig.occupy(8)
        request = rig.request(texts(1))
        rig.driver.compress(request)
        assert rig.queues[0, 0].stats.retries == 8
        rig.driver.poll(request)

        assert rig.queues[0, 0].stats.retries == 16


def test_compression_fails_when_its_retries_are_used_up() -> None:
    """So many attempts after the first find no place: -ENODEV, as in the kernel."""
    with driver_rig(one_queue(), comp_alloc_retries=3) as rig:
        rig.occupy(8)
        request = rig.request(texts(2))
        assert rig.driver.compress(request) == EINPROGRESS
        polls = [rig.poll_later(request) for _ in range(3)]

        assert polls == [EAGAIN, EAGAIN, -errno.ENODEV]
        assert request.errors == [-errno.ENODEV] * 2
        assert rig.stats.reasons == {"queue_full": 2}
        assert rig.stats.total_comp_calls == 0


def test_attempts_at_the_same_time_count_as_one() -> None:
    """A device that has no core for a while does not use a request's retries up."""
    with driver_rig(one_queue(), comp_alloc_retries=3) as rig:
        rig.occupy(8)
        request = rig.request(texts(2))
        rig.driver.compress(request)

        assert {rig.driver.poll(request) for _ in range(100)} == {EAGAIN}


def test_compression_without_retries_fails_at_once() -> None:
    """It is done when it returns."""
    with driver_rig(one_queue(), comp_alloc_retries=0) as rig:
        rig.occupy(8)
        request = rig.request(texts(1))

        assert rig.driver.compress(request) == -errno.ENODEV
        assert rig.driver.poll(request) == -errno.ENODEV


def test_decompression_goes_to_software_when_its_retries_are_used_up() -> None:
    """A page that was stored has to be had back."""
    with driver_rig(one_queue(), decomp_alloc_retries=3) as rig:
        rig.occupy(8)
        request = rig.packed_request(texts(2))
        rig.driver.decompress(request)
        polls = [rig.poll_later(request) for _ in range(3)]

        assert polls == [EAGAIN, EAGAIN, 0]
        assert request.paths == [Path.SOFTWARE] * 2
        assert [rig.page(index) for index in range(2)] == texts(2)
        assert rig.stats.reasons == {"queue_full": 2}


def test_retries_are_counted_from_the_last_place_that_was_had() -> None:
    """A request far larger than its queue is not given up while it goes on."""
    with driver_rig(one_queue(1), comp_alloc_retries=2) as rig:
        request = rig.request(texts(20))
        rig.driver.compress(request)

        assert rig.finish(request) == 0
        assert request.paths == [Path.DEVICE] * 20


def test_pages_in_flight_are_done_though_the_rest_finds_no_place() -> None:
    """Some have a result and some -ENODEV."""
    with driver_rig(one_queue(8), comp_alloc_retries=1) as rig:
        rig.occupy(6)
        request = rig.request(texts(4))
        rig.driver.compress(request)
        for _ in range(2):
            rig.poll_later(request)
        rig.finish(request)

        assert request.errors == [0, 0, -errno.ENODEV, -errno.ENODEV]


def test_without_devices_compression_is_softwares() -> None:
    """Done when it returns; incompressible pages are still too big."""
    with driver_rig() as rig:
        request = rig.request([text(1), noise(2)])

        assert rig.driver.compress(request) == -errno.E2BIG
        assert rig.driver.poll(request) == -errno.E2BIG
        assert request.errors == [0, -errno.E2BIG]
        assert request.paths == [Path.SOFTWARE] * 2
        assert rig.unpacked(request) == text(1)
        assert rig.stats.total_sw_comp_calls == 2
        assert rig.stats.total_comp_calls == 0
        assert rig.stats.reasons == {"no_device": 2}


def test_without_devices_decompression_is_softwares() -> None:
    """Done when it returns, too."""
    with driver_rig() as rig:
        request = rig.packed_request(texts(3))

        assert rig.driver.decompress(request) == 0
        assert rig.driver.poll(request) == 0
        assert [rig.page(index) for index in range(3)] == texts(3)
        assert rig.stats.total_sw_decomp_calls == 3
        assert rig.stats.total_decomp_bytes_in == 0


def test_lost_device_is_used_no_more() -> None:
    """The next request has the queues of those that are left."""
    with driver_rig(one_queue(), one_queue()) as rig:
        rig.machine.lose(0)
        rig.driver.compress(rig.request(texts(4)))

        assert rig.ready() == [0, 4]


def test_device_that_comes_back_is_used_again() -> None:
    """A new generation is a new choice of queues."""
    with driver_rig(one_queue()) as rig:
        rig.machine.lose(0)
        assert rig.driver.compress(rig.request(texts(1))) == 0
        rig.machine.usable.add(0)
        rig.machine.turn += 1
        rig.driver.compress(rig.request(texts(2)))

        assert rig.ready() == [2]


def test_places_of_queues_are_never_exceeded() -> None:
    """Whatever is submitted, no lane has more than its queue's size."""
    with driver_rig(one_queue(3)) as rig:
        for index in range(4):
            rig.driver.compress(rig.request(texts(2), first=2 * index))

        assert rig.ready() == [3]
        assert rig.queues[0, 0].stats.max_occupancy == 3


@pytest.mark.parametrize("operation", ["compress", "decompress"])
def test_queue_that_refused_for_the_limit_is_not_waited_for_again(
    operation: str,
) -> None:
    """The next requests try once; otherwise each would wait as long in vain."""
    with driver_rig(one_queue(), comp_alloc_retries=3, decomp_alloc_retries=3) as rig:
        rig.occupy(8)
        request = rig.packed_request(texts(2))
        polls = []
        for _ in range(2):
            getattr(rig.driver, operation)(request)
            polls.append(1)
            while rig.poll_later(request) == EAGAIN:
                polls[-1] += 1

        assert polls == [3, 1]
        assert rig.stats.reasons == {"queue_full": 4}


def test_queue_that_takes_something_is_waited_for_again() -> None:
    """Whoever tries once finds that it has room."""
    with driver_rig(one_queue(), comp_alloc_retries=1) as rig:
        rig.occupy(8)
        request = rig.request(texts(2))
        rig.driver.compress(request)
        while rig.poll_later(request) == EAGAIN:
            pass
        rig.occupy(0)
        rig.driver.compress(request)
        assert rig.finish(request) == 0
        rig.occupy(8)

        assert rig.driver.compress(request) == EINPROGRESS


def interrupt() -> int:
    """Raise what Ctrl-C raises, whatever was to come."""
    raise KeyboardInterrupt


@pytest.mark.parametrize("between", ["wish and look", "look and slots"])
def test_interrupted_wish_takes_no_place(
    between: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others need not wait for our next try; the request does not end either."""
    with driver_rig(one_queue()) as rig:
        queue = rig.queues[0, 0]
        request = rig.request(texts(3))
        with monkeypatch.context() as patched:
            if between == "wish and look":
                patched.setattr(queue.occupancy, "_full_barrier", interrupt)
            else:
                patched.setattr(rig.clock, "now_ns", interrupt)
            with pytest.raises(KeyboardInterrupt):
                rig.driver.compress(request)

        assert isinstance(queue.occupancy, Occupancy)
        assert queue.occupancy._words.tolist() == [0, 0]
        assert rig.finish(request) == 0
        assert rig.driver.stats.total_comp_calls == 3


@contextmanager
def interrupted_at(call: int) -> Iterator[list[int]]:
    """Let Ctrl-C come at a call, or return, in the driver; give how many are left."""
    left = [call]

    def count(frame: FrameType, event: str, _: object) -> None:
        """Raise it; only what is called in the driver, or publishes, counts."""
        code = frame.f_code
        if "mpzswap/driver" in code.co_filename or code.co_name == "publish":
            left[0] -= 1
            if not left[0]:
                sys.setprofile(None)
                raise KeyboardInterrupt(event)

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield left
    except KeyboardInterrupt:
        pass
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize("verify", [False, True])
def test_no_interrupt_leaves_a_queue_longer_or_shorter_than_it_is(verify: bool) -> None:  # noqa: FBT001 - pytest gives it by name
    """Wherever it comes: the queue would get all that follows, or nothing of it."""
    call, came = 0, True
    while came:
        call += 1
        with driver_rig(one_queue(), verify_compress=verify) as rig:
            request = rig.request(texts(2))
            with interrupted_at(call) as left:
                rig.driver.compress(request)
                rig.finish(request)
            came = not left[0]
            # As the pipeline does: what has begun is waited for.
            if request.errors:
                rig.finish(request)

            assert rig.queues[0, 0].in_flight == 0
    assert call > 100
