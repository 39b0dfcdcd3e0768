"""
Known answers: asks a codec or the devices, and says what is wrong with the answer.

    codec     every vector
    devices   those of a page, in sub-batches:
              plain      compressed; what came of it is decompressed with the others
              known      decompressed by a device; software did not have to help
              refused    a device's status, then software's error

The vectors of a pass lie side by side in sub-batches, refused among known ones: the
error of a page must not disturb its neighbours.
"""

import errno
import random
from collections.abc import Sequence
from typing import NamedTuple

from mpzswap.acomp.pipeline import Pipeline, Shape
from mpzswap.acomp.request import Path, Request
from mpzswap.clock.histogram import Histogram
from mpzswap.codec.contract import Codec
from mpzswap.codec.vector import Known, Plain, Refused, Suite
from mpzswap.completion.status import Status
from mpzswap.errors import CodecError, OutputOverflowError
from mpzswap.machine.core import Core
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.topology.settings import Batching

# What is wrong with each vector that was asked for; nothing: "".
Faults = dict[str, str]

# The CPU that submits.
CPU = 0
# What is no vector's page, so that one that was not written is seen.
UNWRITTEN = 0xA5
WRONG = "is not what it was"


# By a codec


def ask_codec(codec: Codec, suite: Suite) -> Faults:
    """Give what is wrong with each vector."""
    faults = {plain.name: _fault_of_plain(codec, plain) for plain in suite.plain}
    faults |= {known.name: _fault_of_known(codec, known) for known in suite.known}
    return faults | {
        refused.name: _fault_of_refused(codec, refused) for refused in suite.refused
    }


def _fault_of_plain(codec: Codec, plain: Plain) -> str:
    stream = codec.compress(memoryview(plain.data))
    if plain.compresses and len(stream) > len(plain.data):
        return f"{len(stream)} bytes, must be up to {len(plain.data)}"
    return _fault_of_known(codec, Known(plain.name, plain.data, stream))


def _fault_of_known(codec: Codec, known: Known) -> str:
    try:
        data = codec.decompress(memoryview(known.stream), len(known.data))
    except CodecError as error:
        return f"is refused: {error}"
    return "" if data == known.data else WRONG


def _fault_of_refused(codec: Codec, refused: Refused) -> str:
    try:
        codec.decompress(memoryview(refused.stream), refused.limit)
    except CodecError as error:
        if isinstance(error, refused.error):
            return ""
        return f"{type(error).__name__}, must be {refused.error.__name__}"
    return f"is taken, must be {refused.error.__name__}"


# By devices


class Answer(NamedTuple):
    """What a request says of a page."""

    error: int
    status: int
    path: int

    def __str__(self) -> str:
        """Give it in words."""
        error = errno.errorcode.get(-self.error, str(self.error))
        status = Status(self.status).name
        return f"{error if self.error else 'done'}, {status}, by {Path(self.path).name}"


DONE = Answer(0, Status.SUCCESS, Path.DEVICE)
TOO_LONG = Answer(-errno.E2BIG, Status.ANALYTICS_ERROR, Path.DEVICE)
CORRUPT = Answer(-errno.EINVAL, Status.ANALYTICS_ERROR, Path.SOFTWARE)
OVERFLOW = Answer(-errno.EINVAL, Status.OUTBUF_OVERFLOW, Path.SOFTWARE)


def pages_of(suite: Suite) -> Suite:
    """Give the vectors that a device can be asked for."""
    return Suite(
        tuple(plain for plain in suite.plain if len(plain.data) == PAGE_SIZE),
        tuple(known for known in suite.known if len(known.data) == PAGE_SIZE),
        tuple(
            refused
            for refused in suite.refused
            if refused.limit == PAGE_SIZE and 0 < len(refused.stream) <= PAGE_SIZE
        ),
    )


class Devices:
    """
    The devices of a machine, asked through its driver.

    Args:
        core: of the machine.
        suite: as ``pages_of`` gives it.
        batch_size: pages in a sub-batch.
    """

    def __init__(self, core: Core, suite: Suite, batch_size: int) -> None:
        self._suite = suite
        self._batch_size = batch_size
        most = Shape.of("driver", batch_size)
        self._submitter = core.new_submitter(
            CPU, most.pages_per_request * most.nr_sub_batches
        )
        self._frames = core.new_frames(sum(1 for _ in suite.names()))
        self._faults: Faults = {}
        self._made: list[Known] = []

    def ask(self, batching: Batching, seed: int) -> Faults:
        """Give what is wrong with each vector; their order follows from *seed*."""
        self._faults = {}
        self._made = []
        draw = random.Random(seed)  # noqa: S311 - an order, no secret
        shape = Shape.of(batching, self._batch_size)
        driver, clock = self._submitter.driver, self._submitter.clock
        pipeline = Pipeline(driver, clock, shape, Histogram())
        try:
            self._compress(pipeline, draw)
            self._decompress(pipeline, draw)
        finally:
            pipeline.close()
        unanswered = dict.fromkeys(self._suite.names(), "was not answered")
        return unanswered | self._faults

    def _compress(self, pipeline: Pipeline, draw: random.Random) -> None:
        """Compress the plain pages; what came of them are known streams then."""
        plains = self._suite.plain
        for frame, plain in zip(self._frames.views, plains, strict=False):
            frame[:] = plain.data

        def submit(request: Request, part: list[int]) -> int:
            request.pages = [self._frames.address_of(index) for index in part]
            return self._submitter.driver.compress(request)

        def take(request: Request, part: list[int]) -> None:
            for place, index in enumerate(part):
                plain = plains[index]
                expected = DONE if plain.compresses else TOO_LONG
                self._note(plain.name, expected, request, place)
                if request.errors[place] == 0:
                    length = request.lengths[place]
                    stream = bytes(request.buffers.views[place][:length])
                    self._made.append(Known(plain.name, plain.data, stream))

        pipeline.run(iter(draw.sample(range(len(plains)), len(plains))), submit, take)

    def _decompress(self, pipeline: Pipeline, draw: random.Random) -> None:
        """Decompress all streams, those that must be refused among the others."""
        vectors: list[Known | Refused] = [
            *self._made,
            *self._suite.known,
            *self._suite.refused,
        ]
        self._frames.array[:] = UNWRITTEN

        def submit(request: Request, part: list[int]) -> int:
            streams = [vectors[index].stream for index in part]
            for view, stream in zip(request.buffers.views, streams, strict=False):
                view[: len(stream)] = stream
            request.lengths = [len(stream) for stream in streams]
            request.pages = [self._frames.address_of(index) for index in part]
            return self._submitter.driver.decompress(request)

        def take(request: Request, part: list[int]) -> None:
            for place, index in enumerate(part):
                self._take_decompressed(vectors[index], index, request, place)

        pipeline.run(iter(draw.sample(range(len(vectors)), len(vectors))), submit, take)

    def _take_decompressed(
        self, vector: Known | Refused, index: int, request: Request, place: int
    ) -> None:
        expected = DONE
        if isinstance(vector, Refused):
            overflow = vector.error is OutputOverflowError
            expected = OVERFLOW if overflow else CORRUPT
        self._note(vector.name, expected, request, place)
        if isinstance(vector, Known) and self._frames.views[index] != vector.data:
            self._faults[vector.name] = self._faults[vector.name] or WRONG

    def _note(self, name: str, expected: Answer, request: Request, place: int) -> None:
        """Compare an answer; the first fault of a vector stays."""
        errors, statuses, paths = request.errors, request.statuses, request.paths
        answer = Answer(errors[place], statuses[place], paths[place])
        fault = "" if answer == expected else f"{answer}; must be {expected}"
        self._faults[name] = self._faults.get(name) or fault


def count(suites: Sequence[Suite]) -> int:
    """Give how many vectors there are."""
    return sum(1 for suite in suites for _ in suite.names())
