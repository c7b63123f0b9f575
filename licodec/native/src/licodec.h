/* The functions of the native library, all on plain arrays in C order.
 *
 * Sizes and contents come from files that may be hostile: each function checks what it is given
 * before it reads or writes, and returns a negative code instead of doing anything else. Nothing
 * here starts threads or keeps state between calls but in the handles that it returns, so calls on
 * different rows, or on different handles, may run at the same time.
 */
#ifndef LICODEC_H
#define LICODEC_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define LC_API __declspec(dllexport)
#else
#define LC_API __attribute__((visibility("default")))
#endif

enum {
    LC_OK = 0,
    LC_WIDE = 1,          /* a number does not fit 16 bits: call again with room for 32 */
    LC_BAD_ARGUMENT = -1, /* a size, index or pointer that no caller of ours gives */
    LC_NO_MEMORY = -2,
    LC_CORRUPT = -3, /* what no encoder writes */
};

enum {
    LC_PLANES = 3,
    LC_BANDS = 3,
    LC_DETAILS = LC_PLANES * LC_BANDS,
    LC_COMPAND = 8191,   /* entries for eighths of a step from -4095 to 4095 */
    LC_SCALES = 64,      /* scale indices */
    LC_MAX_REACH = 2047, /* of a frequency table */
    LC_MAX_SYMBOL = 32767,
    LC_MAX_BLOCKS = 8,
    LC_MAX_CHANNELS = 256, /* of a layer */
    LC_MAX_SIDE = 1 << 24, /* of any map */
    LC_MAX_SHIFT = 24,
    LC_MAGNITUDES = 2051, /* columns of a table of costs */
    LC_MAX_LEVELS = 6,
    LC_BLUR_TAPS = 11,
    LC_MAX_SCALES = 8,
    LC_MAX_TAPS = 63,
    LC_LINE_REACH = 4,
    LC_LINE_PAIRS = 4,
};

/* Changes with whatever callers see, so that no library of another version is used. */
enum { LC_ABI = 7 };
LC_API int32_t lc_abi(void);

/* ---- Instruction sets ---- */

/* Name of level number i ("portable", "avx2", "avxvnni", "avx512vnni", "amx", or "portable", "neon",
 * "neondot", "neoni8mm", as far as they were compiled), NULL after the last; and whether this CPU has
 * it. The last that it has is fastest. */
LC_API const char *lc_level_name(int32_t i);
LC_API int lc_has_level(int32_t i);

/* ---- Layers of the prior ---- */

typedef struct lc_layer lc_layer;

/* One to three convolutions that add up, see docs/format.md, "Networks".
 * weights[i]: (outputs, inputs[i], kernels[i], kernels[i]) int8; kernels are 1 or 3.
 * of_inputs: number of the convolution that sees inputs (-127 .. 127), -1 for none; the others see
 * activations (0 .. 255). NULL where an argument is bad or memory is short. What works on layers
 * takes their level; they all have the same. */
LC_API lc_layer *lc_layer_new(int32_t level, int32_t outputs, int32_t num_convolutions,
                              const int32_t *inputs, const int32_t *kernels,
                              const void *const *weights, const int32_t *bias,
                              const uint8_t *shift, int32_t of_inputs);
LC_API void lc_layer_free(lc_layer *layer);

/* Bytes of a map (height, channels / 4, width rounded up to 16, 4) uint8; -1 if too large. */
LC_API int64_t lc_map_bytes(int32_t height, int32_t width, int32_t channels);

/* Activations that a level's heads share, rows top to bottom - 1. Inputs of the first layer: the
 * high-pass, brightness, parents; then, if it has as many, the magnitudes of high-pass and parents. */
typedef struct {
    const lc_layer *first;
    const lc_layer *const *blocks;
    int32_t num_blocks;
    int32_t fold; /* 1 or 2 */
    int32_t height, width;
    int32_t top, bottom;
    int32_t coarser_height, coarser_width; /* as the level's own, or half of it */
    const int32_t *quality_bias;           /* (T) */
    const int32_t *low;                    /* (3, fold height, fold width), 1/64 grey level */
    const int64_t *reciprocal;             /* (3), 0 .. 2^21 */
    const int8_t *compand;                 /* (LC_COMPAND) */
    const int8_t *parents;                 /* (9, height, width) or NULL */
    const uint8_t *coarser;                /* map of as many channels as `first` takes, or NULL */
    uint8_t *trunk;                        /* map of T channels */
} lc_trunk_task;
LC_API int lc_trunk(const lc_trunk_task *task);

/* Means and scale indices of one step, rows top to bottom - 1. Inputs of `in`: trunk, known values,
 * and then, if it has as many, their magnitudes; the hidden state, if it has a third convolution. */
typedef struct {
    const lc_layer *in, *mix, *out;
    int32_t num_known, num_channels; /* C */
    int32_t height, width;
    int32_t top, bottom;
    int32_t unit_shift; /* of means */
    int32_t mean_bytes; /* 2 or 4 */
    const uint8_t *trunk;
    uint8_t *hidden;       /* map of what `mix` gave in the level's last step, takes this one's;
                            * or NULL */
    const int8_t *known;   /* (num_known, height, width) */
    const int32_t *unit;   /* (C) */
    const int32_t *offset; /* (C) of twice the index */
    void *mean;            /* (C, height, width) int16 or int32 */
    uint8_t *index;        /* (C, height, width), 1 .. 63 */
} lc_head_task;
LC_API int lc_head(const lc_head_task *task);

/* value = mean + (offset << offset_shift), rows top to bottom - 1 of a step's folded channels. */
typedef struct {
    int32_t num_channels;
    int32_t fold;
    int32_t height, width;
    int32_t top, bottom;
    int32_t mean_bytes, offset_bytes, value_bytes; /* 2 or 4 each */
    int32_t offset_shift;                          /* 1/16 steps to units of values */
    int32_t eighths_shift;                         /* units of values to 1/8 steps */
    const int32_t *channels;                       /* (C) folded, 0 .. 9 fold^2 - 1 */
    const void *mean, *offsets;                    /* (C, height, width) */
    const int8_t *compand;                         /* (LC_COMPAND) */
    void *values;      /* (9, fold height, fold width) or NULL */
    int8_t *companded; /* (C, height, width) or NULL */
    int8_t *parents;   /* (9, fold height, fold width) or NULL */
} lc_values_task;
/* LC_WIDE: a value does not fit 16 bits; what was written then is to be written again. */
LC_API int lc_put_values(int32_t level, const lc_values_task *task);

/* ---- Wavelet ---- */

/* A window of the planes that a level's values and the coarser planes give. */
typedef struct {
    int32_t height, width;            /* of the coarser planes */
    int32_t top, bottom, left, right; /* window of the finer ones */
    int32_t value_bytes;              /* 2 or 4 */
    int32_t shift;                    /* products of values and steps to 1/64 grey level */
    int64_t plane_stride;             /* numbers from a plane of the window to the next */
    const int32_t *low;               /* (3, height, width) */
    const void *values;               /* (9, height, width) */
    const int32_t *steps;             /* (9) */
    int32_t *planes;                  /* (3, bottom - top, right - left) */
} lc_wavelet_task;
LC_API int lc_synthesise(int32_t level, const lc_wavelet_task *task);

/* ---- Corrections ---- */

/* Networks of the synthesis or of the analysis. */
typedef struct lc_synthesis lc_synthesis;
typedef struct lc_corrector lc_corrector;

/* Layers of one network, 2 num_blocks + 1 of each array; see "Pixels" in docs/format.md. Of words,
 * which the analysis has in place of bytes, layers have weights and shifts alone. */
typedef struct {
    int32_t patch_px; /* 2, 4 or 8 */
    int32_t num_blocks, width;
    int32_t is_words;
    const void *const *weights;        /* (width, inputs, 3, 3) int8, -127 .. 127, or int16 */
    const uint8_t *const *shift;       /* (width), 0 .. LC_MAX_SHIFT */
    const int16_t *const *factor;      /* (width), 1/32768 */
    const int16_t *const *byte_factor; /* (width), 1/32768, of the first and each second layer */
    const uint8_t *const *zero;        /* (width) */
} lc_network;
/* One network, or two with the finer patches last. The arrays are copied. NULL where an argument is
 * bad or memory is short. */
LC_API lc_synthesis *lc_synthesis_new(int32_t level, const lc_network *parts, int32_t num_parts);
LC_API void lc_synthesis_free(lc_synthesis *synthesis);

/* What a network is for a picture. */
typedef struct {
    const int32_t *const *bias; /* (width) of each layer, with rounding and the zeros of inputs */
    const int16_t *last_weight; /* (3 patch_px^2, width), of the synthesis less than 2^13 in size */
    const int32_t *last_bias;   /* (3 patch_px^2), with rounding and the zeros of inputs */
    int32_t last_shift;         /* 1 .. LC_MAX_SHIFT */
} lc_network_at;

/* A window of the planes, and the part of it that is wanted. What lies beyond the window is taken
 * for the outside of the picture. */
typedef struct {
    int32_t height, width;            /* multiples of the first network's patches */
    int32_t top, bottom, left, right; /* of the part */
    int32_t is_grey;
    int64_t pixel_stride; /* bytes from a row of pixels to the next */
    uint8_t *pixels;      /* (bottom - top, right - left, 1 or 3), or NULL */
    int16_t *planes;      /* (3, bottom - top, right - left) corrected, 1/64 grey level, or NULL */
    uint8_t *seen;        /* (rows of patches in the part, groups of four channels, width in patches,
                           * 4) bytes that the last layer of the synthesis saw, or NULL */
} lc_window;

/* Begins a window, which then comes from top to bottom. The synthesis and what the window points to
 * must outlive it. */
LC_API lc_corrector *lc_corrector_new(const lc_synthesis *synthesis, const lc_network_at *parts,
                                      const lc_window *window);
LC_API void lc_corrector_free(lc_corrector *corrector);
/* The next rows of the window, a multiple of the first network's patches: planes (3, num_rows,
 * width), 1/64 grey level. */
LC_API int lc_corrector_push(lc_corrector *corrector, const int32_t *planes, int64_t plane_stride,
                             int32_t num_rows);
/* Analysis of one plane by a level, in float32; rows of pairs top to bottom - 1. */
typedef struct {
    int32_t height, width; /* of the plane, even */
    int32_t top, bottom;   /* of height / 2 */
    int64_t stride;        /* numbers from a row of the plane to the next */
    const float *plane;
    float *low;     /* (height / 2, width / 2) */
    float *details; /* (3, height / 2, width / 2) */
} lc_split_task;
LC_API int lc_split(int32_t level, const lc_split_task *task);

/* What the padding's details weigh: half the sum of their squares, each times its norm. Elements
 * (y, x) of a level are of the padding unless y 2^level < height and x 2^level < width. */
typedef struct {
    int32_t rows, columns;   /* of the plane, multiples of 2^num_levels */
    int32_t height, width;   /* of the picture in it */
    int32_t num_levels;      /* 1 to LC_MAX_LEVELS */
    const float *norms;      /* (num_levels, 3) */
    const float *plane;      /* (rows, columns) */
    float *slope;            /* the same: its gradient, 0 in the picture */
} lc_padding_task;
LC_API int lc_padding_slope(int32_t level, const lc_padding_task *task);

/* ---- Choice of symbols ---- */

/* Which elements follow a trellis, none that is not coded; first_index 0: none at all. */
typedef struct {
    int32_t first_index, num_states;
    uint8_t quantizer[256];
    uint8_t next[512]; /* by 2 state + parity */
} lc_chains;

enum { LC_ROUND = 0, LC_DEAD_ZONE = 1, LC_RDOQ = 2 };

/* A step of the encoder, of n = num_channels * per_channel elements. */
typedef struct {
    int32_t kind; /* LC_ROUND, LC_DEAD_ZONE, LC_RDOQ */
    int32_t num_channels;
    int64_t per_channel;
    int32_t mean_bytes; /* 2 or 4 */
    int32_t skip_below;
    int32_t num_tables;      /* rows of bits */
    float mean_unit;         /* of means in steps */
    float squared_step_bits; /* that a skipped element's squared error of one step is worth */
    const float *values;     /* (n) in steps */
    const void *mean;        /* (n) */
    const uint8_t *index;    /* (n) */
    const float *weight;     /* (C) bits that a squared error of one step is worth */
    const float *first_zone, *higher_zone; /* (64) shifts of decisions */
    const float *bits;                     /* (num_tables, LC_MAGNITUDES) */
    const lc_chains *chains;
    int32_t *offsets; /* (n) 1/16 step, 0 where nothing is coded */
    int16_t *symbols; /* (n) in coding order, those in chains last, place by place */
    uint8_t *numbers; /* (n) their tables */
} lc_choice_task;
/* missed (2): what distortion of skipped elements is worth in bits, and that less what they would
 * cost. How many symbols are coded, or a code. */
LC_API int64_t lc_choose_step(int32_t level, const lc_choice_task *task, double *missed);
/* counts (num_bands, 64, 32): how often a magnitude up to 31 is chosen for an index, of each
 * `stride`th row of `columns` elements. Outputs of the task are not used. */
LC_API int lc_count_magnitudes(int32_t level, const lc_choice_task *task, int64_t columns,
                               int64_t stride, int32_t num_bands, int64_t *counts);

/* ---- Visual distance ---- */

/* Scales of a picture, or of its half. Light (3, height, width) lies plane_stride and stride apart. */
typedef struct {
    int32_t height, width;
    int32_t is_halved; /* the first scale is the half */
    int32_t num_scales;
    int64_t plane_stride, stride;
    float opsin_bias, middle, structure_floor, least_norm; /* above 0 */
    const float *opsin;            /* (3, 3) */
    const float *kernel;           /* (LC_BLUR_TAPS), symmetric */
    const float *weights;          /* (num_scales, 3, 2, 3): channel, norm, map */
    const float *original, *shown; /* linear light, 0 .. 1 */
    float *slope;                  /* of the first scale's size: gradient by `shown`, or NULL */
} lc_visual_task;
/* sum: of all norms, weighted. */
LC_API int lc_visual(int32_t level, const lc_visual_task *task, double *sum);

/* ---- Planes of Butteraugli ---- */

/* A plane (height, width), blurred along rows and columns; zeros lie beyond it. */
typedef struct {
    int32_t height, width;
    int32_t num_taps; /* odd */
    int32_t is_renormalised; /* what is inside is weighed as if nothing else were there */
    int32_t is_adjoint;      /* the transpose of that, which takes slopes back */
    const float *kernel;     /* (num_taps), symmetric */
    const float *plane;
    float *blurred;
} lc_blur_task;
LC_API int lc_blur(int32_t level, const lc_blur_task *task);

/* A line through a pixel: besides it pairs of pixels that lie opposite each other. */
typedef struct {
    int32_t num_pairs;
    int32_t down[LC_LINE_PAIRS], right[LC_LINE_PAIRS]; /* at most LC_LINE_REACH away */
    float weight;
} lc_line;
typedef struct {
    int32_t height, width;
    int32_t num_lines;
    const lc_line *lines;
    const float *padded; /* (height, width) between LC_LINE_REACH zeros on each side */
    float *energy;       /* (height, width): the weighted sum of squared sums along lines */
    const float *pull;   /* (height, width), NULL for the energy: a slope by it */
    float *slope;        /* that by `padded`, where there is a pull */
} lc_lines_task;
LC_API int lc_lines(int32_t level, const lc_lines_task *task);

/* ---- ANS ---- */

typedef struct lc_tables lc_tables;
typedef struct lc_decoder lc_decoder;

/* frequencies: of all tables in turn, 2 R + 2 each, that sum to 2^24; num_entries of them in all.
 * The last table is that of shifts. NULL where they are not so, or memory is short. */
LC_API lc_tables *lc_tables_new(const uint32_t *frequencies, int64_t num_entries,
                                const int32_t *reaches, int32_t num_tables);
LC_API void lc_tables_free(lc_tables *tables);

/* The payload is copied, the tables are not. NULL where it is no whole words that end in one that
 * is not zero, or memory is short. */
LC_API lc_decoder *lc_decoder_new(const uint8_t *payload, int64_t num_bytes,
                                  const lc_tables *tables);
LC_API void lc_decoder_free(lc_decoder *decoder);
/* 1 if nothing is left. */
LC_API int lc_decoder_is_done(const lc_decoder *decoder);
/* A batch of n symbols of one table. */
LC_API int lc_decode_batch(lc_decoder *decoder, int32_t table, int64_t n, int16_t *symbols);
/* Read a step's shifts and shift its indices (bands, n). Shifts (2 bands): those that were read.
 * How many they are, or a code. */
LC_API int64_t lc_decode_shifts(lc_decoder *decoder, uint8_t *index, int32_t bands, int64_t n,
                                int32_t skip_below, int16_t *shifts);
/* Read a step. index, offsets (n): in 1/16 step; symbols (n): as the checksum takes them. How many
 * symbols there are, or a code. */
LC_API int64_t lc_decode_step(lc_decoder *decoder, const uint8_t *index, int64_t n,
                              int32_t skip_below, const lc_chains *chains, int32_t *offsets,
                              int16_t *symbols);

/* Code batches in decoding order: lengths (num_batches); symbols and table numbers of all in turn,
 * n. words (capacity): the payload; 2 n + 4 always suffice. How many words, or a code. */
LC_API int64_t lc_encode(const lc_tables *tables, const int64_t *lengths, int64_t num_batches,
                         const int16_t *symbols, const uint8_t *numbers, int64_t n,
                         uint32_t *words, int64_t capacity);

#endif
