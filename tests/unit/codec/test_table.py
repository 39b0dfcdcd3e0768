"""The table of compressors, and how users name them."""

import pytest

from mpzswap.codec.table import CODECS, make_codec, parse_compressor
from mpzswap.errors import InputError

WITH_LEVELS = [name for name, entry in CODECS.items() if entry.levels]
WITHOUT_LEVELS = [name for name, entry in CODECS.items() if not entry.levels]


@pytest.mark.parametrize("name", CODECS)
def test_codec_has_the_name_of_its_row(name: str) -> None:
    """The table and the codec cannot say different things."""
    assert make_codec(name).name == name
    assert parse_compressor(name) == (name, None)


@pytest.mark.parametrize("name", WITHOUT_LEVELS)
def test_codec_without_levels_has_none(name: str) -> None:
    """IAA has no levels, and neither has what stands for it."""
    assert make_codec(name).level is None
    with pytest.raises(InputError, match=f"{name} has no levels"):
        parse_compressor(f"{name}:1")


@pytest.mark.parametrize("name", WITH_LEVELS)
def test_first_and_last_level_can_be_had(name: str) -> None:
    """What the table offers, the library takes."""
    levels = CODECS[name].levels
    for level in (levels[0], levels[-1]):
        codec = make_codec(f"{name}:{level}")

        assert codec.level == level
        assert codec.compress(memoryview(b"data"))


@pytest.mark.parametrize("name", WITH_LEVELS)
def test_default_level_is_one_of_the_levels(name: str) -> None:
    """A codec always knows at which level it works."""
    assert make_codec(name).level in CODECS[name].levels


@pytest.mark.parametrize("name", WITH_LEVELS)
@pytest.mark.parametrize(
    "level",
    ["0", "-1", "", " 1", "1:1", "1.0", "fast", "1_0", "٣", "9" * 9, "9" * 5000],
)
def test_level_out_of_range_is_refused(name: str, level: str) -> None:
    """The message names the compressor, the value and the limits."""
    levels = CODECS[name].levels

    with pytest.raises(InputError) as caught:
        make_codec(f"{name}:{level}")

    message = str(caught.value)
    assert message.startswith(f"compressor '{name}:")
    assert f"from {levels[0]} to {levels[-1]}, not {level!r}" in message


@pytest.mark.parametrize("name", ["", "gzip", "LZ4", "lz4 ", "zstd\n", ":3"])
def test_unknown_name_is_refused_with_the_names(name: str) -> None:
    """One line that lists what there is."""
    with pytest.raises(InputError) as caught:
        make_codec(name)

    message = str(caught.value)
    assert "\n" not in message
    assert all(known in message for known in CODECS)


def test_level_may_be_written_with_zeros() -> None:
    """A level is a number, however it is written."""
    assert parse_compressor("zstd:007") == ("zstd", 7)
