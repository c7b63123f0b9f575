"""Writes figures.json: libjxl's Butteraugli of spoilt pictures. Run from the repository's root:

python -m tests.metrics.make_figures
"""

import json
from pathlib import Path

from tests.metrics.distortions import DISTORTIONS, PICTURES, spoilt_pair
from tests.metrics.libjxl import find_butteraugli

FIGURES = Path(__file__).with_name("figures.json")


def main() -> None:
    butteraugli = find_butteraugli()
    if butteraugli is None:
        raise SystemExit("error: neither butteraugli_main nor libjxl 0.7 is installed")
    figures = {
        f"{picture} {distortion}": round(butteraugli(*spoilt_pair(picture, distortion)), 6)
        for picture in PICTURES
        for distortion in DISTORTIONS
    }
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
