/* Corrections in integers: planes in, from top to bottom, corrected planes or pixels out; the
 * synthesis in bytes, see "Pixels" in docs/format.md, and the analysis in words, see
 * licodec/transform/integer_analysis.py. Rows go through all layers as soon as those they depend on
 * are there.
 */
#ifndef LICODEC_SYNTHESIS_H
#define LICODEC_SYNTHESIS_H

#include "prior.h"

enum { PLANE_MIN = -32768, PLANE_MAX = 32767, LEAK = 3277 };
enum { INPUT_SHIFT = 2, COLOUR_BITS = 20 };

/* ---- Layers ---- */

enum { MIDDLE, INTO, BACK };

/* Where a row goes. Of bytes, `stream` is the row of the residual stream that the second layer of a
 * block adds to, and the sum goes to `next` unless that is NULL. Of words, the row itself is that of
 * the residual stream, and `stream` that of the block before. */
typedef struct {
    uint8_t *row;
    int64_t group_stride;
    const uint8_t *stream;
    uint8_t *next;
    int is_last;
} Outputs;

/* Bytes of a row of the residual stream: two pairs for each group and vector. */
static int64_t stream_bytes(int64_t width, int64_t groups)
{
    return groups * (round_up(width, ROW_POSITIONS) / LANES) * 2 * (int64_t)sizeof(pair);
}

INLINE pair leak(pair x) { return max_pair(x, mul_pair(x, pair_of(LEAK, LEAK))); }

INLINE pair pair_at(const int32_t *values) { return pair_of(values[0], values[1]); }

/* Two channels of sums, from channel o on, in 16 bits. */
INLINE pair to_units(vec a, vec b, const lc_layer *layer, int o)
{
    const pair x = pack_pair(shift_right(a, layer->shift[o]), shift_right(b, layer->shift[o + 1]));
    return mul_pair(x, pair_at(layer->factor + o));
}

/* Two channels as numbers whose lowest 8 bits, clamped, are bytes. */
INLINE pair to_byte_pair(pair x, const lc_layer *layer, int o, const Outputs *to, int64_t at,
                         const int kind)
{
    const pair zero = pair_at(layer->zero + o);
    if (kind == BACK) {
        pair before;
        memcpy(&before, to->stream + at, sizeof before);
        x = add_pair(x, before);
    } else {
        x = leak(x);
    }
    if (kind == MIDDLE) return add_pair(x, zero);
    if (to->next) memcpy(to->next + at, &x, sizeof x);
    if (to->is_last) x = leak(x);
    return add_pair(mul_pair(x, pair_at(layer->byte_factor + o)), zero);
}

/* A tile of sums as words. */
INLINE void put_words(vec sum[OUT_TILE][MAX_VECS], const int vecs, const lc_layer *layer, int tile,
                      int64_t x, const Outputs *to, const int kind)
{
#pragma GCC unroll 4
    for (int q = 0; q < OUT_TILE / 2; q++) {
        const int o = tile * OUT_TILE + 2 * q;
        if (o >= layer->outputs) break;
#pragma GCC unroll 3
        for (int i = 0; i < vecs; i++) {
            const int64_t at = o / 2 * to->group_stride + 4 * (x + LANES * i);
            pair v = pack_pair(shift_right(sum[2 * q][i], layer->shift[o]),
                               shift_right(sum[2 * q + 1][i], layer->shift[o + 1]));
            v = kind == BACK ? add_pair(v, pair_of_words(load(to->stream + at))) : leak(v);
            if (to->is_last) v = leak(v);
            store(to->row + at, words_of(v));
        }
    }
}

INLINE void layer_span(const int vecs, int64_t x, const int form, const lc_layer *layer,
                       const int32_t *bias, const Source *sources, int64_t row_vecs,
                       const Outputs *to, const int kind)
{
    const int tiles = (layer->outputs + OUT_TILE - 1) / OUT_TILE;
    vec block[BLOCK][BLOCK_VECS];
    for (int t = 0; t < tiles; t++) {
        vec sum[OUT_TILE][MAX_VECS];
        convolve_tile(sum, vecs, layer, bias, sources, x, t, block, form);
        if (form == WORDS) {
            put_words(sum, vecs, layer, t, x, to, kind);
            continue;
        }
#pragma GCC unroll 2
        for (int q = 0; q < OUT_TILE / 4; q++) {
            const int o = t * OUT_TILE + 4 * q;
            if (o >= layer->outputs) break;
#pragma GCC unroll 3
            for (int i = 0; i < vecs; i++) {
                const int64_t at = (o / 4 * row_vecs + x / LANES + i) * 2 * (int64_t)sizeof(pair);
                const pair a = to_byte_pair(to_units(sum[4 * q][i], sum[4 * q + 1][i], layer, o),
                                            layer, o, to, at, kind);
                const pair b =
                    to_byte_pair(to_units(sum[4 * q + 2][i], sum[4 * q + 3][i], layer, o + 2),
                                 layer, o + 2, to, at + (int64_t)sizeof(pair), kind);
                store(to->row + o / 4 * to->group_stride + 4 * (x + LANES * i), bytes_of(a, b));
            }
        }
    }
}

/* One row of a layer of 3x3. */
static void layer_row(const lc_layer *layer, const int32_t *bias, const Source *sources,
                     int64_t width, const Outputs *to, int kind)
{
    const int64_t vecs = round_up(width, ROW_POSITIONS) / LANES;
    if (layer->form == WORDS) {
        if (kind == BACK)
            OVER_SPANS(layer_span, width, WORDS, layer, bias, sources, vecs, to, BACK);
        else
            OVER_SPANS(layer_span, width, WORDS, layer, bias, sources, vecs, to, MIDDLE);
        return;
    }
    if (kind == MIDDLE)
        OVER_SPANS_OF_BYTES(layer_span, width, layer, bias, sources, vecs, to, MIDDLE);
    else if (kind == BACK)
        OVER_SPANS_OF_BYTES(layer_span, width, layer, bias, sources, vecs, to, BACK);
    else
        OVER_SPANS_OF_BYTES(layer_span, width, layer, bias, sources, vecs, to, INTO);
}

INLINE void last_span(const int vecs, int64_t x, const int form, const lc_layer *layer,
                      const Source *sources, int16_t *to, int64_t stride)
{
    const int tiles = (layer->outputs + OUT_TILE - 1) / OUT_TILE;
    vec block[BLOCK][BLOCK_VECS];
    for (int t = 0; t < tiles; t++) {
        vec sum[OUT_TILE][MAX_VECS];
        convolve_tile(sum, vecs, layer, layer->bias, sources, x, t, block, form);
        for (int o = 0; o < OUT_TILE && t * OUT_TILE + o < layer->outputs; o++)
            for (int i = 0; i < vecs; i++)
                store16(to + (t * OUT_TILE + o) * stride + x + LANES * i,
                        clamp(shift_right(sum[o][i], layer->shift[0]), PLANE_MIN, PLANE_MAX));
    }
}

/* One row (outputs, stride) of what is added to planes, 1/64 grey level. */
static void last_row(const lc_layer *layer, const Source *sources, int64_t width, int16_t *to,
                     int64_t stride)
{
    if (layer->form == WORDS) OVER_SPANS(last_span, width, WORDS, layer, sources, to, stride);
    else OVER_SPANS_OF_BYTES(last_span, width, layer, sources, to, stride);
}

/* ---- One network ---- */

static int64_t change_stride(int64_t width) { return round_up(width, ROW_POSITIONS) + 16; }

/* Row dy of plane p in row y of patches. */
static int16_t *plane_row(const Part *part, int64_t y, int p, int dy)
{
    const int64_t patch = part->net->patch_px, width = patch * part->width;
    return part->planes + (((y % part->num_kept) * LC_PLANES + p) * patch + dy) * width;
}

/* A row of samples as high and low bytes of what the network sees. */
static void split_row(const int16_t *restrict from, int64_t width, uint8_t *restrict high,
                      uint8_t *restrict low)
{
    enum { ZERO = 128 << INPUT_LOW_BITS };
    for (int64_t x = 0; x < width; x++) {
        int32_t v = ((from[x] + (1 << (INPUT_SHIFT - 1))) >> INPUT_SHIFT) + ZERO;
        v = v < 0 ? 0 : v > 2 * ZERO - 1 ? 2 * ZERO - 1 : v;
        high[x] = (uint8_t)(v >> INPUT_LOW_BITS);
        low[x] = (uint8_t)(v & ((1 << INPUT_LOW_BITS) - 1));
    }
}

static void make_word_patches(const Part *part, int64_t y)
{
    const int patch = part->net->patch_px;
    uint8_t *to = ring_row(&part->rings[0], y);
    for (int p = 0; p < LC_PLANES; p++)
        for (int dy = 0; dy < patch; dy++) {
            const int16_t *from = plane_row(part, y, p, dy);
            for (int dx = 0; dx < patch; dx += 2, to += part->rings[0].group_stride)
                for (int64_t x = 0; x < part->width; x++) memcpy(to + 4 * x, from + patch * x + dx, 4);
        }
    ring_close(&part->rings[0], y);
}

static void make_patches(const Part *part, int64_t y)
{
    if (part->net->is_words) {
        make_word_patches(part, y);
        return;
    }
    const int patch = part->net->patch_px;
    const Ring *ring = &part->rings[0];
    const int64_t stride = ring->group_stride, width = patch * part->width;
    const int64_t groups = LC_PLANES * patch * patch / 4;
    uint8_t *row = ring_row(ring, y);
    for (int p = 0; p < LC_PLANES; p++)
        for (int dy = 0; dy < patch; dy++) {
            split_row(plane_row(part, y, p, dy), width, part->split, part->split + width);
            for (int half = 0; half < 2; half++) {
                const uint8_t *from = part->split + half * width;
                uint8_t *to = row + (half * groups + (p * patch + dy) * patch / 4) * stride;
                if (patch == 2) {
                    to = row + (half * groups + p) * stride + 2 * dy;
                    for (int64_t x = 0; x < part->width; x++) memcpy(to + 4 * x, from + 2 * x, 2);
                    continue;
                }
                for (int dx = 0; dx < patch; dx += 4, to += stride)
                    for (int64_t x = 0; x < part->width; x++)
                        memcpy(to + 4 * x, from + patch * x + dx, 4);
            }
        }
    ring_close(ring, y);
}

/* from (patch, stride) is added to a row of samples, each of its rows to every patch-th sample. */
INLINE void add_rows(int16_t *restrict to, const int16_t *restrict from, int64_t stride,
                     int64_t width, const int patch)
{
    for (int64_t x = 0; x < width; x++)
#pragma GCC unroll 8
        for (int dx = 0; dx < patch; dx++) {
            const int32_t v = to[patch * x + dx] + from[dx * stride + x];
            to[patch * x + dx] = (int16_t)(v < PLANE_MIN ? PLANE_MIN : v > PLANE_MAX ? PLANE_MAX : v);
        }
}

static void add_change(const Part *part, int64_t y)
{
    const int patch = part->net->patch_px;
    const int64_t stride = change_stride(part->width);
    for (int p = 0; p < LC_PLANES; p++)
        for (int dy = 0; dy < patch; dy++) {
            int16_t *to = plane_row(part, y, p, dy);
            const int16_t *from = part->change + (p * patch + dy) * patch * stride;
            if (patch == 2) add_rows(to, from, stride, part->width, 2);
            else if (patch == 4) add_rows(to, from, stride, part->width, 4);
            else add_rows(to, from, stride, part->width, 8);
        }
}

static void take_corrected(lc_corrector *c, int number, int64_t y);

/* Row y of what the block of that number adds to. */
static uint8_t *stream_row(const Part *part, int block, int64_t y)
{
    return part->stream + (3 * block + y % 3) * stream_bytes(part->width, part->net->width / 4);
}

/* Row y of what layer n gives, the first one being 1. */
static void make_layer_row(Part *part, int n, int64_t y)
{
    const int last = 2 * part->net->num_blocks + 1;
    const lc_layer *layer = part->net->layers[n - 1];
    const Ring *in = &part->rings[n - 1], *out = &part->rings[n];
    Source sources[2] = {ring_source(in, y)};
    Outputs to = {.row = ring_row(out, y), .group_stride = out->group_stride, .is_last = n == last};
    if (part->net->is_words) {
        if (n > 1) to.stream = ring_row(in - 1, y);
    } else {
        if (n > 1) to.stream = stream_row(part, (n - 3) / 2, y);
        if (n < last) to.next = stream_row(part, (n - 1) / 2, y);
    }
    if (layer->num_convolutions == 2) {
        sources[1] = sources[0];
        for (int i = 0; i < 3; i++) sources[1].rows[i] += layer->groups[0] * in->group_stride;
    }
    layer_row(layer, part->bias[n - 1], sources, part->width, &to,
             n == 1 ? INTO : n % 2 ? BACK : MIDDLE);
    ring_close(out, y);
}

static void finish_row(lc_corrector *c, int number, int64_t y)
{
    Part *part = &c->parts[number];
    const Ring *ring = &part->rings[2 * part->net->num_blocks + 1];
    const Source source = {{NULL, ring_row(ring, y), NULL}, ring->group_stride};
    const Source sources[2] = {source, source};
    last_row(part->last, sources, part->width, part->change, change_stride(part->width));
    add_change(part, y);
    take_corrected(c, number, y);
}

/* Row y of stage n is there: make what depends on no later one. */
static void advance_part(lc_corrector *c, int number, int n, int64_t y)
{
    Part *part = &c->parts[number];
    if (n == 2 * part->net->num_blocks + 1) {
        finish_row(c, number, y);
        return;
    }
    const int64_t last = y + 1 == part->height ? y : y - 1;
    for (int64_t row = y - 1; row <= last; row++)
        if (row >= part->first[n + 1] && row < part->end[n + 1]) {
            make_layer_row(part, n + 1, row);
            advance_part(c, number, n + 1, row);
        }
}

static void take_patches(lc_corrector *c, int number, int64_t y)
{
    Part *part = &c->parts[number];
    if (y < part->first[0] || y >= part->end[0]) return;
    make_patches(part, y);
    advance_part(c, number, 0, y);
}

/* ---- Results ---- */

static uint8_t to_level(int32_t v)
{
    v = (v + (128 << COLOUR_BITS) + (1 << (COLOUR_BITS - 1))) >> COLOUR_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* Samples left to right - 1 of a row of planes to pixels. */
static void put_pixels(const int16_t *const planes[LC_PLANES], int64_t left, int64_t right,
                       int is_grey, uint8_t *restrict to)
{
    enum { LUMA = 9459, RED = 11585, BLUE = 6689 };
    const int16_t *restrict a = planes[0], *restrict b = planes[1], *restrict d = planes[2];
    if (is_grey)
        for (int64_t x = left; x < right; x++) *to++ = to_level(LUMA * a[x]);
    else
        for (int64_t x = left; x < right; x++, to += 3) {
            const int32_t luma = LUMA * a[x], red = RED * b[x], blue = BLUE * d[x];
            to[0] = to_level(luma + red + blue);
            to[1] = to_level(luma - (2 * BLUE - 1) * d[x]);
            to[2] = to_level(luma - red + blue);
        }
}

static void put_row(const lc_corrector *c, const Part *part, int64_t y, int dy)
{
    const lc_window *w = &c->window;
    const int64_t row = part->net->patch_px * y + dy - w->top;
    if (row < 0 || row >= w->bottom - w->top) return;
    const int16_t *planes[LC_PLANES];
    for (int p = 0; p < LC_PLANES; p++) planes[p] = plane_row(part, y, p, dy);
    const int64_t size = w->right - w->left;
    if (w->pixels)
        put_pixels(planes, w->left, w->right, w->is_grey, w->pixels + row * w->pixel_stride);
    for (int p = 0; w->planes && p < LC_PLANES; p++)
        memcpy(w->planes + (p * (int64_t)(w->bottom - w->top) + row) * size, planes[p] + w->left,
               (size_t)(2 * size));
}

/* Bytes that the last layer of all saw of a row of patches. */
static void put_seen(const lc_corrector *c, const Part *part, int64_t y)
{
    const lc_window *w = &c->window;
    const int64_t row = y - w->top / part->net->patch_px;
    const Ring *ring = &part->rings[2 * part->net->num_blocks + 1];
    if (!w->seen || row < 0 || row >= (w->bottom - w->top) / part->net->patch_px) return;
    for (int g = 0; g < ring->groups; g++)
        memcpy(w->seen + (row * ring->groups + g) * 4 * part->width,
               ring_row(ring, y) + g * ring->group_stride, (size_t)(4 * part->width));
}

/* Row y of a network's patches is corrected. */
static void take_corrected(lc_corrector *c, int number, int64_t y)
{
    Part *part = &c->parts[number];
    const int patch = part->net->patch_px;
    if (number + 1 == c->synthesis->num_parts) {
        for (int dy = 0; dy < patch; dy++) put_row(c, part, y, dy);
        put_seen(c, part, y);
        return;
    }
    Part *next = &c->parts[number + 1];
    const int finer = next->net->patch_px;
    for (int part_y = 0; part_y < patch / finer; part_y++) {
        const int64_t row = y * (patch / finer) + part_y;
        for (int p = 0; p < LC_PLANES; p++)
            for (int dy = 0; dy < finer; dy++)
                memcpy(plane_row(next, row, p, dy), plane_row(part, y, p, part_y * finer + dy),
                       (size_t)(2 * patch * part->width));
        take_patches(c, number + 1, row);
    }
}

/* The next rows of the window, num_rows of them, a multiple of the first part's patches. */
static int correct_rows(lc_corrector *c, const int32_t *planes, int64_t plane_stride,
                        int64_t num_rows)
{
    Part *part = &c->parts[0];
    const int patch = part->net->patch_px;
    const int64_t width = patch * part->width;
    for (int64_t row = 0; row < num_rows; row += patch) {
        const int64_t y = (c->num_pushed + row) / patch;
        for (int p = 0; p < LC_PLANES; p++)
            for (int dy = 0; dy < patch; dy++) {
                const int32_t *restrict from = planes + p * plane_stride + (row + dy) * width;
                int16_t *restrict to = plane_row(part, y, p, dy);
                for (int64_t x = 0; x < width; x++)
                    to[x] = (int16_t)(from[x] < PLANE_MIN   ? PLANE_MIN
                                      : from[x] > PLANE_MAX ? PLANE_MAX
                                                            : from[x]);
            }
        take_patches(c, 0, y);
    }
    c->num_pushed += num_rows;
    return LC_OK;
}

/* ---- Setting up ---- */

/* Groups of a row of a map. */
static int32_t map_groups(const Network *net) { return net->width / (net->is_words ? 2 : 4); }

static int64_t streams_bytes(const Network *net, int64_t width)
{
    if (net->is_words) return 0;
    return round_up(3 * net->num_blocks * stream_bytes(width, net->width / 4), 64);
}

static int64_t part_bytes(const Network *net, int64_t width)
{
    const int64_t patch = net->patch_px, layers = 2 * net->num_blocks + 1;
    const int64_t inputs = LC_PLANES * patch * patch;
    return streams_bytes(net, width)
           + round_up(ring_bytes(width, inputs / 2) + layers * ring_bytes(width, map_groups(net))
                        + 2 * inputs * change_stride(width),
                    64)
           + round_up((layers + 2) * inputs * width * 2 + 2 * patch * width, 64);
}

static uint8_t *part_init(Part *part, uint8_t *next)
{
    const Network *net = part->net;
    const int64_t patch = net->patch_px, layers = 2 * net->num_blocks + 1;
    const int64_t inputs = LC_PLANES * patch * patch;
    uint8_t *const end = next + part_bytes(net, part->width);
    part->stream = next;
    next += streams_bytes(net, part->width);
    next = ring_init(&part->rings[0], next, part->height, part->width, (int32_t)(inputs / 2), 0);
    if (!net->is_words) ring_zeros(&part->rings[0], net->input_zeros);
    for (int n = 1; n <= layers; n++) {
        next = ring_init(&part->rings[n], next, part->height, part->width, map_groups(net), 0);
        if (!net->is_words) ring_zeros(&part->rings[n], net->layers[n - 1]->zero_bytes);
    }
    part->change = (int16_t *)next;
    next += 2 * inputs * change_stride(part->width);
    part->planes = (int16_t *)next;
    part->num_kept = layers + 2;
    part->split = next + part->num_kept * inputs * part->width * 2;
    return end;
}

/* Memory and rows of a corrector whose parts know their networks and numbers. */
static int start_corrector(lc_corrector *c)
{
    const int num_parts = c->synthesis->num_parts;
    int64_t bytes = 0;
    for (int i = 0; i < num_parts; i++) {
        Part *part = &c->parts[i];
        part->width = c->window.width / part->net->patch_px;
        part->height = c->window.height / part->net->patch_px;
        bytes += part_bytes(part->net, part->width);
    }
    uint8_t *next = c->memory = scratch(bytes);
    if (!next) return LC_NO_MEMORY;
    int64_t top = c->window.top, bottom = c->window.bottom;
    for (int i = num_parts - 1; i >= 0; i--) {
        Part *part = &c->parts[i];
        const int64_t patch = part->net->patch_px, stages = 2 * part->net->num_blocks + 1;
        for (int64_t n = stages; n >= 0; n--) {
            part->first[n] = larger(top / patch - (stages - n), 0);
            part->end[n] = smaller((bottom + patch - 1) / patch + (stages - n), part->height);
        }
        top = part->first[0] * patch;
        bottom = part->end[0] * patch;
        next = part_init(part, next);
    }
    return LC_OK;
}

#endif
