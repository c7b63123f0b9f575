/* The encoder's choice of symbols: rounding, dead zone, rate-distortion optimised quantization and
 * the Viterbi search, as licodec/quantize has them. Floats round after each operation, so that all
 * instruction sets choose the same.
 */
#ifndef LICODEC_SEARCH_H
#define LICODEC_SEARCH_H

#include <math.h>
#include <stdlib.h>

#include "internal.h"
#include "simd.h"

enum { CHAIN_LANES = 16, CHAIN_PLACES = 64, MIN_CHAINED = 128, MIN_CHAINS = 16, UNIT_16THS = 10 };
static const float UNIT_STEPS = 0.625f;
static const float RARE_SYMBOL_BITS = 12;

INLINE float residual_at(const lc_choice_task *t, int64_t i)
{
    const float mean = t->mean_bytes == 2 ? ((const int16_t *)t->mean)[i]
                                          : (float)((const int32_t *)t->mean)[i];
    return t->values[i] - mean * t->mean_unit;
}

INLINE float bits_at(const lc_choice_task *t, int64_t table, float magnitude)
{
    const float most = LC_MAGNITUDES - 1;
    return t->bits[table * LC_MAGNITUDES + (int32_t)(magnitude > most ? most : magnitude)];
}

INLINE float smaller_of(float a, float b) { return a < b ? a : b; }

INLINE float quick_magnitude(const lc_choice_task *t, float size, int32_t index)
{
    if (t->kind == LC_ROUND) return smaller_of(rintf(size), LC_MAX_SYMBOL);
    float magnitude = floorf(size + 0.5f - t->higher_zone[index]);
    magnitude = magnitude < 1 ? 1 : magnitude;
    return smaller_of(size < 0.5f + t->first_zone[index] ? 0 : magnitude, LC_MAX_SYMBOL);
}

/* The cheapest of both neighbours and zero. */
INLINE float best_magnitude(const lc_choice_task *t, float size, int32_t index, float weight)
{
    size = smaller_of(size, LC_MAX_SYMBOL);
    const float below = floorf(size), above = below + 1;
    const float first = weight * ((size - below) * (size - below)) + bits_at(t, index, below);
    const float second = weight * ((size - above) * (size - above)) + bits_at(t, index, above);
    const float best = second < first ? above : below, cost = smaller_of(first, second);
    const float zero = weight * (size * size) + bits_at(t, index, 0);
    return zero <= cost ? 0 : smaller_of(best, LC_MAX_SYMBOL);
}

/* Elements outside chains, whose indices are below `end`. How many are coded. */
static int64_t choose_plain(const lc_choice_task *t, int32_t end, double missed[2])
{
    int64_t count = 0;
    for (int c = 0; c < t->num_channels; c++)
        for (int64_t k = 0; k < t->per_channel; k++) {
            const int64_t i = c * t->per_channel + k;
            const int32_t index = t->index[i];
            t->offsets[i] = 0;
            if (!index || index >= end) continue;
            const float residual = residual_at(t, i), size = fabsf(residual);
            const float magnitude = t->kind == LC_RDOQ ? best_magnitude(t, size, index, t->weight[c])
                                                       : quick_magnitude(t, size, index);
            const int32_t symbol = (int32_t)copysignf(magnitude, residual);
            if (index >= t->skip_below) {
                t->offsets[i] = 16 * symbol;
                t->symbols[count] = (int16_t)symbol;
                t->numbers[count++] = (uint8_t)index;
            } else if (symbol) {
                const float rest = residual - (float)symbol;
                const float gain = t->squared_step_bits * (residual * residual - rest * rest);
                missed[0] += gain;
                missed[1] += gain > RARE_SYMBOL_BITS ? gain - RARE_SYMBOL_BITS : 0;
            }
        }
    return count;
}

/* How often each magnitude, 0 to 31, is chosen by band and index. */
static int count_magnitudes(const lc_choice_task *t, int64_t columns, int64_t stride,
                            int32_t num_bands, int64_t *counts)
{
    const int64_t rows = t->per_channel / columns;
    for (int c = 0; c < t->num_channels; c++) {
        int64_t *band = counts + (int64_t)(c / (t->num_channels / num_bands)) * LC_SCALES * 32;
        for (int64_t row = 0; row < rows; row += stride)
            for (int64_t k = row * columns; k < (row + 1) * columns; k++) {
                const int64_t i = c * t->per_channel + k;
                const float size = fabsf(residual_at(t, i));
                const float magnitude = smaller_of(quick_magnitude(t, size, t->index[i]), 31);
                band[32 * t->index[i] + (int32_t)magnitude]++;
            }
    }
    return LC_OK;
}

/* ---- Trellis ---- */

/* The machine turned round: the two ways into each state. */
typedef struct {
    uint8_t from[256][2], column[256][2]; /* column: 2 quantizer + parity, an element's costs */
} Ways;

static int turn_round(const lc_chains *chains, Ways *ways)
{
    int found[256] = {0};
    for (int s = 0; s < chains->num_states; s++)
        for (int parity = 0; parity < 2; parity++) {
            const int to = chains->next[2 * s + parity];
            if (found[to] == 2) return LC_BAD_ARGUMENT;
            ways->from[to][found[to]] = (uint8_t)s;
            ways->column[to][found[to]++] = (uint8_t)(2 * chains->quantizer[s] + parity);
        }
    for (int s = 0; s < chains->num_states; s++)
        if (found[s] != 2) return LC_BAD_ARGUMENT;
    return LC_OK;
}

/* Sixteen neighbouring chains. */
typedef struct {
    float cost[CHAIN_PLACES][4][CHAIN_LANES];
    float magnitude[CHAIN_PLACES][4][CHAIN_LANES];
    float total[2][256][CHAIN_LANES];
    uint8_t decision[CHAIN_PLACES][256][CHAIN_LANES];
} Chains;

/* Costs of the best even and odd symbol in both quantizers. */
static void weigh(const lc_choice_task *t, int64_t i, float cost[4][CHAIN_LANES],
                  float magnitude[4][CHAIN_LANES], int lane)
{
    const float size = smaller_of(fabsf(residual_at(t, i)), LC_MAX_SYMBOL - 2);
    const float weight = t->weight[i / t->per_channel];
    for (int q = 0; q < 2; q++) {
        const int64_t table = t->index[i] + LC_SCALES * (1 + q);
        const float below = floorf((size / UNIT_STEPS + (float)q) / 2);
        const float odd = below - 2 * floorf(below / 2);
        const float found[2] = {below + odd, below + 1 - odd};
        for (int parity = 0; parity < 2; parity++) {
            const float place = 2 * found[parity] - (float)q;
            const float distance = size - (place < 0 ? 0 : place) * UNIT_STEPS;
            cost[2 * q + parity][lane] =
                weight * (distance * distance) + bits_at(t, table, found[parity]);
            magnitude[2 * q + parity][lane] = found[parity];
        }
        const float zero = weight * (size * size) + bits_at(t, table, 0);
        if (zero < cost[2 * q][lane]) cost[2 * q][lane] = zero, magnitude[2 * q][lane] = 0;
    }
}

static void pass_place(Chains *c, const Ways *ways, int states, int64_t place)
{
    float(*from)[CHAIN_LANES] = c->total[place & 1], (*to)[CHAIN_LANES] = c->total[~place & 1];
    for (int s = 0; s < states; s++) {
        const float *a = from[ways->from[s][0]], *x = c->cost[place][ways->column[s][0]];
        const float *b = from[ways->from[s][1]], *y = c->cost[place][ways->column[s][1]];
        float *restrict best = to[s];
        uint8_t *restrict decision = c->decision[place][s];
        for (int l = 0; l < CHAIN_LANES; l++) {
            const float first = a[l] + x[l], second = b[l] + y[l];
            decision[l] = second < first;
            best[l] = second < first ? second : first;
        }
    }
}

/* Chains number first to first + 15 of `width`; order: n elements, which they divide. */
static void search_lanes(const lc_choice_task *t, Chains *c, const Ways *ways, const int32_t *order,
                         int64_t n, int64_t width, int64_t first, int16_t *symbols,
                         uint8_t *numbers)
{
    const int states = t->chains->num_states;
    const int64_t length = (n - first + width - 1) / width, lanes = smaller(CHAIN_LANES, width - first);
    for (int s = 0; s < states; s++)
        for (int l = 0; l < CHAIN_LANES; l++) c->total[0][s][l] = s ? INFINITY : 0;
    for (int64_t place = 0; place < length; place++) {
        memset(c->cost[place], 0, sizeof c->cost[place]);
        for (int l = 0; l < lanes && place * width + first + l < n; l++)
            weigh(t, order[place * width + first + l], c->cost[place], c->magnitude[place], l);
        pass_place(c, ways, states, place);
    }
    for (int l = 0; l < lanes; l++) {
        int state = 0;
        float(*total)[CHAIN_LANES] = c->total[length & 1];
        for (int s = 1; s < states; s++)
            if (total[s][l] < total[state][l]) state = s;
        for (int64_t place = length - 1; place >= 0; place--) {
            const int way = c->decision[place][state][l], column = ways->column[state][way];
            const int64_t e = place * width + first + l;
            state = ways->from[state][way];
            if (e >= n) continue;
            const int64_t i = order[e];
            const float size = c->magnitude[place][column][l];
            const int32_t symbol = (int32_t)copysignf(size, residual_at(t, i)), q = column / 2;
            t->offsets[i] = UNIT_16THS * (2 * symbol - q * ((symbol > 0) - (symbol < 0)));
            symbols[e] = (int16_t)symbol;
            numbers[e] = (uint8_t)(t->index[i] + LC_SCALES * (1 + q));
        }
    }
}

static int64_t choose_step(const lc_choice_task *t, double missed[2])
{
    const int64_t n = t->num_channels * t->per_channel;
    const int32_t first = t->chains->first_index;
    int64_t starts[LC_SCALES + 1] = {0}, chained = 0;
    for (int64_t i = 0; i < n && first; i++)
        if (t->index[i] >= first) starts[t->index[i] + 1]++, chained++;
    const int is_chained = chained >= MIN_CHAINED;
    const int64_t count = choose_plain(t, is_chained ? first : LC_SCALES, missed);
    if (!is_chained) return count;
    Ways ways;
    if (turn_round(t->chains, &ways)) return LC_BAD_ARGUMENT;
    Chains *c = malloc(sizeof *c);
    int32_t *order = malloc((size_t)chained * 4);
    if (c && order) {
        for (int s = 0; s < LC_SCALES; s++) starts[s + 1] += starts[s];
        for (int64_t i = 0; i < n; i++)
            if (t->index[i] >= first) order[starts[t->index[i]]++] = (int32_t)i;
        const int64_t width = larger(MIN_CHAINS, (chained + CHAIN_PLACES - 1) / CHAIN_PLACES);
        for (int64_t from = 0; from < width; from += CHAIN_LANES)
            search_lanes(t, c, &ways, order, chained, width, from, t->symbols + count,
                         t->numbers + count);
    }
    const int is_done = c && order;
    free(c);
    free(order);
    return is_done ? count + chained : LC_NO_MEMORY;
}

#endif
