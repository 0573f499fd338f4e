"""What the bundled model gets wrong, on photographs that come with scikit-image: grey, colorized, truth.

python benchmarks/failures.py docs/failures.png
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from skimage.data import astronaut, coffee

from vidcolor.evaluation.gallery import beside, scaled
from vidcolor.pipeline.photo import colorize_photograph

HEIGHT = 240  # pixels

rows = []
with tempfile.TemporaryDirectory() as folder:
    for photo in (astronaut, coffee):
        truth = photo()[:, : 4 * photo().shape[0] // 3]
        grey, colored = Path(folder) / "grey.png", Path(folder) / "colored.png"
        cv2.imwrite(str(grey), cv2.cvtColor(truth, cv2.COLOR_RGB2GRAY))
        colorize_photograph(grey, colored, overwrite=True)
        pictures = [cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) for path in (grey, colored)]
        rows.append(beside([scaled(picture, HEIGHT) for picture in (*pictures, truth)], 1))
width = max(row.shape[1] for row in rows)
sheet = beside([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows], 0)
cv2.imwrite(sys.argv[1], sheet[..., ::-1])
