/* Checks what callers give to the kernels in floating point. */
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

int lc_visual(int32_t level, const lc_visual_task *t, double *sum)
{
    const lc_kernels *used = lc_kernels_of(level);
    if (!used || !t || !sum || !t->opsin || !t->kernel || !t->weights || !t->original || !t->shown)
        return LC_BAD_ARGUMENT;
    if (!is_size(t->num_scales, LC_MAX_SCALES) || !is_size(t->height, LC_MAX_SIDE)
        || !is_size(t->width, LC_MAX_SIDE) || t->stride < t->width
        || t->plane_stride / t->stride < t->height
        || (int64_t)t->height * t->width > LC_MAX_ELEMENTS / 8)
        return LC_BAD_ARGUMENT;
    const int halvings = t->num_scales - 1 + (t->is_halved != 0);
    if (!(t->height >> halvings) || !(t->width >> halvings)) return LC_BAD_ARGUMENT;
    return used->visual(t, sum);
}

int lc_blur(int32_t level, const lc_blur_task *t)
{
    const lc_kernels *used = lc_kernels_of(level);
    if (!used || !t || !t->kernel || !t->plane || !t->blurred) return LC_BAD_ARGUMENT;
    if (!is_size(t->height, LC_MAX_SIDE) || !is_size(t->width, LC_MAX_SIDE)
        || !is_size(t->num_taps, LC_MAX_TAPS) || t->num_taps % 2 == 0)
        return LC_BAD_ARGUMENT;
    return used->blur(t);
}

static int is_line(const lc_line *line)
{
    if (line->num_pairs < 0 || line->num_pairs > LC_LINE_PAIRS) return 0;
    for (int k = 0; k < line->num_pairs; k++)
        if (line->down[k] < -LC_LINE_REACH || line->down[k] > LC_LINE_REACH
            || line->right[k] < -LC_LINE_REACH || line->right[k] > LC_LINE_REACH)
            return 0;
    return 1;
}

int lc_lines(int32_t level, const lc_lines_task *t)
{
    const lc_kernels *used = lc_kernels_of(level);
    if (!used || !t || !t->lines || !t->padded || !(t->pull ? t->slope : t->energy))
        return LC_BAD_ARGUMENT;
    if (!is_size(t->height, LC_MAX_SIDE) || !is_size(t->width, LC_MAX_SIDE) || t->num_lines < 0)
        return LC_BAD_ARGUMENT;
    for (int i = 0; i < t->num_lines; i++)
        if (!is_line(t->lines + i)) return LC_BAD_ARGUMENT;
    return used->lines(t);
}
