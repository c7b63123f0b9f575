/* Of planes of floats: the blur of licodec/metrics/blur.py, and the energy of lines of
 * licodec/metrics/malta.py with its gradient. Floats round after each operation and add up in the
 * same order at every level.
 */
#ifndef LICODEC_PLANES_H
#define LICODEC_PLANES_H

#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "lifting.h"
#include "simd.h"

/* ---- Blur ---- */

/* A row between `radius` zeros on either side, blurred along itself. */
static void blur_row(const lc_blur_task *t, const float *padded, float *restrict to)
{
    const int64_t radius = t->num_taps / 2, n = t->width;
    for (int64_t x = 0; x < n; x++) to[x] = t->kernel[radius] * padded[radius + x];
    for (int64_t k = 0; k < radius; k++)
        lift_floats(to, padded + k, padded + 2 * radius - k, n, t->kernel[k]);
}

/* One over the sum of the taps that fall inside, for each of n places. */
static void weigh_inside(const float *kernel, int64_t num_taps, int64_t n, float *weights)
{
    for (int64_t at = 0; at < n; at++) {
        float sum = 0;
        for (int64_t k = 0; k < num_taps; k++) {
            const int64_t place = at + k - num_taps / 2;
            sum += place >= 0 && place < n ? kernel[k] : 0;
        }
        weights[at] = 1 / sum;
    }
}

INLINE void scale_row(float *row, const float *restrict weights, float weight, int64_t n)
{
    for (int64_t x = 0; x < n; x++) row[x] *= weight * weights[x];
}

static int blur_plane(const lc_blur_task *t)
{
    const int64_t h = t->height, w = t->width, taps = t->num_taps, radius = taps / 2;
    float *memory = calloc((size_t)((taps + 1) * w + w + 2 * radius + w + h), sizeof *memory);
    if (!memory) return LC_NO_MEMORY;
    float *ring = memory, *zeros = ring + taps * w, *padded = zeros + w;
    float *across = padded + w + 2 * radius, *down = across + w;
    weigh_inside(t->kernel, taps, w, across);
    weigh_inside(t->kernel, taps, h, down);
    for (int64_t made = 0; made < h + radius; made++) {
        if (made < h) {
            float *inner = padded + radius;
            memcpy(inner, t->plane + made * w, (size_t)w * sizeof *inner);
            if (t->is_renormalised && t->is_adjoint) scale_row(inner, across, down[made], w);
            blur_row(t, padded, ring + made % taps * w);
        }
        const int64_t y = made - radius;
        if (y < 0) continue;
        float *restrict to = t->blurred + y * w;
        const float *middle = ring + y % taps * w;
        for (int64_t x = 0; x < w; x++) to[x] = t->kernel[radius] * middle[x];
        for (int64_t k = 0; k < radius; k++) {
            const int64_t above = y + k - radius, below = y + radius - k;
            lift_floats(to, above < 0 ? zeros : ring + above % taps * w,
                        below >= h ? zeros : ring + below % taps * w, w, t->kernel[k]);
        }
        if (t->is_renormalised && !t->is_adjoint) scale_row(to, across, down[y], w);
    }
    free(memory);
    return LC_OK;
}

/* ---- Lines ---- */

/* For each pixel of a row the sum along the line through it. */
static void sum_line(const lc_lines_task *t, const lc_line *line, int64_t y, float *restrict sums)
{
    const int64_t stride = t->width + 2 * LC_LINE_REACH;
    const float *centre = t->padded + (y + LC_LINE_REACH) * stride + LC_LINE_REACH;
    memcpy(sums, centre, (size_t)t->width * sizeof *sums);
    for (int k = 0; k < line->num_pairs; k++) {
        const int64_t away = line->down[k] * stride + line->right[k];
        const float *a = centre + away, *b = centre - away;
        for (int64_t x = 0; x < t->width; x++) sums[x] += a[x] + b[x];
    }
}

/* Adds up squares, or, where there is a pull, spreads it to the pixels of the lines. */
static int measure_lines(const lc_lines_task *t)
{
    const int64_t w = t->width, stride = w + 2 * LC_LINE_REACH;
    float *sums = malloc((size_t)w * sizeof *sums);
    if (!sums) return LC_NO_MEMORY;
    if (t->pull)
        memset(t->slope, 0, (size_t)((t->height + 2 * LC_LINE_REACH) * stride) * sizeof *t->slope);
    else
        memset(t->energy, 0, (size_t)(t->height * w) * sizeof *t->energy);
    for (int64_t y = 0; y < t->height; y++)
        for (int i = 0; i < t->num_lines; i++) {
            const lc_line *line = t->lines + i;
            const float weight = line->weight;
            sum_line(t, line, y, sums);
            if (!t->pull) {
                float *restrict energy = t->energy + y * w;
                for (int64_t x = 0; x < w; x++) energy[x] += weight * (sums[x] * sums[x]);
                continue;
            }
            const float *restrict pull = t->pull + y * w;
            for (int64_t x = 0; x < w; x++) sums[x] *= 2 * weight * pull[x];
            float *centre = t->slope + (y + LC_LINE_REACH) * stride + LC_LINE_REACH;
            for (int64_t x = 0; x < w; x++) centre[x] += sums[x];
            for (int k = 0; k < line->num_pairs; k++)
                for (int side = -1; side <= 1; side += 2) {
                    float *restrict to = centre + side * (line->down[k] * stride + line->right[k]);
                    const float *restrict from = sums;
                    for (int64_t x = 0; x < w; x++) to[x] += from[x];
                }
        }
    free(sums);
    return LC_OK;
}

#endif
