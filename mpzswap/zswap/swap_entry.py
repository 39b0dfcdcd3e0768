"""
The swap entry: which swap area a page is in, and where in it, in one number.

    type 0                      the number is the offset
    type 1 .. 31                the offset, and the type above it

Source: Linux, include/linux/swapops.h, swp_entry, swp_type and swp_offset;
include/linux/swap.h, MAX_SWAPFILES_SHIFT.
"""

# Bits of a type.  Linux keeps some of the 32 types for itself; we need none.
MAX_SWAPFILES_SHIFT = 5
MAX_SWAPFILES = 1 << MAX_SWAPFILES_SHIFT
# Bits of an offset: BITS_PER_XA_VALUE, which is 63, less those of the type.
SWP_TYPE_SHIFT = 63 - MAX_SWAPFILES_SHIFT
SWP_OFFSET_MASK = (1 << SWP_TYPE_SHIFT) - 1


def swp_entry(type_: int, offset: int) -> int:
    """Give the entry of the page at *offset* in the area *type_*."""
    return type_ << SWP_TYPE_SHIFT | offset


def swp_type(entry: int) -> int:
    """Give the number of the swap area."""
    return entry >> SWP_TYPE_SHIFT


def swp_offset(entry: int) -> int:
    """Give the place within the swap area."""
    return entry & SWP_OFFSET_MASK


def swp_name(entry: int) -> str:
    """Name an entry for people; the first area needs no mention."""
    area = swp_type(entry)
    place = f"swap offset {swp_offset(entry)}"
    return f"{place} of area {area}" if area else place
