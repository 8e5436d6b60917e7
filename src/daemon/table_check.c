/* Texts in columns that have a form of their own. */
#include "daemon/rows.h"

#include <string.h>

enum { FINGERPRINT_DIGITS = 64, SIZE_LEAST = 8192 };

/* STLS-03: SHA-256 in hex, with or without colons. */
static int check_fingerprints(const char *name, struct str value, struct error *err) {
    for (struct str word, rest = value; (word = str_word(&rest)).len > 0;) {
        size_t digits = 0;
        bool ok = true;
        for (size_t i = 0; i < word.len; i++) {
            char c = ascii_lower(word.ptr[i]);
            if (c == ':') continue;
            ok = ok && (ascii_isdigit(c) || (c >= 'a' && c <= 'f'));
            digits++;
        }
        if (!ok || digits != FINGERPRINT_DIGITS) {
            return error_set(err, ERR_INVALID, "%s: a fingerprint has %d hexadecimal digits (SHA-256)", name,
                             FINGERPRINT_DIGITS);
        }
    }
    return 0;
}

/* PEER-12, PEER-13 */
static int check_size(const char *name, struct str value, struct error *err) {
    static const struct option least = {.name = "", .type = OPTION_BYTES, .min = SIZE_LEAST, .max = UINT64_MAX};
    uint64_t n;
    if (str_to_u64(str_trim(value), 0, &n) == 0 || option_check(&least, value, NULL, NULL) == 0) return 0;
    return error_set(err, ERR_INVALID, "%s: 0 (no limit of its own) or at least %d bytes", name, SIZE_LEAST);
}

/* A host has one place for each purpose. */
static int check_single(const char *name, struct str value, struct error *err) {
    struct str rest = value;
    (void)str_word(&rest);
    if (str_trim(rest).len == 0 && str_find(value, ',') == STR_NPOS) return 0;
    return error_set(err, ERR_INVALID, "%s: one name or address, not a list", name);
}

static const struct {
    const char *table, *column;
    int (*check)(const char *name, struct str value, struct error *err);
} checks[] = {
    {"host", "control", check_single}, {"host", "fingerprint", check_fingerprints},
    {"host", "mail", check_single},    {"peer", "max_in", check_size},
    {"peer", "max_out", check_size},   {"peer", "tls_fingerprint", check_fingerprints},
};

int table_form_check(const struct table *t, const struct option *column, struct str value, struct error *err) {
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        if (strcmp(checks[i].table, t->name) != 0 || strcmp(checks[i].column, column->name) != 0) continue;
        return checks[i].check(column->name, value, err);
    }
    return 0;
}
