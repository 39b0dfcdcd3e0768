"""The limit of the pool."""

from mpzswap.zswap.limit import PoolLimit
from tests.tools.zswap_rig import pool_words


def test_limit_is_of_all_cpus_together() -> None:
    """A CPU with few pages is rejected when the others have the rest."""
    words = pool_words(3)
    words[0], words[2] = 60, 30
    limit = PoolLimit(words, 1, max_pages=100)

    assert not limit.is_reached(9)
    assert limit.is_reached(10)
    assert (words[1], limit.hits) == (10, 1)


def test_full_pool_stays_full_until_the_threshold() -> None:
    """Between threshold and limit a pool that was full rejects, without a new hit."""
    limit = PoolLimit(pool_words(), 0, max_pages=100, accept_threshold_percent=90)

    assert [limit.is_reached(pages) for pages in (95, 100, 95, 91, 90, 95)] == [
        False,
        True,
        True,
        True,
        False,
        False,
    ]
    assert limit.hits == 1


def test_publish_writes_our_word_alone() -> None:
    """Each word has one writer."""
    words = pool_words(3)
    PoolLimit(words, 1, max_pages=100).publish(7)

    assert words.tolist() == [0, 7, 0]


def test_share_is_in_proportion_to_our_part() -> None:
    """Of what is above the threshold each CPU gives up as much as it has of all."""
    words = pool_words(3)
    words[0], words[2] = 60, 10
    limit = PoolLimit(words, 1, max_pages=100)

    assert [limit.share(pages) for pages in (30, 20, 0)] == [3, 0, 0]


def test_share_of_few_pages_is_rounded_up() -> None:
    """A CPU that has any makes some room, or it would be rejected for good."""
    words = pool_words(2)
    words[0] = 99
    limit = PoolLimit(words, 1, max_pages=100)

    assert limit.share(1) == 1


def test_room_is_what_is_below_the_limit_once_we_have_shrunk() -> None:
    """We need not wait until the others have given up their share."""
    words = pool_words(2)
    words[0] = 60
    limit = PoolLimit(words, 1, max_pages=100)
    full = limit.is_reached(40)

    assert (full, limit.has_shrunk(36), limit.is_reached(37)) == (True, True, False)
    assert not limit.has_shrunk(40)
    assert limit.is_reached(39)
