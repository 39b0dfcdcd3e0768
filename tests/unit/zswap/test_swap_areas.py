"""Several swap areas: turns, files, and what happens when one is full."""

import errno

import pytest

from mpzswap.errors import LoadError, NotStoredError
from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.store import Folio
from mpzswap.zswap.swap_areas import SwapAreas
from mpzswap.zswap.swap_entry import MAX_SWAPFILES, swp_entry
from mpzswap.zswap.swap_out import SwappedTo
from tests.tools.fake_acomp import plain_frames
from tests.tools.zswap_rig import Disk, Rig, noise, swap_page, text

SHRINKER = ZswapSettings()


def areas_of(*sizes: int, turn_pages: int = 1) -> SwapAreas:
    """Give areas of so many pages each."""
    disks = [Disk(size) for size in sizes]
    return SwapAreas(disks, plain_frames(1), turn_pages)


def turns(areas: SwapAreas, count: int, nr_pages: int = 1) -> list[int]:
    """Give the types of the next folios."""
    return [areas.next_type(nr_pages) for _ in range(count)]


def test_areas_are_used_in_turn() -> None:
    """As those of one priority."""
    assert turns(areas_of(10, 10, 10), 5) == [0, 1, 2, 0, 1]


@pytest.mark.parametrize(
    ("nr_pages", "expected"), [(1, "00001111"), (2, "00110011"), (3, "01010101")]
)
def test_area_keeps_its_turn_for_a_cluster(nr_pages: int, expected: str) -> None:
    """A folio that the rest of it does not hold begins the next one's."""
    areas = areas_of(100, 100, turn_pages=4)

    assert "".join(map(str, turns(areas, 8, nr_pages))) == expected


def test_area_that_gets_full_loses_its_turn() -> None:
    """Before its cluster is used up."""
    areas = areas_of(2, 100, turn_pages=512)
    first = turns(areas, 2)
    areas.store_many([swap_page(entry, noise(entry)) for entry in (1, 2)])

    assert first == [0, 0]
    assert turns(areas, 2) == [1, 1]


def test_full_area_is_passed_over() -> None:
    """One without room for the whole folio is full."""
    areas = areas_of(10, 3, 10)

    assert turns(areas, 4, nr_pages=4) == [0, 2, 0, 2]
    assert turns(areas, 3, nr_pages=3) == [0, 1, 2]


def test_turns_go_on_where_all_are_full() -> None:
    """Zswap may have room for the folio."""
    assert turns(areas_of(1, 1), 3, nr_pages=2) == [0, 1, 0]


@pytest.mark.parametrize("count", [0, MAX_SWAPFILES + 1])
def test_areas_are_as_many_as_an_entry_can_tell_apart(count: int) -> None:
    """At least one: without any there is no such object."""
    with pytest.raises(ValueError, match=rf"^swap areas: {count}, must be 1 to 32$"):
        SwapAreas([Disk(1)] * count, plain_frames(1))


def test_every_file_is_closed_with_the_areas() -> None:
    """None stays open, none keeps its pages."""
    areas = areas_of(10, 10)
    areas.store_many([swap_page(swp_entry(type_, 5), noise(1)) for type_ in (0, 1)])
    areas.close()

    assert [len(file) for file in areas.files] == [0, 0]


def test_page_is_in_the_file_of_its_area() -> None:
    """Two pages of one offset are two pages."""
    areas = areas_of(10, 10)
    pages = [swap_page(swp_entry(type_, 5), noise(type_)) for type_ in (0, 1)]
    got = memoryview(bytearray(4096))

    assert areas.store_many(pages) == 2
    assert [list(file.slots) for file in areas.files] == [[5], [swp_entry(1, 5)]]
    areas.load(swp_entry(1, 5), got)
    assert got == noise(1)
    assert areas.free(swp_entry(1, 5))
    assert (5 in areas, swp_entry(1, 5) in areas, len(areas)) == (True, False, 1)


def test_pages_for_a_full_area_do_not_stop_the_others() -> None:
    """Each file stores what it has room for, in order."""
    areas = areas_of(1, 10)
    entries = [swp_entry(type_, n) for n in range(3) for type_ in (0, 1)]

    assert areas.store_many([swap_page(each, noise(0)) for each in entries]) == 4
    assert [each for each in entries if each in areas] == [
        0,
        *(swp_entry(1, n) for n in range(3)),
    ]
    assert areas.space_left == 7


def test_rejected_folio_goes_to_the_file_of_its_area() -> None:
    """It comes back from there, page by page."""
    disks = [Disk(), Disk()]
    rig = Rig(max_pages=0, swap=disks)
    pages = [text(n) for n in range(4)]
    rig.fill(pages)
    entry = swp_entry(1, 8)

    assert rig.zswap.swap_out(rig.frames, [Folio(entry, 0, 4)]) == [SwappedTo.SWAP]
    assert [len(disk) for disk in disks] == [0, 4]
    assert [rig.load(entry + n) for n in range(4)] == pages


def test_coldest_page_of_a_full_area_lets_others_go() -> None:
    """What has nowhere to go stays in the pool; the pool shrinks all the same."""
    rig = Rig(SHRINKER, max_pages=10, swap=[Disk(2), Disk()])
    offsets = [swp_entry(n % 2, n) for n in range(30)]

    assert [rig.store([noise(n)], offsets[n]) for n in range(20)] == [True] * 20
    stats = rig.zswap.stats()
    assert (stats.rejected_pages, stats.swap_write_fail) == (0, 0)
    assert [rig.load(offsets[n]) for n in range(20)] == [noise(n) for n in range(20)]


def test_pages_of_two_areas_are_written_back_coldest_first() -> None:
    """A cluster may be of several areas."""
    disks = [Disk(), Disk()]
    rig = Rig(swap=disks)
    offsets = [swp_entry(n % 2, n) for n in range(8)]
    for n, offset in enumerate(offsets):
        rig.store([text(n)], offset)

    assert rig.zswap.write_back(5) == 5
    assert [list(disk.slots) for disk in disks] == [offsets[0:5:2], offsets[1:5:2]]


def test_errors_name_offset_and_area() -> None:
    """In zswap, in the file, or nowhere."""
    disk = Disk()
    rig = Rig(swap=[Disk(), disk])
    entry = swp_entry(1, 6)
    rig.store([text(1)], entry)
    rig.fake.decompress_errors = {64: -errno.EIO}

    with pytest.raises(LoadError, match=r"^swap offset 6 of area 1: decompression"):
        rig.load(entry)
    rig.zswap.write_back(1)
    disk.damage(entry)
    with pytest.raises(LoadError, match=r"^swap offset 6 of area 1: damaged"):
        rig.load(entry)
    with pytest.raises(NotStoredError, match=r"^swap offset 7 of area 1: no page"):
        rig.load(entry + 1)


def test_zswap_without_areas_has_one_type() -> None:
    """Its offsets are those of area 0."""
    assert [Rig().zswap.next_swap_type(1) for _ in range(3)] == [0, 0, 0]
    rig = Rig(swap=[Disk(), Disk()])
    assert [rig.zswap.next_swap_type(1) for _ in range(3)] == [0, 1, 0]
