"""What a caller may ask of zswap: refused before anything is done."""

from collections.abc import Sequence

from mpzswap.ring.memory import Frames
from mpzswap.zswap.store import Folio


def check_frames(frames: Frames, indices: Sequence[int]) -> None:
    """Refuse an index that is not one of *frames*."""
    if indices and not 0 <= min(indices) <= max(indices) < len(frames):
        raise ValueError(
            f"load: frames {min(indices)} to {max(indices)}, "
            f"must be below {len(frames)}"
        )


def check_folios(frames: Frames, folios: Sequence[Folio]) -> int:
    """Give the number of pages of *folios*, which are ours to store."""
    nr_pages, nr_frames = 0, len(frames)
    offsets: set[int] = set()
    for folio in folios:
        if not 0 <= folio.frame <= nr_frames - folio.nr_pages:
            raise ValueError(
                f"folio at swap offset {folio.swap_offset}: frames {folio.frame} to "
                f"{folio.frame + folio.nr_pages - 1}, must be below {len(frames)}"
            )
        nr_pages += folio.nr_pages
        offsets.update(range(folio.swap_offset, folio.swap_offset + folio.nr_pages))
    if len(offsets) != nr_pages:
        raise ValueError(
            f"store: {nr_pages} pages at {len(offsets)} swap offsets, must all differ"
        )
    return nr_pages
