#include "daemon/options.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon/option_form.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LEN = 100, NEAR = 3, VALUE_SHOWN = 60 };

/* What the responder does with a module (RESP-03 to RESP-06). */
#define MODULE_OPTIONS(module) MODULE_OPTIONS_WITH(module, "yes")
#define MODULE_OPTIONS_WITH(module, auto_start)                                                                        \
    OPTION(module ".auto_restart", OPTION_BOOL, "yes", 0, 0, "", "Start the module again when it ends by itself",      \
           "RESP-04")                                                                                                  \
    OPTION(module ".auto_start", OPTION_BOOL, auto_start, 0, 0, "", "Start the module with the instance", "RESP-03")   \
    OPTION(module ".auto_stop", OPTION_BOOL, "yes", 0, 0, "", "Stop the module with the instance", "RESP-05")          \
    OPTION(module ".wait", OPTION_SECONDS, "0", 0, 3600, "seconds",                                                    \
           "How long after the start of the instance the module is started", "RESP-06")
#define LISTEN_OPTION(module, service, what, port) LISTEN_OPTION_WITH(module, service, what, port, "default")
#define LISTEN_OPTION_WITH(module, service, what, port, where)                                                         \
    OPTION(module ".listen_" service, OPTION_TEXT, where, 1, 500, "",                                                  \
           "Where " what " listens: off, or default (port " port " plus port_base), ports, ADDRESS:PORT, separated "   \
           "by blanks",                                                                                                \
           "PORT-01 PORT-02 PORT-03")
#define WORKER_OPTIONS(module)                                                                                         \
    OPTION(module ".workers", OPTION_COUNT, "0", 0, 64, "processes",                                                   \
           "Worker processes, from the next start of the instance; 0 = half of the processors, 1 to 8", "ARCH-01")
#define OPTION(name_, type_, def_, min_, max_, unit_, doc_, req_)                                                      \
    {.name = (name_),                                                                                                  \
     .type = (type_),                                                                                                  \
     .def = (def_),                                                                                                    \
     .min = (min_),                                                                                                    \
     .max = (max_),                                                                                                    \
     .unit = (unit_),                                                                                                  \
     .doc = (doc_),                                                                                                    \
     .requirements = (req_)},

const struct option option_table[] = {
#include "daemon/options.tbl"
};
const size_t option_count = sizeof option_table / sizeof option_table[0];

static const struct option *sorted[sizeof option_table / sizeof option_table[0]];

static int by_name(const void *a, const void *b) {
    return strcmp((*(const struct option *const *)a)->name, (*(const struct option *const *)b)->name);
}

static void sort_once(void) {
    if (sorted[0] != NULL) return;
    for (size_t i = 0; i < option_count; i++) sorted[i] = &option_table[i];
    qsort(sorted, option_count, sizeof sorted[0], by_name);
}

const struct option *option_find(struct str name) {
    sort_once();
    size_t low = 0, high = option_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = str_cmp(name, str_from(sorted[mid]->name));
        if (c == 0) return sorted[mid];
        if (c < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

const struct option *option_at(size_t i) {
    sort_once();
    return i < option_count ? sorted[i] : NULL;
}

/* Edit distance with neighbours swapped counting once (optimal string alignment), ASCII case folded. */
static unsigned distance(struct str a, struct str b) {
    unsigned rows[3][NAME_MAX_LEN + 1];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.len; j++) last[j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            char x = ascii_lower(a.ptr[i - 1]), y = ascii_lower(b.ptr[j - 1]);
            unsigned best = last[j - 1] + (x != y);
            if (last[j] + 1 < best) best = last[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            bool swapped = i > 1 && j > 1 && x == ascii_lower(b.ptr[j - 2]) && y == ascii_lower(a.ptr[i - 2]);
            if (swapped && before[j - 2] + 1 < best) best = before[j - 2] + 1;
            row[j] = best;
        }
        unsigned *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[b.len];
}

const char *option_suggest_in(const struct option *list, size_t count, struct str name) {
    const char *best = NULL;
    unsigned nearest = NEAR + 1;
    if (name.len > NAME_MAX_LEN) return NULL;
    for (size_t i = 0; i < count; i++) {
        struct str known = str_from(list[i].name);
        if (known.len > NAME_MAX_LEN) continue;
        unsigned d = distance(name, known);
        ptrdiff_t dot = str_find(known, '.'); /* the module's name forgotten */
        if (dot >= 0 && str_eq_nocase(name, str_sub(known, (size_t)dot + 1, known.len))) d = 1;
        if (d < nearest && d * 3 <= known.len) {
            nearest = d;
            best = list[i].name;
        }
    }
    return best;
}

const char *option_suggest(struct str name) {
    return option_suggest_in(option_table, option_count, name);
}

static int parse_bool(struct str v, uint64_t *out) {
    static const char *const yes[] = {"yes", "on", "true", "1"}, *const no[] = {"no", "off", "false", "0"};
    for (size_t i = 0; i < 4; i++) {
        if (str_eq_nocase(v, str_from(yes[i]))) {
            *out = 1;
            return 0;
        }
        if (str_eq_nocase(v, str_from(no[i]))) {
            *out = 0;
            return 0;
        }
    }
    return ERR_INVALID;
}

/* "500000", "10k", "5M", "2G", also "5 MB" and "5MiB"; powers of 1024. */
static int parse_bytes(struct str v, uint64_t *out) {
    static const char units[] = "kmgt";
    uint64_t factor = 1;
    if (v.len > 2 && str_ends_nocase(v, STR("ib")))
        v.len -= 2;
    else if (v.len > 1 && str_ends_nocase(v, STR("b")))
        v.len -= 1;
    if (v.len > 1 && !ascii_isdigit(v.ptr[v.len - 1])) {
        const char *unit = strchr(units, ascii_lower(v.ptr[v.len - 1]));
        if (unit == NULL) return ERR_INVALID;
        factor = UINT64_C(1) << (10 * (unit - units + 1));
        v = str_trim(str_sub(v, 0, v.len - 1));
    }
    uint64_t n;
    int rc = str_to_u64(v, UINT64_MAX / factor, &n);
    if (rc == 0) *out = n * factor;
    return rc;
}

/* The word of the list that `v` is, as it stands there; the empty view when it is none. */
static struct str find_word(const struct option *o, struct str v, uint64_t *place) {
    uint64_t i = 0;
    for (struct str word, rest = str_from(o->unit); (word = str_word(&rest)).len > 0; i++) {
        if (!str_eq_nocase(word, v)) continue;
        if (place != NULL) *place = i;
        return word;
    }
    return STR_EMPTY;
}

struct str option_normal(const struct option *o, struct str value) {
    struct str v = str_trim(value);
    struct str word = o->type == OPTION_WORD ? find_word(o, v, NULL) : STR_EMPTY;
    return word.len > 0 ? word : v;
}

static int parse_number(const struct option *o, struct str v, uint64_t *out) {
    switch (o->type) {
    case OPTION_BOOL: return parse_bool(v, out);
    case OPTION_COUNT: return str_to_u64(v, UINT64_MAX, out);
    case OPTION_SECONDS: return clock_parse_duration(v, out);
    case OPTION_BYTES: return parse_bytes(v, out);
    case OPTION_LEVEL: {
        enum log_level level;
        int rc = log_level_parse(v, &level);
        if (rc == 0) *out = (uint64_t)level;
        return rc;
    }
    case OPTION_STEPS:
    case OPTION_TIMES:
    case OPTION_NETWORKS:
    case OPTION_HOSTS:
    case OPTION_TEXT: *out = 0; return 0;
    case OPTION_WORD: return find_word(o, v, out).len > 0 ? 0 : ERR_INVALID;
    }
    return ERR_INVALID;
}

static void words_range(const struct option *o, char out[static OPTION_RANGE_MAX]) {
    size_t n = (size_t)snprintf(out, OPTION_RANGE_MAX, "one of");
    const char *before = " ";
    for (struct str word, rest = str_from(o->unit); n < OPTION_RANGE_MAX && (word = str_word(&rest)).len > 0;) {
        n += (size_t)snprintf(out + n, OPTION_RANGE_MAX - n, "%s%.*s", before, STR_ARG(word));
        before = ", ";
    }
}

void option_range(const struct option *o, char out[static OPTION_RANGE_MAX]) {
    char low[CLOCK_TEXT_MAX], high[CLOCK_TEXT_MAX];
    switch (o->type) {
    case OPTION_BOOL: (void)snprintf(out, OPTION_RANGE_MAX, "yes or no"); break;
    case OPTION_COUNT:
        (void)snprintf(out, OPTION_RANGE_MAX, "%" PRIu64 " to %" PRIu64 "%s%s", o->min, o->max,
                       o->unit[0] == '\0' ? "" : " ", o->unit);
        break;
    case OPTION_SECONDS:
        clock_format_duration(o->min, low);
        clock_format_duration(o->max, high);
        (void)snprintf(out, OPTION_RANGE_MAX, "a time from %s to %s (as 90s, 15m, 4h, 3d)", low, high);
        break;
    case OPTION_BYTES:
        (void)snprintf(out, OPTION_RANGE_MAX, "%" PRIu64 " to %" PRIu64 " bytes (as 500000, 10k, 5M, 2G)", o->min,
                       o->max);
        break;
    case OPTION_LEVEL:
        (void)snprintf(out, OPTION_RANGE_MAX, "one of error, warning, message, smtp, info, debug");
        break;
    case OPTION_STEPS:
        (void)snprintf(out, OPTION_RANGE_MAX, "boundaries : weights, one weight more (as 10 1000 : 0 2 4), or empty");
        break;
    case OPTION_WORD: words_range(o, out); break;
    case OPTION_TIMES: (void)snprintf(out, OPTION_RANGE_MAX, "times separated by blanks (as 5m 30m 2h)"); break;
    case OPTION_NETWORKS:
        (void)snprintf(out, OPTION_RANGE_MAX, "addresses, networks and ranges, separated by blanks, or empty");
        break;
    case OPTION_HOSTS:
        (void)snprintf(out, OPTION_RANGE_MAX, "host, [host] or address, each with :port if need be, or empty");
        break;
    case OPTION_TEXT:
        if (o->max == 0)
            (void)snprintf(out, OPTION_RANGE_MAX, "text");
        else
            (void)snprintf(out, OPTION_RANGE_MAX, "text of %" PRIu64 " to %" PRIu64 " bytes", o->min, o->max);
        break;
    }
}

int option_check(const struct option *o, struct str value, uint64_t *number, struct error *err) {
    uint64_t n = 0;
    struct str v = str_trim(value);
    bool ok = parse_number(o, v, &n) == 0;
    int rc = option_form_check(o, v, err);
    if (rc != 0) return rc;
    if (o->type == OPTION_TEXT || o->type >= OPTION_TIMES) {
        ok = v.len >= o->min && (o->max == 0 || v.len <= o->max);
        for (size_t i = 0; i < v.len; i++) ok = ok && (unsigned char)v.ptr[i] >= 0x20;
    } else if (o->type == OPTION_COUNT || o->type == OPTION_SECONDS || o->type == OPTION_BYTES) {
        ok = ok && n >= o->min && n <= o->max;
    }
    if (!ok) {
        char range[OPTION_RANGE_MAX];
        option_range(o, range);
        if (v.len > VALUE_SHOWN) return error_set(err, ERR_INVALID, "%s: %s", o->name, range);
        return error_set(err, ERR_INVALID, "%s: %s, not '%.*s'", o->name, range, STR_ARG(v));
    }
    if (number != NULL) *number = n;
    return 0;
}

int option_check_named(struct str name, struct str value, struct error *err) {
    const struct option *o = option_find(name);
    if (o != NULL) return option_check(o, value, NULL, err);
    const char *near = option_suggest(name);
    int shown = (int)(name.len < NAME_MAX_LEN ? name.len : NAME_MAX_LEN);
    if (near == NULL) {
        return error_set(err, ERR_NOTFOUND, "there is no option '%.*s'; `iems config list` shows all", shown, name.ptr);
    }
    return error_set(err, ERR_NOTFOUND, "there is no option '%.*s'; did you mean '%s'?", shown, name.ptr, near);
}
