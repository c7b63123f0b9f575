/* What the parts of the library share and callers do not see. */
#ifndef LICODEC_INTERNAL_H
#define LICODEC_INTERNAL_H

#include "licodec.h"

/* Positions that a row of a map is rounded up to, and those that lie before and after the rows of a
 * buffer, so that a vector never leaves it. */
enum { ROW_POSITIONS = 16, MARGIN = 64 };

enum { MAX_CONVOLUTIONS = 3 }; /* of a layer */

/* Of a step, whose elements are counted in 32 bits; what is kept of each takes up to 9 bytes, which
 * `size_t` holds. A picture of three thousand million pixels has fewer. */
enum { LC_MAX_ELEMENTS = sizeof(size_t) > 4 ? INT32_MAX - 1 : INT32_MAX / 16 };

typedef struct lc_kernels lc_kernels;

/* What a layer multiplies: bytes, bytes with weights of 7 bits, numbers of 16 bits, bytes in tiles. */
enum { BYTES, SHORT, WORDS, TILES };

/* The rows that a convolution sees: those above, at and below the one asked for; of a 1x1
 * convolution rows[1] alone. They point at position 0 of group 0. */
typedef struct {
    const uint8_t *rows[3];
    int64_t group_stride;
} Source;

struct lc_layer {
    const lc_kernels *level; /* that packed the weights */
    int32_t outputs, num_convolutions;
    int32_t inputs[MAX_CONVOLUTIONS], kernels[MAX_CONVOLUTIONS];
    int32_t groups[MAX_CONVOLUTIONS]; /* of four channels, of words two */
    int32_t of_inputs, form;
    int64_t tile_bytes;
    int32_t *bias;  /* whole tiles, with rounding, the zero of inputs and what the level adds */
    int32_t *shift; /* whole tiles */
    int8_t *weights;
    /* Of the synthesis: bits that the first convolution counts more, then what makes bytes. */
    int32_t lift;
    int32_t *factor, *byte_factor, *zero; /* whole tiles */
    uint8_t *zero_bytes;                  /* whole tiles */
};

enum { LC_MAX_PARTS = 2, LC_MAX_PART_BLOCKS = 16, LC_MAX_PART_LAYERS = 2 * LC_MAX_PART_BLOCKS + 1 };

/* A network of the synthesis, or of the analysis, whose maps are words. */
typedef struct {
    int32_t patch_px, num_blocks, width, is_words;
    lc_layer *layers[LC_MAX_PART_LAYERS];
    uint8_t input_zeros[2 * LC_PLANES * 8 * 8];
} Network;

struct lc_synthesis {
    const lc_kernels *level;
    int32_t num_parts;
    Network parts[LC_MAX_PARTS];
};

/* The last three rows of a map that is made from top to bottom, and one that lies beyond it. */
typedef struct {
    uint8_t *data;
    int64_t group_stride, row_bytes, width;
    int64_t height; /* of the map */
    int32_t groups;
    uint8_t zero;
    const uint8_t *zeros; /* (4 groups), NULL where all are `zero` */
} Ring;

enum { INPUT_LOW_BITS = 5, LAST_LOW_BITS = 7 };

/* A network at work on a window. */
typedef struct {
    const Network *net;
    int32_t *bias[LC_MAX_PART_LAYERS]; /* whole tiles */
    lc_layer *last;
    Ring rings[LC_MAX_PART_LAYERS + 1]; /* inputs, then what each layer gives */
    int64_t width, height;              /* in patches */
    int64_t first[LC_MAX_PART_LAYERS + 1], end[LC_MAX_PART_LAYERS + 1]; /* rows that are made */
    uint8_t *stream; /* of each block a ring of three rows of the map that it adds to, of bytes */
    int16_t *planes; /* a ring of rows of patches that wait for their correction */
    int64_t num_kept;
    int16_t *change; /* (outputs, stride) */
    uint8_t *split;  /* two rows of bytes */
} Part;

struct lc_corrector {
    const lc_synthesis *synthesis;
    lc_window window;
    Part parts[LC_MAX_PARTS];
    int64_t num_pushed; /* rows of the window */
    uint8_t *memory;
};

/* Arguments are checked before these are called. */
struct lc_kernels {
    const char *name;
    int (*pack)(lc_layer *layer, const void *const *weights);
    int (*trunk)(const lc_trunk_task *task);
    int (*head)(const lc_head_task *task);
    int (*put_values)(const lc_values_task *task);
    int (*synthesise)(const lc_wavelet_task *task);
    int (*start_corrector)(lc_corrector *corrector);
    int (*correct_rows)(lc_corrector *corrector, const int32_t *planes, int64_t plane_stride,
                        int64_t num_rows);
    int64_t (*choose_step)(const lc_choice_task *task, double missed[2]);
    int (*count_magnitudes)(const lc_choice_task *task, int64_t columns, int64_t stride,
                            int32_t num_bands, int64_t *counts);
    int (*split)(const lc_split_task *task);
    int (*padding_slope)(const lc_padding_task *task);
    int (*visual)(const lc_visual_task *task, double *sum);
    int (*blur)(const lc_blur_task *task);
    int (*lines)(const lc_lines_task *task);
};

extern const lc_kernels lc_kernels_portable, lc_kernels_avx2, lc_kernels_avxvnni,
    lc_kernels_avx512vnni, lc_kernels_amx, lc_kernels_neon, lc_kernels_neondot,
    lc_kernels_neoni8mm;

/* Those of a number, NULL where this CPU lacks them. */
const lc_kernels *lc_kernels_of(int32_t level);
/* Whether chains are none, or a machine that tables serve; num_tables of all. */
int lc_check_chains(const lc_chains *chains, int32_t num_tables);

static inline int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }
static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

#endif
