/* Vectors of 32-bit lanes for one instruction set, and their products of bytes.
 *
 * LC_LEVEL chooses. A lane is a position of a map; its four bytes are neighbouring channels. Sums
 * wrap in no level, because the bounds of a family are proved when it is loaded.
 */
#ifndef LICODEC_SIMD_H
#define LICODEC_SIMD_H

#include <stdint.h>
#include <string.h>

#include "internal.h"

#define LC_PORTABLE 0
#define LC_AVX2 1
#define LC_AVXVNNI 2
#define LC_AVX512VNNI 3
#define LC_AMX 4 /* with the vectors of AVX-512 */
#define LC_NEON 5
#define LC_NEONDOT 6
#define LC_NEONI8MM 7
#define IS_NEON (LC_LEVEL >= LC_NEON)

#define INLINE static inline __attribute__((always_inline))

INLINE int32_t word_at(const void *p) { int32_t x; memcpy(&x, p, 4); return x; }

/* What bytes of inputs are lowered by, where an instruction takes signed ones alone; layers add to
 * the bias what that takes away. */
#define INPUT_OFFSET (LC_LEVEL == LC_NEON || LC_LEVEL == LC_NEONDOT ? 128 : 0)
/* Beside BYTES the form that layers of bytes may have: SHORT is that of weights of up to MAX_SHORT in
 * size, so that a sum of two products fits 16 bits. */
#define OTHER_FORM                                                                        \
    (LC_LEVEL == LC_AVX2 || LC_LEVEL == LC_NEON ? SHORT : LC_LEVEL == LC_AMX ? TILES : BYTES)
enum { MAX_SHORT = LC_LEVEL == LC_NEON ? 127 : 64 };

/* Each file has the same, beside vectors:
 * - pair: numbers of 16 bits of two channels, at the positions of a vector. mul_pair multiplies by
 *   2^-15, rounded to nearest, halves up; pair_of_bytes takes channels 0 and 1, or 2 and 3;
 *   pair_of_words and words_of turn words, two channels of each position in turn, to pairs and back.
 * - factors of products: four bytes a lane, or two words. Weights of a tile lie
 *   [OUT_TILE] x weight_bytes; load_weight takes that of output o. `stride` leads to the next group.
 */
#if LC_LEVEL == LC_PORTABLE
#include "simd_portable.h"
#elif LC_LEVEL == LC_AVX512VNNI || LC_LEVEL == LC_AMX
#include "simd_avx512.h"
#elif IS_NEON
#include "simd_neon.h"
#else
#include "simd_avx2.h"
#endif

#if defined(FACTORS_ARE_VECTORS)
INLINE int weight_bytes(int form) { (void)form; return 4; }
INLINE factors load_bytes(const uint8_t *p, int64_t stride, int form)
{
    (void)stride, (void)form;
    return load(p);
}
INLINE factors load_weight(const int8_t *w, int o, int form)
{
    (void)form;
    return splat(word_at(w + 4 * o));
}
#endif

/* Channels that one product takes: a group of words or of bytes, or two groups. */
INLINE int product_inputs(int form)
{
    return form == WORDS ? 2 : LC_LEVEL == LC_NEONI8MM ? 8 : 4;
}

#if LC_LEVEL != LC_NEONI8MM
/* What the sums of output o begin with, and the order of sums after the last product. */
INLINE vec bias_of(const int32_t *bias, int o, int form)
{
    (void)form;
    return splat(bias[o]);
}
INLINE void put_in_order(vec sum[OUT_TILE][MAX_VECS], const int vecs, int form)
{
    (void)sum, (void)vecs, (void)form;
}
#endif

/* Four channels to bytes of 0 to 255, after the bytes of `more` were added. */
INLINE vec pack_bytes(const vec v[4], const uint8_t *more)
{
    pair first = pack_pair(v[0], v[1]), second = pack_pair(v[2], v[3]);
    if (more) {
        const vec m = load(more);
        first = add_pair(first, pair_of_bytes(m, 0));
        second = add_pair(second, pair_of_bytes(m, 1));
    }
    return bytes_of(first, second);
}

#endif
