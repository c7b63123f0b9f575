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
#define HAS_AVX512 (LC_LEVEL == LC_AVX512VNNI || LC_LEVEL == LC_AMX)

#define INLINE static inline __attribute__((always_inline))

#if LC_LEVEL == LC_PORTABLE

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
INLINE pair sub_pair(pair a, pair b)
{
    return (pair){{a.part[0] - b.part[0], a.part[1] - b.part[1]}};
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
/* Four channels to bytes of 0 to 255, after the bytes of `more` were added. */
INLINE vec pack_bytes(const vec v[4], const uint8_t *more)
{
    vec out = splat(0), rest = more ? load(more) : out;
    for (int b = 0; b < 4; b++) out |= clamp(v[b] + ((rest >> 8 * b) & 255), 0, 255) << 8 * b;
    return out;
}

#elif HAS_AVX512

#include <immintrin.h>
typedef __m512i vec;
enum { LANES = 16, OUT_TILE = 8, MAX_VECS = 3 };

INLINE vec load(const void *p) { return _mm512_loadu_si512(p); }
INLINE void store(void *p, vec v) { _mm512_storeu_si512(p, v); }
INLINE vec splat(int32_t x) { return _mm512_set1_epi32(x); }
INLINE vec add(vec a, vec b) { return _mm512_add_epi32(a, b); }
INLINE vec mul(vec a, vec b) { return _mm512_mullo_epi32(a, b); }
INLINE vec shift_right(vec a, int n) { return _mm512_sra_epi32(a, _mm_cvtsi32_si128(n)); }
INLINE vec clamp(vec a, int32_t low, int32_t high)
{
    return _mm512_min_epi32(_mm512_max_epi32(a, splat(low)), splat(high));
}
INLINE void store16(int16_t *p, vec v)
{
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi32_epi16(v));
}
INLINE void store8(uint8_t *p, vec v)
{
    _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(v));
}
INLINE vec shift_left(vec a, int n) { return _mm512_sll_epi32(a, _mm_cvtsi32_si128(n)); }
/* Numbers of 16 bits of two channels, four of each in turn. */
typedef vec pair;
INLINE pair pack_pair(vec a, vec b) { return _mm512_packs_epi32(a, b); }
INLINE pair pair_of(int32_t a, int32_t b) { return pack_pair(splat(a), splat(b)); }
INLINE pair add_pair(pair a, pair b) { return _mm512_adds_epi16(a, b); }
INLINE pair sub_pair(pair a, pair b) { return _mm512_sub_epi16(a, b); }
INLINE pair max_pair(pair a, pair b) { return _mm512_max_epi16(a, b); }
INLINE pair mul_pair(pair a, pair b) { return _mm512_mulhrs_epi16(a, b); }
/* Of channels 0 and 1, or 2 and 3. */
INLINE pair pair_of_bytes(vec m, int half)
{
    const vec at = half ? _mm512_broadcast_i32x4(
                       _mm_setr_epi8(2, -1, 6, -1, 10, -1, 14, -1, 3, -1, 7, -1, 11, -1, 15, -1))
                        : _mm512_broadcast_i32x4(
                       _mm_setr_epi8(0, -1, 4, -1, 8, -1, 12, -1, 1, -1, 5, -1, 9, -1, 13, -1));
    return _mm512_shuffle_epi8(m, at);
}
/* Of words, two channels of each position in turn, and back. */
INLINE pair pair_of_words(vec w)
{
    const vec turned = _mm512_broadcast_i32x4(
        _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15));
    return _mm512_shuffle_epi8(w, turned);
}
INLINE vec words_of(pair a)
{
    const vec turned = _mm512_broadcast_i32x4(
        _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
    return _mm512_shuffle_epi8(a, turned);
}
INLINE vec bytes_of(pair first, pair second)
{
    const vec turned = _mm512_broadcast_i32x4(
        _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    return _mm512_shuffle_epi8(_mm512_packus_epi16(first, second), turned);
}
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

#else

#include <immintrin.h>
typedef __m256i vec;
#if LC_LEVEL == LC_AVXVNNI
enum { LANES = 8, OUT_TILE = 4, MAX_VECS = 3 };
#else
enum { LANES = 8, OUT_TILE = 4, MAX_VECS = 2 };
#endif

INLINE vec load(const void *p) { return _mm256_loadu_si256((const vec *)p); }
INLINE void store(void *p, vec v) { _mm256_storeu_si256((vec *)p, v); }
INLINE vec splat(int32_t x) { return _mm256_set1_epi32(x); }
INLINE vec add(vec a, vec b) { return _mm256_add_epi32(a, b); }
INLINE vec mul(vec a, vec b) { return _mm256_mullo_epi32(a, b); }
INLINE vec shift_right(vec a, int n) { return _mm256_sra_epi32(a, _mm_cvtsi32_si128(n)); }
INLINE vec clamp(vec a, int32_t low, int32_t high)
{
    return _mm256_min_epi32(_mm256_max_epi32(a, splat(low)), splat(high));
}
INLINE __m128i half(vec v)
{
    return _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}
INLINE void store16(int16_t *p, vec v) { _mm_storeu_si128((__m128i *)p, half(v)); }
INLINE void store8(uint8_t *p, vec v)
{
    _mm_storel_epi64((__m128i *)p, _mm_packus_epi16(half(v), _mm_setzero_si128()));
}
INLINE vec shift_left(vec a, int n) { return _mm256_sll_epi32(a, _mm_cvtsi32_si128(n)); }
/* Numbers of 16 bits of two channels, four of each in turn. */
typedef vec pair;
INLINE pair pack_pair(vec a, vec b) { return _mm256_packs_epi32(a, b); }
INLINE pair pair_of(int32_t a, int32_t b) { return pack_pair(splat(a), splat(b)); }
INLINE pair add_pair(pair a, pair b) { return _mm256_adds_epi16(a, b); }
INLINE pair sub_pair(pair a, pair b) { return _mm256_sub_epi16(a, b); }
INLINE pair max_pair(pair a, pair b) { return _mm256_max_epi16(a, b); }
INLINE pair mul_pair(pair a, pair b) { return _mm256_mulhrs_epi16(a, b); }
/* Of channels 0 and 1, or 2 and 3. */
INLINE pair pair_of_bytes(vec m, int half)
{
    const vec at = half ? _mm256_broadcastsi128_si256(
                       _mm_setr_epi8(2, -1, 6, -1, 10, -1, 14, -1, 3, -1, 7, -1, 11, -1, 15, -1))
                        : _mm256_broadcastsi128_si256(
                       _mm_setr_epi8(0, -1, 4, -1, 8, -1, 12, -1, 1, -1, 5, -1, 9, -1, 13, -1));
    return _mm256_shuffle_epi8(m, at);
}
/* Of words, two channels of each position in turn, and back. */
INLINE pair pair_of_words(vec w)
{
    const vec turned = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15));
    return _mm256_shuffle_epi8(w, turned);
}
INLINE vec words_of(pair a)
{
    const vec turned = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
    return _mm256_shuffle_epi8(a, turned);
}
INLINE vec bytes_of(pair first, pair second)
{
    const vec turned = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    return _mm256_shuffle_epi8(_mm256_packus_epi16(first, second), turned);
}
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

/* Factors of products: four bytes a lane, or where there is no instruction for their sum, two and
 * two in 16 bits; or two words a lane. On AVX2 weights are SHORT where none of a layer has more than
 * 7 bits, so that the sum of two products fits 16 bits. Those of a tile lie
 * [OUT_TILE] x weight_bytes. */
typedef struct { vec part[2]; } factors;

/* Beside BYTES the form that layers of bytes may have. */
#define OTHER_FORM (LC_LEVEL == LC_AVX2 ? SHORT : LC_LEVEL == LC_AMX ? TILES : BYTES)

INLINE int32_t word_at(const void *p) { int32_t x; memcpy(&x, p, 4); return x; }

#if HAS_AVX512 || LC_LEVEL == LC_AVXVNNI

INLINE int weight_bytes(int form) { (void)form; return 4; }
INLINE factors load_bytes(const uint8_t *p, int form)
{
    (void)form;
    return (factors){{load(p), load(p)}};
}
INLINE factors load_weight(const int8_t *w, int form)
{
    (void)form;
    const vec v = splat(word_at(w));
    return (factors){{v, v}};
}
INLINE vec dot(vec sum, factors a, factors b, int form)
{
#if HAS_AVX512
    if (form == WORDS) return _mm512_dpwssd_epi32(sum, a.part[0], b.part[0]);
    return _mm512_dpbusd_epi32(sum, a.part[0], b.part[0]);
#else
    if (form == WORDS) return _mm256_dpwssd_avx_epi32(sum, a.part[0], b.part[0]);
    return _mm256_dpbusd_avx_epi32(sum, a.part[0], b.part[0]);
#endif
}

#elif LC_LEVEL == LC_AVX2

INLINE int weight_bytes(int form) { return form == BYTES ? 8 : 4; }
INLINE factors load_bytes(const uint8_t *p, int form)
{
    const vec v = load(p);
    if (form != BYTES) return (factors){{v, v}};
    return (factors){{_mm256_and_si256(v, splat(0x00FF00FF)), _mm256_srli_epi16(v, 8)}};
}
INLINE factors load_weight(const int8_t *w, int form)
{
    const vec v = splat(word_at(w));
    return (factors){{v, form == BYTES ? splat(word_at(w + 4)) : v}};
}
INLINE vec dot(vec sum, factors a, factors b, int form)
{
    if (form == WORDS) return add(sum, _mm256_madd_epi16(a.part[0], b.part[0]));
    if (form == SHORT) {
        const vec pairs = _mm256_maddubs_epi16(a.part[0], b.part[0]);
        return add(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    }
    const vec even = _mm256_madd_epi16(a.part[0], b.part[0]);
    return add(sum, add(even, _mm256_madd_epi16(a.part[1], b.part[1])));
}

#elif defined(__SSE2__)

INLINE int weight_bytes(int form) { return form == WORDS ? 4 : 8; }
INLINE factors load_bytes(const uint8_t *p, int form)
{
    const vec v = load(p);
    if (form == WORDS) return (factors){{v, v}};
    return (factors){{v & 0x00FF00FF, (vec)_mm_srli_epi16((__m128i)v, 8)}};
}
INLINE factors load_weight(const int8_t *w, int form)
{
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

INLINE int weight_bytes(int form) { (void)form; return 4; }
INLINE factors load_bytes(const uint8_t *p, int form)
{
    (void)form;
    return (factors){{load(p), load(p)}};
}
INLINE factors load_weight(const int8_t *w, int form)
{
    (void)form;
    const vec v = splat(word_at(w));
    return (factors){{v, v}};
}
INLINE vec dot(vec sum, factors a, factors b, int form)
{
    const vec x = a.part[0];
    const int32_t w = b.part[0][0];
    if (form == WORDS) return sum + (x << 16 >> 16) * (int16_t)w + (x >> 16) * (w >> 16);
    sum += (x & 255) * (int8_t)w + ((x >> 8) & 255) * (int8_t)(w >> 8);
    return sum + ((x >> 16) & 255) * (int8_t)(w >> 16) + ((x >> 24) & 255) * (int8_t)(w >> 24);
}

#endif
#endif
