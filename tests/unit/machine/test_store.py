"""A page store: threads take turns, and how it ends."""

from collections.abc import Callable, Iterator
from typing import cast

import pytest

from mpzswap.errors import ClosedError
from mpzswap.machine.store import PageStore, choose_settings
from mpzswap.page.mix import generate
from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.zswap import Zswap
from tests.tools.submitter_rig import SubmitterRig, submitter_rig

TEXT = generate("text", 4, seed=1)


@pytest.fixture
def rig() -> Iterator[SubmitterRig]:
    """Give a submitter of one device."""
    with submitter_rig() as made:
        yield made


@pytest.fixture
def store(rig: SubmitterRig) -> PageStore:
    """Give a store over it."""
    settings = choose_settings(ZswapSettings(batch_size=4), {})
    return PageStore(rig.submitter, rig.shared, settings, rig.give_back)


class Watched:
    """A zswap that answers only who has the lock."""

    def __init__(self, is_locked: Callable[[], bool]) -> None:
        self._is_locked = is_locked
        self.locked: list[bool] = []

    def __len__(self) -> int:
        """Note it."""
        self.stats()
        return 0

    def __contains__(self, _: int) -> bool:
        """Note it."""
        self.stats()
        return False

    def stats(self) -> None:
        """Note whether the lock is held."""
        self.locked.append(self._is_locked())

    close = stats


def test_every_question_takes_the_lock(rig: SubmitterRig, store: PageStore) -> None:
    """Another thread may be storing: a count half way is nobody's."""
    store._zswap.close()
    zswap = Watched(rig.submitter.lock.locked)
    store._zswap = cast("Zswap", zswap)
    store.stats()
    len(store)
    _ = 7 in store
    store.close()

    assert zswap.locked == [True] * 4


def test_close_gives_all_back_once(rig: SubmitterRig, store: PageStore) -> None:
    """Pages are forgotten; what was counted is not."""
    with store:
        assert store.store(7, TEXT)
    store.close()

    assert rig.given_back == [True]
    assert store.stats().zswpout == 4


def test_closed_store_says_so(store: PageStore) -> None:
    """Whatever is about pages: they are forgotten."""
    store.close()

    for use in (
        lambda: store.store(7, TEXT),
        lambda: store.load(7),
        lambda: store.invalidate(7),
        lambda: 7 in store,
        lambda: len(store),
    ):
        with pytest.raises(ClosedError, match="page store of CPU 3: closed"):
            use()


def test_store_of_a_closed_machine_forgets_nothing_more(
    rig: SubmitterRig, store: PageStore
) -> None:
    """Invalidate is refused as store and load are; a close gives nothing back."""
    rig.submitter.closed = True
    with pytest.raises(ClosedError, match="its machine is closed"):
        store.invalidate(7)
    store.close()

    assert rig.given_back == []
