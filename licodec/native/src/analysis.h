/* Corrections in float32: networks on patches of a picture, a row at a time through rings of three,
 * as prior.h has it for bytes. See licodec/transform/correction.py.
 *
 * A row of a map is [channel][position]. A tile is OUTS outputs at up to FLOAT_VECS vectors of
 * positions; its sums stay in registers over all taps and channels, and are added in the same
 * order whatever the instruction set or the strip.
 */
#ifndef LICODEC_ANALYSIS_H
#define LICODEC_ANALYSIS_H

#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "simd.h"

#if LC_LEVEL == LC_PORTABLE
typedef float floats __attribute__((vector_size(16)));
enum { FLOATS = 4, OUTS = 4, FLOAT_VECS = 2 };
INLINE floats load_floats(const float *p) { floats v; memcpy(&v, p, sizeof v); return v; }
INLINE void store_floats(float *p, floats v) { memcpy(p, &v, sizeof v); }
INLINE floats splat_float(float x) { return (floats){x, x, x, x}; }
INLINE floats add_product(floats sum, floats a, floats b) { return sum + a * b; }
INLINE floats add_vectors(floats a, floats b) { return a + b; }
INLINE floats leaky(floats v)
{
    const floats less = v * splat_float(0.1f);
    const vec is_positive = v > less;
    return (floats)(((vec)v & is_positive) | ((vec)less & ~is_positive));
}
#elif LC_LEVEL == LC_AVX512VNNI
typedef __m512 floats;
enum { FLOATS = 16, OUTS = 8, FLOAT_VECS = 3 };
INLINE floats load_floats(const float *p) { return _mm512_loadu_ps(p); }
INLINE void store_floats(float *p, floats v) { _mm512_storeu_ps(p, v); }
INLINE floats splat_float(float x) { return _mm512_set1_ps(x); }
INLINE floats add_product(floats sum, floats a, floats b) { return _mm512_fmadd_ps(a, b, sum); }
INLINE floats add_vectors(floats a, floats b) { return _mm512_add_ps(a, b); }
INLINE floats leaky(floats v) { return _mm512_max_ps(v, _mm512_mul_ps(v, splat_float(0.1f))); }
#else
typedef __m256 floats;
enum { FLOATS = 8, OUTS = 4, FLOAT_VECS = 3 };
INLINE floats load_floats(const float *p) { return _mm256_loadu_ps(p); }
INLINE void store_floats(float *p, floats v) { _mm256_storeu_ps(p, v); }
INLINE floats splat_float(float x) { return _mm256_set1_ps(x); }
INLINE floats add_product(floats sum, floats a, floats b) { return _mm256_fmadd_ps(a, b, sum); }
INLINE floats add_vectors(floats a, floats b) { return _mm256_add_ps(a, b); }
INLINE floats leaky(floats v) { return _mm256_max_ps(v, _mm256_mul_ps(v, splat_float(0.1f))); }
#endif

/* Numbers beside a row, so that a vector that begins one to the left stays inside. */
enum { FLOAT_SIDE = 16 };

/* ---- Weights: [tile][tap][input][OUTS] ---- */

static int conv_sizes(const lc_patch_net *net, int n, int *inputs, int *outputs, int *taps)
{
    const int patch = LC_PLANES * net->patch_px * net->patch_px, last = 2 * net->num_blocks + 1;
    *inputs = n == 0 ? patch : net->width;
    *outputs = n == last ? patch : net->width;
    *taps = n == last ? 1 : 9;
    return last;
}

static float *pack_floats(const float *weights, int inputs, int outputs, int taps)
{
    const int64_t tiles = (outputs + OUTS - 1) / OUTS, numbers = tiles * taps * inputs * OUTS;
    float *packed = calloc((size_t)numbers, sizeof *packed), *to = packed;
    if (!packed) return NULL;
    for (int64_t t = 0; t < tiles; t++)
        for (int tap = 0; tap < taps; tap++)
            for (int i = 0; i < inputs; i++, to += OUTS)
                for (int64_t o = 0; o < OUTS && t * OUTS + o < outputs; o++)
                    to[o] = weights[((t * OUTS + o) * inputs + i) * taps + tap];
    return packed;
}

static int pack_net(lc_patch_net *net, const float *const *weights)
{
    int inputs, outputs, taps;
    for (int n = 0; n <= 2 * net->num_blocks + 1; n++) {
        conv_sizes(net, n, &inputs, &outputs, &taps);
        net->weights[n] = pack_floats(weights[n], inputs, outputs, taps);
        if (!net->weights[n]) return LC_NO_MEMORY;
    }
    return LC_OK;
}

/* ---- Convolution of a row ---- */

typedef struct {
    const float *rows[3]; /* above, at and below; of a 1x1 convolution rows[1] alone */
    int64_t stride;       /* from a channel to the next */
    int inputs, outputs, reach;
} FloatSource;

typedef struct {
    float *row;
    int64_t stride;
    const float *more; /* of the same shape, is added */
    int64_t more_stride;
    int is_active;
} FloatTarget;

INLINE void convolve_floats(const int vecs, const FloatSource *from, const float *weights,
                            const float *bias, int tile, int64_t x, const FloatTarget *to)
{
    floats sum[OUTS][FLOAT_VECS];
#pragma GCC unroll 8
    for (int o = 0; o < OUTS; o++)
#pragma GCC unroll 3
        for (int i = 0; i < vecs; i++) sum[o][i] = splat_float(bias[tile * OUTS + o]);
    const float *w = weights;
    for (int dy = -from->reach; dy <= from->reach; dy++)
        for (int dx = -from->reach; dx <= from->reach; dx++) {
            const float *at = from->rows[1 + dy] + x + dx;
            for (int c = 0; c < from->inputs; c++, at += from->stride, w += OUTS) {
                floats a[FLOAT_VECS];
#pragma GCC unroll 3
                for (int i = 0; i < vecs; i++) a[i] = load_floats(at + i * FLOATS);
#pragma GCC unroll 8
                for (int o = 0; o < OUTS; o++) {
                    const floats b = splat_float(w[o]);
#pragma GCC unroll 3
                    for (int i = 0; i < vecs; i++) sum[o][i] = add_product(sum[o][i], a[i], b);
                }
            }
        }
#pragma GCC unroll 8
    for (int o = 0; o < OUTS; o++) {
        const int64_t c = tile * OUTS + o;
        if (c >= from->outputs) break;
#pragma GCC unroll 3
        for (int i = 0; i < vecs; i++) {
            floats v = sum[o][i];
            const int64_t at = x + i * FLOATS;
            if (to->more) v = add_vectors(v, load_floats(to->more + c * to->more_stride + at));
            store_floats(to->row + c * to->stride + at, to->is_active ? leaky(v) : v);
        }
    }
}

static void convolve_float_row(const FloatSource *from, const float *weights, const float *bias,
                               int64_t width, const FloatTarget *to)
{
    const int tiles = (from->outputs + OUTS - 1) / OUTS, taps = from->reach ? 9 : 1;
    const int64_t tile_numbers = (int64_t)taps * from->inputs * OUTS;
    int64_t x = 0, left = (width + FLOATS - 1) / FLOATS;
    for (; left >= FLOAT_VECS; left -= FLOAT_VECS, x += FLOAT_VECS * FLOATS)
        for (int t = 0; t < tiles; t++)
            convolve_floats(FLOAT_VECS, from, weights + t * tile_numbers, bias, t, x, to);
    for (; left > 0; left--, x += FLOATS)
        for (int t = 0; t < tiles; t++)
            convolve_floats(1, from, weights + t * tile_numbers, bias, t, x, to);
}

/* ---- Maps that are made from top to bottom ---- */

/* The last three rows, and one of zeros. */
typedef struct {
    float *data;
    int64_t stride, row_numbers, width, height;
    int channels;
} FloatRing;

static int64_t float_stride(int64_t width) { return round_up(width, 16) + 2 * FLOAT_SIDE; }

static float *float_ring(FloatRing *ring, float *data, int64_t height, int64_t width, int channels)
{
    const int64_t stride = float_stride(width);
    *ring = (FloatRing){data, stride, stride * channels, width, height, channels};
    return data + 4 * ring->row_numbers;
}

static float *float_row(const FloatRing *ring, int64_t y)
{
    const int64_t slot = y < 0 || y >= ring->height ? 3 : y % 3;
    return ring->data + slot * ring->row_numbers + FLOAT_SIDE;
}

/* Zeros again to the right of a row, where vectors wrote beyond its end. */
static void close_floats(const FloatRing *ring, int64_t y)
{
    float *row = float_row(ring, y);
    const int64_t more = round_up(ring->width, 16) - ring->width;
    for (int c = 0; c < ring->channels && more; c++)
        memset(row + c * ring->stride + ring->width, 0, (size_t)more * sizeof *row);
}

static FloatSource ring_floats(const FloatRing *ring, int64_t y, int outputs)
{
    return (FloatSource){{float_row(ring, y - 1), float_row(ring, y), float_row(ring, y + 1)},
                         ring->stride, ring->channels, outputs, 1};
}

/* ---- The network ---- */

enum { MAX_STAGES = 2 * LC_MAX_BLOCKS + 2 };

/* Stage 0: patches; 1: first convolution; then the middle and the end of each block. */
typedef struct {
    const lc_patch_task *task;
    FloatRing rings[MAX_STAGES];
    int64_t first[MAX_STAGES + 1], end[MAX_STAGES + 1]; /* rows that are made */
    int num_stages;
    float *bias[MAX_STAGES + 1]; /* whole tiles */
    float *active, *result;      /* a row before and after the last convolution */
} FloatNet;

static void take_float_patches(const FloatNet *k, int64_t y)
{
    const lc_patch_task *t = k->task;
    const int64_t size = t->net->patch_px, columns = t->width * size;
    float *row = float_row(&k->rings[0], y);
    for (int p = 0; p < LC_PLANES; p++)
        for (int64_t down = 0; down < size; down++) {
            const float *from =
                t->planes + p * t->plane_stride + ((y - t->first) * size + down) * columns;
            for (int64_t right = 0; right < size; right++) {
                float *restrict to = row + ((p * size + down) * size + right) * k->rings[0].stride;
                for (int64_t x = 0; x < t->width; x++) to[x] = from[size * x + right] * t->unit;
            }
        }
}

static void put_float_patches(const FloatNet *k, int64_t y)
{
    const lc_patch_task *t = k->task;
    const int64_t size = t->net->patch_px, columns = t->width * size, stride = float_stride(t->width);
    for (int p = 0; p < LC_PLANES; p++)
        for (int64_t down = 0; down < size; down++) {
            const float *from =
                t->planes + p * t->plane_stride + ((y - t->first) * size + down) * columns;
            float *to =
                t->corrected + p * t->corrected_stride + ((y - t->top) * size + down) * columns;
            for (int64_t right = 0; right < size; right++) {
                const float *row =
                    k->result + ((p * size + down) * size + right) * stride + FLOAT_SIDE;
                for (int64_t x = 0; x < t->width; x++)
                    to[size * x + right] = row[x] * t->gain + from[size * x + right];
            }
        }
}

static void finish_floats(const FloatNet *k, int64_t y)
{
    const lc_patch_net *net = k->task->net;
    const FloatRing *last = &k->rings[k->num_stages - 1];
    const int number = 2 * net->num_blocks + 1;
    const float *hidden = float_row(last, y) - FLOAT_SIDE;
    for (int64_t i = 0; i < last->row_numbers; i += FLOATS)
        store_floats(k->active + i, leaky(load_floats(hidden + i)));
    int inputs, outputs, taps;
    conv_sizes(net, number, &inputs, &outputs, &taps);
    const FloatSource from = {{NULL, k->active + FLOAT_SIDE, NULL}, last->stride, inputs, outputs, 0};
    const FloatTarget to = {.row = k->result + FLOAT_SIDE, .stride = last->stride};
    convolve_float_row(&from, net->weights[number], k->bias[number], k->task->width, &to);
    put_float_patches(k, y);
}

/* Row y of stage n, 1 or more. */
static void make_floats(const FloatNet *k, int n, int64_t y)
{
    const FloatRing *ring = &k->rings[n];
    const FloatSource from = ring_floats(&k->rings[n - 1], y, ring->channels);
    const int is_end = n > 1 && n % 2; /* of a block: what went into it is added */
    FloatTarget to = {.row = float_row(ring, y), .stride = ring->stride, .is_active = !is_end};
    if (is_end) to.more = float_row(&k->rings[n - 2], y), to.more_stride = ring->stride;
    convolve_float_row(&from, k->task->net->weights[n - 1], k->bias[n - 1], ring->width, &to);
    close_floats(ring, y);
}

/* Row y of stage n is there: make what depends on no later one. */
static void pass_floats(const FloatNet *k, int n, int64_t y)
{
    if (n + 1 == k->num_stages) {
        if (y >= k->task->top && y < k->task->bottom) finish_floats(k, y);
        return;
    }
    const int64_t last = y + 1 == k->task->height ? y : y - 1;
    for (int64_t row = y - 1; row <= last; row++)
        if (row >= k->first[n + 1] && row < k->end[n + 1]) {
            make_floats(k, n + 1, row);
            pass_floats(k, n + 1, row);
        }
}

static int correct_float_rows(const lc_patch_task *t)
{
    const lc_patch_net *net = t->net;
    const int num_convs = 2 * net->num_blocks + 2, patch = LC_PLANES * net->patch_px * net->patch_px;
    FloatNet k = {.task = t, .num_stages = num_convs};
    const int64_t stride = float_stride(t->width), outs = 16;
    int64_t numbers = 4 * stride * (patch + (num_convs - 1) * net->width)
                      + stride * (net->width + round_up(patch, outs))
                      + num_convs * round_up(larger(patch, net->width), outs);
    float *memory = calloc((size_t)numbers, sizeof *memory), *next = memory;
    if (!memory) return LC_NO_MEMORY;
    for (int n = 0; n < k.num_stages; n++)
        next = float_ring(&k.rings[n], next, t->height, t->width, n ? net->width : patch);
    k.active = next, next += stride * net->width;
    k.result = next, next += stride * round_up(patch, outs);
    for (int n = 0; n < num_convs; n++) {
        int inputs, outputs, taps;
        conv_sizes(net, n, &inputs, &outputs, &taps);
        memcpy(next, t->biases[n], (size_t)outputs * sizeof *next);
        k.bias[n] = next, next += round_up(outputs, outs);
    }
    for (int64_t n = k.num_stages - 1; n >= 0; n--) {
        const int64_t beyond = k.num_stages - 1 - n;
        k.first[n] = larger(t->top - beyond, 0);
        k.end[n] = smaller(t->bottom + beyond, t->height);
    }
    for (int64_t y = k.first[0]; y < k.end[0]; y++) {
        take_float_patches(&k, y);
        pass_floats(&k, 0, y);
    }
    free(memory);
    return LC_OK;
}

#endif
