/* Sums of products in tiles (AMX). A row of a map lies as a tile takes it: 16 groups of four channels
 * by 16 positions. The weights of a tile are those of 16 outputs for 16 groups.
 */
#ifndef LICODEC_TILES_H
#define LICODEC_TILES_H

#include "internal.h"
#include "simd.h"

#if LC_LEVEL == LC_AMX

/* A block is the outputs, and the vectors of positions, whose sums are made at once in tiles 0 to 3. */
enum { TILE_ROWS = 16, TILE_BYTES = 1024, BLOCK = 32, BLOCK_VECS = 2 };

/* What LDTILECFG takes. Weights lie in tiles 4 and 6, maps in 5 and 7, in two sizes: a layer's
 * convolutions may see many channels and few. */
typedef struct {
    uint8_t palette, first_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} TileConfig;

/* Whether a convolution takes the larger tiles. */
INLINE int has_large_tiles(const lc_layer *layer, int c)
{
    return layer->groups[c] >= ((const TileConfig *)layer->weights)->rows[5];
}

INLINE int tile_groups(const lc_layer *layer, int c)
{
    return ((const TileConfig *)layer->weights)->rows[has_large_tiles(layer, c) ? 5 : 7];
}

INLINE int num_chunks(const lc_layer *layer, int c)
{
    const int size = tile_groups(layer, c);
    return (layer->groups[c] + size - 1) / size;
}

/* First group of a chunk. The last chunk begins so early that it is whole: no tile leaves the map.
 * What it has in common with the one before has weights of 0. */
INLINE int chunk_start(const lc_layer *layer, int c, int chunk)
{
    const int size = tile_groups(layer, c);
    return (int)smaller(chunk * size, layer->groups[c] - size);
}

INLINE int has_one_size(const lc_layer *layer)
{
    const TileConfig *config = (const TileConfig *)layer->weights;
    return config->rows[5] == config->rows[7];
}

static TileConfig tile_config(const lc_layer *layer)
{
    int large = 1, small = TILE_ROWS;
    for (int c = 0; c < layer->num_convolutions; c++) {
        large = (int)larger(large, smaller(layer->groups[c], TILE_ROWS));
        small = (int)smaller(small, layer->groups[c]);
    }
    TileConfig config = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        const int groups = i < 6 ? large : small;
        config.rows[i] = (uint8_t)(i == 5 || i == 7 ? groups : TILE_ROWS);
        config.row_bytes[i] = (uint16_t)(i == 4 || i == 6 ? 4 * groups : 64);
    }
    return config;
}

/* Whether tiles are faster than vectors: with few products to a sum, the way of a tile's sums through
 * memory takes more time than they do. */
static int is_for_tiles(const lc_layer *layer)
{
    return layer->inputs[0] * layer->kernels[0] * layer->kernels[0] >= 48;
}

/* Config, then the weights of each block in the order of their use. */
static int pack_tiles(lc_layer *layer, const void *const *weights)
{
    const TileConfig config = tile_config(layer);
    layer->form = TILES;
    layer->weights = (int8_t *)&config; /* where sizes are looked up */
    layer->tile_bytes = 0;
    for (int c = 0; c < layer->num_convolutions; c++)
        layer->tile_bytes += (int64_t)BLOCK / TILE_ROWS * TILE_BYTES * num_chunks(layer, c)
                             * layer->kernels[c] * layer->kernels[c];
    const size_t bytes =
        sizeof config + (size_t)((layer->outputs + BLOCK - 1) / BLOCK * layer->tile_bytes);
    layer->weights = aligned_alloc(64, bytes);
    if (!layer->weights) return LC_NO_MEMORY;
    memset(layer->weights, 0, bytes);
    memcpy(layer->weights, &config, sizeof config);
    for (int first = 0; first < layer->outputs; first += BLOCK) {
        int8_t *to = layer->weights + sizeof config + first / BLOCK * layer->tile_bytes;
        for (int c = 0; c < layer->num_convolutions; c++) {
            const int taps = layer->kernels[c] * layer->kernels[c], inputs = layer->inputs[c];
            for (int at = 0; at < taps * num_chunks(layer, c); at++) {
                const int tap = at / num_chunks(layer, c), chunk = at % num_chunks(layer, c);
                const int start = 4 * chunk_start(layer, c, chunk);
                for (int o = first; o < first + BLOCK && o < round_up(layer->outputs, TILE_ROWS);
                     o++, to += 64)
                    for (int in = 4 * chunk * tile_groups(layer, c);
                         in < start + 4 * tile_groups(layer, c) && in < inputs; in++)
                        if (o < layer->outputs)
                            to[in - start] = ((const int8_t *)weights[c])
                                [((int64_t)o * inputs + in) * taps + tap];
            }
        }
    }
    return LC_OK;
}

/* Products of a chunk: tile 0 takes those of the first 16 outputs at the first 16 positions, 1 and 2
 * those of the other outputs or the other positions, 3 those of both. */
#define ADD_PRODUCTS(WEIGHTS, WEIGHTS1, MAP, MAP1)                         \
    do {                                                                   \
        _tile_loadd(MAP, from, stride);                                    \
        _tile_loadd(WEIGHTS, w, 64);                                       \
        _tile_dpbsud(0, WEIGHTS, MAP);                                     \
        if (tiles > 1) {                                                   \
            _tile_loadd(WEIGHTS1, w + TILE_BYTES, 64);                     \
            _tile_dpbsud(1, WEIGHTS1, MAP);                                \
        }                                                                  \
        if (vecs > 1) {                                                    \
            _tile_loadd(MAP1, from + 64, stride);                          \
            if (tiles > 1) {                                               \
                _tile_dpbsud(3, WEIGHTS1, MAP1);                           \
                if (WEIGHTS == WEIGHTS1) _tile_loadd(WEIGHTS, w, 64);      \
            }                                                              \
            _tile_dpbsud(2, WEIGHTS, MAP1);                                \
        }                                                                  \
    } while (0)

/* USE(tile, where) for each tile of sums in use. */
#define FOR_SUMS(USE)                                                      \
    do {                                                                   \
        USE(0, to[0]);                                                     \
        if (tiles > 1) USE(1, to[TILE_ROWS]);                              \
        if (vecs > 1) USE(2, to[0] + 1);                                   \
        if (tiles > 1 && vecs > 1) USE(3, to[TILE_ROWS] + 1);              \
    } while (0)
#define ZERO_SUMS(TILE, AT) _tile_zero(TILE)
#define LOAD_SUMS(TILE, AT) _tile_loadd(TILE, AT, sizeof *to)
#define STORE_SUMS(TILE, AT) _tile_stored(TILE, AT, sizeof *to)

/* Sums of outputs `first` to first + BLOCK - 1 at one or two vectors of positions, without bias. */
static void convolve_block(vec to[BLOCK][BLOCK_VECS], int vecs, const lc_layer *layer,
                           const Source *sources, int64_t x, int first)
{
    const int tiles = layer->outputs - first > TILE_ROWS ? 2 : 1;
    const int8_t *w = layer->weights + sizeof(TileConfig) + first / BLOCK * layer->tile_bytes;
    __asm__ volatile("" ::: "memory"); /* gcc's tile loads do not say that they read memory */
    FOR_SUMS(ZERO_SUMS);
    for (int c = 0; c < layer->num_convolutions; c++) {
        const int kernel = layer->kernels[c], reach = kernel / 2, chunks = num_chunks(layer, c);
        const int is_large = has_large_tiles(layer, c), is_only = has_one_size(layer);
        const int64_t stride = sources[c].group_stride;
        for (int dy = -reach; dy <= reach; dy++)
            for (int dx = -reach; dx <= reach; dx++)
                for (int chunk = 0; chunk < chunks; chunk++, w += tiles * TILE_BYTES) {
                    const uint8_t *from = sources[c].rows[1 + dy] + 4 * (x + dx)
                                          + chunk_start(layer, c, chunk) * stride;
                    if (is_only) ADD_PRODUCTS(4, 6, 5, 7);
                    else if (is_large) ADD_PRODUCTS(4, 4, 5, 5);
                    else ADD_PRODUCTS(6, 6, 7, 7);
                }
        if (c == 0 && layer->lift) {
            FOR_SUMS(STORE_SUMS);
            for (int o = 0; o < tiles * TILE_ROWS; o++)
                for (int i = 0; i < vecs; i++) to[o][i] = shift_left(to[o][i], layer->lift);
            __asm__ volatile("" ::: "memory");
            FOR_SUMS(LOAD_SUMS);
        }
    }
    FOR_SUMS(STORE_SUMS);
}

/* Before and after a row of a layer: no tiles stay behind for those who use them elsewhere, and
 * other threads' turns stay cheap. */
INLINE void start_tiles(const lc_layer *layer) { _tile_loadconfig(layer->weights); }
INLINE void end_tiles(void) { _tile_release(); }

#else

enum { BLOCK = 1, BLOCK_VECS = 1 };
INLINE void start_tiles(const lc_layer *layer) { (void)layer; }
INLINE void end_tiles(void) {}

#endif
#endif
