"""What the bundled model gets wrong, on photographs that come with scikit-image: grey, colorized, truth.

python benchmarks/failures.py docs/failures.png
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import cv2
from skimage.data import astronaut, coffee

from vidcolor.pipeline.photos.photo import colorize_photograph
from vidcolor.report.sheet import joined, scaled

HEIGHT = 240  # pixels

rows = []
with tempfile.TemporaryDirectory() as folder:
    for photo in (astronaut, coffee):
        truth = photo()[:, : 4 * photo().shape[0] // 3]
        grey, colored = Path(folder) / "grey.png", Path(folder) / "colored.png"
        cv2.imwrite(str(grey), cv2.cvtColor(truth, cv2.COLOR_RGB2GRAY))
        colorize_photograph(grey, colored, overwrite=True)
        pictures = [cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) for path in (grey, colored)]
        rows.append(joined([scaled(picture, HEIGHT) for picture in (*pictures, truth)], 1, 3))
sheet = joined(rows, 0, 3)
cv2.imwrite(sys.argv[1], sheet[..., ::-1])
