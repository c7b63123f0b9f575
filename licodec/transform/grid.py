"""What planes, patches and bands measure: the numbers that all implementations of both agree on."""

from __future__ import annotations

# Subtracted from every sample before the colour transform: it halves the range of luma's low-pass.
MID_GREY = 128.0

NUM_PLANES = 3  # luma and two of chroma

# Patches of the coarse part of a learned correction, those of its fine part, and what both may be.
PATCH_PX = 8
FINE_PATCH_PX = 2
PATCHES_PX = (2, 4, 8)

NUM_LEVELS = 6
# Every plane is padded to a multiple of this: six levels, the coarsest of them not folded.
GRID_PX = 1 << NUM_LEVELS

# Bands of a level: horizontal detail (high along x), vertical detail, diagonal detail.
NUM_BANDS = 3

# Samples of the coarser level on each side that a sample of either direction depends on.
SYNTHESIS_HALO = 2

# Coefficients of the integer synthesis are in 1/64 grey level.
FRACTION_BITS = 6
# Fractional bits of the stored step sizes, in grey levels.
STEP_BITS = 10
STEP_UNIT = 1 << STEP_BITS

# Lifting factors alpha, beta, gamma, delta in 1/1024; both directions use these very numbers, so
# the pair inverts exactly up to rounding whatever their precision.
LIFT_Q10 = (-1624, -54, 904, 454)
LIFT = tuple(k / 1024 for k in LIFT_Q10)

# One low-pass step has gain 1.230174 at zero frequency, two directions its square.
LOW_GAIN_Q10 = 1550
LOW_GAIN = LOW_GAIN_Q10 / 1024
# A diagonal coefficient misses 1/1.149604 per direction, 1.149604 = sqrt(2) / 1.230174.
DIAGONAL_GAIN = 2.0 / LOW_GAIN


def band_norm(level: int, band: int) -> float:
    """Factor that turns a coefficient of the wavelet into one of an orthonormal wavelet.

    Args:
        level: 1 (finest) .. NUM_LEVELS.
        band: 0 horizontal, 1 vertical, 2 diagonal detail; 3 the low-pass of this level.
    """
    if band == 3:
        return float(2**level)
    return float(2 ** (level - 1)) / (DIAGONAL_GAIN if band == 2 else 1.0)


def padded_size(size_px: int, grid_px: int) -> int:
    """Smallest multiple of grid_px that is not smaller than size_px."""
    return -(-size_px // grid_px) * grid_px
