"""Page sources: what --pages may name."""

import os
from pathlib import Path

import numpy as np
import pytest

from mpzswap.errors import InputError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.page.mix import generate
from mpzswap.page.source import load_pages


def test_mix_gives_just_the_count() -> None:
    """The pages are the generator's."""
    source = load_pages("mix:text", 12, 9)

    assert np.array_equal(source.pages, generate("text", 12, 9))
    assert source.name == "mix:text"
    assert source.description.startswith("mix text, seed 9: ")


def test_file_gives_up_to_the_count(tmp_path: Path) -> None:
    """A file has an end; what it has is given."""
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * PAGE_SIZE))

    assert len(load_pages(str(path), 100).pages) == 2
    assert load_pages(str(path), 1).description == f"file {path}"


def test_folder_tells_how_many_files(tmp_path: Path) -> None:
    """The description says what the pages are of."""
    (tmp_path / "file").write_bytes(b"x")

    assert load_pages(str(tmp_path)).description == f"folder {tmp_path}: files: 1"


def test_process_gives_its_memory() -> None:
    """Any process can read itself."""
    source = load_pages(f"pid:{os.getpid()}", 5)

    assert source.pages.shape == (5, PAGE_SIZE)


@pytest.mark.parametrize("source", ["mix:text", f"pid:{os.getpid()}", __file__])
def test_pages_are_read_only(source: str) -> None:
    """They are what results are verified against."""
    assert not load_pages(source, 1).pages.flags.writeable


@pytest.mark.parametrize(
    ("source", "count", "message"),
    [
        ("mix:nope", 1, "mix 'nope': no such mix; there are mixed, "),
        ("mix:", 1, "mix '': no such mix"),
        ("mix:text", None, "pages mix:text: .* count is needed"),
        ("mix:text", 0, "pages mix:text: count must be at least 1, not 0"),
        ("pid:abc", 1, "pages pid:abc: not a process id"),
        ("pid:0", 1, "pages pid:0: not a process id"),
        ("pid:-3", 1, "pages pid:-3: not a process id"),
        ("pid:" + "9" * 5000, 1, "not a process id"),
        ("pid:999999999", 1, "pid 999999999: no such process"),
        ("/no/such/path", 1, "pages: /no/such/path: no such file or folder"),
        ("text", 1, "pages text: no such file; did you mean mix:text"),
        ("", 1, "pages: an empty name"),
        ("x" * 5000, 1, "File name too long"),
    ],
)
def test_wrong_source_is_named(
    source: str,
    count: int | None,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message names the source and what is wrong with it."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InputError, match=message):
        load_pages(source, count)
