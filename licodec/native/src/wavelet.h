/* Integer synthesis of the 9/7 wavelet in lifting steps, as licodec/transform/wavelet.py has it.
 *
 * Rows of both column sets stream through rings: each lifting step follows the one before by a row,
 * and a pair of rows is merged along x as soon as its columns are done. Sums wrap modulo 2^32.
 */
#ifndef LICODEC_WAVELET_H
#define LICODEC_WAVELET_H

#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "simd.h"

enum { ALPHA = -1624, BETA = -54, GAMMA = 904, DELTA = 454, LOW_GAIN = 1550 }; /* 1/1024 */
enum { HALO = 2, LIFT_ROWS = 4, SIDE = 16 };

INLINE int32_t scaled(int32_t x, int32_t factor, int shift)
{
    return (int32_t)((uint32_t)x * (uint32_t)factor + (1u << (shift - 1))) >> shift;
}

/* target -= factor (a + b), rounded. */
INLINE void lift(int32_t *target, const int32_t *a, const int32_t *b, int64_t n,
                 const int32_t factor)
{
    for (int64_t x = 0; x < n; x++) {
        const int32_t sum = (int32_t)((uint32_t)a[x] + (uint32_t)b[x]);
        target[x] = (int32_t)((uint32_t)target[x] - (uint32_t)scaled(sum, factor, 10));
    }
}

/* Even and odd samples of a row, each with room for one more on both sides, to the row. */
static void merge_row(int32_t *restrict even, int32_t *restrict odd, int64_t n,
                      int32_t *restrict out)
{
    odd[-1] = odd[0];
    lift(even, odd, odd - 1, n, DELTA);
    even[n] = even[n - 1];
    lift(odd, even, even + 1, n, GAMMA);
    odd[-1] = odd[0];
    lift(even, odd, odd - 1, n, BETA);
    even[n] = even[n - 1];
    lift(odd, even, even + 1, n, ALPHA);
    for (int64_t x = 0; x < n; x++) {
        out[2 * x] = even[x];
        out[2 * x + 1] = odd[x];
    }
}

/* What a plane is made of, cut to the coarser samples that a window depends on. */
typedef struct {
    const int32_t *low;
    const void *bands[LC_BANDS];
    int32_t steps[LC_BANDS];
    int64_t stride, height, width;
    int32_t value_bytes, shift;
} Bands;

INLINE void scaled_row(const void *from, int64_t first, int64_t n, int32_t step, int shift,
                       const int bytes, int32_t *restrict out)
{
    if (bytes == 2)
        for (int64_t x = 0; x < n; x++)
            out[x] = scaled(((const int16_t *)from)[first + x], step, shift);
    else
        for (int64_t x = 0; x < n; x++)
            out[x] = scaled(((const int32_t *)from)[first + x], step, shift);
}

/* rows (2 sets, even and odd, LIFT_ROWS, SIDE + width + SIDE) */
INLINE int32_t *lift_row(int32_t *rows, int64_t width, int set, int is_odd, int64_t y)
{
    return rows + ((set * 2 + is_odd) * LIFT_ROWS + (y & (LIFT_ROWS - 1))) * (width + 2 * SIDE)
           + SIDE;
}

static void load_rows(const Bands *b, int32_t *rows, int64_t y)
{
    const int64_t n = b->width, at = y * b->stride;
    int32_t *low = lift_row(rows, n, 0, 0, y);
    for (int64_t x = 0; x < n; x++) low[x] = scaled(b->low[at + x], LOW_GAIN, 10);
    int32_t *to[LC_BANDS] = {lift_row(rows, n, 1, 0, y), lift_row(rows, n, 0, 1, y),
                             lift_row(rows, n, 1, 1, y)};
    for (int k = 0; k < LC_BANDS; k++)
        scaled_row(b->bands[k], at, n, b->steps[k], b->shift, b->value_bytes, to[k]);
}

/* Rows of a plane in turn; `out` takes 2 width numbers a row, `put` is told of each. */
static void lift_columns(int32_t *rows, int64_t n, int64_t height, int64_t y)
{
    for (int s = 0; s < 2; s++) {
#define EVEN(i) lift_row(rows, n, s, 0, i)
#define ODD(i) lift_row(rows, n, s, 1, i)
        if (y < height) lift(EVEN(y), ODD(y), ODD(larger(y - 1, 0)), n, DELTA);
        int64_t j = y - 1;
        if (j >= 0 && j < height) {
            lift(ODD(j), EVEN(j), EVEN(smaller(j + 1, height - 1)), n, GAMMA);
            lift(EVEN(j), ODD(j), ODD(larger(j - 1, 0)), n, BETA);
        }
        j = y - 2;
        if (j >= 0 && j < height) lift(ODD(j), EVEN(j), EVEN(smaller(j + 1, height - 1)), n, ALPHA);
#undef EVEN
#undef ODD
    }
}

static void plane_window(const lc_wavelet_task *t, const Bands *b, int64_t above, int64_t before,
                         int32_t *rows, int32_t *plane)
{
    const int64_t n = b->width, columns = t->right - t->left;
    int32_t *even = lift_row(rows, n, 2, 0, 0), *odd = lift_row(rows, n, 2, 0, 1);
    int32_t *whole = lift_row(rows, n, 2, 0, 2);
    for (int64_t y = 0; y < b->height + 2; y++) {
        if (y < b->height) load_rows(b, rows, y);
        lift_columns(rows, n, b->height, y);
        const int64_t done = y - 2;
        for (int is_odd = 0; is_odd < 2 && done >= 0; is_odd++) {
            const int64_t row = 2 * (above + done) + is_odd - t->top;
            if (row < 0 || row >= t->bottom - t->top) continue;
            /* Copies: the lifting along x needs room beside a row, and lower rows the columns. */
            memcpy(even, lift_row(rows, n, 0, is_odd, done), (size_t)n * 4);
            memcpy(odd, lift_row(rows, n, 1, is_odd, done), (size_t)n * 4);
            merge_row(even, odd, n, whole);
            memcpy(plane + row * columns, whole + t->left - 2 * before, (size_t)columns * 4);
        }
    }
}

static int synthesise_window(const lc_wavelet_task *t)
{
    const int64_t above = larger(t->top / 2 - HALO, 0), before = larger(t->left / 2 - HALO, 0);
    const int64_t below = smaller((t->bottom + 1) / 2 + HALO, t->height);
    const int64_t after = smaller((t->right + 1) / 2 + HALO, t->width);
    const int64_t area = (int64_t)t->height * t->width, first = above * t->width + before;
    const int64_t width = after - before;
    /* Eight rings, then even, odd and a row of twice the length. */
    int32_t *rows = malloc((size_t)(4 * LIFT_ROWS + 4) * (size_t)(width + 2 * SIDE) * 4);
    if (!rows) return LC_NO_MEMORY;
    for (int p = 0; p < LC_PLANES; p++) {
        Bands b = {.low = t->low + p * area + first, .stride = t->width, .height = below - above,
                   .width = width, .value_bytes = t->value_bytes, .shift = t->shift};
        for (int k = 0; k < LC_BANDS; k++) {
            const int64_t at = (p * LC_BANDS + k) * area + first;
            b.bands[k] = (const uint8_t *)t->values + at * t->value_bytes;
            b.steps[k] = t->steps[p * LC_BANDS + k];
        }
        plane_window(t, &b, above, before, rows, t->planes + p * t->plane_stride);
    }
    free(rows);
    return LC_OK;
}

#endif
