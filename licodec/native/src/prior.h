/* The networks of the prior: inputs, trunks, heads, values. Rows come through rings of three, so
 * that what a layer needs of another is still in the cache, and memory does not grow with a map.
 */
#ifndef LICODEC_PRIOR_H
#define LICODEC_PRIOR_H

#include "convolution.h"

enum { INPUT_ZERO = 128 }; /* the byte that stands for 0 in inputs */

static int64_t ring_bytes(int64_t width, int64_t groups)
{
    return 4 * groups * (2 * MARGIN + 4 * round_up(width, ROW_POSITIONS));
}

static uint8_t *ring_init(Ring *ring, uint8_t *data, int64_t height, int64_t width,
                          int32_t groups, uint8_t zero)
{
    const int64_t stride = 2 * MARGIN + 4 * round_up(width, ROW_POSITIONS);
    *ring = (Ring){data, stride, stride * groups, width, height, groups, zero, NULL};
    memset(data, zero, (size_t)(4 * ring->row_bytes));
    return data + 4 * ring->row_bytes;
}

static uint8_t *ring_row(const Ring *ring, int64_t y)
{
    const int64_t slot = y < 0 || y >= ring->height ? 3 : y % 3;
    return ring->data + slot * ring->row_bytes + MARGIN;
}

/* Each channel has a zero of its own from here on. */
static void ring_zeros(Ring *ring, const uint8_t *zeros)
{
    ring->zeros = zeros;
    uint8_t *to = ring->data;
    for (int slot = 0; slot < 4; slot++)
        for (int g = 0; g < ring->groups; g++, to += ring->group_stride)
            for (int64_t at = 0; at < ring->group_stride; at += 4) memcpy(to + at, zeros + 4 * g, 4);
}

/* Put back the zeros on both sides of a row, where vectors wrote beyond its end. */
static void ring_close(const Ring *ring, int64_t y)
{
    uint8_t *row = ring_row(ring, y);
    for (int g = 0; g < ring->groups; g++, row += ring->group_stride) {
        if (ring->zeros) {
            memcpy(row - 4, ring->zeros + 4 * g, 4);
            memcpy(row + 4 * ring->width, ring->zeros + 4 * g, 4);
            continue;
        }
        memset(row - 4, ring->zero, 4);
        memset(row + 4 * ring->width, ring->zero, 4);
    }
}

static Source ring_source(const Ring *ring, int64_t y)
{
    return (Source){{ring_row(ring, y - 1), ring_row(ring, y), ring_row(ring, y + 1)},
                    ring->group_stride};
}

static uint8_t *scratch(int64_t bytes)
{
    return aligned_alloc(64, (size_t)round_up(bytes, 64));
}

static int64_t map_row_bytes(int64_t width, int64_t channels)
{
    return channels * round_up(width, ROW_POSITIONS);
}

/* Four rows of int8 as one group of inputs; NULL is 0. */
static void put_group(uint8_t *restrict to, const int8_t *const rows[4], int64_t width)
{
    for (int b = 0; b < 4; b++) {
        const int8_t *restrict row = rows[b];
        if (row)
            for (int64_t x = 0; x < width; x++) to[4 * x + b] = (uint8_t)row[x] ^ INPUT_ZERO;
        else
            for (int64_t x = 0; x < width; x++) to[4 * x + b] = INPUT_ZERO;
    }
}

static void put_groups(const Ring *ring, int64_t y, const int8_t *const *rows, int32_t channels,
                       int64_t width)
{
    uint8_t *to = ring_row(ring, y);
    for (int g = 0; g < ring->groups; g++, to += ring->group_stride) {
        const int8_t *four[4];
        for (int b = 0; b < 4; b++) four[b] = 4 * g + b < channels ? rows[4 * g + b] : NULL;
        put_group(to, four, width);
    }
}

/* ---- Inputs ---- */

/* Nine times the high-pass of one row of a plane, scaled and companded. sums: width + 2. */
static void high_pass_row(const int32_t *above, const int32_t *here, const int32_t *below,
                          int64_t width, int64_t reciprocal, const int8_t *compand, int32_t *sums,
                          int8_t *restrict out)
{
    const double factor = (double)reciprocal / (1 << 20);
    int32_t *restrict s = sums + 1;
    for (int64_t x = 0; x < width; x++)
        s[x] = (int32_t)((uint32_t)above[x] + (uint32_t)here[x] + (uint32_t)below[x]);
    s[-1] = s[0];
    s[width] = s[width - 1];
    int32_t left = s[-1];
    for (int64_t x = 0; x < width; x++) { /* in place, behind what is read */
        const int32_t own = s[x];
        s[x - 1] = (int32_t)(9 * (uint32_t)here[x] - (uint32_t)left - (uint32_t)own
                             - (uint32_t)s[x + 1]);
        left = own;
    }
    for (int64_t x = 0; x < width; x++) {
        double scaled = factor * s[x - 1]; /* exact: 31 and 21 bits */
        scaled = scaled < -4095 ? -4095 : scaled > 4095 ? 4095 : scaled;
        const int32_t whole = (int32_t)scaled;
        s[x - 1] = whole - (whole > scaled);
    }
    for (int64_t x = 0; x < width; x++) out[x] = compand[s[x - 1] + LC_COMPAND / 2];
}

static int8_t bright(int32_t sum, int shift)
{
    sum >>= shift;
    return (int8_t)(sum < -127 ? -127 : sum > 127 ? 127 : sum);
}

typedef struct {
    int32_t *sums;    /* fold width + 2 */
    int8_t *high;     /* (3 fold^2, width) */
    int8_t *unfolded; /* fold width */
    int8_t *bright;   /* (3, width) */
} InputRows;

static void make_inputs(const lc_trunk_task *t, const Ring *ring, int64_t y, const InputRows *at)
{
    const int64_t fold = t->fold, wide = fold * t->width, tall = fold * t->height;
    const int64_t blocks = fold * fold, width = t->width;
    const int8_t *rows[LC_PLANES * 5 + LC_DETAILS];
    for (int p = 0; p < LC_PLANES; p++) {
        const int32_t *plane = t->low + p * wide * tall;
        for (int dy = 0; dy < fold; dy++) {
            const int64_t row = fold * y + dy;
            int8_t *high = at->high + (p * blocks + dy * fold) * width;
            high_pass_row(plane + wide * larger(row - 1, 0), plane + wide * row,
                          plane + wide * smaller(row + 1, tall - 1), wide, t->reciprocal[p],
                          t->compand, at->sums, fold == 1 ? high : at->unfolded);
            if (fold == 2)
                for (int64_t x = 0; x < width; x++) {
                    high[x] = at->unfolded[2 * x];
                    high[width + x] = at->unfolded[2 * x + 1];
                }
        }
        const int32_t *first = plane + wide * fold * y, *second = first + wide;
        int8_t *out = at->bright + p * width;
        if (fold == 1)
            for (int64_t x = 0; x < width; x++) out[x] = bright(first[x], 7);
        else
            for (int64_t x = 0; x < width; x++)
                out[x] = bright((int32_t)((uint32_t)first[2 * x] + (uint32_t)first[2 * x + 1]
                                          + (uint32_t)second[2 * x]
                                          + (uint32_t)second[2 * x + 1]),
                                9);
        for (int k = 0; k < blocks; k++)
            rows[p * blocks + k] = at->high + (p * blocks + k) * width;
        rows[LC_PLANES * blocks + p] = out;
    }
    int32_t channels = (int32_t)(LC_PLANES * (blocks + 1));
    if (t->parents)
        for (int c = 0; c < LC_DETAILS; c++)
            rows[channels++] = t->parents + (c * (int64_t)t->height + y) * width;
    put_groups(ring, y, rows, channels, width);
}

/* ---- Trunk ---- */

typedef struct {
    const lc_trunk_task *task;
    InputRows inputs;
    Ring rings[LC_MAX_BLOCKS + 1]; /* inputs, then what each layer but the last gives */
    int64_t first[LC_MAX_BLOCKS + 2], end[LC_MAX_BLOCKS + 2]; /* rows of each that are made */
    int32_t *bias;
    uint8_t *coarser; /* a row of it, each position twice */
    int64_t coarser_row;
} Trunk;

static Source coarser_source(Trunk *trunk, int64_t y)
{
    const lc_trunk_task *t = trunk->task;
    const int32_t channels = t->first->outputs;
    const int64_t bytes = map_row_bytes(t->coarser_width, channels);
    if (t->coarser_height == t->height)
        return (Source){{NULL, t->coarser + y * bytes, NULL}, bytes / (channels / 4)};
    const int64_t stride = 4 * round_up(t->width, ROW_POSITIONS);
    if (trunk->coarser_row != y / 2) {
        trunk->coarser_row = y / 2;
        for (int g = 0; g < channels / 4; g++) {
            const uint8_t *from = t->coarser + (y / 2) * bytes + g * (bytes / (channels / 4));
            uint8_t *to = trunk->coarser + g * stride;
            for (int64_t x = 0; x < t->width / 2; x++) {
                memcpy(to + 8 * x, from + 4 * x, 4);
                memcpy(to + 8 * x + 4, from + 4 * x, 4);
            }
        }
    }
    return (Source){{NULL, trunk->coarser, NULL}, stride};
}

/* Row y of layer number n, the first one being 1. */
static void make_row(Trunk *trunk, int n, int64_t y)
{
    const lc_trunk_task *t = trunk->task;
    const lc_layer *layer = n == 1 ? t->first : t->blocks[n - 2];
    Source sources[2] = {ring_source(&trunk->rings[n - 1], y)};
    if (n == 1 && t->coarser) sources[1] = coarser_source(trunk, y);
    Activations to = {0};
    if (n == t->num_blocks + 1) {
        const int64_t bytes = map_row_bytes(t->width, layer->outputs);
        to.row = t->trunk + y * bytes;
        to.group_stride = bytes / (layer->outputs / 4);
    } else {
        to.row = ring_row(&trunk->rings[n], y);
        to.group_stride = trunk->rings[n].group_stride;
    }
    if (n > 1) to.more = sources[0].rows[1], to.more_stride = sources[0].group_stride;
    activate_row(layer, n == 1 ? trunk->bias : layer->bias, sources, t->width, &to);
    if (n <= t->num_blocks) ring_close(&trunk->rings[n], y);
}

/* Row y of stage n is there: make what depends on no later one. */
static void advance(Trunk *trunk, int n, int64_t y)
{
    if (n == trunk->task->num_blocks + 1) return;
    const int64_t last = y + 1 == trunk->task->height ? y : y - 1;
    for (int64_t row = y - 1; row <= last; row++)
        if (row >= trunk->first[n + 1] && row < trunk->end[n + 1]) {
            make_row(trunk, n + 1, row);
            advance(trunk, n + 1, row);
        }
}

static int trunk_rows(const lc_trunk_task *t)
{
    Trunk trunk = {.task = t, .coarser_row = -1};
    const int64_t stages = t->num_blocks + 1, width = t->width, wide = t->fold * width;
    const int32_t channels = t->first->outputs, groups = channels / 4;
    const int64_t tile_outputs = round_up(channels, OUT_TILE);
    const int64_t bytes =
        round_up(ring_bytes(width, t->first->groups[0]) + t->num_blocks * ring_bytes(width, groups)
                     + map_row_bytes(width, channels),
                 64)
        + 4 * (tile_outputs + wide + 2) + wide + LC_PLANES * (t->fold * t->fold + 1) * width;
    uint8_t *memory = scratch(bytes), *next = memory;
    if (!memory) return LC_NO_MEMORY;
    next = ring_init(&trunk.rings[0], next, t->height, width, t->first->groups[0], INPUT_ZERO);
    for (int n = 1; n <= t->num_blocks; n++)
        next = ring_init(&trunk.rings[n], next, t->height, width, groups, 0);
    trunk.coarser = next;
    memset(next, 0, (size_t)map_row_bytes(width, channels));
    trunk.bias = (int32_t *)(memory + round_up(next - memory + map_row_bytes(width, channels), 64));
    trunk.inputs.sums = trunk.bias + tile_outputs;
    trunk.inputs.high = (int8_t *)(trunk.inputs.sums + wide + 2);
    trunk.inputs.unfolded = trunk.inputs.high + LC_PLANES * t->fold * t->fold * width;
    trunk.inputs.bright = trunk.inputs.unfolded + wide;
    memcpy(trunk.bias, t->first->bias, (size_t)(4 * tile_outputs));
    for (int o = 0; o < channels; o++) trunk.bias[o] += t->quality_bias[o];
    for (int64_t n = stages; n >= 0; n--) {
        trunk.first[n] = larger(t->top - (stages - n), 0);
        trunk.end[n] = smaller(t->bottom + (stages - n), t->height);
    }
    for (int64_t y = trunk.first[0]; y < trunk.end[0]; y++) {
        make_inputs(t, &trunk.rings[0], y, &trunk.inputs);
        advance(&trunk, 0, y);
    }
    free(memory);
    return LC_OK;
}

/* ---- Head ---- */

INLINE void store_lanes(void *to, vec v, int64_t count, const int bytes)
{
    if (count >= LANES) {
        if (bytes == 1) store8(to, v);
        else if (bytes == 2) store16(to, v);
        else store(to, v);
        return;
    }
    int32_t lanes[LANES];
    store(lanes, v);
    for (int64_t i = 0; i < count; i++) {
        if (bytes == 1) ((uint8_t *)to)[i] = (uint8_t)lanes[i];
        else if (bytes == 2) ((int16_t *)to)[i] = (int16_t)lanes[i];
        else ((int32_t *)to)[i] = lanes[i];
    }
}

INLINE void result_span(const int vecs, const lc_head_task *h, const Source *source, int64_t x,
                        int64_t y, const int form)
{
    const lc_layer *layer = h->out;
    const int64_t plane = (int64_t)h->height * h->width, row = y * h->width;
    const int tiles = (layer->outputs + OUT_TILE - 1) / OUT_TILE;
    for (int t = 0; t < tiles; t++) {
        vec sum[OUT_TILE][MAX_VECS];
        convolve_tile(sum, vecs, layer, layer->bias, source, x, t, form);
        for (int o = 0; o < OUT_TILE; o++) {
            const int c = t * OUT_TILE + o;
            if (c >= layer->outputs) break;
            for (int i = 0; i < vecs; i++) {
                const int64_t at = x + LANES * i, count = h->width - at;
                vec v = clamp(shift_right(sum[o][i], layer->shift[c]), -4096, 4096);
                if (c < h->num_channels) {
                    v = add(mul(v, splat(h->unit[c])), splat(1 << (h->unit_shift - 1)));
                    v = shift_right(v, h->unit_shift);
                    uint8_t *to = (uint8_t *)h->mean + (c * plane + row + at) * h->mean_bytes;
                    if (h->mean_bytes == 2) store_lanes(to, v, count, 2);
                    else store_lanes(to, v, count, 4);
                } else {
                    const int k = c - h->num_channels;
                    v = clamp(shift_right(add(v, splat(h->offset[k])), 1), 1, LC_SCALES - 1);
                    store_lanes(h->index + k * plane + row + at, v, count, 1);
                }
            }
        }
    }
}

static void result_row(const lc_head_task *h, const Source *source, int64_t y)
{
    int64_t x = 0, left = (h->width + LANES - 1) / LANES;
    const int is_short = OTHER_FORM == SHORT && h->out->form == SHORT;
    for (; left >= MAX_VECS; left -= MAX_VECS, x += MAX_VECS * LANES) {
        if (is_short) result_span(MAX_VECS, h, source, x, y, SHORT);
        else result_span(MAX_VECS, h, source, x, y, BYTES);
    }
    for (; left > 0; left--, x += LANES) {
        if (is_short) result_span(1, h, source, x, y, SHORT);
        else result_span(1, h, source, x, y, BYTES);
    }
}

static void known_row(const lc_head_task *h, const Ring *ring, int64_t y)
{
    if (y < 0 || y >= h->height) return;
    const int8_t *rows[LC_MAX_CHANNELS];
    for (int c = 0; c < h->num_known; c++)
        rows[c] = h->known + (c * (int64_t)h->height + y) * h->width;
    put_groups(ring, y, rows, h->num_known, h->width);
}

static int head_rows(const lc_head_task *h)
{
    const int64_t width = h->width, stride = 4 * round_up(width, ROW_POSITIONS);
    const int32_t known_groups = (h->num_known + 3) / 4, channels = h->in->inputs[0];
    const int64_t first_bytes = h->in->outputs / 4 * stride;
    const int64_t bytes = ring_bytes(width, known_groups) + first_bytes + h->mix->outputs / 4 * stride;
    uint8_t *memory = scratch(bytes + 64);
    if (!memory) return LC_NO_MEMORY;
    Ring known;
    uint8_t *first = ring_init(&known, memory, h->height, width, known_groups, INPUT_ZERO);
    uint8_t *second = first + first_bytes;
    known_row(h, &known, h->top - 1);
    known_row(h, &known, h->top);
    for (int64_t y = h->top; y < h->bottom; y++) {
        known_row(h, &known, y + 1);
        const int64_t trunk_row = map_row_bytes(width, channels);
        const Source sources[2] = {{{NULL, h->trunk + y * trunk_row, NULL}, stride},
                                   ring_source(&known, y)};
        const Activations to_first = {first, stride, NULL, 0}, to_second = {second, stride, NULL, 0};
        const Source after_first = {{NULL, first, NULL}, stride};
        const Source after_second = {{NULL, second, NULL}, stride};
        activate_row(h->in, h->in->bias, sources, width, &to_first);
        activate_row(h->mix, h->mix->bias, &after_first, width, &to_second);
        result_row(h, &after_second, y);
    }
    free(memory);
    return LC_OK;
}

/* ---- Values ---- */

INLINE int32_t number_at(const void *from, int64_t i, const int bytes)
{
    return bytes == 2 ? ((const int16_t *)from)[i] : ((const int32_t *)from)[i];
}

/* One row of a channel; the largest number of bits that a value needs, as 0 or 1. */
INLINE int value_row(const lc_values_task *t, int c, int64_t y, const int mean_bytes,
                     const int offset_bytes, const int value_bytes)
{
    const int64_t fold = t->fold, width = t->width, area = (int64_t)t->height * width;
    const int detail = t->channels[c] / (t->fold * t->fold);
    const int place = t->channels[c] % (t->fold * t->fold);
    const int64_t wide = fold * width, from = c * area + y * width;
    const int64_t to = detail * fold * fold * area + (fold * y + place / fold) * wide + place % fold;
    int is_wide = 0;
    for (int64_t x = 0; x < width; x++) {
        const uint32_t offset = (uint32_t)number_at(t->offsets, from + x, offset_bytes);
        const int32_t value = (int32_t)((uint32_t)number_at(t->mean, from + x, mean_bytes)
                                        + (offset << t->offset_shift));
        if (t->values) {
            if (value_bytes == 2) {
                is_wide |= value != (int16_t)value;
                ((int16_t *)t->values)[to + fold * x] = (int16_t)value;
            } else {
                ((int32_t *)t->values)[to + fold * x] = value;
            }
        }
        if (t->companded || t->parents) {
            int32_t eighths = value >> t->eighths_shift;
            eighths = eighths < -4095 ? -4095 : eighths > 4095 ? 4095 : eighths;
            const int8_t entry = t->compand[eighths + LC_COMPAND / 2];
            if (t->companded) t->companded[from + x] = entry;
            if (t->parents) t->parents[to + fold * x] = entry;
        }
    }
    return is_wide;
}

static int put_value_rows(const lc_values_task *t)
{
    int is_wide = 0;
    for (int c = 0; c < t->num_channels; c++)
        for (int64_t y = t->top; y < t->bottom; y++) {
            if (t->mean_bytes == 2 && t->offset_bytes == 4 && t->value_bytes == 2)
                is_wide |= value_row(t, c, y, 2, 4, 2);
            else if (t->mean_bytes == 2 && t->offset_bytes == 2 && t->value_bytes == 2)
                is_wide |= value_row(t, c, y, 2, 2, 2);
            else
                is_wide |= value_row(t, c, y, t->mean_bytes, t->offset_bytes, t->value_bytes);
        }
    return is_wide ? LC_WIDE : LC_OK;
}

#endif
