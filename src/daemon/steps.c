/* See steps.h. */
#include "daemon/steps.h"

/* The next number of the list; ERR_NOTFOUND at its end. */
static int number_next(struct str *list, uint64_t max, uint64_t *out, struct error *err) {
    while (list->len > 0 && (ascii_isspace(list->ptr[0]) || list->ptr[0] == ',')) *list = str_sub(*list, 1, list->len);
    size_t n = 0;
    while (n < list->len && !ascii_isspace(list->ptr[n]) && list->ptr[n] != ',') n++;
    if (n == 0) return ERR_NOTFOUND;
    struct str word = str_sub(*list, 0, n);
    *list = str_sub(*list, n, list->len);
    if (str_to_u64(word, max, out) == 0) return 0;
    return error_set(err, ERR_INVALID, "\"%.*s\" is no number from 0 to %llu", STR_ARG(word), (unsigned long long)max);
}

static int bounds_parse(struct str list, struct steps *s, struct error *err) {
    uint64_t n;
    int rc;
    while ((rc = number_next(&list, UINT32_MAX, &n, err)) == 0) {
        if (s->count == STEPS_MAX) return error_set(err, ERR_INVALID, "at most %d boundaries", STEPS_MAX);
        if (s->count > 0 && n <= s->bound[s->count - 1])
            return error_set(err, ERR_INVALID, "the boundaries must rise: %llu comes after %llu", (unsigned long long)n,
                             (unsigned long long)s->bound[s->count - 1]);
        s->bound[s->count++] = n;
    }
    return rc == ERR_NOTFOUND ? 0 : rc;
}

static int weights_parse(struct str list, struct steps *s, struct error *err) {
    size_t count = 0;
    uint64_t n;
    int rc;
    while ((rc = number_next(&list, STEPS_WEIGHT_MAX, &n, err)) == 0) {
        if (count <= s->count) s->weight[count] = (uint32_t)n;
        count++;
    }
    if (rc != ERR_NOTFOUND) return rc;
    if (count == s->count + 1) return 0;
    return error_set(err, ERR_INVALID, "%zu boundar%s need%s %zu weights, there %s %zu", s->count,
                     s->count == 1 ? "y" : "ies", s->count == 1 ? "s" : "", s->count + 1, count == 1 ? "is" : "are",
                     count);
}

int steps_parse(struct str text, struct steps *out, struct error *err) {
    struct steps s = {0};
    struct str rest = str_trim(text);
    if (rest.len == 0) {
        *out = s;
        return 0;
    }
    ptrdiff_t colon = str_find(rest, ':');
    if (colon < 0)
        return error_set(err, ERR_INVALID, "boundaries, a colon, and one weight more, as \"10 1000 : 0 2 4\"");
    int rc = bounds_parse(str_sub(rest, 0, (size_t)colon), &s, err);
    if (rc == 0) rc = weights_parse(str_sub(rest, (size_t)colon + 1, rest.len), &s, err);
    if (rc == 0) *out = s;
    return rc;
}

uint32_t steps_weight(const struct steps *s, uint64_t value) {
    size_t i = 0;
    while (i < s->count && value >= s->bound[i]) i++;
    return s->weight[i];
}
