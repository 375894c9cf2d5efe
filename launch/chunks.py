"""How many points of a path are held at once, where --chunk or --map_chunk says auto."""

from dataclasses import replace
from typing import Optional, Tuple

from tfrobust.memory import GIB, chunk_for, free_memory

MOST = 1000  # Points; no map has more.


def budget(fv) -> float:
    """Bytes that may be taken."""
    return fv.memory_gb * GIB if fv.memory_gb else free_memory() / 2


def at_once(fv, network) -> Tuple[int, Optional[int]]:
    """Images and path points held at once in an evaluation."""
    images, chunk = fv.evaluation_batch, fv.map_chunk
    return images, chunk_for(network, images, MOST, budget(fv)) if chunk == "auto" else chunk


def with_chunk(row, network):
    """The row (rows.Row) with as many points at once in its training as fit."""
    if row.flags.chunk != "auto":
        return row
    chunk = chunk_for(network, row.spec.batch_size, MOST, budget(row.flags))
    print(f"{row.name}: {chunk} points of a path at once" if chunk < MOST else f"{row.name}: all points at once")
    return row._replace(objective=replace(row.objective, chunk=chunk))
