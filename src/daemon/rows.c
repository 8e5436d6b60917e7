/* Sets of rows: kept sorted by key, found by binary search. */
#include "daemon/rows.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct rows {
    const struct table *table;
    struct row **list;
    size_t count;
    struct stretches v4, v6;
};

enum { NAME_TEXT_MAX = 512 };

int rows_new(const struct table *t, struct rows **out) {
    struct rows *r = calloc(1, sizeof *r);
    if (r == NULL) return ERR_NOMEM;
    r->table = t;
    *out = r;
    return 0;
}

void rows_free(struct rows *r) {
    if (r == NULL) return;
    for (size_t i = 0; i < r->count; i++) row_free(r->list[i]);
    free(r->list);
    free(r->v4.list);
    free(r->v6.list);
    free(r);
}

const struct table *rows_table(const struct rows *r) {
    return r->table;
}

size_t rows_count(const struct rows *r) {
    return r->count;
}

const struct row *rows_at(const struct rows *r, size_t i) {
    return i < r->count ? r->list[i] : NULL;
}

/* ---------------------------------------------------------------- change */

struct change {
    struct row *row;
    size_t place; /* as it was given: of equal keys the last wins */
};

static int by_key(const void *a, const void *b) {
    const struct change *x = a, *y = b;
    int c = row_compare(x->row, y->row);
    if (c != 0) return c;
    return x->place < y->place ? -1 : x->place > y->place;
}

/* Merges the sorted changes over the sorted list. What goes is gathered at the front of `gone`. */
static void merge(struct rows *old, const struct change *changes, size_t count, struct rows *fresh, struct row **gone,
                  size_t *gone_count) {
    size_t i = 0, n = 0;
    for (size_t c = 0; c < count; c++) {
        struct row *row = changes[c].row;
        while (i < old->count && row_compare(old->list[i], row) < 0) fresh->list[fresh->count++] = old->list[i++];
        if (i < old->count && row_compare(old->list[i], row) == 0) gone[n++] = old->list[i++];
        bool last = c + 1 == count || row_compare(changes[c + 1].row, row) != 0;
        if (last && !row_is_gone(row))
            fresh->list[fresh->count++] = row;
        else
            gone[n++] = row;
    }
    while (i < old->count) fresh->list[fresh->count++] = old->list[i++];
    *gone_count = n;
}

int rows_change(struct rows *old, struct row **changes, size_t count, struct rows **out) {
    struct rows *fresh = NULL;
    struct change *sorted = malloc((count + 1) * sizeof *sorted);
    struct row **gone = malloc((2 * count + 1) * sizeof(struct row *));
    struct row **list = malloc((old->count + count + 1) * sizeof(struct row *));
    if (sorted == NULL || gone == NULL || list == NULL || rows_new(old->table, &fresh) != 0) {
        free(sorted);
        free(gone);
        free(list);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) sorted[i] = (struct change){changes[i], i};
    qsort(sorted, count, sizeof *sorted, by_key);
    fresh->list = list;
    size_t gone_count = 0;
    merge(old, sorted, count, fresh, gone, &gone_count);
    free(sorted);
    free(old->list);
    old->list = gone;
    old->count = gone_count;
    *out = fresh;
    return 0;
}

int rows_index(struct rows *r) {
    if (r->table->key != KEY_NETWORK || r->v4.list != NULL || r->v6.list != NULL) return 0;
    size_t first = 0, v6;
    while (first < r->count && row_range(r->list[first]) == NULL) first++;
    for (v6 = first; v6 < r->count && row_range(r->list[v6])->family == AF_INET;) v6++;
    int rc = stretches_make(r->list + first, v6 - first, first, &r->v4);
    return rc == 0 ? stretches_make(r->list + v6, r->count - v6, v6, &r->v6) : rc;
}

bool rows_same(const struct rows *a, const struct rows *b) {
    bool same = a->table == b->table && a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) same = row_same(a->list[i], b->list[i]);
    return same;
}

/* ---------------------------------------------------------------- find */

/* The first place that is not before `key`. */
static size_t place_of_text(const struct rows *r, struct str key) {
    size_t low = 0, high = r->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (str_cmp(str_from(row_key(r->list[mid])), key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static size_t place_of_row(const struct rows *r, const struct row *row) {
    size_t low = 0, high = r->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (row_compare(r->list[mid], row) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static size_t place_of_key(const struct rows *r, struct str key) {
    struct row *probe;
    if (r->table->key != KEY_NETWORK) return place_of_text(r, key);
    if (row_new(r->table, key, NULL, 0, &probe, NULL) != 0) return r->count;
    size_t place = place_of_row(r, probe);
    row_free(probe);
    return place;
}

static bool is_at(const struct rows *r, size_t place, struct str key) {
    return place < r->count && str_eq(str_from(row_key(r->list[place])), key);
}

const struct row *rows_find(const struct rows *r, struct str key) {
    if (r->count == 0) return NULL;
    size_t place = place_of_key(r, key);
    return is_at(r, place, key) ? r->list[place] : NULL;
}

size_t rows_after(const struct rows *r, struct str key) {
    if (key.len == 0) return 0;
    size_t place = place_of_key(r, key);
    return is_at(r, place, key) ? place + 1 : place;
}

static const struct row *find_text(const struct rows *r, struct str key) {
    size_t place = place_of_text(r, key);
    return is_at(r, place, key) ? r->list[place] : NULL;
}

static const struct row *find_star(const struct rows *r) {
    if (r->table->key != KEY_NETWORK) return find_text(r, STR("*"));
    return is_at(r, 0, STR("*")) ? r->list[0] : NULL;
}

/* ---------------------------------------------------------------- match */

/* Room for a prefix of up to two bytes in front of a name in lower case. */
struct name_text {
    char text[NAME_TEXT_MAX];
    struct str name;
};

static bool name_lower(struct name_text *n, struct str name) {
    if (str_ends(name, STR("."))) name.len--;
    if (name.len + 2 > sizeof n->text) return false;
    for (size_t i = 0; i < name.len; i++) n->text[i + 2] = ascii_lower(name.ptr[i]);
    n->name = str_of(n->text + 2, name.len);
    return true;
}

/* `mark` and "." before what stands from `at` on: the text before is not needed any more. */
static struct str with_mark(struct name_text *n, size_t at, char mark) {
    n->text[at] = mark;
    n->text[at + 1] = '.';
    return str_of(n->text + at, n->name.len - at + 2);
}

const struct row *rows_match_domain(const struct rows *r, struct str name) {
    struct name_text n;
    if (r->count == 0) return NULL;
    if (!name_lower(&n, name)) return find_star(r);
    const struct row *row = find_text(r, n.name);
    bool literal = n.name.len > 0 && n.name.ptr[0] == '[';
    for (size_t at = 0; row == NULL && !literal;) {
        ptrdiff_t dot = str_find(str_sub(n.name, at, n.name.len), '.');
        if (dot == STR_NPOS) break;
        at += (size_t)dot + 1;
        row = find_text(r, with_mark(&n, at, '*'));
        if (row == NULL) row = find_text(r, str_sub(n.name, at, n.name.len));
    }
    return row != NULL ? row : find_star(r);
}

const struct row *rows_match_address(const struct rows *r, const struct net_addr *a) {
    const struct stretches *s = a->family == AF_INET ? &r->v4 : &r->v6;
    uint32_t row = a->family == AF_INET || a->family == AF_INET6 ? stretches_find(s, a->ip) : STRETCH_NONE;
    return row == STRETCH_NONE ? find_star(r) : r->list[row];
}

/* "@domain", "@.domain", then "@." before each parent. */
static const struct row *match_sender_domain(const struct rows *r, struct name_text *n) {
    n->text[1] = '@';
    const struct row *row = find_text(r, str_of(n->text + 1, n->name.len + 1));
    for (size_t at = 0; row == NULL;) {
        row = find_text(r, with_mark(n, at, '@'));
        ptrdiff_t dot = str_find(str_sub(n->name, at, n->name.len), '.');
        if (dot == STR_NPOS) break;
        at += (size_t)dot + 1;
    }
    return row;
}

const struct row *rows_match_sender(const struct rows *r, struct str address) {
    struct name_text n;
    if (r->count == 0 || address.len == 0) return NULL;
    if (!name_lower(&n, address)) return find_star(r);
    const struct row *row = find_text(r, n.name);
    ptrdiff_t at = str_rfind(address, '@');
    if (row == NULL && at != STR_NPOS && name_lower(&n, str_sub(address, (size_t)at + 1, address.len))) {
        row = match_sender_domain(r, &n);
    }
    return row != NULL ? row : find_star(r);
}
