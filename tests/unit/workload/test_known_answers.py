"""What is wrong with an answer is said; what a device can be asked for is found."""

import errno

import pytest

from mpzswap.acomp.request import Path
from mpzswap.codec.vector import PAGE, Known, Plain, Refused, Suite, letters
from mpzswap.codec.vectors import SUITES
from mpzswap.completion.status import Status
from mpzswap.errors import CorruptStreamError, InputError, OutputOverflowError
from mpzswap.workload.known_answers import Answer, ask_codec, count, pages_of
from mpzswap.workload.selftest import SelftestPlan


class Copying:
    """A codec that does nothing but hold the limit, and refuses what begins with !"""

    name = "copying"
    level: int | None = None

    def compress(self, data: memoryview) -> bytes:
        """Give *data* and a byte more."""
        return bytes(data) + b"."

    def decompress(self, data: memoryview, limit: int) -> bytes:
        """Give *data* without the last byte."""
        if data[0] == ord("!"):
            raise CorruptStreamError("copying: no")
        if len(data) - 1 > limit:
            raise OutputOverflowError("copying: too much")
        return bytes(data[:-1])


RIGHT = Suite(
    (Plain("plain", b"a", compresses=False),),
    (Known("known", b"ab", b"ab."),),
    (
        Refused("corrupt", CorruptStreamError, b"!"),
        Refused("overflow", OutputOverflowError, b"abc.", limit=2),
    ),
)


def fault_of(vector: Plain | Known | Refused) -> str:
    """Give what is wrong with one vector."""
    suite = Suite(
        (vector,) if isinstance(vector, Plain) else (),
        (vector,) if isinstance(vector, Known) else (),
        (vector,) if isinstance(vector, Refused) else (),
    )
    return ask_codec(Copying(), suite)[vector.name]


def test_right_answers_have_no_fault() -> None:
    """Each vector is in the answer, with nothing wrong."""
    assert ask_codec(Copying(), RIGHT) == dict.fromkeys(RIGHT.names(), "")


@pytest.mark.parametrize(
    ("vector", "fault"),
    [
        (Plain("v", b"a"), "2 bytes, must be up to 1"),
        (Plain("v", b"!", compresses=False), "is refused: copying: no"),
        (Known("v", b"b", b"a."), "is not what it was"),
        (Known("v", b"b", b"!"), "is refused: copying: no"),
        (Known("v", b"", b"a."), "is refused: copying: too much"),
        (Refused("v", CorruptStreamError, b"a."), "is taken, must be Corrupt"),
        (Refused("v", OutputOverflowError, b"!"), "CorruptStreamError, must be Output"),
    ],
)
def test_wrong_answer_is_explained(vector: Plain | Known | Refused, fault: str) -> None:
    """It says what came, and what should have come."""
    assert fault_of(vector).startswith(fault)


def test_devices_are_asked_for_pages_alone() -> None:
    """They compress pages, take no empty stream, and know no other limit."""
    page = Plain("page", letters())
    suite = Suite(
        (page, Plain("short", b"a")),
        (Known("page", letters(), b"s"), Known("short", b"a", b"s")),
        (
            Refused("page", CorruptStreamError, b"s"),
            Refused("empty", CorruptStreamError, b""),
            Refused("other limit", CorruptStreamError, b"s", limit=2 * PAGE),
            Refused("long", CorruptStreamError, bytes(PAGE + 1)),
        ),
    )

    assert list(pages_of(suite).names()) == ["page", "page", "page"]


def test_answer_is_words() -> None:
    """Whoever reads it needs no table of numbers."""
    error = Answer(-errno.EINVAL, Status.ANALYTICS_ERROR, Path.SOFTWARE)

    assert str(error) == "EINVAL, ANALYTICS_ERROR, by SOFTWARE"
    assert str(Answer(0, Status.SUCCESS, Path.DEVICE)) == "done, SUCCESS, by DEVICE"


def test_unknown_compressor_is_refused_before_anything_starts() -> None:
    """As for every other command."""
    with pytest.raises(InputError, match="lzo"):
        SelftestPlan(compressors=("lz4", "lzo"), seed=1)


def test_level_has_the_vectors_of_its_compressor() -> None:
    """Any stream of a format is read at any level."""
    plan = SelftestPlan(compressors=("zstd:19",), seed=1)

    assert plan.suite_of("zstd:19") is SUITES["zstd"]
    assert plan.total > count([SUITES["zstd"]])
