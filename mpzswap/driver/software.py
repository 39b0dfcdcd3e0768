"""The way without a device: the same codec, in the process that asks."""

import errno

from mpzswap.acomp.request import Path, Request
from mpzswap.clock.steps import Step
from mpzswap.clock.work import Clock
from mpzswap.codec.contract import Codec
from mpzswap.errors import CodecError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.memory import AddressSpace


class Software:
    """Does single pages of a request; the result is as if a device had done it."""

    def __init__(self, codec: Codec, space: AddressSpace, clock: Clock) -> None:
        self._codec = codec
        self._space = space
        self._clock = clock

    def compress(self, request: Request, index: int) -> None:
        """Compress page *index* of the request."""
        request.paths[index] = Path.SOFTWARE
        page = self._space.resolve(request.pages[index], PAGE_SIZE)
        if page is None:
            request.errors[index] = -errno.EFAULT
            return
        output = self._codec.compress(page)
        self._clock.spend(Step.SOFTWARE_COMPRESS)
        if len(output) > PAGE_SIZE:
            request.errors[index] = -errno.E2BIG
            return
        request.buffers.views[index][: len(output)] = output
        request.lengths[index] = len(output)
        request.errors[index] = 0

    def decompress(self, request: Request, index: int) -> None:
        """Decompress page *index* of the request."""
        request.paths[index] = Path.SOFTWARE
        page = self._space.resolve(request.pages[index], PAGE_SIZE)
        packed = self._space.resolve(request.source_of(index), request.lengths[index])
        if page is None or packed is None:
            request.errors[index] = -errno.EFAULT
            return
        try:
            self._clock.spend(Step.SOFTWARE_DECOMPRESS)
            output = self._codec.decompress(packed, PAGE_SIZE)
        except CodecError:
            request.errors[index] = -errno.EINVAL
            return
        if len(output) != PAGE_SIZE:
            request.errors[index] = -errno.EINVAL
            return
        page[:] = output
        request.errors[index] = 0
