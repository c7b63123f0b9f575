/* Integer convolutions, a row at a time; see "Networks" in docs/format.md.
 *
 * A row of a map is [group of four channels][position][4], of 16-bit numbers
 * [group of two channels][position][2]. A tile is OUT_TILE outputs at up to
 * MAX_VECS vectors of positions, whose sums stay in registers over all taps and channels.
 */
#ifndef LICODEC_CONVOLUTION_H
#define LICODEC_CONVOLUTION_H

#include <stdlib.h>

#include "internal.h"
#include "simd.h"
#include "tiles.h"

static int has_short_weights(const lc_layer *layer, const void *const *weights)
{
    int is_short = 1;
    for (int c = 0; c < layer->num_convolutions; c++) {
        const int8_t *w = weights[c];
        const int64_t n = (int64_t)layer->outputs * layer->inputs[c] * layer->kernels[c]
                          * layer->kernels[c];
        for (int64_t i = 0; i < n; i++) is_short &= abs(w[i]) <= MAX_SHORT;
    }
    return is_short;
}

/* Weight number b of a group, as `dot` takes them. */
static void pack_weight(int8_t *to, int b, const void *weights, int64_t at, int form)
{
    if (form == WORDS) {
        memcpy(to + 2 * b, (const int16_t *)weights + at, 2);
        return;
    }
    const int16_t w = ((const int8_t *)weights)[at];
    if (weight_bytes(form) == product_inputs(form)) to[b] = (int8_t)w;
    else memcpy(to + 2 * ((b & 1) * 2 + b / 2), &w, 2); /* channels 0 and 2, then 1 and 3 */
}

/* Put into the bias what sums lack because bytes are lowered. */
static void make_up_for_offset(lc_layer *layer, const void *const *weights)
{
    for (int c = 0; c < layer->num_convolutions; c++) {
        const int8_t *w = weights[c];
        const int64_t n = (int64_t)layer->inputs[c] * layer->kernels[c] * layer->kernels[c];
        const int32_t unit = INPUT_OFFSET << (c == 0 ? layer->lift : 0);
        for (int o = 0; o < layer->outputs; o++)
            for (int64_t i = 0; i < n; i++) layer->bias[o] += unit * w[o * n + i];
    }
}

static int pack_layer(lc_layer *layer, const void *const *weights)
{
#if LC_LEVEL == LC_AMX
    if (layer->form != WORDS && is_for_tiles(layer)) return pack_tiles(layer, weights);
#endif
    if (layer->form != WORDS) {
        layer->form = has_short_weights(layer, weights) ? SHORT : BYTES;
        if (INPUT_OFFSET) make_up_for_offset(layer, weights);
    }
    const int bytes = weight_bytes(layer->form), taken = product_inputs(layer->form);
    layer->tile_bytes = 0;
    for (int c = 0; c < layer->num_convolutions; c++)
        layer->tile_bytes += OUT_TILE * bytes * (round_up(layer->inputs[c], taken) / taken)
                             * layer->kernels[c] * layer->kernels[c];
    const int64_t tiles = (layer->outputs + OUT_TILE - 1) / OUT_TILE;
    layer->weights = calloc((size_t)(tiles * layer->tile_bytes), 1);
    if (!layer->weights) return LC_NO_MEMORY;
    int8_t *to = layer->weights;
    for (int64_t t = 0; t < tiles; t++)
        for (int c = 0; c < layer->num_convolutions; c++) {
            const int taps = layer->kernels[c] * layer->kernels[c], inputs = layer->inputs[c];
            for (int tap = 0; tap < taps; tap++)
                for (int first = 0; first < inputs; first += taken)
                    for (int o = 0; o < OUT_TILE; o++, to += bytes)
                        for (int b = 0; b < taken; b++) {
                            const int64_t out = t * OUT_TILE + o;
                            const int in = first + b;
                            if (out < layer->outputs && in < inputs)
                                pack_weight(to, b, weights[c], (out * inputs + in) * taps + tap,
                                            layer->form);
                        }
        }
    return LC_OK;
}

INLINE void add_products(vec sum[OUT_TILE][MAX_VECS], const int vecs, const uint8_t *x,
                         int64_t stride, const int8_t *w, const int form)
{
    factors a[MAX_VECS];
#pragma GCC unroll 3
    for (int i = 0; i < vecs; i++) a[i] = load_bytes(x + 4 * LANES * i, stride, form);
#pragma GCC unroll 8
    for (int o = 0; o < OUT_TILE; o++) {
        const factors b = load_weight(w, o, form);
#pragma GCC unroll 3
        for (int i = 0; i < vecs; i++) sum[o][i] = dot(sum[o][i], a[i], b, form);
    }
}

/* The sums of a tile. A layer of form TILES has those of several at once, which wait in `block`. */
INLINE void convolve_tile(vec sum[OUT_TILE][MAX_VECS], const int vecs, const lc_layer *layer,
                          const int32_t *bias, const Source *sources, int64_t x, int tile,
                          vec block[BLOCK][BLOCK_VECS], const int form)
{
#if LC_LEVEL == LC_AMX
    if (form == TILES) {
        const int o = tile * OUT_TILE % BLOCK;
        if (!o) convolve_block(block, vecs, layer, sources, x, tile * OUT_TILE);
#pragma GCC unroll 8
        for (int k = 0; k < OUT_TILE; k++)
#pragma GCC unroll 2
            for (int i = 0; i < vecs; i++)
                sum[k][i] = add(block[o + k][i], splat(bias[tile * OUT_TILE + k]));
        return;
    }
#endif
#pragma GCC unroll 8
    for (int o = 0; o < OUT_TILE; o++)
#pragma GCC unroll 3
        for (int i = 0; i < vecs; i++)
            sum[o][i] = layer->lift ? splat(0) : bias_of(bias, tile * OUT_TILE + o, form);
    const int8_t *w = layer->weights + tile * layer->tile_bytes;
    const int step = OUT_TILE * weight_bytes(form);
    const int taken = product_inputs(form) > 4 ? 2 : 1;
    for (int c = 0; c < layer->num_convolutions; c++) {
        const int kernel = layer->kernels[c], groups = layer->groups[c], reach = kernel / 2;
        const int64_t stride = sources[c].group_stride;
        for (int dy = -reach; dy <= reach; dy++)
            for (int dx = -reach; dx <= reach; dx++) {
                const uint8_t *from = sources[c].rows[1 + dy] + 4 * (x + dx);
                for (int g = 0; g < groups; g += taken, from += taken * stride, w += step)
                    add_products(sum, vecs, from, g + 1 < groups ? stride : 0, w, form);
            }
        if (c == 0 && layer->lift)
#pragma GCC unroll 8
            for (int o = 0; o < OUT_TILE; o++)
#pragma GCC unroll 3
                for (int i = 0; i < vecs; i++)
                    sum[o][i] = add(shift_left(sum[o][i], layer->lift),
                                    bias_of(bias, tile * OUT_TILE + o, form));
    }
    put_in_order(sum, vecs, form);
}

/* SPAN(vecs, x, form, layer, ...) for each of the spans that cover a row; vecs and form are
 * constants. */
#define OVER_SPANS(SPAN, width, form, layer, ...)                                \
    do {                                                                         \
        const int most = (form) == TILES ? BLOCK_VECS : MAX_VECS;                \
        int64_t x = 0, left = ((width) + LANES - 1) / LANES;                     \
        if ((form) == TILES) start_tiles(layer);                                 \
        for (; left >= most; left -= most, x += most * LANES)                    \
            SPAN(most, x, form, layer, __VA_ARGS__);                             \
        if (most > 2 && left == 2) SPAN(2, x, form, layer, __VA_ARGS__);         \
        else if (most > 1 && left == 1) SPAN(1, x, form, layer, __VA_ARGS__);    \
        if ((form) == TILES) end_tiles();                                        \
    } while (0)

/* The same with the form of a layer of bytes. */
#define OVER_SPANS_OF_BYTES(SPAN, width, layer, ...)                             \
    do {                                                                         \
        if (OTHER_FORM != BYTES && (layer)->form == OTHER_FORM)                  \
            OVER_SPANS(SPAN, width, OTHER_FORM, layer, __VA_ARGS__);             \
        else                                                                     \
            OVER_SPANS(SPAN, width, BYTES, layer, __VA_ARGS__);                  \
    } while (0)

/* Where a row of activations goes; `more`, of the same shape, is added before the clamp. */
typedef struct {
    uint8_t *row;
    int64_t group_stride;
    const uint8_t *more;
    int64_t more_stride;
} Activations;

INLINE void activate_span(const int vecs, int64_t x, const int form, const lc_layer *layer,
                          const int32_t *bias, const Source *sources, const Activations *to)
{
    const int tiles = (layer->outputs + OUT_TILE - 1) / OUT_TILE;
    vec block[BLOCK][BLOCK_VECS];
    for (int t = 0; t < tiles; t++) {
        vec sum[OUT_TILE][MAX_VECS];
        convolve_tile(sum, vecs, layer, bias, sources, x, t, block, form);
        const int32_t *shift = layer->shift + t * OUT_TILE;
#pragma GCC unroll 2
        for (int q = 0; q < OUT_TILE / 4; q++) {
            const int group = t * (OUT_TILE / 4) + q;
            if (4 * group >= layer->outputs) break;
#pragma GCC unroll 3
            for (int i = 0; i < vecs; i++) {
                const int64_t at = 4 * (x + LANES * i);
                vec v[4];
#pragma GCC unroll 4
                for (int b = 0; b < 4; b++)
                    v[b] = shift_right(sum[4 * q + b][i], shift[4 * q + b]);
                const uint8_t *more = to->more ? to->more + group * to->more_stride + at : NULL;
                store(to->row + group * to->group_stride + at, pack_bytes(v, more));
            }
        }
    }
}

/* One row of act(layer(sources) + more), a clamp to bytes. */
static void activate_row(const lc_layer *layer, const int32_t *bias, const Source *sources,
                         int64_t width, const Activations *to)
{
    OVER_SPANS_OF_BYTES(activate_span, width, layer, bias, sources, to);
}

#endif
