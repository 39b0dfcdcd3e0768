"""Codes are the kernel's, and so is the errno of each."""

import errno

import pytest

from mpzswap.completion.status import ErrorCode, Status, errno_of

# Linux, include/uapi/linux/idxd.h, enum iax_completion_status.
CODES = {
    "NONE": 0,
    "SUCCESS": 1,
    "PAGE_FAULT_IR": 0x04,
    "ANALYTICS_ERROR": 0x0A,
    "OUTBUF_OVERFLOW": 0x0B,
    "BAD_OPCODE": 0x10,
    "INVALID_FLAGS": 0x11,
    "NOZERO_RESERVE": 0x12,
    "INVALID_SIZE": 0x13,
    "OVERLAP_BUFFERS": 0x16,
    "INT_HANDLE_INVAL": 0x19,
    "CRA_XLAT": 0x1A,
    "CRA_ALIGN": 0x1B,
    "ADDR_ALIGN": 0x1C,
    "PRIV_BAD": 0x1D,
    "TRAFFIC_CLASS_CONF": 0x1E,
    "PFAULT_RDBA": 0x1F,
    "HW_ERR1": 0x20,
    "HW_ERR_DRB": 0x21,
    "TRANSLATION_FAIL": 0x22,
    "PRS_TIMEOUT": 0x23,
    "WATCHDOG": 0x24,
    "INVALID_COMP_FLAG": 0x30,
}
# iaa_crypto_main.c, check_completion; NONE is ours: nobody asks then.
OTHERS = {"NONE": errno.EAGAIN, "SUCCESS": 0}
OTHERS |= {"OUTBUF_OVERFLOW": errno.EOVERFLOW, "WATCHDOG": errno.ETIMEDOUT}


def test_codes_are_the_kernels() -> None:
    """Every name has its number."""
    assert {status.name: status.value for status in Status} == CODES


@pytest.mark.parametrize("status", Status, ids=lambda status: status.name)
def test_status_has_its_errno(status: Status) -> None:
    """Success is 0, an overflow or a time-out its own, any other -EINVAL."""
    expected = -OTHERS.get(status.name, errno.EINVAL)

    assert errno_of(status, ErrorCode.NONE) == expected


def test_overflow_of_compression_is_too_big() -> None:
    """An analytics error with the code of a full buffer, which is 0x19."""
    assert errno_of(0x0A, 0x19) == -errno.E2BIG


@pytest.mark.parametrize("error_code", [0x01, 0x18, 0x1A, 0xFF])
def test_other_analytics_error_is_invalid(error_code: int) -> None:
    """Whatever is wrong with the stream."""
    assert errno_of(0x0A, error_code) == -errno.EINVAL


@pytest.mark.parametrize("status", [0x04, 0x0B, 0x10, 0x24])
def test_error_code_counts_beside_analytics_error_alone(status: int) -> None:
    """0x19 beside another status means nothing."""
    assert errno_of(status, 0x19) == errno_of(status, 0)


@pytest.mark.parametrize("status", [0x02, 0x31, 0xFF])
def test_unknown_status_is_invalid(status: int) -> None:
    """A device may answer anything."""
    assert errno_of(status, 0) == -errno.EINVAL
