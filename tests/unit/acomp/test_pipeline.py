"""Sub-batches in flight."""

import random
from typing import get_args

import pytest

from mpzswap.acomp.pipeline import Pipeline, Shape
from mpzswap.acomp.request import EAGAIN, Request
from mpzswap.clock.histogram import Histogram
from mpzswap.errors import MpzswapError
from mpzswap.topology.settings import Batching
from tests.tools.driver_rig import ROUND_NS, driver_rig, one_queue
from tests.tools.fake_acomp import FakeAcomp, plain_frames
from tests.tools.zswap_rig import TickingClock


class Line:
    """A pipeline that compresses frames by their index, and what came of it."""

    def __init__(self, batching: Batching, seed: int = 0) -> None:
        self.fake = FakeAcomp(plain_frames(64), random.Random(seed))
        self.latency = Histogram()
        self.taken: list[int] = []
        shape = Shape.of(batching, 8)
        self.pipeline = Pipeline(self.fake, TickingClock(), shape, self.latency)

    def submit(self, request: Request, indices: list[int]) -> int:
        """Ask for the compression of these frames."""
        request.pages = [self.fake.frames.address_of(index) for index in indices]
        return self.fake.compress(request)

    def take(self, request: Request, indices: list[int]) -> None:
        """Note which frames are done."""
        assert request.errors == [0] * len(indices)
        self.taken += indices

    def run(self, count: int) -> None:
        """Compress the first *count* frames."""
        self.pipeline.run(iter(range(count)), self.submit, self.take)


@pytest.mark.parametrize(
    ("batching", "pages", "in_flight"),
    [
        ("off", [1] * 20, 1),
        ("requests", [1] * 20, 16),
        ("driver", [8, 8, 4], 2),
    ],
)
def test_shape_of_a_batching_mode(
    batching: Batching, pages: list[int], in_flight: int
) -> None:
    """Each mode has its pages in a request and its requests in flight."""
    line = Line(batching)
    line.run(20)

    assert line.fake.compressed == pages
    assert line.fake.max_in_flight == in_flight
    assert sorted(line.taken) == list(range(20))


def test_unknown_batching_mode_is_refused() -> None:
    """A mode that does not exist is named."""
    with pytest.raises(ValueError, match="not 'all'"):
        Shape.of("all", 8)  # type: ignore[arg-type] # that is the test


@pytest.mark.parametrize("seed", range(20))
def test_every_item_is_taken_once_in_whatever_order(seed: int) -> None:
    """Requests end in any order; none is lost, none is taken twice."""
    line = Line("requests", seed)
    line.run(61)

    assert sorted(line.taken) == list(range(61))


def test_order_of_ending_is_the_order_of_taking() -> None:
    """What has finished first is taken first, though it was submitted later."""
    line = Line("requests", seed=1)
    line.run(16)

    assert line.taken != sorted(line.taken)


@pytest.mark.parametrize(
    ("batching", "sub_batches"), [("off", 20), ("requests", 3), ("driver", 3)]
)
def test_latency_is_of_sub_batches(batching: Batching, sub_batches: int) -> None:
    """One duration is recorded for each sub-batch, whatever its requests."""
    line = Line(batching)
    line.run(20)

    assert line.latency.count == sub_batches
    assert line.latency.mean >= 100


def test_items_are_drawn_as_there_is_room() -> None:
    """What became of the first pages can decide whether later ones are wanted."""
    line = Line("driver")
    ahead: list[int] = []

    def items() -> list[int]:
        return list(range(40))

    def watched(index: int) -> int:
        ahead.append(index - len(line.taken))
        return index

    line.pipeline.run(map(watched, items()), line.submit, line.take)

    assert max(ahead) < 16


def test_nothing_to_do_is_done() -> None:
    """No item, no request, no duration."""
    line = Line("driver")
    line.run(0)

    assert (line.fake.compressed, line.latency.count) == ([], 0)


def test_exception_leaves_no_request_in_flight() -> None:
    """Whoever interrupts a run waits for the devices, and can go on afterwards."""
    line = Line("requests")
    real_take = line.take

    def take(request: Request, indices: list[int]) -> None:
        if len(line.taken) == 5:
            raise KeyboardInterrupt
        real_take(request, indices)

    with pytest.raises(KeyboardInterrupt):
        line.pipeline.run(iter(range(40)), line.submit, take)

    assert line.fake.in_flight == {}
    line.taken.clear()
    line.run(30)
    assert sorted(line.taken) == list(range(30))


@pytest.mark.parametrize("batching", get_args(Batching))
def test_impatient_interrupt_loses_no_item_of_the_next_run(
    batching: Batching, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second Ctrl-C, while the first waits for devices: the next run waits."""
    line = Line(batching)

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(line.fake, "poll", lambda _: EAGAIN)
        patched.setattr(line.fake, "pause", interrupted)
        with pytest.raises(KeyboardInterrupt):
            line.run(40)

    assert line.fake.in_flight
    for _ in range(2):
        line.run(40)
        assert sorted(line.taken) == list(range(40))
        line.taken.clear()


@pytest.mark.parametrize("started", [True, False])
@pytest.mark.parametrize("calls", [0, 3])
def test_interrupted_submit_leaves_no_request_in_flight(
    calls: int, *, started: bool
) -> None:
    """Ctrl-C may come when the transform has the request, or has it not yet."""
    line = Line("requests")

    def submit(request: Request, indices: list[int]) -> int:
        interrupted = len(line.fake.compressed) == calls
        submitted = not interrupted or started
        result = line.submit(request, indices) if submitted else 0
        if interrupted:
            raise KeyboardInterrupt
        return result

    with pytest.raises(KeyboardInterrupt):
        line.pipeline.run(iter(range(40)), submit, line.take)

    assert line.fake.in_flight == {}
    line.taken.clear()
    line.run(30)
    assert sorted(line.taken) == list(range(30))


def test_request_that_was_not_started_is_not_sent_by_the_drain() -> None:
    """A driver polled for a request with pages would submit them."""
    with driver_rig(one_queue()) as rig:
        pipeline = Pipeline(rig.driver, rig.clock, Shape.of("driver", 8), Histogram())

        def submit(request: Request, indices: list[int]) -> int:
            request.pages = [rig.frames.address_of(index) for index in indices]
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            pipeline.run(iter(range(8)), submit, lambda *_: None)

        assert rig.stats.total_comp_calls == 0


@pytest.mark.parametrize("batching", get_args(Batching))
def test_request_that_is_done_at_once_is_taken_at_once(batching: Batching) -> None:
    """By sync_mode sync, or by software: the next one's time is not its own."""
    with driver_rig(one_queue(), sync_mode="sync") as rig:
        latency = Histogram()
        pipeline = Pipeline(rig.driver, rig.clock, Shape.of(batching, 4), latency)
        taken: list[int] = []
        ahead: list[int] = []

        def submit(request: Request, indices: list[int]) -> int:
            ahead.append(indices[0] - len(taken))
            request.pages = [rig.frames.address_of(index) for index in indices]
            return rig.driver.compress(request)

        pipeline.run(iter(range(14)), submit, lambda _, part: taken.extend(part))

        assert taken == list(range(14))
        assert set(ahead) == {0}
        assert latency.count == (14 if batching == "off" else 4)
        # A request is done in one pause of the rig.
        assert latency.max <= 4 * ROUND_NS * 1.05


def test_close_gives_every_request_back() -> None:
    """The buffers are the transform's again."""
    line = Line("requests")
    assert line.fake.allocated == 16

    line.pipeline.close()
    assert line.fake.allocated == 0


def test_failed_start_gives_back_what_it_had() -> None:
    """Where buffers run out half way, those that were got are returned."""
    fake = FakeAcomp(plain_frames(1), max_requests=10)

    with pytest.raises(MpzswapError, match="10 requests"):
        Pipeline(fake, TickingClock(), Shape.of("requests", 8), Histogram())

    assert fake.allocated == 0
