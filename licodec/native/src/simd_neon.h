/* NEON, alone, with dot products of four bytes (DotProd), or with products of matrices of bytes
 * (I8MM); what each function is for stands in simd.h.
 */
#ifndef LICODEC_SIMD_NEON_H
#define LICODEC_SIMD_NEON_H

#include <arm_neon.h>

typedef int32x4_t vec;
enum { LANES = 4, OUT_TILE = 8, MAX_VECS = 3 };

INLINE vec load(const void *p) { vec v; memcpy(&v, p, sizeof v); return v; }
INLINE void store(void *p, vec v) { memcpy(p, &v, sizeof v); }
INLINE vec splat(int32_t x) { return vdupq_n_s32(x); }
INLINE vec add(vec a, vec b) { return vaddq_s32(a, b); }
INLINE vec mul(vec a, vec b) { return vmulq_s32(a, b); }
INLINE vec shift_right(vec a, int n) { return vshlq_s32(a, splat(-n)); }
INLINE vec shift_left(vec a, int n) { return vshlq_s32(a, splat(n)); }
INLINE vec clamp(vec a, int32_t low, int32_t high)
{
    return vminq_s32(vmaxq_s32(a, splat(low)), splat(high));
}
INLINE void store16(int16_t *p, vec v)
{
    const int16x4_t numbers = vmovn_s32(v);
    memcpy(p, &numbers, sizeof numbers);
}
INLINE void store8(uint8_t *p, vec v)
{
    const int8x8_t bytes = vmovn_s16(vcombine_s16(vmovn_s32(v), vdup_n_s16(0)));
    memcpy(p, &bytes, LANES);
}

typedef int16x8_t pair; /* four of each channel */
INLINE pair pack_pair(vec a, vec b) { return vqmovn_high_s32(vqmovn_s32(a), b); }
INLINE pair pair_of(int32_t a, int32_t b) { return pack_pair(splat(a), splat(b)); }
INLINE pair add_pair(pair a, pair b) { return vqaddq_s16(a, b); }
INLINE pair max_pair(pair a, pair b) { return vmaxq_s16(a, b); }
INLINE pair mul_pair(pair a, pair b) { return vqrdmulhq_s16(a, b); }
INLINE uint8x16_t shuffle(uint8x16_t bytes, const uint8_t order[16])
{
    return vqtbl1q_u8(bytes, vld1q_u8(order)); /* 255 gives 0 */
}
INLINE pair pair_of_bytes(vec m, int half)
{
    static const uint8_t order[2][16] = {
        {0, 255, 4, 255, 8, 255, 12, 255, 1, 255, 5, 255, 9, 255, 13, 255},
        {2, 255, 6, 255, 10, 255, 14, 255, 3, 255, 7, 255, 11, 255, 15, 255}};
    return vreinterpretq_s16_u8(shuffle(vreinterpretq_u8_s32(m), order[half]));
}
INLINE pair pair_of_words(vec w) { return vshrn_high_n_s32(vmovn_s32(w), w, 16); }
INLINE vec words_of(pair a)
{
    return vreinterpretq_s32_s16(vzip1q_s16(a, vextq_s16(a, a, 4)));
}
INLINE vec bytes_of(pair first, pair second)
{
    static const uint8_t order[16] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
    const uint8x16_t bytes = vqmovun_high_s16(vqmovun_s16(first), second);
    return vreinterpretq_s32_u8(shuffle(bytes, order));
}

/* Of words those of the first channel, then of the second; weights of several outputs, of which
 * `number` counts. */
typedef struct { vec part[2]; int number; } factors;

/* What word or vector number `x.number` of weights gives: an instruction wants a constant. */
#define OF_NUMBER(x, product)                                                                    \
    ((x).number == 0   ? product(0)                                                              \
     : (x).number == 1 ? product(1)                                                              \
     : (x).number == 2 ? product(2)                                                              \
                       : product(3))

INLINE vec dot_words(vec sum, factors a, factors b)
{
    const pair x = vreinterpretq_s16_s32(a.part[0]), w = vreinterpretq_s16_s32(b.part[0]);
#define FIRST(n) vmlal_laneq_s16(sum, vget_low_s16(x), w, 2 * (n))
#define SECOND(n) vmlal_high_laneq_s16(sum, x, w, 2 * (n) + 1)
    sum = OF_NUMBER(b, FIRST);
    return OF_NUMBER(b, SECOND);
#undef FIRST
#undef SECOND
}
INLINE factors load_words(const void *p)
{
    return (factors){{vreinterpretq_s32_s16(pair_of_words(load(p)))}, 0};
}

#if LC_LEVEL == LC_NEONI8MM

INLINE int weight_bytes(int form) { return form == WORDS ? 4 : 8; }
/* Eight channels of positions 0 and 1, and of 2 and 3. */
INLINE factors load_bytes(const uint8_t *p, int64_t stride, int form)
{
    if (form == WORDS) return load_words(p);
    const vec first = load(p), second = load(p + stride);
    return (factors){{vzip1q_s32(first, second), vzip2q_s32(first, second)}, 0};
}
INLINE factors load_weight(const int8_t *w, int o, int form)
{
    if (form == WORDS) return (factors){{load(w + 16 * (o / 4))}, o % 4};
    return (factors){{load(w + 16 * (o / 2))}, o % 2};
}
/* Of bytes, outputs o and o + 1, o being even, of two positions each. */
INLINE vec dot(vec sum, factors a, factors b, int form)
{
    if (form == WORDS) return dot_words(sum, a, b);
    return vusmmlaq_s32(sum, vreinterpretq_u8_s32(a.part[b.number]),
                        vreinterpretq_s8_s32(b.part[0]));
}
INLINE vec bias_of(const int32_t *bias, int o, int form)
{
    if (form == WORDS) return splat(bias[o]);
    const int32x2_t both = vld1_s32(bias + o / 2 * 2);
    return vcombine_s32(both, both);
}
INLINE void put_in_order(vec sum[OUT_TILE][MAX_VECS], const int vecs, int form)
{
    if (form == WORDS) return;
#pragma GCC unroll 4
    for (int o = 0; o < OUT_TILE; o += 2)
#pragma GCC unroll 3
        for (int i = 0; i < vecs; i++) {
            const vec a = sum[o][i], b = sum[o + 1][i];
            sum[o][i] = vuzp1q_s32(a, b);
            sum[o + 1][i] = vuzp2q_s32(a, b);
        }
}

#else

INLINE int weight_bytes(int form) { (void)form; return 4; }
INLINE factors load_bytes(const uint8_t *p, int64_t stride, int form)
{
    (void)stride;
    if (form == WORDS) return load_words(p);
    return (factors){{vreinterpretq_s32_u8(veorq_u8(vld1q_u8(p), vdupq_n_u8(INPUT_OFFSET)))}, 0};
}
INLINE factors load_weight(const int8_t *w, int o, int form)
{
    if (LC_LEVEL == LC_NEON && form != WORDS) return (factors){{splat(word_at(w + 4 * o))}, 0};
    return (factors){{load(w + 16 * (o / 4))}, o % 4};
}
INLINE vec dot(vec sum, factors a, factors b, int form)
{
    if (form == WORDS) return dot_words(sum, a, b);
    const int8x16_t x = vreinterpretq_s8_s32(a.part[0]), w = vreinterpretq_s8_s32(b.part[0]);
#if LC_LEVEL == LC_NEONDOT
#define BYTES_OF(n) vdotq_laneq_s32(sum, x, w, n)
    return OF_NUMBER(b, BYTES_OF);
#undef BYTES_OF
#else
    const pair low = vmull_s8(vget_low_s8(x), vget_low_s8(w)), high = vmull_high_s8(x, w);
    if (form == SHORT) return vpadalq_s16(sum, vpaddq_s16(low, high));
    return add(sum, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
#endif
}

#endif
#endif
