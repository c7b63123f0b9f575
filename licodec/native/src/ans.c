/* The ANS stream of docs/format.md in both directions, with whole steps and their trellis chains. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum {
    PRECISION = 24,
    START_BITS = 9, /* of a number that is looked up before the search for its entry */
    ESCAPE_CLASSES = 16,
    SPLIT_INDEX = 12, /* of the two groups of a band's shifts */
    MIN_SHIFTED = 64,
    MIN_CHAINED = 128,
    MIN_CHAINS = 16,
    CHAIN_LENGTH = 64,
    UNIT = 10, /* 1/16 step */
    MAX_TABLES = 255,
};
static const uint32_t TOTAL = 1u << PRECISION;

typedef struct {
    const uint32_t *cumulative; /* 2 R + 3 */
    const uint16_t *start;      /* first entry by the highest bits */
    int32_t reach;
} Table;

struct lc_tables {
    Table *tables;
    uint32_t *cumulative;
    uint16_t *start;
    int32_t num_tables;
};

struct lc_decoder {
    uint64_t state;
    uint32_t *words;
    int64_t left;
    const lc_tables *tables;
};

/* ---- Tables ---- */

void lc_tables_free(lc_tables *t)
{
    if (!t) return;
    free(t->tables);
    free(t->cumulative);
    free(t->start);
    free(t);
}

static int fill_table(Table *table, const uint32_t *frequencies, int32_t reach, uint32_t *cumulative,
                      uint16_t *start)
{
    const int32_t entries = 2 * reach + 2;
    uint64_t sum = 0;
    for (int32_t e = 0; e < entries; e++) {
        if (!frequencies[e] || frequencies[e] > TOTAL) return LC_BAD_ARGUMENT;
        cumulative[e] = (uint32_t)sum;
        sum += frequencies[e];
    }
    if (sum != TOTAL) return LC_BAD_ARGUMENT;
    cumulative[entries] = TOTAL;
    int32_t e = 0;
    for (uint32_t i = 0; i < 1u << START_BITS; i++) {
        while (cumulative[e + 1] <= i << (PRECISION - START_BITS)) e++;
        start[i] = (uint16_t)e;
    }
    *table = (Table){cumulative, start, reach};
    return LC_OK;
}

lc_tables *lc_tables_new(const uint32_t *frequencies, int64_t num_entries, const int32_t *reaches,
                         int32_t num_tables)
{
    if (!frequencies || !reaches || num_tables < 1 || num_tables > MAX_TABLES) return NULL;
    int64_t sum = 0;
    for (int t = 0; t < num_tables; t++) {
        if (reaches[t] < 1 || reaches[t] > LC_MAX_REACH) return NULL;
        sum += 2 * reaches[t] + 2;
    }
    if (sum != num_entries) return NULL;
    lc_tables *all = calloc(1, sizeof *all);
    if (!all) return NULL;
    all->num_tables = num_tables;
    all->tables = calloc((size_t)num_tables, sizeof *all->tables);
    all->cumulative = calloc((size_t)(sum + num_tables), 4);
    all->start = calloc((size_t)num_tables << START_BITS, 2);
    int code = all->tables && all->cumulative && all->start ? LC_OK : LC_NO_MEMORY;
    int64_t at = 0;
    for (int t = 0; t < num_tables && code == LC_OK; t++) {
        code = fill_table(&all->tables[t], frequencies + at, reaches[t], all->cumulative + at + t,
                          all->start + ((int64_t)t << START_BITS));
        at += 2 * reaches[t] + 2;
    }
    if (code == LC_OK) return all;
    lc_tables_free(all);
    return NULL;
}

/* ---- Decoder ---- */

static void refill(lc_decoder *d)
{
    if (d->state >> 32 == 0 && d->left > 0) d->state = d->state << 32 | d->words[--d->left];
}

lc_decoder *lc_decoder_new(const uint8_t *payload, int64_t num_bytes, const lc_tables *tables)
{
    if (!tables || num_bytes < 0 || num_bytes % 4 || (num_bytes && !payload)) return NULL;
    const int64_t num_words = num_bytes / 4;
    lc_decoder *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    d->words = malloc((size_t)num_bytes + 4);
    if (!d->words) {
        free(d);
        return NULL;
    }
    for (int64_t i = 0; i < num_words; i++) {
        const uint8_t *b = payload + 4 * i;
        d->words[i] = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    }
    d->left = num_words;
    d->tables = tables;
    if (num_words && !d->words[num_words - 1]) {
        lc_decoder_free(d);
        return NULL;
    }
    refill(d);
    refill(d);
    return d;
}

void lc_decoder_free(lc_decoder *d)
{
    if (!d) return;
    free(d->words);
    free(d);
}

int lc_decoder_is_done(const lc_decoder *d) { return d && !d->state && !d->left; }

static inline int32_t next_entry(lc_decoder *d, const Table *table)
{
    const uint32_t low = (uint32_t)d->state & (TOTAL - 1);
    const uint32_t *cumulative = table->cumulative;
    int32_t e = table->start[low >> (PRECISION - START_BITS)];
    while (cumulative[e + 1] <= low) e++;
    const uint32_t from = cumulative[e];
    d->state = (d->state >> PRECISION) * (cumulative[e + 1] - from) + (low - from);
    refill(d);
    return e;
}

/* One of 2^bits equal entries. */
static inline int32_t next_equal(lc_decoder *d, int bits)
{
    const uint32_t low = (uint32_t)d->state & (TOTAL - 1);
    const uint32_t e = low >> (PRECISION - bits), size = 1u << (PRECISION - bits);
    d->state = (d->state >> PRECISION) * size + (low - e * size);
    refill(d);
    return (int32_t)e;
}

/* Escapes of a batch: where they are among its symbols, which hold their table's reach. */
typedef struct {
    int32_t *at;
    int32_t *size;
    uint8_t *is_negative;
    int64_t count;
} Escapes;

static int read_suffixes(lc_decoder *d, const Escapes *found, int16_t *symbols)
{
    for (int64_t i = 0; i < found->count; i++)
        found->is_negative[i] = (uint8_t)next_equal(d, 1);
    uint32_t is_there = 0;
    for (int64_t i = 0; i < found->count; i++) {
        const int32_t class = next_equal(d, 4);
        found->size[i] = 1 << class;
        is_there |= 1u << class;
    }
    for (int class = 1; class < ESCAPE_CLASSES; class++)
        if (is_there >> class & 1)
            for (int64_t i = 0; i < found->count; i++)
                if (found->size[i] >> class == 1) found->size[i] += next_equal(d, class);
    for (int64_t i = 0; i < found->count; i++) {
        const int32_t size = found->size[i] + symbols[found->at[i]];
        if (size > LC_MAX_SYMBOL) return LC_CORRUPT;
        symbols[found->at[i]] = (int16_t)(found->is_negative[i] ? -size : size);
    }
    return LC_OK;
}

static int escapes_init(Escapes *found, int64_t most)
{
    found->count = 0;
    found->at = malloc((size_t)(most + 1) * 9);
    if (!found->at) return LC_NO_MEMORY;
    found->size = found->at + most + 1;
    found->is_negative = (uint8_t *)(found->size + most + 1);
    return LC_OK;
}

static inline void read_symbol(lc_decoder *d, const Table *table, int16_t *symbols, int64_t at,
                               Escapes *found)
{
    const int32_t e = next_entry(d, table);
    if (e <= 2 * table->reach) {
        symbols[at] = (int16_t)(e - table->reach);
    } else {
        symbols[at] = (int16_t)table->reach;
        found->at[found->count++] = (int32_t)at;
    }
}

int lc_decode_batch(lc_decoder *d, int32_t table, int64_t n, int16_t *symbols)
{
    if (!d || table < 0 || table >= d->tables->num_tables || n < 0 || n > LC_MAX_ELEMENTS
        || (n && !symbols))
        return LC_BAD_ARGUMENT;
    Escapes found;
    if (escapes_init(&found, n)) return LC_NO_MEMORY;
    for (int64_t i = 0; i < n; i++) read_symbol(d, &d->tables->tables[table], symbols, i, &found);
    const int code = read_suffixes(d, &found, symbols);
    free(found.at);
    return code;
}

/* ---- Shifts ---- */

static int check_step(const lc_decoder *d, const uint8_t *index, int64_t n, int32_t skip_below)
{
    if (!d || !index || n < 0 || n > LC_MAX_ELEMENTS) return LC_BAD_ARGUMENT;
    if (skip_below < 1 || skip_below > LC_SCALES || d->tables->num_tables <= LC_SCALES)
        return LC_BAD_ARGUMENT;
    uint8_t most = 0;
    for (int64_t i = 0; i < n; i++) most = index[i] > most ? index[i] : most;
    return most < LC_SCALES ? LC_OK : LC_BAD_ARGUMENT;
}

int64_t lc_decode_shifts(lc_decoder *d, uint8_t *index, int32_t bands, int64_t n,
                         int32_t skip_below, int16_t *shifts)
{
    if (bands < 1 || bands > LC_DETAILS || n < 0 || n > LC_MAX_ELEMENTS || !shifts)
        return LC_BAD_ARGUMENT;
    const int code = check_step(d, index, bands * n, skip_below);
    if (code) return code;
    uint8_t has_shift[LC_DETAILS][2];
    int64_t count = 0;
    const uint8_t split = (uint8_t)larger(SPLIT_INDEX, skip_below), lowest = (uint8_t)skip_below;
    for (int b = 0; b < bands; b++) {
        int64_t high = 0, coded = 0;
        for (int64_t i = 0; i < n; i++) {
            high += index[b * n + i] >= split;
            coded += index[b * n + i] >= lowest;
        }
        has_shift[b][0] = coded - high >= MIN_SHIFTED;
        has_shift[b][1] = high >= MIN_SHIFTED;
        count += has_shift[b][0] + has_shift[b][1];
    }
    const int read = lc_decode_batch(d, d->tables->num_tables - 1, count, shifts);
    if (read) return read;
    int64_t next = 0;
    for (int b = 0; b < bands; b++) {
        int32_t shift[2] = {0, 0};
        for (int k = 0; k < 2; k++)
            if (has_shift[b][k]) shift[k] = shifts[next++];
        if (!shift[0] && !shift[1]) continue;
        uint8_t moved[LC_SCALES];
        for (int i = 0; i < LC_SCALES; i++) {
            const int64_t to = i + shift[i >= SPLIT_INDEX];
            moved[i] = (uint8_t)(i < skip_below ? i : smaller(larger(to, skip_below), LC_SCALES - 1));
        }
        for (int64_t i = 0; i < n; i++) index[b * n + i] = moved[index[b * n + i]];
    }
    return count;
}

/* ---- Steps ---- */

int lc_check_chains(const lc_chains *c, int32_t num_tables)
{
    if (!c || c->first_index < 0 || c->first_index >= LC_SCALES) return LC_BAD_ARGUMENT;
    if (!c->first_index) return LC_OK;
    if (num_tables < 3 * LC_SCALES || c->num_states < 1 || c->num_states > 256)
        return LC_BAD_ARGUMENT;
    for (int s = 0; s < c->num_states; s++)
        if (c->quantizer[s] > 1 || c->next[2 * s] >= c->num_states
            || c->next[2 * s + 1] >= c->num_states)
            return LC_BAD_ARGUMENT;
    return LC_OK;
}

/* The coded elements of a step: in coding order, and sorted by index. */
typedef struct {
    int32_t *kept, *order;
    int64_t count;
    int64_t bounds[LC_SCALES + 1]; /* of the indices in order */
} Elements;

static int sort_elements(Elements *e, const uint8_t *index, int64_t n, int32_t lowest)
{
    int64_t next[LC_SCALES] = {0}, sum = 0;
    e->kept = malloc((size_t)(n + 1) * 8);
    if (!e->kept) return LC_NO_MEMORY;
    e->order = e->kept + n + 1;
    e->count = 0;
    for (int64_t i = 0; i < n; i++) {
        e->kept[e->count] = (int32_t)i;
        e->count += index[i] >= lowest;
    }
    for (int64_t i = 0; i < e->count; i++) next[index[e->kept[i]]]++;
    for (int t = 0; t < LC_SCALES; t++) {
        e->bounds[t] = sum;
        sum += next[t];
        next[t] = e->bounds[t];
    }
    e->bounds[LC_SCALES] = sum;
    for (int64_t i = 0; i < e->count; i++) e->order[next[index[e->kept[i]]]++] = e->kept[i];
    return LC_OK;
}

/* Elements of indices begin to end - 1: entries by index, then suffixes. */
static int read_plain(lc_decoder *d, const Elements *e, int begin, int end, int16_t *symbols,
                      int32_t *offsets)
{
    const int64_t first = e->bounds[begin], n = e->bounds[end] - first;
    Escapes found;
    if (escapes_init(&found, n)) return LC_NO_MEMORY;
    for (int t = begin; t < end; t++)
        for (int64_t i = e->bounds[t]; i < e->bounds[t + 1]; i++)
            read_symbol(d, &d->tables->tables[t], symbols, i - first, &found);
    const int code = read_suffixes(d, &found, symbols);
    free(found.at);
    for (int64_t i = 0; i < n && code == LC_OK; i++)
        offsets[e->order[first + i]] = 16 * symbols[i];
    return code;
}

/* The elements of one place in all chains: first those of Q0, then those of Q1, each by index. */
static int read_place(lc_decoder *d, const uint8_t *numbers, const uint8_t *quantizer, int64_t n,
                      int16_t *symbols, Escapes *found)
{
    found->count = 0;
    for (int q = 0; q < 2; q++) {
        const Table *tables = d->tables->tables + LC_SCALES * (1 + q);
        for (int64_t i = 0; i < n; i++)
            if (quantizer[i] == q) read_symbol(d, &tables[numbers[i]], symbols, i, found);
    }
    return read_suffixes(d, found, symbols);
}

static int read_chains(lc_decoder *d, const lc_chains *chains, const int32_t *order, int64_t n,
                       const uint8_t *index, int16_t *symbols, int32_t *offsets)
{
    const int64_t width = larger(MIN_CHAINS, (n + CHAIN_LENGTH - 1) / CHAIN_LENGTH);
    Escapes found;
    if (escapes_init(&found, width)) return LC_NO_MEMORY;
    uint8_t *state = calloc((size_t)width, 3), *quantizer = state + width;
    uint8_t *numbers = quantizer + width;
    int code = state ? LC_OK : LC_NO_MEMORY;
    for (int64_t first = 0; first < n && code == LC_OK; first += width) {
        const int64_t count = smaller(width, n - first);
        int16_t *row = symbols + first;
        for (int64_t i = 0; i < count; i++) {
            quantizer[i] = chains->quantizer[state[i]];
            numbers[i] = index[order[first + i]];
        }
        code = read_place(d, numbers, quantizer, count, row, &found);
        for (int64_t i = 0; i < count && code == LC_OK; i++) {
            const int32_t k = row[i], sign = (k > 0) - (k < 0);
            offsets[order[first + i]] = UNIT * (2 * k - quantizer[i] * sign);
            state[i] = chains->next[2 * state[i] + (k & 1)];
        }
    }
    free(state);
    free(found.at);
    return code;
}

int64_t lc_decode_step(lc_decoder *d, const uint8_t *index, int64_t n, int32_t skip_below,
                       const lc_chains *chains, int32_t *offsets, int16_t *symbols)
{
    int code = check_step(d, index, n, skip_below);
    if (!code) code = lc_check_chains(chains, d->tables->num_tables);
    if (code || !offsets || !symbols) return code ? code : LC_BAD_ARGUMENT;
    const int32_t first_index = chains->first_index;
    if (first_index && first_index < skip_below) return LC_BAD_ARGUMENT;
    Elements e;
    if (sort_elements(&e, index, n, skip_below)) return LC_NO_MEMORY;
    const int64_t above = first_index ? e.count - e.bounds[first_index] : 0;
    const int64_t chained = above >= MIN_CHAINED ? above : 0;
    const int32_t end = chained ? first_index : LC_SCALES;
    memset(offsets, 0, (size_t)n * sizeof *offsets);
    code = read_plain(d, &e, skip_below, end, symbols, offsets);
    int64_t count = 0;
    for (int64_t i = 0; i < e.count; i++) { /* the checksum takes them in coding order */
        const int32_t at = e.kept[i];
        symbols[count] = (int16_t)(offsets[at] / 16);
        count += index[at] < end;
    }
    if (!code && chained)
        code = read_chains(d, chains, e.order + e.bounds[end], chained, index, symbols + count,
                           offsets);
    free(e.kept);
    return code ? code : count + chained;
}

/* ---- Encoder ---- */

typedef struct {
    uint64_t state;
    uint32_t *words;
    int64_t count, capacity;
    int is_full;
} Encoder;

static void put_word(Encoder *e)
{
    if (e->count == e->capacity) e->is_full = 1;
    else e->words[e->count++] = (uint32_t)e->state;
    e->state >>= 32;
}

static void push(Encoder *e, uint32_t from, uint32_t frequency)
{
    if (e->state >> (64 - PRECISION) >= frequency) put_word(e);
    e->state = (e->state / frequency << PRECISION) | (from + e->state % frequency);
}

static void push_equal(Encoder *e, int32_t value, int bits)
{
    push(e, (uint32_t)value << (PRECISION - bits), 1u << (PRECISION - bits));
}

static int class_of(int32_t beyond)
{
    int class = 0;
    while (beyond >> (class + 1)) class++;
    return class;
}

/* A batch from its last number to its first; order (n): elements sorted by table. */
static void push_batch(Encoder *e, const lc_tables *tables, const int16_t *symbols,
                       const uint8_t *numbers, const int32_t *order, int64_t n, int32_t *escaped)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if (abs(symbols[order[i]]) > tables->tables[numbers[order[i]]].reach)
            escaped[count++] = order[i];
#define BEYOND(i) (abs(symbols[escaped[i]]) - tables->tables[numbers[escaped[i]]].reach)
    for (int class = ESCAPE_CLASSES - 1; class > 0; class--)
        for (int64_t i = count - 1; i >= 0; i--)
            if (class_of(BEYOND(i)) == class) push_equal(e, BEYOND(i) - (1 << class), class);
    for (int64_t i = count - 1; i >= 0; i--) push_equal(e, class_of(BEYOND(i)), 4);
    for (int64_t i = count - 1; i >= 0; i--) push_equal(e, symbols[escaped[i]] < 0, 1);
#undef BEYOND
    for (int64_t i = n - 1; i >= 0; i--) {
        const Table *table = &tables->tables[numbers[order[i]]];
        const int32_t symbol = symbols[order[i]], reach = table->reach;
        const int32_t entry = abs(symbol) > reach ? 2 * reach + 1 : symbol + reach;
        push(e, table->cumulative[entry], table->cumulative[entry + 1] - table->cumulative[entry]);
    }
}

int64_t lc_encode(const lc_tables *tables, const int64_t *lengths, int64_t num_batches,
                  const int16_t *symbols, const uint8_t *numbers, int64_t n, uint32_t *words,
                  int64_t capacity)
{
    if (!tables || num_batches < 0 || (num_batches && !lengths) || n < 0 || capacity < 0)
        return LC_BAD_ARGUMENT;
    if ((n && (!symbols || !numbers)) || (capacity && !words)) return LC_BAD_ARGUMENT;
    int64_t sum = 0, longest = 0;
    for (int64_t b = 0; b < num_batches; b++) {
        if (lengths[b] < 0 || lengths[b] > LC_MAX_ELEMENTS || lengths[b] > n - sum)
            return LC_BAD_ARGUMENT;
        sum += lengths[b];
        longest = larger(longest, lengths[b]);
    }
    if (sum != n) return LC_BAD_ARGUMENT;
    for (int64_t i = 0; i < n; i++)
        if (numbers[i] >= tables->num_tables || symbols[i] == INT16_MIN) return LC_BAD_ARGUMENT;
    int32_t *order = malloc((size_t)(longest + 1) * 8), *escaped = order + longest + 1;
    if (!order) return LC_NO_MEMORY;
    Encoder e = {0, words, 0, capacity, 0};
    int64_t first = n;
    for (int64_t b = num_batches - 1; b >= 0; b--) {
        int64_t next[MAX_TABLES + 1] = {0}, at = 0;
        first -= lengths[b];
        for (int64_t i = 0; i < lengths[b]; i++) next[numbers[first + i]]++;
        for (int t = 0; t <= MAX_TABLES; t++) {
            const int64_t count = next[t];
            next[t] = at;
            at += count;
        }
        for (int64_t i = 0; i < lengths[b]; i++) order[next[numbers[first + i]]++] = (int32_t)i;
        push_batch(&e, tables, symbols + first, numbers + first, order, lengths[b], escaped);
    }
    while (e.state) put_word(&e);
    free(order);
    return e.is_full ? LC_BAD_ARGUMENT : e.count;
}
