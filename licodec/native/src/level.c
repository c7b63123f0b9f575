/* The kernels of one instruction set; compiled once for each, with LC_LEVEL and LC_KERNELS. */
#include "lifting.h"
#include "planes.h"
#include "synthesis.h"
#include "search.h"
#include "visual.h"
#include "wavelet.h"

#define TEXT(x) #x
#define NAME(x) TEXT(x)

const lc_kernels LC_KERNELS = {
    .name = NAME(LC_LEVEL_NAME),
    .pack = pack_layer,
    .trunk = trunk_rows,
    .head = head_rows,
    .put_values = put_value_rows,
    .synthesise = synthesise_window,
    .start_corrector = start_corrector,
    .correct_rows = correct_rows,
    .choose_step = choose_step,
    .count_magnitudes = count_magnitudes,
    .split = split_plane,
    .padding_slope = padding_slope,
    .visual = measure_visual,
    .blur = blur_plane,
    .lines = measure_lines,
};
