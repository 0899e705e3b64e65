"""Find annotated images whose EXIF orientation does not show in their size."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable
from pathlib import Path

from pose_estimation_ros.datasets.coco_faults import Size
from pose_estimation_ros.datasets.notes import warn

TAG = 0x0112  # EXIF tag of the orientation
SAME_SIZE = (2, 3, 4)  # orientations that leave width and height as they are: mirrored, upside down


def orientation_of(file: str | Path | bytes) -> int:
    """Read the EXIF orientation of an image file, 1 to 8; 1, which is upright, where there is none.

    Args:
        file: its path or its bytes.
    """
    from PIL import Image  # only orientations need it

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings about the size of the image, which is not decoded
            with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as image:
                value = image.getexif().get(TAG, 1)
    except Exception:  # a damaged file is reported where it is decoded
        return 1
    return value if value in range(1, 9) else 1


def warn_of_orientations(where: str | Path, images: Iterable[tuple[str, str | Path | bytes, Size | None]]) -> None:
    """Warn where EXIF turns or mirrors images without another size than the annotated one.

    Args:
        where: the folder of the images, for the message.
        images: name, file (its path or its bytes), and annotated width and height of each, None where not known.
    """
    count, odd = 0, []
    for name, file, size in images:
        count += 1
        orientation = orientation_of(file)
        if orientation in SAME_SIZE or (orientation > 1 and (size is None or size[0] == size[1])):
            odd.append(f"{name} with orientation {orientation}")
    if odd:
        warn(
            f"{where}: {len(odd)} of {count} images have an EXIF orientation that their annotated size cannot confirm,"
            f" the first: {odd[0]}; their annotations are taken for those of the upright image"
        )
