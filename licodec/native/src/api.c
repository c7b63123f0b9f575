/* Checks what callers give and hands it to the kernels of the instruction set in use. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#if defined(LC_HAS_AVX2)
#include <cpuid.h>
#endif
#if defined(LC_HAS_AMX)
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(LC_HAS_NEONDOT) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(LC_HAS_NEONDOT) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

int32_t lc_abi(void) { return LC_ABI; }

/* ---- Instruction sets ---- */

#if defined(LC_HAS_AVX2)
/* These also ask whether the system keeps the registers. */
static int has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif
#if defined(LC_HAS_AVXVNNI)
static int has_avxvnni(void)
{
    unsigned a, b, c, d;
    return has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}
#endif
#if defined(LC_HAS_AVX512VNNI)
static int has_avx512vnni(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
           && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")
           && __builtin_cpu_supports("avx512vnni");
}
#endif
#if defined(LC_HAS_AMX)
/* Linux keeps tiles for processes that ask for them; it refuses where it does not know them. */
static int has_amx(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18, TILE_AND_INT8 = 3 << 24 };
    static _Atomic int is_granted = -1;
    unsigned a, b, c, d;
    if (is_granted < 0)
        is_granted = has_avx512vnni() && __get_cpuid_count(7, 0, &a, &b, &c, &d)
                     && (d & TILE_AND_INT8) == TILE_AND_INT8
                     && !syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA);
    return is_granted;
}
#endif
#if defined(LC_HAS_NEONDOT)
/* What Linux counts by a bit of one of two words, and macOS by name. */
static int has_feature(unsigned long word, int bit, const char *name)
{
#if defined(__linux__)
    (void)name;
    return getauxval(word) >> bit & 1;
#elif defined(__APPLE__)
    int found = 0;
    size_t size = sizeof found;
    (void)word, (void)bit;
    return !sysctlbyname(name, &found, &size, NULL, 0) && found;
#else
    (void)word, (void)bit, (void)name;
    return 0;
#endif
}
static int has_neondot(void)
{
    return has_feature(16, 20, "hw.optional.arm.FEAT_DotProd"); /* AT_HWCAP, HWCAP_ASIMDDP */
}
#endif
#if defined(LC_HAS_NEONI8MM)
static int has_neoni8mm(void)
{
    /* AT_HWCAP2, HWCAP2_I8MM */
    return has_neondot() && has_feature(26, 13, "hw.optional.arm.FEAT_I8MM");
}
#endif
static int has_any(void) { return 1; }

/* Ascending. */
static const struct {
    const lc_kernels *kernels;
    int (*is_there)(void);
} LEVELS[] = {
    {&lc_kernels_portable, has_any},
#if defined(LC_HAS_AVX2)
    {&lc_kernels_avx2, has_avx2},
#endif
#if defined(LC_HAS_AVXVNNI)
    {&lc_kernels_avxvnni, has_avxvnni},
#endif
#if defined(LC_HAS_AVX512VNNI)
    {&lc_kernels_avx512vnni, has_avx512vnni},
#endif
#if defined(LC_HAS_AMX)
    {&lc_kernels_amx, has_amx},
#endif
#if defined(LC_HAS_NEON)
    {&lc_kernels_neon, has_any},
#endif
#if defined(LC_HAS_NEONDOT)
    {&lc_kernels_neondot, has_neondot},
#endif
#if defined(LC_HAS_NEONI8MM)
    {&lc_kernels_neoni8mm, has_neoni8mm},
#endif
};
enum { NUM_LEVELS = sizeof LEVELS / sizeof *LEVELS };

const char *lc_level_name(int32_t i)
{
    return i >= 0 && i < NUM_LEVELS ? LEVELS[i].kernels->name : NULL;
}

int lc_has_level(int32_t i) { return i >= 0 && i < NUM_LEVELS && LEVELS[i].is_there(); }

const lc_kernels *lc_kernels_of(int32_t level)
{
    return lc_has_level(level) ? LEVELS[level].kernels : NULL;
}

/* ---- Layers ---- */

void lc_layer_free(lc_layer *layer)
{
    if (!layer) return;
    free(layer->bias);
    free(layer->shift);
    free(layer->weights);
    free(layer->factor);
    free(layer->byte_factor);
    free(layer->zero);
    free(layer->zero_bytes);
    free(layer);
}

static int is_size(int64_t n, int64_t most) { return n >= 1 && n <= most; }

lc_layer *lc_layer_new(int32_t level, int32_t outputs, int32_t num_convolutions,
                       const int32_t *inputs, const int32_t *kernels,
                       const void *const *weights, const int32_t *bias, const uint8_t *shift,
                       int32_t of_inputs)
{
    const lc_kernels *used = lc_kernels_of(level);
    if (!used || !is_size(outputs, LC_MAX_CHANNELS) || !is_size(num_convolutions, MAX_CONVOLUTIONS))
        return NULL;
    if (!inputs || !kernels || !weights || !bias || !shift) return NULL;
    if (of_inputs < -1 || of_inputs >= num_convolutions) return NULL;
    lc_layer *layer = calloc(1, sizeof *layer);
    if (!layer) return NULL;
    *layer = (lc_layer){.level = used, .outputs = outputs, .num_convolutions = num_convolutions,
                        .of_inputs = of_inputs};
    const size_t rows = (size_t)round_up(outputs, 16); /* whole tiles of any level */
    layer->bias = calloc(rows, 4);
    layer->shift = calloc(rows, 4);
    int is_good = layer->bias && layer->shift;
    for (int c = 0; c < num_convolutions && is_good; c++) {
        is_good = weights[c] && is_size(inputs[c], LC_MAX_CHANNELS)
                  && (kernels[c] == 1 || kernels[c] == 3);
        layer->inputs[c] = inputs[c];
        layer->kernels[c] = kernels[c];
        layer->groups[c] = (inputs[c] + 3) / 4;
    }
    for (int o = 0; o < outputs && is_good; o++) {
        is_good = shift[o] <= LC_MAX_SHIFT;
        int64_t sum = bias[o] + (shift[o] ? (int64_t)1 << (shift[o] - 1) : 0);
        int64_t size = llabs(sum);
        for (int c = 0; c < num_convolutions; c++) {
            const int64_t n = (int64_t)layer->inputs[c] * kernels[c] * kernels[c];
            const int8_t *row = (const int8_t *)weights[c] + o * n;
            for (int64_t i = 0; i < n; i++) {
                const int64_t w = row[i];
                if (c == of_inputs) sum -= 128 * w;
                size += 255 * llabs(w);
            }
        }
        /* No sum of any part can leave 32 bits, whatever the order. */
        is_good = is_good && size < INT32_MAX / 4;
        if (!is_good) break;
        layer->bias[o] = (int32_t)sum;
        layer->shift[o] = shift[o];
    }
    if (!is_good || used->pack(layer, weights) != LC_OK) {
        lc_layer_free(layer);
        return NULL;
    }
    return layer;
}

/* ---- Maps ---- */

static int is_area(int64_t height, int64_t width)
{
    return is_size(height, LC_MAX_SIDE) && is_size(width, LC_MAX_SIDE)
           && height * width <= INT32_MAX;
}

static int are_rows(int32_t top, int32_t bottom, int32_t height)
{
    return 0 <= top && top < bottom && bottom <= height;
}

static int is_width(int32_t bytes) { return bytes == 2 || bytes == 4; }

int64_t lc_map_bytes(int32_t height, int32_t width, int32_t channels)
{
    if (!is_area(height, width) || !is_size(channels, LC_MAX_CHANNELS) || channels % 4) return -1;
    return (int64_t)height * channels * round_up(width, ROW_POSITIONS);
}

static int is_ready(const lc_layer *layer, const lc_kernels *used, int32_t num_convolutions)
{
    return layer && layer->level == used && layer->num_convolutions == num_convolutions;
}

static int is_trunk_layer(const lc_layer *layer, const lc_trunk_task *t)
{
    const int32_t with_signs = LC_PLANES * t->fold * t->fold + (t->parents ? LC_DETAILS : 0);
    const int32_t inputs = layer->inputs[0] - LC_PLANES;
    if (!is_ready(layer, layer->level, t->coarser ? 2 : 1) || layer->outputs % 4) return 0;
    if (inputs != with_signs && inputs != 2 * with_signs) return 0;
    if (layer->kernels[0] != 3 || layer->of_inputs != 0) return 0;
    return !t->coarser || (layer->inputs[1] % 4 == 0 && layer->kernels[1] == 1);
}

/* Whether `in` takes what the task has. */
static int is_head_layer(const lc_layer *in, const lc_head_task *h)
{
    if (in->kernels[0] != 1 || in->inputs[0] % 4 || in->outputs % 4) return 0;
    if (!h->num_known) return in->num_convolutions == 1 && in->of_inputs == -1;
    if (!h->known || in->num_convolutions < 2 || in->kernels[1] != 3 || in->of_inputs != 1) return 0;
    if (in->inputs[1] != h->num_known && in->inputs[1] != 2 * h->num_known) return 0;
    return in->num_convolutions == 2
           || (h->hidden && in->kernels[2] == 1 && in->inputs[2] == h->mix->outputs);
}

int lc_trunk(const lc_trunk_task *t)
{
    if (!t || !t->first || (t->fold != 1 && t->fold != 2)) return LC_BAD_ARGUMENT;
    if (!is_area(t->height, t->width) || !are_rows(t->top, t->bottom, t->height))
        return LC_BAD_ARGUMENT;
    if (!t->quality_bias || !t->low || !t->reciprocal || !t->compand || !t->trunk)
        return LC_BAD_ARGUMENT;
    if (t->num_blocks < 0 || t->num_blocks > LC_MAX_BLOCKS || (t->num_blocks && !t->blocks))
        return LC_BAD_ARGUMENT;
    if (!is_trunk_layer(t->first, t)) return LC_BAD_ARGUMENT;
    const int32_t channels = t->first->outputs;
    for (int i = 0; i < t->num_blocks; i++) {
        const lc_layer *block = t->blocks[i];
        if (!is_ready(block, t->first->level, 1) || block->of_inputs != -1 || block->kernels[0] != 3
            || block->inputs[0] != channels || block->outputs != channels)
            return LC_BAD_ARGUMENT;
    }
    for (int i = 0; i < channels; i++)
        if (llabs((int64_t)t->quality_bias[i]) >= INT32_MAX / 4) return LC_BAD_ARGUMENT;
    for (int p = 0; p < LC_PLANES; p++)
        if (t->reciprocal[p] < 0 || t->reciprocal[p] > 1 << 21) return LC_BAD_ARGUMENT;
    if (t->coarser) {
        const int is_same =
            t->coarser_height == t->height && t->coarser_width == t->width;
        const int is_half = 2 * (int64_t)t->coarser_height == t->height
                            && 2 * (int64_t)t->coarser_width == t->width;
        if (!is_same && !is_half) return LC_BAD_ARGUMENT;
    }
    return t->first->level->trunk(t);
}

int lc_head(const lc_head_task *h)
{
    if (!h || !h->in || !is_area(h->height, h->width)) return LC_BAD_ARGUMENT;
    if (!are_rows(h->top, h->bottom, h->height)) return LC_BAD_ARGUMENT;
    if (h->num_known < 0 || h->num_known > LC_MAX_CHANNELS || !is_width(h->mean_bytes))
        return LC_BAD_ARGUMENT;
    if (h->unit_shift < 1 || h->unit_shift > LC_MAX_SHIFT) return LC_BAD_ARGUMENT;
    if (!h->trunk || !h->unit || !h->offset || !h->mean || !h->index) return LC_BAD_ARGUMENT;
    const lc_kernels *used = h->in->level;
    if (!is_ready(h->mix, used, 1) || !is_ready(h->out, used, 1) || !is_head_layer(h->in, h))
        return LC_BAD_ARGUMENT;
    if (h->mix->kernels[0] != 1 || h->out->kernels[0] != 1 || h->mix->outputs % 4)
        return LC_BAD_ARGUMENT;
    if (h->mix->of_inputs != -1 || h->out->of_inputs != -1) return LC_BAD_ARGUMENT;
    if (h->mix->inputs[0] != h->in->outputs || h->out->inputs[0] != h->mix->outputs)
        return LC_BAD_ARGUMENT;
    if (h->num_channels < 1 || h->out->outputs != 2 * (int64_t)h->num_channels)
        return LC_BAD_ARGUMENT;
    for (int i = 0; i < h->num_channels; i++) {
        if (llabs((int64_t)h->unit[i]) > 1 << 18 || llabs((int64_t)h->offset[i]) > 1 << 24)
            return LC_BAD_ARGUMENT;
        if (h->mean_bytes == 2 && llabs((int64_t)h->unit[i]) * 4096 >= (int64_t)1 << (15 + h->unit_shift))
            return LC_BAD_ARGUMENT;
    }
    return used->head(h);
}

int lc_put_values(int32_t level, const lc_values_task *t)
{
    const lc_kernels *used = lc_kernels_of(level);
    if (!used || !t || (t->fold != 1 && t->fold != 2)) return LC_BAD_ARGUMENT;
    if (!is_area(t->height, t->width) || !are_rows(t->top, t->bottom, t->height))
        return LC_BAD_ARGUMENT;
    if (!is_width(t->mean_bytes) || !is_width(t->offset_bytes) || !is_width(t->value_bytes))
        return LC_BAD_ARGUMENT;
    if (t->offset_shift < 0 || t->offset_shift > 8 || t->eighths_shift < 0 || t->eighths_shift > 8)
        return LC_BAD_ARGUMENT;
    const int32_t folded = LC_DETAILS * t->fold * t->fold;
    if (!t->channels || !t->mean || !t->offsets || !t->compand || !is_size(t->num_channels, folded))
        return LC_BAD_ARGUMENT;
    for (int c = 0; c < t->num_channels; c++)
        if (t->channels[c] < 0 || t->channels[c] >= folded) return LC_BAD_ARGUMENT;
    return used->put_values(t);
}

int lc_synthesise(int32_t level, const lc_wavelet_task *t)
{
    const lc_kernels *used = lc_kernels_of(level);
    if (!used || !t || !is_area(t->height, t->width)) return LC_BAD_ARGUMENT;
    if (!are_rows(t->top, t->bottom, 2 * t->height) || !are_rows(t->left, t->right, 2 * t->width))
        return LC_BAD_ARGUMENT;
    if (!is_width(t->value_bytes) || t->shift < 1 || t->shift > LC_MAX_SHIFT) return LC_BAD_ARGUMENT;
    if (!t->low || !t->values || !t->steps || !t->planes) return LC_BAD_ARGUMENT;
    const int64_t size = (int64_t)(t->bottom - t->top) * (t->right - t->left);
    if (t->plane_stride < size || t->plane_stride > INT64_MAX / 16) return LC_BAD_ARGUMENT;
    return used->synthesise(t);
}

/* ---- Choice ---- */

static int is_choice(const lc_choice_task *t)
{
    if (!t || t->kind < LC_ROUND || t->kind > LC_RDOQ || !is_width(t->mean_bytes)) return 0;
    if (!is_size(t->num_channels, LC_DETAILS * 4) || t->per_channel < 0
        || t->per_channel > LC_MAX_ELEMENTS / t->num_channels)
        return 0;
    if (!is_size(t->skip_below, LC_SCALES) || !is_size(t->num_tables, 256)
        || t->num_tables < LC_SCALES)
        return 0;
    if (!t->values || !t->mean || !t->index || !t->weight || !t->first_zone || !t->higher_zone
        || !t->bits || !t->chains)
        return 0;
    const int64_t n = t->num_channels * t->per_channel;
    uint8_t most = 0;
    for (int64_t i = 0; i < n; i++) most = t->index[i] > most ? t->index[i] : most;
    /* What is no number has no nearest symbol. */
    int is_sound = 1;
    for (int64_t i = 0; i < n; i++)
        is_sound &= t->values[i] >= -1e30f && t->values[i] <= 1e30f;
    return is_sound && most < LC_SCALES && !lc_check_chains(t->chains, t->num_tables);
}

int64_t lc_choose_step(int32_t level, const lc_choice_task *t, double *missed)
{
    const lc_kernels *used = lc_kernels_of(level);
    if (!used || !is_choice(t) || !missed || !t->offsets || !t->symbols || !t->numbers)
        return LC_BAD_ARGUMENT;
    missed[0] = missed[1] = 0;
    return used->choose_step(t, missed);
}

int lc_count_magnitudes(int32_t level, const lc_choice_task *t, int64_t columns, int64_t stride,
                        int32_t num_bands, int64_t *counts)
{
    const lc_kernels *used = lc_kernels_of(level);
    if (!used || !is_choice(t) || !counts || t->kind == LC_RDOQ) return LC_BAD_ARGUMENT;
    if (columns < 1 || t->per_channel % columns || stride < 1 || stride > INT32_MAX)
        return LC_BAD_ARGUMENT;
    if (!is_size(num_bands, LC_DETAILS) || t->num_channels % num_bands) return LC_BAD_ARGUMENT;
    memset(counts, 0, sizeof *counts * (size_t)num_bands * LC_SCALES * 32);
    return used->count_magnitudes(t, columns, stride, num_bands, counts);
}
