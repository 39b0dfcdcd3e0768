"""YAML files: what is read, and the one line about what is refused."""

from pathlib import Path

import pytest

from mpzswap.errors import TopologyError
from mpzswap.topology.document import in_bytes, parse_document, read_document


def refused(text: str) -> str:
    """Give the line that *text* is refused with."""
    with pytest.raises(TopologyError) as caught:
        parse_document(text)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_off_is_a_word() -> None:
    """YAML 1.1 would make false of ``batching: off``."""
    found = parse_document("{a: off, b: yes, c: true, d: 2024-01-01, e: 12, f: ~}")

    assert found == {
        "a": "off",
        "b": "yes",
        "c": True,
        "d": "2024-01-01",
        "e": 12,
        "f": None,
    }


def test_merge_keys_give_way_to_the_mapping_s_own() -> None:
    """Anchors keep eight devices short; what a device says itself holds."""
    found = parse_document("{a: &a {x: 1, y: 2}, b: {<<: *a, y: 3}}")

    assert found["b"] == {"x": 1, "y": 3}


def test_second_key_of_one_name_is_refused_with_its_line() -> None:
    """Of two values for one key YAML would silently keep the last."""
    assert refused("a: 1\nb: 2\na: 3\n") == "line 3: the key 'a' comes a second time"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1\nb: 2", "line 2: "),
        ("a: 1\n\tb: 2", "line 2: "),
        ("a: *nothing", "line 1: "),
        ("a: 1\n---\nb: 2", "line 2: "),
        ("a: \x01", "unacceptable character"),
    ],
)
def test_syntax_error_is_one_line_with_its_number(text: str, line: str) -> None:
    """A file with a slip is told where it is."""
    assert refused(text).startswith(line)


@pytest.mark.parametrize("text", ["", "- 1", "word", "# nothing"])
def test_document_must_be_a_mapping(text: str) -> None:
    """A list, a word or nothing is no topology."""
    assert refused(text) == "line 1: must be a mapping with the keys of a topology"


@pytest.mark.parametrize("key", ["1", "[1]", "~", "true"])
def test_key_that_is_no_word_is_refused(key: str) -> None:
    """Keys are names of fields."""
    assert refused(f"a: 1\n? {key}\n: 2") == "line 2: a key must be a word"


def test_tag_for_an_object_is_refused() -> None:
    """A file makes numbers and words, nothing that acts."""
    line = refused("a: !!python/object/apply:os.system [echo]")

    assert line == "line 1: the tag 'python/object/apply:os.system' is not known here"


def test_value_that_is_not_what_its_tag_says_is_refused() -> None:
    """A word with the tag of a number is no number."""
    assert "not what its tag says" in refused("a: !!float word")


@pytest.mark.parametrize("number", ["010", "1:30", "0x10", "!!int word"])
def test_number_that_is_not_decimal_is_refused(number: str) -> None:
    """YAML 1.1 reads 010 as 8; nobody who writes it means that."""
    assert "must be decimal" in refused(f"a: {number}")


def test_digits_may_be_grouped() -> None:
    """An underscore in a number is for the eye."""
    assert parse_document("{a: 1_000, b: -5, c: 0}") == {"a": 1000, "b": -5, "c": 0}


@pytest.mark.parametrize("use", ["[{0}]", "{{<<: [{0}], x{1}: 1}}"])
def test_bomb_is_refused_before_it_goes_off(use: str) -> None:
    """Aliases of aliases, and merges of merges, would fill the memory."""
    lines = ["a0: &a0 {x0: 1, y0: 2}"]
    for level in range(1, 12):
        aliases = ",".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} " + use.format(aliases, level))

    assert "aliases written out" in refused("\n".join(lines))


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: *a}", "a: " + "[" * 2000])
def test_endless_nesting_is_refused(text: str) -> None:
    """An alias inside its own anchor has no end."""
    assert "nested deeper than" in refused(text)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"a: \xff", "byte 3 is no UTF-8"),
        (b"a: 1\n" * 100_000, "must be at most 262144 bytes"),
        (b"a: [", "line 1: "),
    ],
)
def test_file_that_is_refused_is_named(tmp_path: Path, data: bytes, line: str) -> None:
    """Whoever gave several files is told which one is wrong."""
    path = tmp_path / "machine.yaml"
    path.write_bytes(data)

    with pytest.raises(TopologyError) as caught:
        read_document(path)

    assert str(caught.value).startswith(f"{path}: {line}")


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """What the system says is passed on, without a traceback."""
    with pytest.raises(TopologyError, match="No such file"):
        read_document(tmp_path / "none.yaml")
    with pytest.raises(TopologyError, match="must be a file"):
        read_document(tmp_path)


def test_sizes_become_bytes_wherever_they_stand() -> None:
    """Memory and transfer sizes may have units; other values stay as they are."""
    found = in_bytes({"memory": "1G", "devices": [{"max_transfer_size": "4K", "n": 1}]})

    assert found == {
        "memory": 1 << 30,
        "devices": [{"max_transfer_size": 4096, "n": 1}],
    }


def test_wrong_size_is_named_by_its_path() -> None:
    """A size goes wrong before the types are checked, and is named all the same."""
    with pytest.raises(TopologyError, match=r"^devices\[1\].max_transfer_size: '2Q': "):
        in_bytes({"devices": [{}, {"max_transfer_size": "2Q"}]})
