"""Pictures of rows of images: made ones, and found boxes and masks over heat maps."""

import numpy as np

from tfrobust.report.escaping import in_picture
from tfrobust.report.figures import save_figure

SIZE = 1.2
# Colour, and line, of what is true and of what a network found.
TRUE, FOUND = "deepskyblue", ("white", "--")
Found = dict[str, tuple[np.ndarray, np.ndarray]]


def _axes(rows: int, columns: int, title: str):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(SIZE * columns + 1.2, SIZE * rows + 0.6), layout="constrained")
    figure.suptitle(in_picture(title), fontsize=10)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    return figure, axes


def _show(axis, image):
    axis.imshow(np.clip(image, 0, 1).squeeze(), cmap="gray", vmin=0, vmax=1)


def draw_grid(grids: dict[str, np.ndarray], path: str, title: str) -> None:
    """A picture with grids of images side by side, a row per class.

    Args:
        grids: name -> images [R,N,H,W,C] in [0, 1], R rows of N.
        path: where it is written.
        title: of the picture.
    """
    first = next(iter(grids.values()))
    figure, axes = _axes(len(first), sum(grid.shape[1] for grid in grids.values()), title)
    left = 0
    for name, grid in grids.items():
        axes[0, left].set_title(in_picture(name), fontsize=9, loc="left")
        for r, row in enumerate(grid):
            for i, image in enumerate(row):
                _show(axes[r, left + i], image)
        left += grid.shape[1]
    save_figure(figure, path)


def draw_found_boxes(x: np.ndarray, boxes: np.ndarray, found: Found, path: str) -> None:
    """A picture of images with their true boxes, and below, their heat maps with the true and the found ones (dashed).

    Args:
        x: images [N,H,W,C] in [0, 1].
        boxes: the true ones, [N,4] (top, left, bottom, right, fractions of the image).
        found: name -> (heat maps [N,H,W], found boxes [N,4], NaN where there is none).
        path: where it is written.
    """
    figure, axes = _axes(1 + len(found), len(x), "true boxes (blue) and found ones (white, dashed)")
    for n, image in enumerate(x):
        _show(axes[0, n], image)
        _box(axes[0, n], boxes[n], image.shape, TRUE)
    for row, (name, (heat, own)) in zip(axes[1:], found.items()):
        row[0].set_ylabel(in_picture(name).replace(", ", ",\n"), fontsize=8)
        for n in range(len(x)):
            row[n].imshow(heat[n], cmap="inferno", vmin=0, vmax=1)
            _box(row[n], boxes[n], heat[n].shape, TRUE)
            _box(row[n], own[n], heat[n].shape, *FOUND)
    save_figure(figure, path)


def _box(axis, box, shape, color, line="-") -> None:
    from matplotlib.patches import Rectangle

    if np.isfinite(box).all():
        top, left, bottom, right = np.asarray(box) * [shape[0], shape[1], shape[0], shape[1]] - 0.5
        axis.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=color, lw=1.4, ls=line))


def draw_found_masks(x: np.ndarray, masks: np.ndarray, found: Found, path: str) -> None:
    """A picture of images, and below, their heat maps, with the outlines of true masks and of found ones (dashed).

    Args:
        x: images [N,H,W,C] in [0, 1].
        masks: the true ones, [N,H,W].
        found: name -> (heat maps [N,H,W], found masks [N,H,W]).
        path: where it is written.
    """
    figure, axes = _axes(1 + len(found), len(x), "outlines of true masks (blue) and found ones (white, dashed)")
    for n, image in enumerate(x):
        _show(axes[0, n], image)
        _outline(axes[0, n], masks[n], TRUE)
    for row, (name, (heat, own)) in zip(axes[1:], found.items()):
        row[0].set_ylabel(in_picture(name).replace(", ", ",\n"), fontsize=8)
        for n in range(len(x)):
            row[n].imshow(heat[n], cmap="inferno", vmin=0, vmax=1)
            _outline(row[n], masks[n], TRUE)
            _outline(row[n], own[n], *FOUND)
    save_figure(figure, path)


def _outline(axis, mask, color, line="-") -> None:
    mask = np.asarray(mask, float)
    if 0 < mask.sum() < mask.size:
        axis.contour(mask, levels=[0.5], colors=color, linewidths=1.1, linestyles=line)
