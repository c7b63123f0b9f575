/* AVX2, alone or with AVX-VNNI; what each function is for stands in simd.h. */
#ifndef LICODEC_SIMD_AVX2_H
#define LICODEC_SIMD_AVX2_H

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

#if LC_LEVEL == LC_AVXVNNI

#define FACTORS_ARE_VECTORS
typedef vec factors;

INLINE vec dot(vec sum, factors a, factors b, int form)
{
    return form == WORDS ? _mm256_dpwssd_avx_epi32(sum, a, b) : _mm256_dpbusd_avx_epi32(sum, a, b);
}

#else

/* Of BYTES those of even and of odd number, in 16 bits. */
typedef struct { vec part[2]; } factors;

INLINE int weight_bytes(int form) { return form == BYTES ? 8 : 4; }
INLINE factors load_bytes(const uint8_t *p, int64_t stride, int form)
{
    (void)stride;
    const vec v = load(p);
    if (form != BYTES) return (factors){{v, v}};
    return (factors){{_mm256_and_si256(v, splat(0x00FF00FF)), _mm256_srli_epi16(v, 8)}};
}
INLINE factors load_weight(const int8_t *w, int o, int form)
{
    w += o * weight_bytes(form);
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

#endif

#endif
