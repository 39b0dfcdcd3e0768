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
    [
        *(Attach(5, 1 << 23), Attach(5, 7, LANES), Attach(5, 7, int_handle=65535)),
        *(Detach(5, 7), PublishCounters()),
    ],
    ids=["no lanes", "lanes", "interrupt", "detach", "publish"],
)
def test_message_comes_back(message: Attach | Detach | PublishCounters) -> None:
    """Decoding undoes encoding, and tells the kinds apart."""
    assert MESSAGE.decode(encode(message)) == message


@pytest.mark.parametrize("int_handle", [-1, 65536])
def test_handle_that_no_descriptor_can_name_is_refused(int_handle: int) -> None:
    """The field has sixteen bits."""
    with pytest.raises(msgspec.ValidationError):
        MESSAGE.decode(encode(Attach(5, 7, int_handle=int_handle)))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"type":"attack"}', b"[1]"])
def test_other_words_are_refused(body: bytes) -> None:
    """A device does nothing that it does not understand."""
    with pytest.raises(msgspec.DecodeError):
        MESSAGE.decode(body)
