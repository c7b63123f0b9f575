"""Writes the model card of a release from its training log."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from licodec.config import family_to_json, synthesis_to_json
from licodec.files import write_file
from licodec.train.checkpoint import load_checkpoint
from licodec.train.export import Release

_TEXT = """# Latent family {family} with synthesis `{profile}`

Written by `licodec export` on {date}.

| | |
|---|---|
| family | `{family_config}` |
| synthesis `{profile}` | `{synthesis_config}` |
| complexity to decode | synthesis {synthesis_kmac:.1f} kMAC/px, prior {prior_kmac:.1f} kMAC/px |
| parameters | {num_parameters:,} (family with tables and analysis: {num_family:,}) |
| training | {steps:,} steps, {hours:.2f} hours of wall time in all |
| data | see [docs/training.md](../../docs/training.md) |

Rate and distortion on held-back validation pictures, real files:

| step (0 to 255) | bpp | PSNR (dB) | cost of the integer prior (rate) |
|---|---|---|---|
{rd}

Learning curve (validation: mean over five qualities of ln(bpp + lambda distortion), lower is
better; the last run's log):

| step | hours in all | score | stage |
|---|---|---|---|
{curve}

For photographs of 8 bits per sample. Screens, text and drawings are coded without the networks
where that is smaller (docs/graphics.md); lossless files never need them.
"""


def write_card(release: Release, checkpoint: Path, path: Path) -> None:
    """Write the card beside the weights.

    Args:
        release: what was exported.
        checkpoint: it came from; a log.jsonl beside it gives the learning curve.
        path: of the card.
    """
    state = load_checkpoint(checkpoint)
    family = sum(t.numel() for t in (release.family_tensors | release.analysis_tensors).values())
    text = _TEXT.format(
        family=path.parent.name,
        profile=release.profile,
        date=dt.datetime.now(tz=dt.UTC).date().isoformat(),
        family_config=family_to_json(release.family_config),
        synthesis_config=synthesis_to_json(release.synthesis_config),
        synthesis_kmac=release.kmac_per_px[0],
        prior_kmac=release.kmac_per_px[1],
        num_family=family,
        num_parameters=family + sum(t.numel() for t in release.synthesis_tensors.values()),
        steps=int(state["step"]),
        hours=float(state["total_s"]) / 3600,
        rd="\n".join(
            f"| {release.scale.to_index(q)} | {b:.3f} | {p:.2f} | {loss:+.2%} |"
            for (q, b, p), loss in zip(release.rd, release.integer_losses, strict=True)
        ),
        curve="\n".join(_curve(checkpoint.with_name("log.jsonl"))),
    )
    write_file(path, text.encode(), replace=True)


def _curve(log: Path) -> list[str]:
    if not log.is_file():
        return ["| (no log beside the checkpoint) | | | |"]
    rows = [row for row in _rows(log) if "valid_score" in row]
    kept = rows[:: max(1, len(rows) // 16)]
    if rows and kept[-1] is not rows[-1]:
        kept.append(rows[-1])
    return [
        f"| {r['step']:,} | {r['total_s'] / 3600:.2f} | {r['valid_score']:.4f} | "
        f"{'linear' if r['is_linear'] else r.get('stage', 'joint')} |"
        for r in kept
    ]


def _rows(log: Path) -> Iterator[dict[str, Any]]:
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue  # a run was cut off while it wrote
