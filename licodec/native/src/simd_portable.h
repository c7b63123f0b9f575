/* C without an instruction set, but for products by SSE2; what each function is for stands in
 * simd.h. */
#ifndef LICODEC_SIMD_PORTABLE_H
#define LICODEC_SIMD_PORTABLE_H

#if defined(__SSE2__) /* all x86-64 CPUs have it */
#include <emmintrin.h>
#endif
typedef int32_t vec __attribute__((vector_size(16)));
enum { LANES = 4, OUT_TILE = 4, MAX_VECS = 2 };

INLINE vec load(const void *p) { vec v; memcpy(&v, p, sizeof v); return v; }
INLINE void store(void *p, vec v) { memcpy(p, &v, sizeof v); }
INLINE vec splat(int32_t x) { return (vec){x, x, x, x}; }
INLINE vec add(vec a, vec b) { return a + b; }
INLINE vec mul(vec a, vec b) { return a * b; }
INLINE vec shift_right(vec a, int n) { return a >> n; }
INLINE vec clamp(vec a, int32_t low, int32_t high)
{
    vec l = splat(low), h = splat(high), m = a < l;
    a = (m & l) | (~m & a);
    m = a > h;
    return (m & h) | (~m & a);
}
INLINE void store16(int16_t *p, vec v)
{
    for (int i = 0; i < LANES; i++) p[i] = (int16_t)v[i];
}
INLINE void store8(uint8_t *p, vec v)
{
    for (int i = 0; i < LANES; i++) p[i] = (uint8_t)v[i];
}
INLINE vec shift_left(vec a, int n) { return a << n; }
/* Numbers of 16 bits of two channels, at the positions of a vector. */
typedef struct { vec part[2]; } pair;
INLINE pair clamp_pair(vec a, vec b)
{
    return (pair){{clamp(a, -32768, 32767), clamp(b, -32768, 32767)}};
}
INLINE pair pack_pair(vec a, vec b) { return clamp_pair(a, b); }
INLINE pair pair_of(int32_t a, int32_t b) { return (pair){{splat(a), splat(b)}}; }
/* Of channels 0 and 1, or 2 and 3. */
INLINE pair pair_of_bytes(vec m, int half)
{
    return (pair){{(m >> 16 * half) & 255, (m >> (16 * half + 8)) & 255}};
}
INLINE pair add_pair(pair a, pair b)
{
    return clamp_pair(a.part[0] + b.part[0], a.part[1] + b.part[1]);
}
INLINE pair max_pair(pair a, pair b)
{
    for (int i = 0; i < 2; i++) {
        const vec m = a.part[i] > b.part[i];
        a.part[i] = (m & a.part[i]) | (~m & b.part[i]);
    }
    return a;
}
/* Product by 2^-15, rounded to nearest, halves up. */
INLINE pair mul_pair(pair a, pair b)
{
    for (int i = 0; i < 2; i++) a.part[i] = (a.part[i] * b.part[i] + (1 << 14)) >> 15;
    return a;
}
/* Of words, two channels of each position in turn, and back. */
INLINE pair pair_of_words(vec w) { return (pair){{w << 16 >> 16, w >> 16}}; }
INLINE vec words_of(pair a) { return (a.part[0] & 65535) | a.part[1] << 16; }
INLINE vec bytes_of(pair first, pair second)
{
    return clamp(first.part[0], 0, 255) | clamp(first.part[1], 0, 255) << 8
           | clamp(second.part[0], 0, 255) << 16 | clamp(second.part[1], 0, 255) << 24;
}

#if defined(__SSE2__)

/* Of bytes those of even and of odd number, in 16 bits. */
typedef struct { vec part[2]; } factors;

INLINE int weight_bytes(int form) { return form == WORDS ? 4 : 8; }
INLINE factors load_bytes(const uint8_t *p, int64_t stride, int form)
{
    (void)stride;
    const vec v = load(p);
    if (form == WORDS) return (factors){{v, v}};
    return (factors){{v & 0x00FF00FF, (vec)_mm_srli_epi16((__m128i)v, 8)}};
}
INLINE factors load_weight(const int8_t *w, int o, int form)
{
    w += o * weight_bytes(form);
    const vec v = splat(word_at(w));
    return (factors){{v, form == WORDS ? v : splat(word_at(w + 4))}};
}
INLINE vec dot(vec sum, factors a, factors b, int form)
{
    const vec even = (vec)_mm_madd_epi16((__m128i)a.part[0], (__m128i)b.part[0]);
    if (form == WORDS) return sum + even;
    return sum + even + (vec)_mm_madd_epi16((__m128i)a.part[1], (__m128i)b.part[1]);
}

#else

#define FACTORS_ARE_VECTORS
typedef vec factors;

INLINE vec dot(vec sum, factors x, factors b, int form)
{
    const int32_t w = b[0];
    if (form == WORDS) return sum + (x << 16 >> 16) * (int16_t)w + (x >> 16) * (w >> 16);
    sum += (x & 255) * (int8_t)w + ((x >> 8) & 255) * (int8_t)(w >> 8);
    return sum + ((x >> 16) & 255) * (int8_t)(w >> 16) + ((x >> 24) & 255) * (int8_t)(w >> 24);
}

#endif

#endif
