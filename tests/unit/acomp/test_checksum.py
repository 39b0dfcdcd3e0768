"""What came back is compared, and done again in software where it differs."""

import errno
import zlib

import pytest

from mpzswap.acomp.checksum import EBADMSG, check, checksum
from mpzswap.acomp.request import Path, Request
from mpzswap.page.frame import PAGE_SIZE
from tests.tools.fake_acomp import FakeAcomp, garbled, plain_frames
from tests.tools.zswap_rig import noise, text

PAGES = [text(seed) for seed in range(4)]
# Frames that pages come back to.
FIRST = 4


class Returned:
    """Pages that were compressed, kept, and decompressed again."""

    def __init__(self) -> None:
        self.fake = FakeAcomp(plain_frames(2 * FIRST))
        self.request = self.fake.allocate(len(PAGES))
        self._put_pages()
        self._do(self.fake.compress)
        buffers = zip(self.request.buffers.views, self.request.lengths, strict=True)
        self.kept = [bytes(view[:length]) for view, length in buffers]

    def _put_pages(self) -> None:
        for index, page in enumerate(PAGES):
            self.fake.frames.views[index][:] = page
        self.request.pages = [self.fake.frames.address_of(n) for n in range(len(PAGES))]
        self.request.checksums = [checksum(page) for page in PAGES]

    def decompress(self) -> None:
        """Let the pages come back to their frames."""
        frames = range(FIRST, FIRST + len(PAGES))
        self.request.pages = [self.fake.frames.address_of(index) for index in frames]
        self._do(self.fake.decompress)

    def _do(self, operation: object) -> None:
        assert callable(operation)
        operation(self.request)
        self.fake.pause([self.request])

    def check(self) -> int:
        """Compare them."""
        return check(
            self.fake, self.request, self.frames, lambda place: self.kept[place]
        )

    @property
    def frames(self) -> tuple[memoryview, ...]:
        """What is in their frames."""
        return self.fake.frames.views[FIRST:]

    @property
    def results(self) -> Request:
        """What became of them."""
        return self.request


def test_checksum_is_crc_32() -> None:
    """As zlib, gzip and PNG have it: whoever keeps one can compare it anywhere."""
    assert checksum(memoryview(noise(1))) == zlib.crc32(noise(1))


def test_pages_that_are_right_are_done_once() -> None:
    """Nobody asks software."""
    back = Returned()
    back.decompress()

    assert back.check() == 0
    assert back.fake.done_in_software == []
    assert back.results.errors == [0] * 4


def test_page_that_a_device_did_wrong_is_done_in_software() -> None:
    """It is right then, and counts as software's; the others are left alone."""
    back = Returned()
    back.fake.wrong_decompress = {FIRST + 2}
    back.decompress()

    assert back.check() == 1
    assert list(back.frames) == PAGES
    assert back.fake.done_in_software == [FIRST + 2]
    assert back.results.errors == [0] * 4
    device = Path.DEVICE
    assert back.results.paths == [device, device, Path.SOFTWARE, device]


def test_page_is_done_again_from_what_was_kept() -> None:
    """A device may have written into the buffer as well."""
    back = Returned()
    back.fake.wrong_decompress = {FIRST}
    back.decompress()
    back.request.buffers.array[:] = 0xFF

    assert back.check() == 1
    assert back.frames[0] == PAGES[0]


def test_page_that_stays_different_is_an_error() -> None:
    """What was kept is another page, in a stream that holds together."""
    back = Returned()
    back.kept[1] = zlib.compress(garbled(PAGES[1]))
    back.request.buffers.views[1][: len(back.kept[1])] = back.kept[1]
    back.request.lengths[1] = len(back.kept[1])
    back.decompress()

    assert back.check() == 1
    assert back.results.errors == [0, EBADMSG, 0, 0]


def test_page_that_software_cannot_do_is_an_error_of_its_checksum() -> None:
    """The device said that it could; which of them is right nobody knows."""
    back = Returned()
    back.fake.wrong_decompress = {FIRST + 3}
    back.decompress()
    back.kept[3] = b"\xff" * 100

    assert back.check() == 1
    assert back.results.errors == [0, 0, 0, EBADMSG]


def test_error_of_a_device_stays() -> None:
    """There is no page to compare."""
    back = Returned()
    back.fake.decompress_errors = {FIRST: -errno.EIO}
    back.decompress()

    assert back.check() == 0
    assert back.results.errors == [-errno.EIO, 0, 0, 0]
    assert back.fake.done_in_software == []


def test_pages_without_checksums_are_not_compared() -> None:
    """Whoever has none takes what comes."""
    back = Returned()
    back.request.checksums = []
    back.fake.wrong_decompress = {FIRST}
    back.decompress()

    assert back.check() == 0
    assert back.frames[0] == garbled(PAGES[0])


@pytest.mark.parametrize("bit", [0, 9999, PAGE_SIZE * 8 - 1])
def test_any_bit_makes_another_checksum(bit: int) -> None:
    """From the first to the last."""
    page = bytearray(text(1))
    page[bit // 8] ^= 1 << bit % 8

    assert checksum(page) != checksum(text(1))
