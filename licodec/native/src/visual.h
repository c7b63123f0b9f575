/* What SSIMULACRA 2 makes its score of, with its gradient, scale by scale; the rules are those of
 * licodec/metrics/visual.py. Floats round after each operation and add up in the same order at
 * every level.
 *
 *   linear light -> XYB -> means, squares and products, blurred -> three maps -> norms
 *
 * A gradient goes the same way back. Of each scale the planes are whole; what is blurred along rows
 * is a ring of as many rows as the kernel has taps.
 */
#ifndef LICODEC_VISUAL_H
#define LICODEC_VISUAL_H

#include <math.h>
#include <stdlib.h>

#include "internal.h"
#include "planes.h"
#include "simd.h"

enum { BLUR_RADIUS = LC_BLUR_TAPS / 2, SUM_LANES = 16, VISUAL_MAPS = 3, VISUAL_NORMS = 2 };
enum { MEAN_P, MEAN_Q, SQUARE_P, SQUARE_Q, PRODUCT, NUM_BLURRED };
enum { SLOPE_MEAN, SLOPE_SQUARE, SLOPE_PRODUCT, NUM_SPREAD };

/* One scale at work. */
typedef struct {
    const lc_visual_task *task;
    int64_t height, width;
    const float *weights; /* (3, VISUAL_NORMS, VISUAL_MAPS) */
    float *ring;          /* (NUM_BLURRED, LC_BLUR_TAPS, width) */
    float *padded;        /* (NUM_BLURRED, width + 2 BLUR_RADIUS) */
    float *rows;          /* (NUM_BLURRED, width) */
    float *errors;        /* (VISUAL_MAPS, width) */
    float *across, *down; /* (width), (height): one over the sum of the taps that fall inside */
    float *zeros;         /* (width) */
    float *blurred;       /* (NUM_BLURRED, height, width), where there is a slope */
    float *p, *q;         /* (3, height, width), XYB */
    float *slope;         /* (3, height, width) by q, where there is a slope */
} Scale;

INLINE float cube_root(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (int32_t)((float)bits * (1 / 3.f)) + 709921077;
    float y;
    memcpy(&y, &bits, sizeof y);
    for (int i = 0; i < 2; i++) {
        const float cube = y * y * y;
        y = y * ((cube + (x + x)) / ((cube + cube) + x));
    }
    return y;
}

/* (3, n) linear light to XYB around zero, whose lightness is `middle` below itself. */
static void light_to_xyb(const lc_visual_task *t, const float *restrict light, int64_t n,
                         float *restrict xyb)
{
    const float *m = t->opsin, bias = t->opsin_bias, middle = t->middle + cube_root(bias);
    for (int64_t i = 0; i < n; i++) {
        const float r = light[i], g = light[n + i], b = light[2 * n + i];
        const float l = cube_root(m[0] * r + m[1] * g + m[2] * b + bias);
        const float k = cube_root(m[3] * r + m[4] * g + m[5] * b + bias);
        const float s = cube_root(m[6] * r + m[7] * g + m[8] * b + bias);
        const float y = 0.5f * (l + k);
        xyb[i] = 7 * (l - k);
        xyb[n + i] = y - middle;
        xyb[2 * n + i] = s - y;
    }
}

/* The slope by XYB (3, n) to that by linear light. */
static void slope_of_light(const lc_visual_task *t, const float *restrict xyb,
                           const float *restrict slope, int64_t n, float *restrict light)
{
    const float *m = t->opsin, middle = t->middle + cube_root(t->opsin_bias);
    for (int64_t i = 0; i < n; i++) {
        const float y = xyb[n + i] + middle, half = xyb[i] * (1 / 14.f);
        const float l = y + half, k = y - half, s = xyb[2 * n + i] + y;
        const float x = 7 * slope[i], both = 0.5f * (slope[n + i] - slope[2 * n + i]);
        const float of_l = (both + x) / (3 * l * l), of_k = (both - x) / (3 * k * k);
        const float of_s = slope[2 * n + i] / (3 * s * s);
        light[i] = m[0] * of_l + m[3] * of_k + m[6] * of_s;
        light[n + i] = m[1] * of_l + m[4] * of_k + m[7] * of_s;
        light[2 * n + i] = m[2] * of_l + m[5] * of_k + m[8] * of_s;
    }
}

/* Means of 2x2; planes of `of` lie plane_stride apart, its rows stride. */
static void halve_planes(const float *of, int64_t plane_stride, int64_t stride, int64_t height,
                         int64_t width, float *restrict to)
{
    for (int c = 0; c < LC_PLANES; c++)
        for (int64_t y = 0; y < height; y++) {
            const float *upper = of + c * plane_stride + 2 * y * stride, *lower = upper + stride;
            float *restrict row = to + (c * height + y) * width;
            for (int64_t x = 0; x < width; x++)
                row[x] = 0.25f * ((upper[2 * x] + upper[2 * x + 1]) + (lower[2 * x] + lower[2 * x + 1]));
        }
}

/* ---- Blur ---- */

INLINE void weigh_taps(const float *const rows[LC_BLUR_TAPS], const float *kernel, int64_t n,
                       float *restrict to)
{
    for (int64_t x = 0; x < n; x++) {
        float sum = kernel[BLUR_RADIUS] * rows[BLUR_RADIUS][x];
        for (int k = 0; k < BLUR_RADIUS; k++)
            sum += kernel[k] * (rows[k][x] + rows[LC_BLUR_TAPS - 1 - k][x]);
        to[x] = sum;
    }
}

INLINE float *padded_row(const Scale *s, int number)
{
    return s->padded + number * (s->width + 2 * BLUR_RADIUS) + BLUR_RADIUS;
}

INLINE float *kept_row(const Scale *s, int number, int64_t y)
{
    return s->ring + (number * LC_BLUR_TAPS + y % LC_BLUR_TAPS) * s->width;
}

/* A padded row, blurred along itself, becomes row y of its ring. */
static void blur_across(const Scale *s, int number, int64_t y)
{
    const float *taps[LC_BLUR_TAPS];
    for (int k = 0; k < LC_BLUR_TAPS; k++) taps[k] = padded_row(s, number) - BLUR_RADIUS + k;
    weigh_taps(taps, s->task->kernel, s->width, kept_row(s, number, y));
}

/* Row y of a ring, blurred along the columns; rows beyond the plane are zero. */
static void blur_down(const Scale *s, int number, int64_t y, float *restrict to)
{
    const float *taps[LC_BLUR_TAPS];
    for (int k = 0; k < LC_BLUR_TAPS; k++) {
        const int64_t row = y + k - BLUR_RADIUS;
        taps[k] = row < 0 || row >= s->height ? s->zeros : kept_row(s, number, row);
    }
    weigh_taps(taps, s->task->kernel, s->width, to);
}

/* ---- Norms ---- */

/* What the maps of a place are made of. */
typedef struct {
    float luma, top, bottom, edges, scale, sign, half_top;
} Place;

INLINE Place place_at(float p, float q, float mp, float mq, float sp, float sq, float product,
                      float lowest)
{
    Place a;
    a.luma = 1 - (mp - mq) * (mp - mq);
    a.half_top = 2 * (product - mp * mq) + lowest;
    a.top = a.luma * a.half_top;
    a.bottom = (sp - mp * mp) + (sq - mq * mq) + lowest;
    const float away = q - mq;
    a.scale = 1 / (1 + fabsf(p - mp));
    a.edges = (1 + fabsf(away)) * a.scale - 1;
    a.sign = away > 0 ? 1.f : away < 0 ? -1.f : 0.f;
    return a;
}

/* Sums of a row's errors and of their fourth powers. */
static void add_up(const float *error, int64_t n, double *sum, double *sum_of_fourth)
{
    float plain[SUM_LANES] = {0}, fourth[SUM_LANES] = {0};
    for (int64_t x = 0; x + SUM_LANES <= n; x += SUM_LANES)
        for (int l = 0; l < SUM_LANES; l++) {
            const float e = error[x + l], square = e * e;
            plain[l] += e;
            fourth[l] += square * square;
        }
    for (int64_t x = n - n % SUM_LANES; x < n; x++) {
        const float e = error[x], square = e * e;
        plain[x % SUM_LANES] += e;
        fourth[x % SUM_LANES] += square * square;
    }
    for (int l = 0; l < SUM_LANES; l++) *sum += plain[l], *sum_of_fourth += fourth[l];
}

static void put_errors(const Scale *s, const float *restrict p, const float *restrict q,
                       const float *restrict rows, float *restrict errors)
{
    const int64_t n = s->width;
    const float lowest = s->task->structure_floor;
    for (int64_t x = 0; x < n; x++) {
        const Place a = place_at(p[x], q[x], rows[MEAN_P * n + x], rows[MEAN_Q * n + x],
                                 rows[SQUARE_P * n + x], rows[SQUARE_Q * n + x],
                                 rows[PRODUCT * n + x], lowest);
        const float structure = 1 - a.top / a.bottom;
        errors[x] = structure > 0 ? structure : 0;
        errors[n + x] = a.edges > 0 ? a.edges : 0;
        errors[2 * n + x] = a.edges < 0 ? -a.edges : 0;
    }
}

/* Norms of a channel's maps; keeps what is blurred where there is a slope. */
static void measure_channel(const Scale *s, int channel, double mean[VISUAL_MAPS],
                            double fourth[VISUAL_MAPS])
{
    const int64_t h = s->height, w = s->width;
    const float *p = s->p + channel * h * w, *q = s->q + channel * h * w;
    for (int64_t made = 0; made < h + BLUR_RADIUS; made++) {
        if (made < h) {
            const float *a = p + made * w, *b = q + made * w;
            float *restrict of_p = padded_row(s, MEAN_P), *restrict of_q = padded_row(s, MEAN_Q);
            float *restrict pp = padded_row(s, SQUARE_P), *restrict qq = padded_row(s, SQUARE_Q);
            float *restrict pq = padded_row(s, PRODUCT);
            for (int64_t x = 0; x < w; x++) {
                of_p[x] = a[x], of_q[x] = b[x];
                pp[x] = a[x] * a[x], qq[x] = b[x] * b[x], pq[x] = a[x] * b[x];
            }
            for (int i = 0; i < NUM_BLURRED; i++) blur_across(s, i, made);
        }
        const int64_t y = made - BLUR_RADIUS;
        if (y < 0) continue;
        for (int i = 0; i < NUM_BLURRED; i++) {
            float *restrict row = s->rows + i * w;
            blur_down(s, i, y, row);
            scale_row(row, s->across, s->down[y], w);
            if (s->slope) memcpy(s->blurred + (i * h + y) * w, row, (size_t)w * sizeof *row);
        }
        put_errors(s, p + y * w, q + y * w, s->rows, s->errors);
        for (int i = 0; i < VISUAL_MAPS; i++) add_up(s->errors + i * w, w, mean + i, fourth + i);
    }
    for (int i = 0; i < VISUAL_MAPS; i++) {
        mean[i] /= (double)(h * w);
        fourth[i] = fourth[i] / (double)(h * w) + s->task->least_norm;
    }
}

/* ---- Slopes ---- */

/* What a map's error at a place weighs: `plain` plus `cubed` times its third power. */
typedef struct {
    float plain[VISUAL_MAPS], cubed[VISUAL_MAPS];
} Pull;

INLINE float pull_of(const Pull *pull, int map, float error)
{
    return pull->plain[map] + pull->cubed[map] * (error * error * error);
}

/* Slopes of a row by what is blurred, and by the pixels themselves. */
static void put_pulls(const Scale *s, const Pull *pull, const float *restrict p,
                      const float *restrict q, int64_t plane, const float *restrict blurred,
                      float below, float *restrict direct)
{
    const int64_t n = s->width;
    const float lowest = s->task->structure_floor;
    float *restrict by_mean = padded_row(s, SLOPE_MEAN);
    float *restrict by_square = padded_row(s, SLOPE_SQUARE);
    float *restrict by_product = padded_row(s, SLOPE_PRODUCT);
    for (int64_t x = 0; x < n; x++) {
        const float mp = blurred[MEAN_P * plane + x], mq = blurred[MEAN_Q * plane + x];
        const Place a = place_at(p[x], q[x], mp, mq, blurred[SQUARE_P * plane + x],
                                 blurred[SQUARE_Q * plane + x], blurred[PRODUCT * plane + x], lowest);
        const float ratio = a.top / a.bottom, structure = 1 - ratio;
        const float g = structure > 0 ? pull_of(pull, 0, structure) / a.bottom : 0;
        const float gained = pull_of(pull, 1, a.edges), lost = pull_of(pull, 2, -a.edges);
        const float edge = (a.edges > 0 ? gained : a.edges < 0 ? -lost : 0) * (a.sign * a.scale);
        const float weight = below * s->across[x];
        const float of_top = 2 * (mp - mq) * a.half_top - 2 * mp * a.luma;
        by_mean[x] = weight * (g * (-of_top - 2 * mq * ratio) - edge);
        by_square[x] = weight * (g * ratio);
        by_product[x] = weight * (-2 * a.luma * g);
        direct[x] = edge;
    }
}

/* The slope of a channel by its pixels. */
static void slope_of_channel(const Scale *s, int channel, const Pull *pull)
{
    const int64_t h = s->height, w = s->width;
    const float *p = s->p + channel * h * w, *q = s->q + channel * h * w;
    float *slope = s->slope + channel * h * w;
    for (int64_t made = 0; made < h + BLUR_RADIUS; made++) {
        if (made < h) {
            put_pulls(s, pull, p + made * w, q + made * w, h * w, s->blurred + made * w,
                      s->down[made], slope + made * w);
            for (int i = 0; i < NUM_SPREAD; i++) blur_across(s, i, made);
        }
        const int64_t y = made - BLUR_RADIUS;
        if (y < 0) continue;
        for (int i = 0; i < NUM_SPREAD; i++) blur_down(s, i, y, s->rows + i * w);
        const float *restrict a = p + y * w, *restrict b = q + y * w, *restrict rows = s->rows;
        float *restrict row = slope + y * w;
        for (int64_t x = 0; x < w; x++)
            row[x] += rows[SLOPE_MEAN * w + x] + 2 * b[x] * rows[SLOPE_SQUARE * w + x]
                      + a[x] * rows[SLOPE_PRODUCT * w + x];
    }
}

/* A channel's part of the weighted sum, and its slope. */
static double weigh_channel(const Scale *s, int channel)
{
    const float *weights = s->weights + channel * VISUAL_NORMS * VISUAL_MAPS;
    double mean[VISUAL_MAPS] = {0}, fourth[VISUAL_MAPS] = {0}, sum = 0;
    const double count = (double)(s->height * s->width);
    measure_channel(s, channel, mean, fourth);
    Pull pull;
    for (int i = 0; i < VISUAL_MAPS; i++) {
        const double norm = sqrt(sqrt(fourth[i])), weight = weights[VISUAL_MAPS + i];
        sum += weights[i] * mean[i] + weight * norm;
        pull.plain[i] = (float)(weights[i] / count);
        pull.cubed[i] = (float)(weight * norm / fourth[i] / count);
    }
    if (s->slope) slope_of_channel(s, channel, &pull);
    return sum;
}

/* ---- Scales ---- */

static int new_scale(Scale *s)
{
    const size_t w = (size_t)s->width, plane = (size_t)s->height * w;
    const size_t lines = NUM_BLURRED * (LC_BLUR_TAPS + 1 + 1) + VISUAL_MAPS + 2;
    const size_t planes = 2 * LC_PLANES + (s->slope ? LC_PLANES + NUM_BLURRED : 0);
    const size_t padding = NUM_BLURRED * 2 * BLUR_RADIUS;
    const int is_wanted = s->slope != NULL;
    float *memory = malloc((planes * plane + lines * w + padding + (size_t)s->height) * sizeof *memory);
    if (!memory) return LC_NO_MEMORY;
    s->p = memory;
    s->q = s->p + LC_PLANES * plane;
    float *next = s->q + LC_PLANES * plane;
    s->slope = s->blurred = NULL;
    if (is_wanted) {
        s->slope = next;
        s->blurred = s->slope + LC_PLANES * plane;
        next = s->blurred + NUM_BLURRED * plane;
    }
    s->ring = next;
    s->rows = s->ring + NUM_BLURRED * LC_BLUR_TAPS * w;
    s->errors = s->rows + NUM_BLURRED * w;
    s->across = s->errors + VISUAL_MAPS * w;
    s->zeros = s->across + w;
    s->padded = s->zeros + w;
    memset(s->zeros, 0, (w + NUM_BLURRED * (w + 2 * BLUR_RADIUS)) * sizeof *s->zeros);
    s->down = s->padded + NUM_BLURRED * (w + 2 * BLUR_RADIUS);
    weigh_inside(s->task->kernel, LC_BLUR_TAPS, s->width, s->across);
    weigh_inside(s->task->kernel, LC_BLUR_TAPS, s->height, s->down);
    return LC_OK;
}

/* Of one scale: adds to the sum; light (3, height, width), slope likewise or NULL. */
static int measure_scale(const lc_visual_task *t, int64_t height, int64_t width, int number,
                         const float *original, const float *shown, float *slope, double *sum)
{
    Scale s = {.task = t, .height = height, .width = width, .slope = slope};
    s.weights = t->weights + number * LC_PLANES * VISUAL_NORMS * VISUAL_MAPS;
    if (new_scale(&s)) return LC_NO_MEMORY;
    light_to_xyb(t, original, height * width, s.p);
    light_to_xyb(t, shown, height * width, s.q);
    for (int c = 0; c < LC_PLANES; c++) *sum += weigh_channel(&s, c);
    if (slope) slope_of_light(t, s.q, s.slope, height * width, slope);
    free(s.p);
    return LC_OK;
}

/* The scales from one on; they take each other's halves. Slopes of coarser ones are added. */
static int measure_from(const lc_visual_task *t, int64_t height, int64_t width, int number,
                        const float *original, const float *shown, float *slope, double *sum)
{
    const int code = measure_scale(t, height, width, number, original, shown, slope, sum);
    if (code || number + 1 == t->num_scales) return code;
    const int64_t h = height / 2, w = width / 2, plane = LC_PLANES * h * w;
    float *half = malloc((size_t)(plane * 3) * sizeof *half);
    if (!half) return LC_NO_MEMORY;
    halve_planes(original, height * width, width, h, w, half);
    halve_planes(shown, height * width, width, h, w, half + plane);
    float *coarser = slope ? half + 2 * plane : NULL;
    const int result = measure_from(t, h, w, number + 1, half, half + plane, coarser, sum);
    for (int64_t row = 0; slope && row < LC_PLANES * h; row++) {
        const float *restrict from = coarser + row * w;
        for (int below = 0; below < 2; below++) {
            float *restrict to = slope + (row / h * height + row % h * 2 + below) * width;
            for (int64_t x = 0; x < w; x++) {
                to[2 * x] += 0.25f * from[x];
                to[2 * x + 1] += 0.25f * from[x];
            }
        }
    }
    free(half);
    return result;
}

static int measure_visual(const lc_visual_task *t, double *sum)
{
    const int64_t n = t->is_halved ? 2 : 1, h = t->height / n, w = t->width / n;
    const int64_t plane = LC_PLANES * h * w;
    float *light = malloc((size_t)(2 * plane) * sizeof *light);
    if (!light) return LC_NO_MEMORY;
    const float *const given[2] = {t->original, t->shown};
    for (int i = 0; i < 2; i++) {
        if (t->is_halved) {
            halve_planes(given[i], t->plane_stride, t->stride, h, w, light + i * plane);
            continue;
        }
        for (int64_t row = 0; row < LC_PLANES * h; row++)
            memcpy(light + i * plane + row * w,
                   given[i] + row / h * t->plane_stride + row % h * t->stride,
                   (size_t)w * sizeof *light);
    }
    *sum = 0;
    const int code = measure_from(t, h, w, 0, light, light + plane, t->slope, sum);
    free(light);
    return code;
}

#endif
