"""What a device is told about memory arrives as it was said."""

import msgspec
import pytest

from mpzswap.ring.attach import (
    MESSAGE,
    Attach,
    Detach,
    LanePlace,
    PublishCounters,
    encode,
)

LANES = (LanePlace(wq=0, offset=0, capacity=128), LanePlace(1, 8320, 16))


@pytest.mark.parametrize(
    "message",
    [Attach(5, 1 << 23), Attach(5, 7, LANES), Detach(5, 7), PublishCounters()],
    ids=["no lanes", "lanes", "detach", "publish"],
)
def test_message_comes_back(message: Attach | Detach | PublishCounters) -> None:
    """Decoding undoes encoding, and tells the kinds apart."""
    assert MESSAGE.decode(encode(message)) == message


@pytest.mark.parametrize("body", [b"", b"{}", b'{"type":"attack"}', b"[1]"])
def test_other_words_are_refused(body: bytes) -> None:
    """A device does nothing that it does not understand."""
    with pytest.raises(msgspec.DecodeError):
        MESSAGE.decode(body)
