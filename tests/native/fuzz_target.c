/* Arbitrary bytes in, calls of the native library out; the sanitizers tell what is wrong. All
 * instruction sets must give the same results.
 *
 * With clang's -fsanitize=fuzzer this is a target of libFuzzer. With -DSTANDALONE it is a program
 * that mutates its own inputs: fuzz_target EXECUTIONS [SEED]. It prints a checksum of all results,
 * which is the same on every machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../licodec/native/src/licodec.h"

typedef struct {
    const uint8_t *data;
    size_t left;
} Input;

static uint8_t take(Input *in)
{
    if (!in->left) return 0;
    in->left--;
    return *in->data++;
}

/* One after the other, because compilers may call in any order within an expression. */
static int32_t take_16(Input *in)
{
    const int32_t low = take(in);
    return low | take(in) << 8;
}

static int32_t take_below(Input *in, int32_t limit) { return take_16(in) % limit; }

/* Mostly sound, now and then any number at all. */
static int32_t take_size(Input *in, int32_t limit)
{
    const uint8_t kind = take(in);
    if (kind < 250) return 1 + take_below(in, limit);
    const uint32_t high = (uint32_t)take_16(in);
    return (int32_t)(high << 16 | take(in));
}

static void fill(Input *in, void *to, size_t n)
{
    uint32_t state = 1u + (uint32_t)take_16(in);
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        ((uint8_t *)to)[i] = (uint8_t)(state >> 24);
    }
}

/* Exactly so many bytes, so that each access beyond them is found. */
static void *filled(Input *in, size_t n)
{
    void *memory = malloc(n ? n : 1);
    if (!memory) abort();
    fill(in, memory, n);
    return memory;
}

/* A checksum of what one instruction set gave. */
static uint64_t results;

static void note(const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++) results = (results ^ ((const uint8_t *)from)[i]) * 0x100000001B3u;
}

/* ---- Entropy coder ---- */

enum { NUM_TABLES = 3 * LC_SCALES + 1 };

static lc_tables *make_tables(void)
{
    static lc_tables *tables;
    if (tables) return tables;
    int32_t reaches[NUM_TABLES];
    int64_t n = 0;
    for (int t = 0; t < NUM_TABLES; t++) n += 2 * (reaches[t] = 1 + t % 40) + 2;
    uint32_t *frequencies = malloc((size_t)n * 4), *at = frequencies;
    for (int t = 0; t < NUM_TABLES; t++) {
        const uint32_t entries = (uint32_t)(2 * reaches[t] + 2);
        for (uint32_t e = 0; e < entries; e++) at[e] = (1u << 24) / entries / (1 + e % 3);
        uint32_t sum = 0;
        for (uint32_t e = 0; e < entries; e++) sum += at[e];
        at[reaches[t]] += (1u << 24) - sum;
        at += entries;
    }
    tables = lc_tables_new(frequencies, n, reaches, NUM_TABLES);
    free(frequencies);
    if (!tables) abort();
    return tables;
}

static void fuzz_tables(Input *in)
{
    int32_t reaches[4];
    for (int i = 0; i < 4; i++) reaches[i] = take(in) < 250 ? 1 + take(in) % 8 : take(in) - 9;
    uint32_t *frequencies = filled(in, 4 * 64);
    for (int i = 0; i < 64; i++) frequencies[i] >>= 8 + take(in) % 8;
    lc_tables_free(lc_tables_new(frequencies, 64, reaches, 1 + take(in) % 4));
    free(frequencies);
}

static void fuzz_decoder(Input *in)
{
    lc_tables *tables = make_tables();
    lc_chains chains = {0};
    const int32_t skip_below = take_size(in, 12);
    if (take(in) & 1) {
        chains.first_index = take_size(in, 12);
        if (take(in) < 250) chains.first_index = (int32_t)((uint32_t)skip_below + take(in) % 8u);
        chains.num_states = 1 + take(in);
        for (int s = 0; s < 256; s++) chains.quantizer[s] = (uint8_t)(s & 1);
        for (int s = 0; s < 512; s++) chains.next[s] = (uint8_t)(s * 7 % chains.num_states);
        if (take(in) > 250) fill(in, chains.next, sizeof chains.next);
    }
    int32_t bands = 1 + take(in) % 9, per_band = take_below(in, 160), steps = 1 + take(in) % 4;
    uint8_t *payload = filled(in, in->left);
    const size_t num_bytes = in->left;
    if (num_bytes) memcpy(payload, in->data, num_bytes);
    lc_decoder *decoder = lc_decoder_new(payload, (int64_t)num_bytes, tables);
    free(payload);
    if (!decoder) return;
    const size_t n = (size_t)bands * (size_t)per_band;
    for (int s = 0; s < steps; s++) {
        uint8_t *index = filled(in, n);
        if (s < 3)
            for (size_t i = 0; i < n; i++) index[i] %= (uint8_t)(LC_SCALES >> s);
        int16_t *shifts = filled(in, 4 * (size_t)bands), *symbols = filled(in, 2 * n);
        int32_t *offsets = filled(in, 4 * n);
        lc_decode_shifts(decoder, index, bands, per_band, skip_below, shifts);
        const int64_t count = lc_decode_step(decoder, index, (int64_t)n, skip_below, &chains,
                                             offsets, symbols);
        if (count > (int64_t)n) abort();
        lc_decode_batch(decoder, NUM_TABLES - 1 - s % 2, 2 * bands, shifts);
        free(index), free(shifts), free(symbols), free(offsets);
    }
    lc_decoder_is_done(decoder);
    lc_decoder_free(decoder);
}

/* Any numbers, then back; what was coded must come out. */
static void fuzz_encoder(Input *in)
{
    lc_tables *tables = make_tables();
    int64_t lengths[3], n = 0;
    for (int b = 0; b < 3; b++) n += lengths[b] = take_below(in, 60);
    int16_t *symbols = filled(in, 2 * (size_t)n), *back = filled(in, 2 * (size_t)n);
    uint8_t *numbers = filled(in, (size_t)n);
    const int narrow = take(in) % 16, table = take(in);
    for (int64_t i = 0; i < n; i++) {
        symbols[i] = (int16_t)(symbols[i] / (1 << narrow));
        numbers[i] = (uint8_t)(narrow ? table % NUM_TABLES : numbers[i]);
    }
    const int64_t capacity = take(in) < 250 ? 2 * n + 4 : take(in);
    uint32_t *words = filled(in, 4 * (size_t)capacity);
    const int64_t count = lc_encode(tables, lengths, 3, symbols, numbers, n, words, capacity);
    if (count >= 0 && narrow) {
        lc_decoder *decoder = lc_decoder_new((uint8_t *)words, 4 * count, tables);
        if (!decoder) abort();
        int64_t at = 0;
        for (int b = 0; b < 3; at += lengths[b++])
            if (lc_decode_batch(decoder, numbers[0], lengths[b], back + at)) abort();
        if (memcmp(back, symbols, 2 * (size_t)n) || !lc_decoder_is_done(decoder)) abort();
        lc_decoder_free(decoder);
    }
    free(symbols), free(back), free(numbers), free(words);
}

/* ---- Choice of symbols ---- */

static void fuzz_choice(Input *in, int32_t level)
{
    static float *bits, zone[LC_SCALES];
    if (!bits) {
        bits = malloc(sizeof *bits * (NUM_TABLES - 1) * LC_MAGNITUDES);
        if (!bits) abort();
        for (int i = 0; i < (NUM_TABLES - 1) * LC_MAGNITUDES; i++) bits[i] = (float)(i % 31);
        for (int i = 0; i < LC_SCALES; i++) zone[i] = (float)i / 200;
    }
    lc_chains chains = {.first_index = take_below(in, 20), .num_states = 1 << take(in) % 8};
    for (int s = 0; s < chains.num_states; s++) {
        chains.quantizer[s] = (uint8_t)(s & 1);
        chains.next[2 * s] = (uint8_t)(s >> 1);
        chains.next[2 * s + 1] = (uint8_t)(s >> 1 | chains.num_states >> 1);
    }
    if (take(in) > 250) fill(in, &chains, sizeof chains);
    const int32_t num_bands = 1 + take(in) % 3, num_channels = num_bands * (1 + take(in) % 3);
    const int32_t columns = 1 + take(in) % 9, rows = take(in) % 40;
    const size_t n = (size_t)(num_channels * columns * rows);
    float *values = filled(in, 4 * n), *weight = filled(in, 4 * 9);
    for (size_t i = 0; i < n; i++)
        if (!(values[i] > -1e9f && values[i] < 1e9f)) values[i] = take(in) < 255 ? 3 : values[i];
    for (int i = 0; i < 9; i++) weight[i] = (float)(i + 1);
    void *mean = filled(in, 4 * n);
    uint8_t *index = filled(in, n), *numbers = filled(in, n);
    const uint8_t limit = take(in);
    for (size_t i = 0; i < n && limit < 250; i++) index[i] %= LC_SCALES;
    int32_t *offsets = filled(in, 4 * n);
    int16_t *symbols = filled(in, 2 * n);
    int64_t *counts = filled(in, sizeof *counts * (size_t)num_bands * LC_SCALES * 32);
    const lc_choice_task task = {take(in) % 3, num_channels, columns * rows,
                                 take(in) & 1 ? 2 : 4, take_size(in, 16), NUM_TABLES - 1, 1 / 32.f,
                                 8, values, mean, index, weight, zone, zone, bits, &chains, offsets,
                                 symbols, numbers};
    double missed[2] = {0, 0};
    const int64_t count = lc_choose_step(level, &task, missed);
    if (count > (int64_t)n) abort();
    lc_count_magnitudes(level, &task, columns, take_size(in, 9), num_bands, counts);
    for (int i = 0; i < 2; i++)
        if (missed[i] != missed[i]) missed[i] = 0; /* the sign of what is no number is the CPU's */
    note(&count, sizeof count), note(missed, sizeof missed), note(offsets, 4 * n);
    note(symbols, 2 * n), note(numbers, n);
    note(counts, sizeof *counts * (size_t)num_bands * LC_SCALES * 32);
    free(values), free(weight), free(mean), free(index), free(numbers), free(offsets);
    free(symbols), free(counts);
}

/* ---- Networks ---- */

/* A layer of as many convolutions as there are inputs before the first 0. */
static lc_layer *make_layer(Input *in, int32_t level, int32_t outputs, const int32_t inputs[3],
                            const int32_t kernels[3], int32_t of_inputs)
{
    int8_t *weights[3] = {NULL};
    int32_t *bias = filled(in, 4 * (size_t)outputs), count = 0;
    uint8_t *shift = filled(in, (size_t)outputs);
    const int is_short = take(in) & 1;
    for (; count < 3 && inputs[count]; count++) {
        const size_t n = (size_t)(outputs * inputs[count] * kernels[count] * kernels[count]);
        weights[count] = filled(in, n);
        for (size_t i = 0; i < n && is_short; i++) weights[count][i] /= 2;
    }
    for (int o = 0; o < outputs; o++) bias[o] /= 1 << 16, shift[o] %= 12;
    const void *const all[3] = {weights[0], weights[1], weights[2]};
    if (take(in) > 250) count = take_size(in, 3);
    lc_layer *layer = lc_layer_new(level, outputs, count, inputs, kernels, all, bias, shift, of_inputs);
    for (int c = 0; c < 3; c++) free(weights[c]);
    free(bias), free(shift);
    return layer;
}

static lc_layer *make_plain_layer(Input *in, int32_t level, int32_t outputs, int32_t inputs,
                                  int32_t kernel)
{
    return make_layer(in, level, outputs, (int32_t[3]){inputs}, (int32_t[3]){kernel}, -1);
}

static void fuzz_trunk(Input *in, int32_t level)
{
    const int32_t fold = 1 + (take(in) & 1), has_parents = take(in) & 1, mode = take(in) % 3;
    const int32_t channels = 4 * (1 + take(in) % 5), blocks = take(in) % 4;
    const int32_t coarser_channels = 4 * (1 + take(in) % 5), times = 1 + (take(in) & 1);
    const int32_t num_signed = 3 * fold * fold + 9 * has_parents + (take(in) > 250);
    int32_t height = 1 + take(in) % 6, width = 1 + take(in) % 40;
    if (mode == 2) height += height & 1, width += width & 1;
    const size_t area = (size_t)height * (size_t)width;
    const int32_t coarser_height = mode == 2 ? height / 2 : height;
    const int32_t coarser_width = mode == 2 ? width / 2 : width;
    int32_t *low = filled(in, 12 * area * (size_t)(fold * fold)), *bias = filled(in, 4 * 20);
    int8_t *compand = filled(in, LC_COMPAND), *parents = filled(in, 9 * area);
    uint8_t *coarser = filled(in, (size_t)lc_map_bytes(coarser_height, coarser_width,
                                                     coarser_channels));
    uint8_t *trunk = filled(in, (size_t)lc_map_bytes(height, width, channels));
    lc_layer *layers[4] = {make_layer(
        in, level, channels, (int32_t[3]){times * num_signed + 3, mode ? coarser_channels : 0},
        (int32_t[3]){3, 1}, 0)};
    for (int b = 0; b < blocks; b++)
        layers[1 + b] = make_plain_layer(in, level, channels, channels, 3);
    const int64_t reciprocal[3] = {take(in) * 300, take_size(in, 1 << 15), 1 << 21};
    for (int i = 0; i < 20; i++) bias[i] /= 1 << 8;
    lc_trunk_task task = {layers[0], (const lc_layer *const *)layers + 1, blocks, fold, height,
                          width, take(in) % height, take_size(in, height), coarser_height,
                          coarser_width, bias, low, reciprocal, compand,
                          has_parents ? parents : NULL, mode ? coarser : NULL, trunk};
    lc_trunk(&task);
    task.top = 0, task.bottom = height;
    lc_trunk(&task);
    const size_t stride = (size_t)lc_map_bytes(1, width, 4);
    for (int32_t i = 0; i < height * channels / 4; i++) /* what lies beyond the width is anything */
        note(trunk + (size_t)i * stride, 4 * (size_t)width);
    free(low), free(bias), free(compand), free(parents), free(coarser), free(trunk);
    for (int b = 0; b <= blocks; b++) lc_layer_free(layers[b]);
}

static void fuzz_head(Input *in, int32_t level)
{
    const int32_t channels = 4 * (1 + take(in) % 5), inner = 4 * (1 + take(in) % 5);
    const int32_t known = take(in) % 20, count = 1 + take(in) % 12;
    const int32_t times = 1 + (take(in) & 1), kinds = take(in);
    const int32_t seen = known ? times * known + (kinds > 250) : 0;
    const int32_t carried = kinds & 1 ? (kinds > 246 ? channels : inner) : 0;
    const int32_t height = 1 + take(in) % 6, width = 1 + take(in) % 40;
    const size_t area = (size_t)height * (size_t)width;
    lc_layer *first = make_layer(in, level, inner, (int32_t[3]){channels, seen, carried},
                                 (int32_t[3]){1, 3, 1}, known ? 1 : -1);
    lc_layer *mix = make_plain_layer(in, level, inner, inner, 1);
    lc_layer *out = make_plain_layer(in, level, 2 * count, inner, 1);
    const int32_t bytes = take(in) & 1 ? 2 : 4;
    uint8_t *trunk = filled(in, (size_t)lc_map_bytes(height, width, channels));
    uint8_t *hidden = filled(in, (size_t)lc_map_bytes(height, width, inner));
    int8_t *known_values = filled(in, (size_t)known * area);
    int32_t *unit = filled(in, 4 * (size_t)count), *offset = filled(in, 4 * (size_t)count);
    for (int i = 0; i < count; i++) unit[i] /= 1 << 22, offset[i] /= 1 << 20;
    void *mean = filled(in, (size_t)(count * bytes) * area);
    uint8_t *index = filled(in, (size_t)count * area);
    lc_head_task task = {first, mix, out, known, count, height, width, take(in) % height,
                         take_size(in, height), 7, bytes, trunk, kinds & 6 ? hidden : NULL,
                         known_values, unit, offset, mean, index};
    lc_head(&task);
    task.top = 0, task.bottom = height;
    if (lc_head(&task) == LC_OK)
        for (size_t i = 0; i < (size_t)count * area; i++)
            if (index[i] < 1 || index[i] >= LC_SCALES) abort();
    note(mean, (size_t)(count * bytes) * area), note(index, (size_t)count * area);
    free(hidden);
    free(trunk), free(known_values), free(unit), free(offset), free(mean), free(index);
    lc_layer_free(first), lc_layer_free(mix), lc_layer_free(out);
}

static void fuzz_values(Input *in, int32_t level)
{
    const int32_t fold = 1 + (take(in) & 1), count = 1 + take(in) % 9;
    const int32_t height = 1 + take(in) % 6, width = 1 + take(in) % 40;
    const size_t area = (size_t)height * (size_t)width, all = 9 * area * (size_t)(fold * fold);
    const int32_t kinds = take(in);
    const int32_t mean_bytes = kinds & 1 ? 2 : 4, offset_bytes = kinds & 2 ? 2 : 4;
    const int32_t value_bytes = kinds & 4 ? 2 : 4;
    int32_t *channels = filled(in, 4 * (size_t)count);
    for (int c = 0; c < count; c++)
        channels[c] = (int32_t)((uint32_t)take_size(in, 9 * fold * fold) - 1u);
    void *mean = filled(in, area * (size_t)(count * mean_bytes));
    void *offsets = filled(in, area * (size_t)(count * offset_bytes));
    void *values = filled(in, all * (size_t)value_bytes);
    int8_t *compand = filled(in, LC_COMPAND), *parents = filled(in, all);
    int8_t *companded = filled(in, (size_t)count * area);
    const lc_values_task task = {count, fold, height, width, take(in) % height,
                                 take_size(in, height), mean_bytes, offset_bytes, value_bytes, 1, 2,
                                 channels, mean, offsets, compand, kinds & 8 ? values : NULL,
                                 kinds & 16 ? companded : NULL, kinds & 32 ? parents : NULL};
    lc_put_values(level, &task);
    note(values, all * (size_t)value_bytes), note(companded, (size_t)count * area), note(parents, all);
    free(channels), free(mean), free(offsets), free(values), free(compand), free(parents);
    free(companded);
}

static void fuzz_wavelet(Input *in, int32_t level)
{
    const int32_t height = 1 + take(in) % 6, width = 1 + take(in) % 40;
    const int32_t top = take_below(in, 2 * height), left = take_below(in, 2 * width);
    const int32_t bottom = top + 1 + take_below(in, 2 * height - top);
    const int32_t right = left + 1 + take_below(in, 2 * width - left);
    const int32_t bytes = take(in) & 1 ? 2 : 4;
    const size_t area = (size_t)height * (size_t)width;
    const int64_t size = (int64_t)(bottom - top) * (right - left);
    int32_t *low = filled(in, 12 * area), *planes = filled(in, 12 * (size_t)size);
    int32_t *steps = filled(in, 4 * 9);
    void *values = filled(in, 9 * area * (size_t)bytes);
    lc_wavelet_task task = {height, width, top, bottom, left, right, bytes, 9, size,
                            low, values, steps, planes};
    if (take(in) > 250) task.bottom = take_size(in, 100), task.right = take_size(in, 100);
    const __int128 rows = (int64_t)task.bottom - task.top, columns = (int64_t)task.right - task.left;
    if (rows * columns <= size)
        lc_synthesise(level, &task);
    note(planes, 12 * (size_t)size);
    free(low), free(planes), free(steps), free(values);
}

/* ---- Corrections ---- */

enum { MAX_LAYERS = 5 };

typedef struct {
    lc_network shape;
    lc_network_at at;
    int32_t num_layers;
    void *arrays[6 * MAX_LAYERS + 2];
    const void *weights[MAX_LAYERS];
    const uint8_t *shift[MAX_LAYERS], *zero[MAX_LAYERS];
    const int16_t *factor[MAX_LAYERS], *byte_factor[MAX_LAYERS];
    const int32_t *bias[MAX_LAYERS];
} Network;

static void make_network(Input *in, Network *net, int32_t patch_px)
{
    const int32_t width = 4 * (1 + take(in) % 5), blocks = take(in) % 3, tops = 3 * patch_px * patch_px;
    const int is_sound = take(in) < 250, is_words = take(in) & 1;
    void **array = net->arrays;
    net->num_layers = 2 * blocks + 1;
    for (int32_t i = 0; i < net->num_layers; i++) {
        const int32_t inputs = i ? width : tops;
        int8_t *weights = *array++ = filled(in, (size_t)(width * inputs * 9) << is_words);
        uint8_t *shift = *array++ = filled(in, (size_t)width);
        int16_t *factor = *array++ = filled(in, 2 * (size_t)width);
        int16_t *byte_factor = *array++ = filled(in, 2 * (size_t)width);
        uint8_t *zero = *array++ = filled(in, (size_t)width);
        int32_t *bias = *array++ = filled(in, 4 * (size_t)width);
        for (int32_t n = 0; n < width * inputs * 9 && is_sound; n++) {
            if (is_words) ((int16_t *)weights)[n] %= 1 << 5;
            else if (weights[n] == -128) weights[n] = 0;
        }
        for (int32_t o = 0; o < width && is_sound; o++) {
            shift[o] %= 16, bias[o] /= 1 << 6;
            factor[o] &= 0x7fff, byte_factor[o] &= 0x7fff;
        }
        net->weights[i] = weights, net->shift[i] = shift, net->factor[i] = factor;
        net->byte_factor[i] = byte_factor, net->zero[i] = zero, net->bias[i] = bias;
    }
    int16_t *last = *array++ = filled(in, 2 * (size_t)(tops * width));
    int32_t *last_bias = *array++ = filled(in, 4 * (size_t)tops);
    for (int32_t n = 0; n < tops * width && is_sound; n++) last[n] %= is_words ? 1 << 11 : 1 << 13;
    for (int32_t n = 0; n < tops && is_sound; n++) last_bias[n] /= 1 << 6;
    net->shape = (lc_network){patch_px, blocks, width, is_words, net->weights, net->shift, net->factor,
                              net->byte_factor, net->zero};
    net->at = (lc_network_at){net->bias, last, last_bias, take_size(in, 20)};
    for (int32_t i = 6 * net->num_layers + 2; i < 6 * MAX_LAYERS + 2; i++) net->arrays[i] = NULL;
}

/* Planes that a hostile file gives can be any numbers. */
static void fuzz_synthesis(Input *in, int32_t level)
{
    Network nets[2];
    const int32_t num_parts = 1 + (take(in) & 1);
    make_network(in, &nets[0], 8 >> (take(in) % 3));
    if (num_parts == 2) make_network(in, &nets[1], 2);
    const lc_network shapes[2] = {nets[0].shape, nets[1 % num_parts].shape};
    const lc_network_at at[2] = {nets[0].at, nets[1 % num_parts].at};
    const int32_t height = 8 * (1 + take(in) % 4), width = 8 * (1 + take(in) % 5);
    const int32_t top = take(in) % height, left = take(in) % width;
    const int32_t bottom = top + 1 + take_below(in, height - top);
    const int32_t right = left + 1 + take_below(in, width - left);
    const int32_t is_grey = take(in) & 1, kinds = take(in);
    const int64_t stride = (int64_t)(right - left) * (is_grey ? 1 : 3);
    const size_t size = (size_t)(bottom - top) * (size_t)(right - left);
    uint8_t *pixels = filled(in, 3 * size);
    int16_t *planes = filled(in, 6 * size);
    int32_t *found = filled(in, 12 * (size_t)(height * width));
    if (kinds & 4)
        for (int32_t n = 0; n < 3 * height * width; n++) found[n] /= 1 << 16;
    const lc_window window = {height, width, top, bottom, left, right, is_grey, stride,
                              kinds & 1 ? pixels : NULL, kinds & 2 ? planes : NULL, NULL};
    lc_synthesis *synthesis = lc_synthesis_new(level, shapes, num_parts);
    lc_corrector *corrector = synthesis ? lc_corrector_new(synthesis, at, &window) : NULL;
    if (corrector) {
        const int32_t rows = take(in) > 250 ? take_size(in, 40) : 8;
        for (int32_t y = 0; y + rows <= height && rows > 0; y += rows)
            if (lc_corrector_push(corrector, found + (size_t)y * (size_t)width,
                                  (int64_t)height * width, rows))
                break;
        if (take(in) > 240) lc_corrector_push(corrector, found, (int64_t)height * width, 8);
    }
    note(pixels, 3 * size), note(planes, 6 * size);
    lc_corrector_free(corrector);
    lc_synthesis_free(synthesis);
    for (int32_t p = 0; p < num_parts; p++)
        for (int32_t i = 0; i < 6 * nets[p].num_layers + 2; i++) free(nets[p].arrays[i]);
    free(pixels), free(planes), free(found);
}

static float *filled_levels(Input *in, size_t n)
{
    uint8_t *bytes = filled(in, n);
    float *levels = filled(in, 4 * n);
    for (size_t i = 0; i < n; i++) levels[i] = (float)bytes[i] - 128;
    free(bytes);
    return levels;
}

static void fuzz_analysis(Input *in, int32_t level)
{
    const int32_t height = 2 * (1 + take(in) % 20), width = 2 * (1 + take(in) % 40);
    const size_t area = (size_t)height * (size_t)width;
    float *plane = filled_levels(in, area), *low = filled(in, area), *details = filled(in, 3 * area);
    const lc_split_task split = {height, width, take(in) % (height / 2), take_size(in, height / 2),
                                 width, plane, low, details};
    lc_split(level, &split);
    const int32_t levels = take_size(in, 3), step = levels > 0 && levels < 4 ? 1 << levels : 8;
    const int32_t rows = step * (1 + take(in) % 4), columns = step * (1 + take(in) % 5);
    float *padded = filled_levels(in, (size_t)(rows * columns)), norms[9];
    float *slope = filled(in, 4 * (size_t)(rows * columns));
    for (int i = 0; i < 9; i++) norms[i] = (float)(1 + i);
    const lc_padding_task padding = {rows, columns, take_size(in, rows), take_size(in, columns),
                                     levels, norms, padded, slope};
    if (levels < 4) lc_padding_slope(level, &padding);
    note(low, area), note(details, 3 * area), note(slope, 4 * (size_t)(rows * columns));
    free(plane), free(low), free(details), free(padded), free(slope);
}

static void fuzz_visual(Input *in, int32_t level)
{
    const int32_t height = 1 + take(in) % 40, width = 1 + take(in) % 40, is_halved = take(in) & 1;
    const int32_t scales = take_size(in, 5), stride = take_size(in, width) + take(in) % 3;
    const size_t area = (size_t)height * (size_t)(width + 2);
    float *original = filled_levels(in, 3 * area), *shown = filled_levels(in, 3 * area);
    for (size_t i = 0; i < 3 * area; i++)
        original[i] = (original[i] + 128) / 256, shown[i] = (shown[i] + 128) / 256;
    float weights[5 * 18], opsin[9], kernel[LC_BLUR_TAPS];
    for (int i = 0; i < 5 * 18; i++) weights[i] = (float)(i % 7) - 1;
    for (int i = 0; i < 9; i++) opsin[i] = 1 / (float)(1 + i);
    for (int i = 0; i < LC_BLUR_TAPS; i++) kernel[i] = 1 / (float)(1 + abs(i - LC_BLUR_TAPS / 2));
    float *slope = filled(in, 4 * 3 * area);
    const lc_visual_task visual = {
        height, width, is_halved, scales, (int64_t)height * (width + 2), stride,
        0.004f, 0.4f, 0.001f, 1e-20f, opsin, kernel, weights, original, shown,
        take(in) & 1 ? slope : NULL,
    };
    double sum = 0;
    if (stride <= width + 2 && scales <= 5) lc_visual(level, &visual, &sum);
    note(slope, 4 * 3 * area), note(&sum, sizeof sum);
    free(original), free(shown), free(slope);
}

static void fuzz_planes(Input *in, int32_t level)
{
    const int32_t height = 1 + take(in) % 40, width = 1 + take(in) % 40, taps = take_size(in, 33);
    const size_t area = (size_t)height * (size_t)width;
    const size_t padded_area = (size_t)(height + 8) * (size_t)(width + 8);
    float *plane = filled_levels(in, area), *padded = filled_levels(in, padded_area);
    float *blurred = filled(in, 4 * area), *slope = filled(in, 4 * padded_area);
    float kernel[LC_MAX_TAPS];
    for (int i = 0; i < LC_MAX_TAPS; i++) kernel[i] = 1 / (float)(1 + abs(i - taps / 2));
    const int32_t kinds = take(in);
    const lc_blur_task blur = {height, width,  taps,  kinds & 1,
                               kinds >> 1 & 1, kernel, plane, blurred};
    if (taps <= LC_MAX_TAPS) lc_blur(level, &blur);
    note(blurred, 4 * area);
    lc_line lines[3];
    for (int i = 0; i < 3; i++) {
        lines[i].num_pairs = take_size(in, LC_LINE_PAIRS);
        lines[i].weight = (float)i - 1;
        for (int k = 0; k < LC_LINE_PAIRS; k++) {
            lines[i].down[k] = take(in) % 9 - 4;
            lines[i].right[k] = take(in) > 252 ? take_size(in, 9) : k % 9 - 4;
        }
    }
    const lc_lines_task measured = {height, width,   3, lines,
                                    padded, blurred, kinds & 4 ? plane : NULL, slope};
    lc_lines(level, &measured);
    note(blurred, 4 * area), note(slope, 4 * padded_area);
    free(plane), free(padded), free(blurred), free(slope);
}

static void fuzz(Input in, uint8_t kind, int32_t level)
{
    results = 0xCBF29CE484222325u;
    if (kind < 60) fuzz_decoder(&in);
    else if (kind < 85) fuzz_choice(&in, level);
    else if (kind < 95) fuzz_tables(&in);
    else if (kind < 110) fuzz_encoder(&in);
    else if (kind < 130) fuzz_trunk(&in, level);
    else if (kind < 150) fuzz_head(&in, level);
    else if (kind < 170) fuzz_values(&in, level);
    else if (kind < 190) fuzz_wavelet(&in, level);
    else if (kind < 225) fuzz_synthesis(&in, level);
    else if (kind < 242) fuzz_analysis(&in, level);
    else if (kind < 249) fuzz_visual(&in, level);
    else fuzz_planes(&in, level);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Input in = {data, size};
    const uint8_t kind = take(&in);
    int32_t level = 0;
    while (lc_has_level(level + 1)) level++;
    level = take(&in) % (level + 1);
    fuzz(in, kind, 0);
    const uint64_t expected = results;
    fuzz(in, kind, level);
    if (results != expected) {
        fprintf(stderr, "%s differs from %s\n", lc_level_name(level), lc_level_name(0));
        abort();
    }
    return 0;
}

#ifdef STANDALONE
enum { CORPUS = 256, MAX_BYTES = 600 };

static uint64_t seed;

static uint32_t random_word(void)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (uint32_t)(seed >> 16);
}

int main(int argc, char **argv)
{
    static uint8_t corpus[CORPUS][MAX_BYTES];
    static size_t sizes[CORPUS];
    uint64_t checksum = 0;
    const long executions = argc > 1 ? atol(argv[1]) : 10000;
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    seed = seed * 0x9E3779B97F4A7C15u + 1;
    for (long n = 0; n < executions; n++) {
        const uint32_t slot = random_word() % CORPUS, how = random_word() % 8;
        uint8_t *input = corpus[slot];
        if (how < 2 || !sizes[slot]) { /* new */
            sizes[slot] = 1 + random_word() % MAX_BYTES;
            for (size_t i = 0; i < sizes[slot]; i++) input[i] = (uint8_t)random_word();
            if (how) memset(input + sizes[slot] / 2, (int)(random_word() % 3 * 127), sizes[slot] / 2);
        } else if (how < 7) { /* some bytes changed */
            for (uint32_t k = 1 + random_word() % 8; k; k--)
                input[random_word() % sizes[slot]] = (uint8_t)random_word();
        } else { /* cut */
            sizes[slot] = 1 + random_word() % sizes[slot];
        }
        LLVMFuzzerTestOneInput(input, sizes[slot]);
        checksum = checksum * 31 + results;
    }
    printf("%ld executions, no report, results %016llx\n", executions, (unsigned long long)checksum);
    return 0;
}
#endif
