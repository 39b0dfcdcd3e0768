"""
What a status means: the device's codes, and the errno that each becomes.

Source of the codes: Linux, include/uapi/linux/idxd.h, enum iax_completion_status;
of the error codes and their errno: drivers/crypto/intel/iaa/iaa_crypto.h and
check_completion in iaa_crypto_main.c.
"""

import errno
from enum import IntEnum


class Status(IntEnum):
    """The status byte of a completion record."""

    NONE = 0
    SUCCESS = 1
    PAGE_FAULT_IR = 0x04
    ANALYTICS_ERROR = 0x0A
    OUTBUF_OVERFLOW = 0x0B
    BAD_OPCODE = 0x10
    INVALID_FLAGS = 0x11
    NOZERO_RESERVE = 0x12
    INVALID_SIZE = 0x13
    OVERLAP_BUFFERS = 0x16
    INT_HANDLE_INVAL = 0x19
    CRA_XLAT = 0x1A
    CRA_ALIGN = 0x1B
    ADDR_ALIGN = 0x1C
    PRIV_BAD = 0x1D
    TRAFFIC_CLASS_CONF = 0x1E
    PFAULT_RDBA = 0x1F
    HW_ERR1 = 0x20
    HW_ERR_DRB = 0x21
    TRANSLATION_FAIL = 0x22
    PRS_TIMEOUT = 0x23
    WATCHDOG = 0x24
    INVALID_COMP_FLAG = 0x30


class ErrorCode(IntEnum):
    """The error_code byte beside ANALYTICS_ERROR."""

    NONE = 0
    # Ours: the input is no stream of the codec.  The kernel tells Deflate's own
    # errors apart; our codecs do not, and the driver treats them alike.
    CORRUPT_STREAM = 0x01
    # Source: iaa_crypto.h, IAA_ERROR_COMP_BUF_OVERFLOW.
    COMP_BUF_OVERFLOW = 0x19


def errno_of(status: int, error_code: int) -> int:
    """Give 0 or the negative errno of a completion, as the kernel's driver does."""
    if status == Status.SUCCESS:
        return 0
    if status == Status.ANALYTICS_ERROR and error_code == ErrorCode.COMP_BUF_OVERFLOW:
        return -errno.E2BIG
    return -ERRNO_OF_STATUS.get(status, errno.EINVAL)


# Every status that is not here is -EINVAL.
ERRNO_OF_STATUS: dict[int, int] = {
    Status.NONE: errno.EAGAIN,
    Status.OUTBUF_OVERFLOW: errno.EOVERFLOW,
    Status.WATCHDOG: errno.ETIMEDOUT,
}
