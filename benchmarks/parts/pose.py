"""What limits a pose network: its errors with parts of the truth put in, each alone.

    sleight bench pose RUN --data DIR [--out FILE]

RUN is a run of `sleight vision train`, DIR renders of another seed. Each row replaces something:
pixels by those of the true cameras, told cameras by true ones, or leaves something out. Then the
errors of the keypoints, and the predicted against the real errors of the poses.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from sleight.errors import SleightError
from sleight.files import write_text
from sleight.flags import Parser, output_file
from sleight.train.pose.pose_learner import load_pose_run
from sleight.train.pose.render_batches import in_order
from sleight.vision.decoders import Batch
from sleight.vision.geometry import matrix_of
from sleight.vision.keypoint_decoder import KeypointDecoder, told
from sleight.vision.keypoint_fit import Fit
from sleight.vision.renders.shards import open_renders
from sleight.vision.scores import WRONG_DEG

BATCH, BINS = 64, 5
PERFECT_PX = 0.2
"""Scale of keypoints that are put in."""
Errors = list[tuple[float, float, float, float]]
"""Per sample: mm, degrees, and both as predicted."""


def rows(
    decoder: KeypointDecoder, batch: Batch, pixels: np.ndarray, scales: np.ndarray
) -> Iterator[tuple[str, list[Fit]]]:
    """The fits of one batch with its keypoints, and with different parts of the truth."""
    read, images = decoder.reader(), batch["images"].numpy()
    cameras, true = told(batch, "camera"), told(batch, "true")
    landmarks = decoder.landmarks(batch)
    truth = decoder.true_pixels(batch).numpy()
    own = len(decoder.scene.keypoints)
    perfect, sure = pixels.copy(), scales.copy()
    perfect[:, :, :own], sure[:, :, :own] = truth[:, :, :own], PERFECT_PX
    # The true field of view is another zoom about the centre of the picture.
    focal = 1.0 / np.tan(np.radians(0.5 * batch["true_fovy_deg"].numpy()))[..., None, None]
    nominal = 1.0 / np.tan(np.radians(0.5 * decoder.scene.cameras.fovy_deg))
    middle = 0.5 * decoder.scene.cameras.image_px
    known = middle + (pixels - middle) * nominal / focal
    yield "as on the robot", read.fits(pixels, scales, cameras, landmarks)
    yield "without landmarks: cameras as told", read.fits(pixels, scales, cameras)
    yield "true cameras", read.fits(known, scales, true)
    yield "first look only", read.fits(*read.first_look(images), cameras, landmarks)
    yield "perfect keypoints, landmarks as seen", read.fits(perfect, sure, cameras, landmarks)
    yield "perfect keypoints, cameras as told", read.fits(perfect, sure, cameras)
    yield "all perfect", read.fits(truth, np.full_like(scales, PERFECT_PX), cameras, landmarks)


def errors(fits: Sequence[Fit], batch: Batch) -> Errors:
    """Of one batch."""
    found = []
    for fit, at, wxyz in zip(fits, batch["position"].numpy(), batch["wxyz"].numpy(), strict=True):
        moved = 1e3 * float(np.linalg.norm(fit.pose.position - at))
        turned = fit.pose.rotation.T @ matrix_of(wxyz)
        degrees = np.degrees(np.arccos(np.clip((np.trace(turned) - 1.0) / 2.0, -1.0, 1.0)))
        found.append((moved, degrees, 1e3 * fit.error_m, float(np.degrees(fit.error_rad))))
    return found


def report(decoder: KeypointDecoder, data: Path) -> Iterator[str]:
    """The lines of the three tables."""
    found: dict[str, Errors] = {}
    away = []
    read = decoder.reader()
    for batch in in_order(open_renders(data), BATCH):
        cameras, landmarks = told(batch, "camera"), decoder.landmarks(batch)
        pixels, scales = read.keypoints(batch["images"].numpy(), cameras, landmarks)
        for name, fits in rows(decoder, batch, pixels, scales):
            found.setdefault(name, []).extend(errors(fits, batch))
        missed = np.linalg.norm(pixels - decoder.true_pixels(batch).numpy(), axis=-1)
        away.append(missed / decoder.scene.cameras.image_px)
    yield f"| | mm | p90 | degrees | p90 | beyond {WRONG_DEG:g} degrees |"
    yield "|---|---|---|---|---|---|"
    for name, values in found.items():
        millimetres, degrees = np.array(values)[:, :2].T
        cells = [np.percentile(x, p) for x in (millimetres, degrees) for p in (50, 90)]
        beyond = 100 * float((degrees > WRONG_DEG).mean())
        text = " | ".join(f"{cell:.2f}" for cell in cells)
        yield f"| {name} | {text} | {beyond:.2f} % |"
    yield from _keypoint_lines(np.concatenate(away), len(decoder.scene.keypoints))
    yield from _calibration_lines(np.array(found["as on the robot"]))


def _keypoint_lines(away: np.ndarray, own: int) -> Iterator[str]:
    yield ""
    yield "| keypoints, error in 1/1000 of the view | median | p90 |"
    yield "|---|---|---|"
    for name, part in (("object", away[..., :own]), ("landmarks", away[..., own:])):
        median, p90 = 1e3 * np.percentile(part, [50, 90])
        yield f"| {name} | {median:.1f} | {p90:.1f} |"


def _calibration_lines(values: np.ndarray) -> Iterator[str]:
    """Root mean squares in bins of equal count, by the predicted error."""
    yield ""
    yield "| fifth, by predicted error | predicted mm | real mm | predicted deg | real deg |"
    yield "|---|---|---|---|---|"
    cells = []
    for real, predicted in ((0, 2), (1, 3)):
        order = np.array_split(values[values[:, predicted].argsort()], BINS)
        cells.append([[np.sqrt(np.mean(part[:, column] ** 2)) for column in (predicted, real)]
                      for part in order])  # fmt: skip
    for number, (metres, angles) in enumerate(zip(*cells, strict=True), start=1):
        yield f"| {number} | " + " | ".join(f"{cell:.2f}" for cell in (*metres, *angles)) + " |"


def main(argv: list[str] | None = None) -> int:
    """Print the tables; returns the exit code."""
    parser = Parser("sleight bench pose", description=__doc__.split("\n", 1)[0])
    parser.add_argument("run", type=Path, help="a run of `vision train`")
    parser.add_argument("--data", type=Path, required=True, help="renders of another seed")
    parser.add_argument("--out", type=output_file, help="also write the tables to this file")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    _, decoder, _ = load_pose_run(args.run)
    if not isinstance(decoder, KeypointDecoder):
        raise SleightError(f"{args.run}: got {type(decoder).__name__}, allowed: keypoints")
    lines = list(report(decoder, args.data))
    if args.out:
        write_text(args.out, "\n".join(lines) + "\n")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
