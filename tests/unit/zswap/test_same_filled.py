"""Same-filled pages."""

from mpzswap.page.frame import PAGE_SIZE
from mpzswap.zswap.same_filled import fill, same_filled
from tests.tools.fake_acomp import plain_frames
from tests.tools.zswap_rig import SAME, noise


def test_only_pages_of_one_value_are_same_filled() -> None:
    """Equal ends are not enough; frames that were not asked about are not told of."""
    frames = plain_frames(6)
    almost = bytearray(SAME)
    almost[2000] ^= 1
    for index, page in enumerate([SAME, bytes(almost), noise(1), SAME]):
        frames.views[index][:] = page
    value = int.from_bytes(SAME[:8], "little")

    assert same_filled(frames, [range(5, 6), range(3)]) == {5: 0, 0: value}


def test_period_other_than_8_bytes_is_not_same_filled() -> None:
    """The value is a word: a pattern of 16 bytes is not one."""
    frames = plain_frames(1)
    frames.views[0][:] = bytes(range(16)) * (PAGE_SIZE // 16)

    assert same_filled(frames, [range(1)]) == {}


def test_fill_makes_the_page_again() -> None:
    """The value of a page is all that is needed to make it."""
    frames = plain_frames(2)
    frames.views[0][:] = SAME
    fill(frames.views[1], same_filled(frames, [range(1)])[0])

    assert frames.views[1] == frames.views[0]
