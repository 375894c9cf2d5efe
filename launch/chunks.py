"""How many points of a path are held at once, where --chunk or --map_chunk says auto."""

from dataclasses import replace
from typing import Optional, Tuple

from tfrobust.memory_budget import GIB, budget, chunk_for

MOST = 1000  # Points; no map has more.


def fitting(chunk, images: int, memory_gb: Optional[float], network) -> Optional[int]:
    """The chunk itself, or, where it is auto, the most points that fit for so many images at once."""
    return chunk_for(network, images, MOST, budget(memory_gb and memory_gb * GIB)) if chunk == "auto" else chunk


def at_once(fv, network) -> Tuple[int, Optional[int]]:
    """Images and path points held at once in an evaluation."""
    return fv.evaluation_batch, fitting(fv.map_chunk, fv.evaluation_batch, fv.memory_gb, network)


def with_chunk(row, network):
    """The row (rows.Row) with as many points at once in its training as fit."""
    if row.flags.chunk != "auto":
        return row
    chunk = fitting("auto", row.spec.batch_size, row.flags.memory_gb, network)
    print(f"{row.name}: {chunk} points of a path at once" if chunk < MOST else f"{row.name}: all points at once")
    return row._replace(objective=replace(row.objective, chunk=chunk))
