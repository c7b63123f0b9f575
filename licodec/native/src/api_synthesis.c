/* Corrections in integers: checks of what callers give, and what outlives a call. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

void lc_synthesis_free(lc_synthesis *synthesis)
{
    if (!synthesis) return;
    for (int p = 0; p < synthesis->num_parts; p++)
        for (int n = 0; n <= 2 * synthesis->parts[p].num_blocks; n++)
            lc_layer_free(synthesis->parts[p].layers[n]);
    free(synthesis);
}

/* A layer without weights, whose bias is 0. */
static lc_layer *layer_of(const lc_kernels *level, int32_t outputs, int32_t inputs, int32_t kernel,
                          int32_t num_convolutions, int32_t lift, int32_t form)
{
    lc_layer *layer = calloc(1, sizeof *layer);
    if (!layer) return NULL;
    *layer = (lc_layer){.level = level, .outputs = outputs, .of_inputs = -1, .lift = lift, .form = form,
                        .num_convolutions = num_convolutions};
    for (int c = 0; c < num_convolutions; c++) {
        layer->inputs[c] = inputs;
        layer->kernels[c] = kernel;
        layer->groups[c] = form == WORDS ? (inputs + 1) / 2 : (inputs + 3) / 4;
    }
    const size_t rows = (size_t)round_up(outputs, 16); /* whole tiles of any level */
    layer->bias = calloc(rows, 4);
    layer->shift = calloc(rows, 4);
    layer->factor = calloc(rows, 4);
    layer->byte_factor = calloc(rows, 4);
    layer->zero = calloc(rows, 4);
    layer->zero_bytes = calloc(rows, 1);
    if (layer->bias && layer->shift && layer->factor && layer->byte_factor
        && layer->zero && layer->zero_bytes)
        return layer;
    lc_layer_free(layer);
    return NULL;
}

/* Whether sums of words times weights (outputs, size) stay in 32 bits, whatever the order and with
 * a bias of up to MAX_WORD_BIAS. Words are 0 or above but for a tenth where they are leaky. */
enum { MAX_WORD_BIAS = 1 << 28 };
static int are_word_weights(const int16_t *weights, int32_t outputs, int64_t size, int is_leaky)
{
    const int64_t most = 32768, least = is_leaky ? 3277 : most;
    for (int o = 0; o < outputs; o++) {
        int64_t above = 0, below = 0;
        for (int64_t i = 0; i < size; i++, weights++) {
            if (*weights > 0) above += *weights;
            else below -= *weights;
        }
        if (above * most + below * least > INT32_MAX - MAX_WORD_BIAS
            || above * least + below * most > INT32_MAX - MAX_WORD_BIAS)
            return 0;
    }
    return 1;
}

/* Layer n of a network of words; NULL where an argument is bad or memory is short. */
static lc_layer *word_layer(const lc_kernels *level, const lc_network *net, int n)
{
    const int32_t inputs = n ? net->width : LC_PLANES * net->patch_px * net->patch_px;
    if (!net->weights[n] || !net->shift[n]) return NULL;
    if (!are_word_weights(net->weights[n], net->width, (int64_t)inputs * 9, n && n % 2 == 0))
        return NULL;
    for (int o = 0; o < net->width; o++)
        if (net->shift[n][o] > LC_MAX_SHIFT) return NULL;
    lc_layer *layer = layer_of(level, net->width, inputs, 3, 1, 0, WORDS);
    if (!layer) return NULL;
    for (int o = 0; o < net->width; o++) layer->shift[o] = net->shift[n][o];
    if (level->pack(layer, &net->weights[n]) == LC_OK) return layer;
    lc_layer_free(layer);
    return NULL;
}

/* Layer n of a network of bytes; NULL where an argument is bad or memory is short. */
static lc_layer *byte_layer(const lc_kernels *level, const lc_network *net, int n)
{
    const int32_t inputs = n ? net->width : LC_PLANES * net->patch_px * net->patch_px;
    const int64_t size = (int64_t)inputs * 9;
    const int is_middle = n && n % 2;
    if (!net->weights[n] || !net->shift[n] || !net->factor[n] || !net->zero[n]) return NULL;
    if (!is_middle && !net->byte_factor[n]) return NULL;
    const int8_t *weights = net->weights[n];
    for (int o = 0; o < net->width; o++) {
        int64_t sum = 0;
        for (int64_t i = 0; i < size; i++) {
            const int64_t w = weights[o * size + i];
            if (w < -127) return NULL;
            sum += llabs(w);
        }
        /* Neither these, lifted, nor with a bias of a quarter of 32 bits leave 32 bits. */
        if (255 * sum >= 1 << 24 || net->shift[n][o] > LC_MAX_SHIFT || net->factor[n][o] < 1)
            return NULL;
        if (!is_middle && net->byte_factor[n][o] < 1) return NULL;
    }
    lc_layer *layer = layer_of(level, net->width, inputs, 3, n ? 1 : 2, n ? 0 : INPUT_LOW_BITS,
                               BYTES);
    if (!layer) return NULL;
    for (int o = 0; o < net->width; o++) {
        layer->shift[o] = net->shift[n][o];
        layer->factor[o] = net->factor[n][o];
        if (!is_middle) layer->byte_factor[o] = net->byte_factor[n][o];
        layer->zero[o] = layer->zero_bytes[o] = net->zero[n][o];
    }
    if (level->pack(layer, (const void *const[2]){weights, weights}) == LC_OK) return layer;
    lc_layer_free(layer);
    return NULL;
}

static int is_network(const lc_network *net)
{
    return (net->patch_px == 2 || net->patch_px == 4 || net->patch_px == 8) && net->num_blocks >= 0
           && net->num_blocks <= LC_MAX_PART_BLOCKS && net->width >= 4 && net->width % 4 == 0
           && net->width <= LC_MAX_CHANNELS && net->weights && net->shift
           && (net->is_words || (net->factor && net->byte_factor && net->zero));
}

lc_synthesis *lc_synthesis_new(int32_t level, const lc_network *parts, int32_t num_parts)
{
    const lc_kernels *used = lc_kernels_of(level);
    if (!used || !parts || num_parts < 1 || num_parts > LC_MAX_PARTS) return NULL;
    for (int p = 0; p < num_parts; p++)
        if (!is_network(&parts[p]) || parts[p].patch_px > parts[0].patch_px) return NULL;
    lc_synthesis *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    made->level = used;
    made->num_parts = num_parts;
    for (int p = 0; p < num_parts; p++) {
        Network *net = &made->parts[p];
        const int64_t channels = LC_PLANES * parts[p].patch_px * parts[p].patch_px;
        *net = (Network){.patch_px = parts[p].patch_px, .num_blocks = parts[p].num_blocks,
                         .width = parts[p].width, .is_words = parts[p].is_words != 0};
        memset(net->input_zeros, 128, (size_t)channels); /* high bytes; the low ones are 0 */
        for (int n = 0; n <= 2 * net->num_blocks; n++)
            if (!(net->layers[n] = net->is_words ? word_layer(used, &parts[p], n)
                                                 : byte_layer(used, &parts[p], n))) {
                lc_synthesis_free(made);
                return NULL;
            }
    }
    return made;
}

void lc_corrector_free(lc_corrector *corrector)
{
    if (!corrector) return;
    for (int p = 0; p < corrector->synthesis->num_parts; p++) {
        lc_layer_free(corrector->parts[p].last);
        for (int n = 0; n < LC_MAX_PART_LAYERS; n++) free(corrector->parts[p].bias[n]);
    }
    free(corrector->memory);
    free(corrector);
}

static int is_window(const lc_window *w, int32_t patch)
{
    return w && w->height >= patch && w->width >= patch && w->height <= LC_MAX_SIDE
           && w->width <= LC_MAX_SIDE && w->height % patch == 0 && w->width % patch == 0
           && 0 <= w->top && w->top < w->bottom && w->bottom <= w->height && 0 <= w->left
           && w->left < w->right && w->right <= w->width
           && (!w->pixels
               || w->pixel_stride >= (w->is_grey ? 1 : 3) * (int64_t)(w->right - w->left))
           && (!w->seen || (w->top % 8 == 0 && w->bottom % 8 == 0));
}

/* The last layer of a network, of bytes its weights in two parts of 7 bits. */
static lc_layer *last_layer(const lc_kernels *level, const Network *net, const lc_network_at *at)
{
    const int32_t outputs = LC_PLANES * net->patch_px * net->patch_px, is_words = net->is_words;
    const int64_t size = (int64_t)outputs * net->width;
    lc_layer *layer = layer_of(level, outputs, net->width, 1, is_words ? 1 : 2,
                               is_words ? 0 : LAST_LOW_BITS, is_words ? WORDS : SHORT);
    int8_t *parts = malloc((size_t)(2 * size));
    if (layer && parts) {
        for (int64_t i = 0; i < size && !is_words; i++) {
            const int32_t w = at->last_weight[i], high = (w + 64) >> LAST_LOW_BITS;
            parts[i] = (int8_t)high;
            parts[size + i] = (int8_t)(w - high * (1 << LAST_LOW_BITS));
        }
        for (int o = 0; o < outputs; o++) layer->bias[o] = at->last_bias[o];
        layer->shift[0] = at->last_shift;
        const void *const of_bytes[2] = {parts, parts + size}, *const of_words[1] = {at->last_weight};
        if (level->pack(layer, is_words ? of_words : of_bytes) == LC_OK) {
            free(parts);
            return layer;
        }
    }
    free(parts);
    lc_layer_free(layer);
    return NULL;
}

static int is_network_at(const Network *net, const lc_network_at *at)
{
    /* A bias, of bytes with what zeros of inputs add. */
    const int64_t most = net->is_words ? MAX_WORD_BIAS : INT32_MAX / 4 * (int64_t)5 / 4;
    const int64_t most_last = net->is_words ? MAX_WORD_BIAS : INT32_MAX / 4 * (int64_t)2;
    const int32_t outputs = LC_PLANES * net->patch_px * net->patch_px;
    if (!at->bias || !at->last_weight || !at->last_bias) return 0;
    if (at->last_shift < 1 || at->last_shift > LC_MAX_SHIFT) return 0;
    for (int n = 0; n <= 2 * net->num_blocks; n++) {
        if (!at->bias[n]) return 0;
        for (int o = 0; o < net->width; o++)
            if (llabs((int64_t)at->bias[n][o]) > most) return 0;
    }
    if (net->is_words && !are_word_weights(at->last_weight, outputs, net->width, 1)) return 0;
    for (int64_t i = 0; i < (int64_t)outputs * net->width && !net->is_words; i++)
        if (abs(at->last_weight[i]) >= 1 << 13) return 0;
    for (int o = 0; o < outputs; o++)
        if (llabs((int64_t)at->last_bias[o]) > most_last) return 0;
    return 1;
}

/* A picture's bias with the layer's own. */
static int32_t *add_bias(const int32_t *bias, const lc_layer *layer)
{
    int32_t *sum = calloc((size_t)round_up(layer->outputs, 16), 4);
    for (int o = 0; sum && o < layer->outputs; o++) sum[o] = bias[o] + layer->bias[o];
    return sum;
}

lc_corrector *lc_corrector_new(const lc_synthesis *synthesis, const lc_network_at *parts,
                               const lc_window *window)
{
    if (!synthesis || !parts || !is_window(window, synthesis->parts[0].patch_px)) return NULL;
    for (int p = 0; p < synthesis->num_parts; p++)
        if (!is_network_at(&synthesis->parts[p], &parts[p])
            || (window->seen && synthesis->parts[p].is_words))
            return NULL;
    lc_corrector *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    made->synthesis = synthesis;
    made->window = *window;
    int is_good = 1;
    for (int p = 0; p < synthesis->num_parts && is_good; p++) {
        Part *part = &made->parts[p];
        part->net = &synthesis->parts[p];
        for (int n = 0; n <= 2 * part->net->num_blocks; n++)
            if (!(part->bias[n] = add_bias(parts[p].bias[n], part->net->layers[n]))) is_good = 0;
        part->last = last_layer(synthesis->level, part->net, &parts[p]);
        is_good = is_good && part->last;
    }
    if (is_good && synthesis->level->start_corrector(made) == LC_OK) return made;
    lc_corrector_free(made);
    return NULL;
}

int lc_corrector_push(lc_corrector *corrector, const int32_t *planes, int64_t plane_stride,
                      int32_t num_rows)
{
    if (!corrector || !planes || num_rows < 0) return LC_BAD_ARGUMENT;
    const lc_window *w = &corrector->window;
    if (num_rows % corrector->synthesis->parts[0].patch_px
        || num_rows > w->height - corrector->num_pushed)
        return LC_BAD_ARGUMENT;
    if (plane_stride < (int64_t)num_rows * w->width || plane_stride > INT64_MAX / 16)
        return LC_BAD_ARGUMENT;
    return corrector->synthesis->level->correct_rows(corrector, planes, plane_stride, num_rows);
}
