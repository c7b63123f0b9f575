"""Rate-distortion curves go in; an SVG and a PNG file come out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from licodec.evaluate import load_extra
from licodec.evaluate.bdrate import Curve, quality_levels
from licodec.evaluate.measures import MEASURES, Metric

# Rates beyond what the benchmark's windows cover, with room to see where the curves go.
MAX_PLOT_BPP = 2.5


def write_rd_plot(
    measured: Sequence[Curve], stored: Sequence[Curve], paths: Sequence[Path], title: str
) -> None:
    """Draw quality over rate, measured curves solid, stored ones dashed, to each path.

    Each measure that any curve has is a panel, two in a row. The suffix of a path chooses its
    format; an SVG of the same curves has the same bytes.

    Raises:
        LicodecError: matplotlib is not installed.
        OSError: a path cannot be written.
    """
    figure_module = load_extra("matplotlib.figure")
    curves = [*((curve, True) for curve in measured), *((curve, False) for curve in stored)]
    panels = [
        metric
        for metric in MEASURES
        if any(quality_levels(curve, metric) is not None for curve, _ in curves)
    ]
    num_columns = min(2, len(panels))
    num_rows = -(-len(panels) // num_columns)
    # An own figure instead of pyplot: no window system and no global state.
    size = (6.4 * num_columns, 4.8 * num_rows)
    figure = figure_module.Figure(figsize=size, layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
    for axis in axes[len(panels) :]:
        axis.remove()
    for axis, metric in zip(axes, panels, strict=False):
        label = MEASURES[metric].scale
        for curve, is_measured in curves:
            _draw(axis, curve, metric, is_measured)
        axis.set(xlabel="bits per pixel", ylabel=label, xlim=(0, _right_edge(curves)))
        axis.grid(alpha=0.3)
        axis.legend(fontsize="small", loc="lower right")
    with load_extra("matplotlib").rc_context({"svg.hashsalt": "licodec", "svg.fonttype": "none"}):
        for path in paths:
            is_svg = path.suffix == ".svg"
            figure.savefig(path, dpi=150, metadata={"Date": None} if is_svg else None)


def _right_edge(curves: Sequence[tuple[Curve, bool]]) -> float:
    return min(MAX_PLOT_BPP, 1.05 * max(max(curve.bpp) for curve, _ in curves))


def _draw(axis: Any, curve: Curve, metric: Metric, is_measured: bool) -> None:
    quality = quality_levels(curve, metric)
    if quality is None:
        return
    points = sorted(zip(curve.bpp, quality, strict=True))
    is_ours = curve.name.startswith("licodec")
    axis.plot(
        [bpp for bpp, _ in points],
        [level for _, level in points],
        label=curve.name,
        linestyle="-" if is_measured else "--",
        marker="o" if is_measured else None,
        markersize=3,
        linewidth=2.2 if is_ours else 1.2,
        zorder=3 if is_ours else 2,
    )
