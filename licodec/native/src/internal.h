/* What the parts of the library share and callers do not see. */
#ifndef LICODEC_INTERNAL_H
#define LICODEC_INTERNAL_H

#include "licodec.h"

/* Positions that a row of a map is rounded up to, and those that lie before and after the rows of a
 * buffer, so that a vector never leaves it. */
enum { ROW_POSITIONS = 16, MARGIN = 64 };

typedef struct lc_kernels lc_kernels;

struct lc_layer {
    const lc_kernels *level; /* that packed the weights */
    int32_t outputs, num_convolutions;
    int32_t inputs[2], kernels[2], groups[2]; /* groups of four channels */
    int32_t of_inputs, is_short;
    int64_t tile_bytes;
    int32_t *bias;  /* whole tiles, with rounding and the zero of inputs */
    int32_t *shift; /* whole tiles */
    int8_t *weights;
};

/* Arguments are checked before these are called. */
struct lc_kernels {
    const char *name;
    int (*pack)(lc_layer *layer, const int8_t *const weights[2]);
    int (*trunk)(const lc_trunk_task *task);
    int (*head)(const lc_head_task *task);
    int (*put_values)(const lc_values_task *task);
    int (*synthesise)(const lc_wavelet_task *task);
    int64_t (*choose_step)(const lc_choice_task *task, double missed[2]);
    int (*count_magnitudes)(const lc_choice_task *task, int64_t columns, int64_t stride,
                            int32_t num_bands, int64_t *counts);
    int (*split)(const lc_split_task *task);
    int (*padding_slope)(const lc_padding_task *task);
    int (*pack_net)(lc_patch_net *net, const float *const *weights);
    int (*correct_floats)(const lc_patch_task *task);
};

struct lc_patch_net {
    const lc_kernels *level; /* that packed the weights */
    int32_t patch_px, width, num_blocks;
    float **weights; /* of each convolution, see analysis.h */
};

/* Kernels of a level; NULL where this CPU lacks it. */
const lc_kernels *lc_kernels_of(int32_t level);

extern const lc_kernels lc_kernels_portable, lc_kernels_avx2, lc_kernels_avxvnni,
    lc_kernels_avx512vnni;

/* Whether chains are none, or a machine that tables serve; num_tables of all. */
int lc_check_chains(const lc_chains *chains, int32_t num_tables);

static inline int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }
static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

#endif
