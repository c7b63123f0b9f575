/* Checks what callers give to the encoder's kernels in floating point. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static int is_size(int64_t n, int64_t most) { return n >= 1 && n <= most; }

static int is_span(int64_t first, int64_t end, int64_t size)
{
    return first >= 0 && first < end && end <= size;
}

int lc_split(int32_t level, const lc_split_task *t)
{
    const lc_kernels *used = lc_kernels_of(level);
    if (!used || !t || !t->plane || !t->low || !t->details) return LC_BAD_ARGUMENT;
    if (!is_size(t->height, LC_MAX_SIDE) || !is_size(t->width, LC_MAX_SIDE) || t->height % 2
        || t->width % 2 || t->stride < t->width || !is_span(t->top, t->bottom, t->height / 2))
        return LC_BAD_ARGUMENT;
    return used->split(t);
}

int lc_padding_slope(int32_t level, const lc_padding_task *t)
{
    const lc_kernels *used = lc_kernels_of(level);
    if (!used || !t || !t->norms || !t->plane || !t->slope) return LC_BAD_ARGUMENT;
    if (!is_size(t->num_levels, LC_MAX_LEVELS) || !is_size(t->rows, LC_MAX_SIDE)
        || !is_size(t->columns, LC_MAX_SIDE) || t->rows % (1 << t->num_levels)
        || t->columns % (1 << t->num_levels) || t->height < 0 || t->width < 0)
        return LC_BAD_ARGUMENT;
    return used->padding_slope(t);
}

void lc_patch_net_free(lc_patch_net *net)
{
    if (!net) return;
    for (int n = 0; net->weights && n < 2 * net->num_blocks + 2; n++) free(net->weights[n]);
    free(net->weights);
    free(net);
}

lc_patch_net *lc_patch_net_new(int32_t level, int32_t patch_px, int32_t width, int32_t num_blocks,
                   const float *const *weights)
{
    const lc_kernels *used = lc_kernels_of(level);
    if (!used || !weights || !is_size(patch_px, 8) || !is_size(width, LC_MAX_CHANNELS)
        || num_blocks < 0 || num_blocks > LC_MAX_BLOCKS)
        return NULL;
    for (int n = 0; n < 2 * num_blocks + 2; n++)
        if (!weights[n]) return NULL;
    lc_patch_net *net = calloc(1, sizeof *net);
    if (!net) return NULL;
    *net = (lc_patch_net){.level = used, .patch_px = patch_px, .width = width, .num_blocks = num_blocks};
    net->weights = calloc((size_t)(2 * num_blocks + 2), sizeof *net->weights);
    if (!net->weights || used->pack_net(net, weights)) {
        lc_patch_net_free(net);
        return NULL;
    }
    return net;
}

int lc_correct_patches(const lc_patch_task *t)
{
    if (!t || !t->net || !t->biases || !t->planes || !t->corrected) return LC_BAD_ARGUMENT;
    const int32_t size = t->net->patch_px, reach = 1 + 2 * t->net->num_blocks;
    if (!is_size(t->height, LC_MAX_SIDE / size) || !is_size(t->width, LC_MAX_SIDE / size)
        || !is_span(t->top, t->bottom, t->height) || !is_span(t->first, t->end, t->height))
        return LC_BAD_ARGUMENT;
    if (t->first > t->top - reach && t->first > 0) return LC_BAD_ARGUMENT;
    if (t->end < t->bottom + reach && t->end < t->height) return LC_BAD_ARGUMENT;
    const int64_t row = (int64_t)t->width * size * size;
    if (t->plane_stride < row * (t->end - t->first)
        || t->corrected_stride < row * (t->bottom - t->top))
        return LC_BAD_ARGUMENT;
    for (int n = 0; n < 2 * t->net->num_blocks + 2; n++)
        if (!t->biases[n]) return LC_BAD_ARGUMENT;
    return t->net->level->correct_floats(t);
}
