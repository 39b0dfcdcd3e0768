"""Where the time of a page went: stamps of both sides, put together."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import cast

import numpy as np
import pytest

from mpzswap.acomp.pipeline import Pipeline, Shape
from mpzswap.acomp.request import EAGAIN, EINPROGRESS, Acomp, Request
from mpzswap.clock.histogram import Histogram
from mpzswap.completion.record import RECORD
from mpzswap.driver.request import IaaRequest
from mpzswap.errors import MpzswapError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.memory import Frames
from tests.tools.manual_clock import ManualClock
from tools.bench.bench_stages import (
    ALL,
    STAGES,
    Recorder,
    Stamps,
    page_figures,
    stages_of,
)


def records(*stamps: tuple[int, int]) -> bytes:
    """Give completion records with these times of taking and completing."""
    made = np.zeros(len(stamps), RECORD)
    for record, (taken, completed) in zip(made, stamps, strict=True):
        record["taken_ns"], record["completed_ns"] = taken, completed
    return made.tobytes()


def test_stages_of_a_page_add_up_to_its_time() -> None:
    """Each ends where the next begins."""
    stamps = Stamps(100, 120, 300, 370, records((150, 190), (190, 250)))

    assert stages_of([stamps]).tolist() == [[20, 30, 40, 110, 70], [20, 70, 60, 50, 70]]


def test_page_that_is_taken_before_all_is_submitted_was_published() -> None:
    """Devices do not wait for the bells of the others."""
    stamps = Stamps(100, 120, 300, 370, records((110, 190)))

    assert stages_of([stamps]).tolist() == [[10, 0, 80, 110, 70]]


def test_page_that_no_device_did_is_left_out() -> None:
    """Its record is of an earlier request, or of none."""
    stamps = Stamps(100, 120, 300, 370, records((0, 0), (20, 40), (130, 140)))

    assert len(stages_of([stamps])) == 1


def test_stages_add_up_to_all_of_them() -> None:
    """On average too, in us."""
    stamps = Stamps(100, 120, 300, 370, records((150, 190), (190, 250)))
    figures = page_figures([stamps])

    assert figures[ALL] == pytest.approx(0.27)
    assert sum(figures[f"{name}, us"] for name in STAGES) == pytest.approx(0.27)


def test_without_a_page_of_a_device_there_is_nothing_to_say() -> None:
    """As with pages that are all same-filled."""
    with pytest.raises(MpzswapError, match="no page was done by a device"):
        page_figures([])


class Steps:
    """A transform whose steps take 10 ns each; a request is done at its second poll."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._polled = 0

    def allocate(self, capacity: int) -> IaaRequest:
        """Give the request of record 1."""
        return IaaRequest(Frames(np.empty((capacity, PAGE_SIZE), np.uint8), 0), first=1)

    def release(self, request: Request) -> None:
        """Have nothing to give back."""

    def submit(self, request: Request, items: list[int]) -> int:
        """Take so many pages."""
        request.pages = items
        self._polled = 0
        return self._step(EINPROGRESS)

    def poll(self, _: Request) -> int:
        """Be done at the second look."""
        self._polled += 1
        return self._step(0 if self._polled > 1 else EAGAIN)

    def pause(self, _: Sequence[Request]) -> None:
        """Let time pass."""
        self._step()

    def take(self, _: Request, __: list[int]) -> None:
        """Put away."""
        self._step()

    def draw(self, count: int) -> Iterator[int]:
        """Give items, each of which takes its time."""
        for item in range(count):
            self._step()
            yield item

    def _step(self, result: int = 0) -> int:
        self._clock.ns += 10
        return result


def recorded(count: int) -> tuple[Recorder, Histogram, int]:
    """Run a pipeline of single pages; give what it measured itself, and its begin."""
    clock, latency = ManualClock(), Histogram()
    steps, begun = Steps(clock), clock.ns
    taken = begun + 25
    recorder = Recorder(clock.now_ns, memoryview(records((9, 9), (taken, taken + 3))))
    # Noted as on a machine: the pipeline asks its transform for each.
    setattr(steps, "poll", partial(recorder.poll, steps.poll))  # noqa: B010 - as there
    pipeline = Pipeline(cast("Acomp", steps), clock, Shape(1, 1, 1), latency)
    recorder.run(pipeline.run, steps.draw(count), steps.submit, steps.take)
    return recorder, latency, begun


def test_recorder_notes_every_step_of_a_request() -> None:
    """From the first item that is drawn to the end of taking."""
    recorder, _, begun = recorded(1)

    (stamps,) = recorder.requests
    # Draw, submit; an empty poll, a pause, a poll; take.
    assert [at - begun for at in stamps[:4]] == [0, 20, 50, 60]
    assert recorder.empty_polls == 1
    assert stages_of([stamps]).tolist() == [[20, 5, 3, 22, 10]]


def test_stages_until_it_is_seen_are_the_batchs_latency() -> None:
    """As the pipeline measures it, which ends before a request is put away."""
    recorder, latency, _ = recorded(1)

    stages = stages_of(recorder.requests)
    assert latency.count == 1
    assert stages[:, : STAGES.index("store")].sum() == latency.max


def test_recorder_that_forgets_begins_anew() -> None:
    """Each round of a contest is by itself."""
    recorder, _, _ = recorded(3)
    requests, polls = len(recorder.requests), recorder.empty_polls
    recorder.forget()

    assert (requests, polls) == (3, 3)
    assert not recorder.requests
    assert recorder.empty_polls == recorder.poll_cpu_ns == recorder.pause_cpu_ns == 0
