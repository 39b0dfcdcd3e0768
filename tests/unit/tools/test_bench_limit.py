"""The fork-join limit, its pages, and the verdicts, by hand-made numbers."""

import bz2
import os
import select
from argparse import Namespace
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from mpzswap.errors import DeviceDiedError, InputError
from mpzswap.page.frame import PAGE_SIZE, Pages
from tools.bench import bench_limit, bench_peers
from tools.bench.contest import Outcome, Standing
from tools.bench.fork_join import (
    Area,
    Crew,
    ForkJoin,
    Work,
    bare_work,
    become_bare,
    share,
)
from tools.bench.peers import cut
from tools.bench.real_pages import load_real
from tools.bench.spread import Measure, Round
from tools.bench.zram import Zram, ZramUnavailableError, new_zram

LIMIT_S = 20
DICE = np.random.default_rng(1)


def some_pages(count: int = 8) -> Pages:
    """Give pages that compress, and a last one that does not."""
    pages = np.zeros((count, PAGE_SIZE), np.uint8)
    pages[:, ::7] = np.arange(count)[:, None]
    pages[:, :64] = DICE.integers(0, 256, (count, 64))
    pages[-1] = DICE.integers(0, 256, PAGE_SIZE)
    return pages


def options(source: Path, memory: str = "64K") -> Namespace:
    """Give what the command line says of pages."""
    return Namespace(pages=str(source), memory=memory, seed=1)


def standing(name: str, us: float, ratio: float, engine_us: float = 10) -> Standing:
    """Give a contestant of three rounds that are all alike."""
    return Standing(
        name,
        (
            Measure.of("us/page", [Round(engine_us, us, engine_us)] * 3),
            Measure.of("ratio", [Round(2, ratio, 2)] * 3),
        ),
    )


def test_parts_of_processes_are_all_of_the_pages() -> None:
    """Each page once, whatever the number of processes."""
    parts = [share(10, 4, number) for number in range(4)]

    assert [number for part in parts for number in range(10)[part]] == list(range(10))


@pytest.mark.parametrize("name", ["lz4", "zstd:1", "deflate-iaa"])
def test_kept_results_are_those_pages(name: str) -> None:
    """What did not compress is kept as it is, and not decompressed."""
    pages = some_pages()
    area = Area.of(pages)
    work = bare_work(name, area, 1, 0)
    size = work[b"e"]()

    assert area.raw.tolist() == [0] * 7 + [1]
    assert work[b"C"]() == size < 7 * PAGE_SIZE
    assert (area.results.reshape(-1)[size - PAGE_SIZE : size] == pages[-1]).all()
    assert work[b"D"]() == 7 * PAGE_SIZE
    assert (area.results[:7] == pages[:7]).all()
    assert work[b"c"]() == work[b"d"]() == 0


def test_limit_is_of_processes_that_were_told_to_run() -> None:
    """All figures, from two processes over one area."""
    with ForkJoin("lz4", Area.of(some_pages()), 2) as limit:
        compressed = limit.compress(kept=True)
        assert compressed["us/page"] > 0
        assert 1 < compressed["ratio"] < 8
        assert limit.decompress(kept=False)["us/page"] > 0
        assert limit.compressible.tolist() == list(range(7))


def test_dead_bare_process_is_named() -> None:
    """Nobody waits for it; the others are ended too."""

    def make_work(number: int) -> Work:
        return {b"x": lambda: os.getpid() if number else os._exit(9)}

    with (
        Crew("limit of none", 2, make_work) as crew,
        pytest.raises(DeviceDiedError, match=r"limit of none: process \d+ ended"),
    ):
        crew.ask(b"x")


def test_bare_process_ends_with_its_pipe() -> None:
    """As that of a parent that was killed; it says so with 0."""
    theirs, commands = os.pipe()
    answers, done = os.pipe()
    pid = os.fork()
    if not pid:
        become_bare(theirs, done, os.sched_getaffinity(0), dict)
    for end in (theirs, done, commands):
        os.close(end)

    # The end of its answers is its own end.
    assert select.select([answers], [], [], LIMIT_S)[0]
    os.close(answers)
    assert os.waitpid(pid, 0) == (pid, 0)


def test_packed_files_are_decompressed(tmp_path: Path) -> None:
    """In a folder or alone; what is not packed there is no page of it."""
    pages = some_pages(4)
    (tmp_path / "README").write_text("of what is here")
    (tmp_path / "a.bz2").write_bytes(bz2.compress(pages.tobytes()))

    for source in (tmp_path, tmp_path / "a.bz2"):
        found = load_real(options(source, "16K"))
        assert sorted(map(bytes, found.pages)) == sorted(map(bytes, pages))
        assert "decompressed" in found.description


def test_pages_are_repeated_to_the_memory_and_none_is_same_filled(
    tmp_path: Path,
) -> None:
    """The same of the same seed."""
    file = tmp_path / "pages"
    file.write_bytes(some_pages(4).tobytes() + bytes(3 * PAGE_SIZE))
    found = load_real(options(file))

    assert len(found.pages) == 16
    assert len({bytes(page) for page in found.pages}) == 4
    assert (found.pages == load_real(options(file)).pages).all()


@pytest.mark.parametrize(
    ("content", "memory", "message"),
    [
        (bytes(PAGE_SIZE), "64K", "all are same-filled"),
        (b"no bzip2", "64K", "Invalid data stream"),
        (b"anything", "4", "must be at least 4096"),
    ],
)
def test_pages_that_are_none_are_refused(
    tmp_path: Path, content: bytes, memory: str, message: str
) -> None:
    """By name."""
    packed = "bzip2" in content.decode()
    file = tmp_path / f"pages{'.bz2' * packed}"
    file.write_bytes(content)

    with pytest.raises(InputError, match=message):
        load_real(options(file, memory))


def test_efficiency_is_taken_round_by_round() -> None:
    """The mean time of the runs of the limit, over the engine's."""
    assert bench_limit.efficiency([[1, 4, 3]], [2, 5, 4]).median == 0.75
    assert bench_limit.efficiency([[1], [3]], [4]).median == 0.5


def test_efficiency_is_said_against_both_limits() -> None:
    """Results dropped, and results kept."""
    names = {"limit": 10, "limit, results kept": 15, "engine": 20, "limit again": 10}
    standings = [standing(name, us, 2) for name, us in names.items()]

    assert list(bench_limit.conclude(Outcome("lz4", tuple(standings)))) == [
        "lz4, engine: efficiency 0.50 (0.50 to 0.50) of the limit",
        "lz4, engine: efficiency 0.75 (0.75 to 0.75) of the limit, results kept",
    ]


def test_peers_ahead_are_named_by_their_better_chunks() -> None:
    """Those that compress worse do not count."""
    standings = (
        standing("engine", 10, 2),
        standing("threads, chunks of 64", 9, 2),
        standing("threads, chunks of 512", 8, 1.99),
        standing("zram", 5, 1.5),
        standing("blosc2", 12, 2.1),
        standing("engine again", 10, 2),
    )

    assert list(bench_peers.conclude(Outcome("lz4", standings))) == [
        "lz4: zram does not count: its ratio is 1.50, not 2.00",
        "lz4: threads, chunks of 512 is ahead: it takes 0.80 of the engine's time",
    ]


def test_engine_is_ahead_of_all_if_of_the_fastest() -> None:
    """Which is named, with how far behind it is."""
    names = {"engine": 10, "blosc2": 15, "zram": 12, "engine again": 10}
    standings = [standing(name, us, 2) for name, us in names.items()]

    (verdict,) = bench_peers.conclude(Outcome("lz4", tuple(standings)))
    assert verdict.startswith("lz4: the engine is ahead of all; the next is zram:")
    assert verdict.endswith(" it takes 1.20 of the engine's time")


def test_chunks_are_all_of_the_pages() -> None:
    """The last may be shorter."""
    assert cut(5, 2) == [range(2), range(2, 4), range(4, 5)]


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for the folders of /sys: a file keeps what was written last."""
    monkeypatch.setattr("tools.bench.zram.CONTROL", tmp_path)
    monkeypatch.setattr("tools.bench.zram.BLOCK", tmp_path)
    (tmp_path / "hot_add").write_text("7\n")
    (tmp_path / "zram7").mkdir()
    (tmp_path / "zram7" / "comp_algorithm").write_text("[lzo] lz4\n")
    return tmp_path


def test_zram_of_our_own_is_removed_on_an_error(kernel: Path) -> None:
    """Set up as asked, then reset and removed by the number that it was given."""
    with suppress(KeyboardInterrupt), new_zram("lz4", 8192) as zram:
        assert zram == Zram(7)
        assert (kernel / "zram7" / "comp_algorithm").read_text() == "lz4"
        assert (kernel / "zram7" / "disksize").read_text() == "8192"
        raise KeyboardInterrupt

    assert (kernel / "zram7" / "reset").read_text() == "1"
    assert (kernel / "hot_remove").read_text() == "7"


def test_zram_without_the_algorithm_is_removed_too(kernel: Path) -> None:
    """And what it has is said."""
    with pytest.raises(ZramUnavailableError, match=r"has no zstd: \[lzo\] lz4"):
        new_zram("zstd", 8192).__enter__()

    assert (kernel / "hot_remove").read_text() == "7"


def test_missing_zram_is_said(kernel: Path) -> None:
    """Neither module nor permission."""
    (kernel / "hot_add").unlink()

    with pytest.raises(ZramUnavailableError, match="hot_add"):
        new_zram("lz4", 8192).__enter__()


def test_ratio_of_zram_is_of_what_is_in_it(kernel: Path) -> None:
    """The first two numbers of mm_stat: stored, and compressed."""
    (kernel / "zram7" / "mm_stat").write_text(" 8192 2048 9999 0 9999 0 0 0 0\n")

    assert Zram(7).ratio() == 4
