/* AVX-512 with VNNI; what each function is for stands in simd.h. */
#ifndef LICODEC_SIMD_AVX512_H
#define LICODEC_SIMD_AVX512_H

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

#define FACTORS_ARE_VECTORS
typedef vec factors;

INLINE vec dot(vec sum, factors a, factors b, int form)
{
    return form == WORDS ? _mm512_dpwssd_epi32(sum, a, b) : _mm512_dpbusd_epi32(sum, a, b);
}

#endif
