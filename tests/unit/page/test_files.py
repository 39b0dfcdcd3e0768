"""Pages of files and folders."""

import os
from pathlib import Path

import pytest

from mpzswap.errors import InputError
from mpzswap.page.files import read_files
from mpzswap.page.frame import PAGE_SIZE


def test_file_is_padded_to_whole_pages(tmp_path: Path) -> None:
    """The rest of the last page is zeros."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * (PAGE_SIZE + 1))
    found = read_files(path)

    assert found.pages.shape == (2, PAGE_SIZE)
    assert found.pages.tobytes() == path.read_bytes() + bytes(PAGE_SIZE - 1)


def test_limit_cuts_a_file(tmp_path: Path) -> None:
    """No more pages than asked for are read."""
    path = tmp_path / "file"
    path.write_bytes(bytes(10 * PAGE_SIZE))

    assert len(read_files(path, 3).pages) == 3


def test_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    """Each file begins a page; an empty one gives none."""
    (tmp_path / "sub").mkdir()
    for name in ("b", "a", "sub/c"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "empty").touch()
    found = read_files(tmp_path)

    starts = [bytes(page).rstrip(b"\0") for page in found.pages]
    assert starts == [b"a", b"b", b"sub/c"]
    assert (found.files, found.skipped) == (3, 0)
    assert len(read_files(tmp_path, 2).pages) == 2


def test_links_and_pipes_in_a_folder_are_passed_over(tmp_path: Path) -> None:
    """A link may lead out of the folder or in a circle; a pipe would block."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_bytes(b"x")
    (tmp_path / "outside").write_bytes(b"y" * PAGE_SIZE)
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "circle").symlink_to(folder)
    os.mkfifo(folder / "pipe")

    assert len(read_files(folder).pages) == 1


def test_unreadable_file_in_a_folder_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file of another user's does not end the run, nor is it hidden."""
    (tmp_path / "good").write_bytes(b"x")
    (tmp_path / "secret").write_bytes(b"y")
    refuse(monkeypatch, "secret")
    found = read_files(tmp_path)

    assert (len(found.pages), found.files, found.skipped) == (1, 1, 1)


def test_unreadable_named_file_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the file and the system's reason."""
    (tmp_path / "secret").write_bytes(b"y")
    refuse(monkeypatch, "secret")

    with pytest.raises(InputError, match=r"secret: Permission denied"):
        read_files(tmp_path / "secret")


@pytest.mark.parametrize("name", ["missing", "pipe", "empty", "folder"])
def test_source_without_bytes_is_named(tmp_path: Path, name: str) -> None:
    """Nothing to read is a clear error, at once."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()

    with pytest.raises(InputError, match=f"{name}: (no such|is neither|holds no)"):
        read_files(tmp_path / name)


def refuse(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let opening files of that *name* be refused; modes do not bind root."""
    honest = os.open

    def guarded(path: Path, flags: int) -> int:
        if Path(path).name == name:
            raise PermissionError(13, "Permission denied")
        return honest(path, flags)

    monkeypatch.setattr(os, "open", guarded)
