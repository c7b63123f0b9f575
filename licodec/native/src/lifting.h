/* Analysis by the 9/7 wavelet in float32, a level of one plane, and its transpose; the rules are
 * those of licodec/transform/wavelet.py. Floats round after each operation, in the same order at
 * every sample, so that neither instruction set nor strips of rows change a result.
 */
#ifndef LICODEC_LIFTING_H
#define LICODEC_LIFTING_H

#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "simd.h"

static const float LIFT_ALPHA = -1624 / 1024.f, LIFT_BETA = -54 / 1024.f;
static const float LIFT_GAMMA = 904 / 1024.f, LIFT_DELTA = 454 / 1024.f;
static const float LIFT_GAIN = 1550 / 1024.f;
/* Pairs of rows that are lifted at once: what stays in the cache. */
enum { BAND_PAIRS = 24, PAIRS_HALO = 2 };

/* to += factor (a + b) */
INLINE void lift_floats(float *restrict to, const float *a, const float *b, int64_t n,
                        const float factor)
{
    for (int64_t x = 0; x < n; x++) to[x] += factor * (a[x] + b[x]);
}

/* The same along a row: each sample's neighbours are its own and the next one of the other kind. */
static void lift_ahead(float *restrict to, const float *restrict from, int64_t n, float factor)
{
    lift_floats(to, from, from + 1, n - 1, factor);
    to[n - 1] += factor * (from[n - 1] + from[n - 1]);
}

static void lift_behind(float *restrict to, const float *restrict from, int64_t n, float factor)
{
    to[0] += factor * (from[0] + from[0]);
    lift_floats(to + 1, from + 1, from, n - 1, factor);
}

/* A row of 2 n samples to n of the low-pass and n details. */
static void split_float_row(const float *restrict row, int64_t n, float *restrict low,
                      float *restrict high)
{
    for (int64_t x = 0; x < n; x++) {
        low[x] = row[2 * x];
        high[x] = row[2 * x + 1];
    }
    lift_ahead(high, low, n, LIFT_ALPHA);
    lift_behind(low, high, n, LIFT_BETA);
    lift_ahead(high, low, n, LIFT_GAMMA);
    lift_behind(low, high, n, LIFT_DELTA);
}

/* Pairs of rows, even and odd in turn, of `width` samples; in place. */
static void split_columns(float *rows, int64_t pairs, int64_t width)
{
#define EVEN(i) (rows + 2 * (i) * width)
#define ODD(i) (rows + (2 * (i) + 1) * width)
    for (int64_t y = 0; y < pairs + 2; y++) { /* each lifting follows the one before by a row */
        if (y < pairs) {
            lift_floats(ODD(y), EVEN(y), EVEN(smaller(y + 1, pairs - 1)), width, LIFT_ALPHA);
            lift_floats(EVEN(y), ODD(y), ODD(larger(y - 1, 0)), width, LIFT_BETA);
        }
        const int64_t j = y - 1;
        if (j >= 0 && j < pairs) {
            lift_floats(ODD(j), EVEN(j), EVEN(smaller(j + 1, pairs - 1)), width, LIFT_GAMMA);
            lift_floats(EVEN(j), ODD(j), ODD(larger(j - 1, 0)), width, LIFT_DELTA);
        }
    }
}

/* Rows of pairs top to bottom - 1 of low-pass and details, each (height / 2, width / 2). */
static int split_plane(const lc_split_task *t)
{
    const int64_t n = t->width / 2, all = t->height / 2;
    float *rows = malloc((size_t)(2 * (BAND_PAIRS + 2 * PAIRS_HALO) * t->width) * sizeof *rows);
    if (!rows) return LC_NO_MEMORY;
    for (int64_t top = t->top; top < t->bottom; top += BAND_PAIRS) {
        const int64_t end = smaller(top + BAND_PAIRS, t->bottom);
        const int64_t above = larger(top - PAIRS_HALO, 0), below = smaller(end + PAIRS_HALO, all);
        for (int64_t y = 2 * above; y < 2 * below; y++) {
            float *row = rows + (y - 2 * above) * t->width;
            split_float_row(t->plane + y * t->stride, n, row, row + n);
        }
        split_columns(rows, below - above, t->width);
        for (int64_t y = top; y < end; y++) {
            const float *even = rows + 2 * (y - above) * t->width, *odd = even + t->width;
            float *restrict low = t->low + y * n;
            for (int64_t x = 0; x < n; x++) low[x] = even[x] / LIFT_GAIN;
            memcpy(t->details + y * n, even + n, (size_t)n * sizeof *low);
            memcpy(t->details + (all + y) * n, odd, (size_t)n * sizeof *low);
            memcpy(t->details + (2 * all + y) * n, odd + n, (size_t)n * sizeof *low);
        }
    }
    free(rows);
    return LC_OK;
}

/* ---- Transpose ---- */

/* What lift_ahead and lift_behind do to gradients: from the sample that was changed to both that
 * it was made of. */
static void spread_ahead(const float *restrict of, float *restrict to, int64_t n, float factor)
{
    to[0] += factor * of[0];
    lift_floats(to + 1, of, of + 1, n - 1, factor);
    to[n - 1] += factor * of[n - 1];
}

static void spread_behind(const float *restrict of, float *restrict to, int64_t n, float factor)
{
    to[0] += factor * of[0];
    lift_floats(to, of, of + 1, n - 1, factor);
    to[n - 1] += factor * of[n - 1];
}

static void gather_float_row(float *restrict low, float *restrict high, int64_t n, float *restrict row)
{
    spread_behind(low, high, n, LIFT_DELTA);
    spread_ahead(high, low, n, LIFT_GAMMA);
    spread_behind(low, high, n, LIFT_BETA);
    spread_ahead(high, low, n, LIFT_ALPHA);
    for (int64_t x = 0; x < n; x++) {
        row[2 * x] = low[x];
        row[2 * x + 1] = high[x];
    }
}

static void add_floats(float *restrict to, const float *from, int64_t n, const float factor)
{
    for (int64_t x = 0; x < n; x++) to[x] += factor * from[x];
}

/* Rows of changed samples to those that they were made of; is_odd: odd ones were changed. */
static void spread_columns(float *rows, int64_t pairs, int64_t width, int is_odd, float factor)
{
    for (int64_t y = 0; y < pairs; y++) {
        const int64_t beside = is_odd ? smaller(y + 1, pairs - 1) : larger(y - 1, 0);
        const float *of = is_odd ? ODD(y) : EVEN(y);
        add_floats(is_odd ? EVEN(y) : ODD(y), of, width, factor);
        add_floats(is_odd ? EVEN(beside) : ODD(beside), of, width, factor);
    }
}
#undef EVEN
#undef ODD

/* Gradients of a level's results, of low / LIFT_GAIN and details, to those of its plane. `rows`:
 * height * width, is used; low NULL: zeros. */
static void gather_plane(const float *low, const float *details, int64_t height, int64_t width,
                         float *rows, float *plane)
{
    const int64_t n = width / 2, all = height / 2;
    for (int64_t y = 0; y < all; y++) {
        float *even = rows + 2 * y * width, *odd = even + width;
        for (int64_t x = 0; x < n; x++) even[x] = low ? low[y * n + x] / LIFT_GAIN : 0;
        memcpy(even + n, details + y * n, (size_t)n * sizeof *even);
        memcpy(odd, details + (all + y) * n, (size_t)n * sizeof *even);
        memcpy(odd + n, details + (2 * all + y) * n, (size_t)n * sizeof *even);
    }
    spread_columns(rows, all, width, 0, LIFT_DELTA);
    spread_columns(rows, all, width, 1, LIFT_GAMMA);
    spread_columns(rows, all, width, 0, LIFT_BETA);
    spread_columns(rows, all, width, 1, LIFT_ALPHA);
    for (int64_t y = 0; y < height; y++) {
        float *row = rows + y * width;
        gather_float_row(row, row + n, n, plane + y * width);
    }
}

/* ---- Details of the padding ---- */

/* Details (3, rows, columns) at places (y, x) with y size < height and x size < width are not of
 * the padding, so they weigh nothing; the others by their squared norms. */
static void weigh_details(float *details, int64_t rows, int64_t columns, int64_t size,
                          int64_t height, int64_t width, const float *norms)
{
    const int64_t inside = smaller((width + size - 1) / size, columns);
    for (int k = 0; k < LC_BANDS; k++)
        for (int64_t y = 0; y < rows; y++) {
            float *row = details + (k * rows + y) * columns;
            const int64_t first = y * size < height ? inside : 0;
            memset(row, 0, (size_t)first * sizeof *row);
            for (int64_t x = first; x < columns; x++) row[x] *= norms[k] * norms[k];
        }
}

/* The gradient of half the sum of squares of the padding's details, in the padding. */
static int padding_slope(const lc_padding_task *t)
{
    const int64_t area = (int64_t)t->rows * t->columns;
    /* Low-passes and details of all levels, rows, gradients of two neighbouring levels. */
    float *memory = malloc((size_t)(3 * area) * sizeof *memory);
    if (!memory) return LC_NO_MEMORY;
    float *low = memory, *details = low + area / 2, *rows = details + area, *used[LC_MAX_LEVELS];
    float *const turns[2] = {rows + area, rows + area + area / 4};
    const float *plane = t->plane, *above = NULL;
    int64_t height = t->rows, width = t->columns;
    int code = LC_OK;
    for (int level = 1; level <= t->num_levels && !code; level++) {
        const lc_split_task split = {.height = (int32_t)height, .width = (int32_t)width,
                                     .bottom = (int32_t)(height / 2), .stride = width,
                                     .plane = plane, .low = low, .details = details};
        code = split_plane(&split);
        height /= 2, width /= 2;
        weigh_details(details, height, width, 1 << level, t->height, t->width,
                      t->norms + LC_BANDS * (level - 1));
        used[level - 1] = details;
        plane = low, low += height * width, details += LC_BANDS * height * width;
    }
    for (int level = t->num_levels; level >= 1 && !code; level--) {
        height *= 2, width *= 2;
        float *to = level == 1 ? t->slope : turns[level % 2];
        gather_plane(above, used[level - 1], height, width, rows, to);
        above = to;
    }
    free(memory);
    for (int64_t y = 0; y < smaller(t->height, t->rows) && !code; y++)
        memset(t->slope + y * t->columns, 0,
               (size_t)smaller(t->width, t->columns) * sizeof *t->slope);
    return code;
}

#endif
