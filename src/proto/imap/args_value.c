/* Dates and flags of command arguments (RFC 9051 section 9: date, date-time, flag). */
#include "proto/imap/args.h"

#include "base/clock.h"

static bool digits(struct str s, size_t at, size_t count, int *out) {
    int n = 0;
    if (at + count > s.len) return false;
    for (size_t i = at; i < at + count; i++) {
        if (!ascii_isdigit(s.ptr[i])) return false;
        n = n * 10 + (s.ptr[i] - '0');
    }
    *out = n;
    return true;
}

static int month_of(struct str s) {
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (int m = 0; m < 12 && s.len == 3; m++)
        if (str_eq_nocase(s, str_of(names + 3 * m, 3))) return m + 1;
    return 0;
}

/* date-text = (1*2DIGIT / SP DIGIT) "-" date-month "-" 4DIGIT; returns the bytes used, 0 = none. */
static size_t date_text(struct str s, int *year, int *month, int *day) {
    size_t at = 0;
    if (s.len > 0 && s.ptr[0] == ' ') at++;
    size_t n = at == 0 && digits(s, at, 2, day) ? 2 : digits(s, at, 1, day) ? 1 : 0;
    if (n == 0) return 0;
    at += n;
    if (s.len < at + 9 || s.ptr[at] != '-' || s.ptr[at + 4] != '-') return 0;
    *month = month_of(str_sub(s, at + 1, 3));
    if (*month == 0 || !digits(s, at + 5, 4, year)) return 0;
    return at + 9;
}

bool imap_args_date(struct imap_args *a, int64_t *out) {
    struct imap_args b = *a;
    bool quoted = imap_args_char(&b, '"');
    int year, month, day;
    size_t used = date_text(b.rest, &year, &month, &day);
    if (used == 0 || b.rest.ptr[0] == ' ') return false;
    b.rest = str_sub(b.rest, used, SIZE_MAX);
    if (quoted && !imap_args_char(&b, '"')) return false;
    if (clock_from_civil(year, month, day, 0, 0, 0, out) != 0) return false;
    *a = b;
    return true;
}

bool imap_args_datetime(struct imap_args *a, int64_t *out) {
    struct imap_args b = *a;
    struct str s;
    int year, month, day, hour, min, sec, zone;
    if (!imap_args_quoted(&b, &s)) return false;
    size_t used = date_text(s, &year, &month, &day);
    if (used == 0 || s.len != used + 15) return false;
    s = str_sub(s, used, SIZE_MAX); /* " 07:24:00 +0100" */
    if (s.ptr[0] != ' ' || s.ptr[3] != ':' || s.ptr[6] != ':' || s.ptr[9] != ' ') return false;
    if (s.ptr[10] != '+' && s.ptr[10] != '-') return false;
    if (!digits(s, 1, 2, &hour) || !digits(s, 4, 2, &min) || !digits(s, 7, 2, &sec) || !digits(s, 11, 4, &zone))
        return false;
    int64_t t;
    if (zone % 100 > 59 || clock_from_civil(year, month, day, hour, min, sec > 59 ? 59 : sec, &t) != 0) return false;
    int64_t offset = (zone / 100 * 60 + zone % 100) * 60;
    *out = s.ptr[10] == '+' ? t - offset : t + offset;
    *a = b;
    return true;
}

uint64_t imap_flag_bit(struct str flag) {
    static const struct {
        const char *name;
        uint64_t bit;
    } table[] = {{"\\Answered", IMAP_ANSWERED},
                 {"\\Flagged", IMAP_FLAGGED},
                 {"\\Deleted", IMAP_DELETED},
                 {"\\Seen", IMAP_SEEN},
                 {"\\Draft", IMAP_DRAFT}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (str_eq_nocase(flag, str_from(table[i].name))) return table[i].bit;
    return 0;
}

static bool take_flag(struct imap_args *a, struct imap_flags *out) {
    struct imap_args b = *a;
    bool system = imap_args_char(&b, '\\');
    struct str name;
    if (!imap_args_atom(&b, &name)) return false;
    if (system) {
        uint64_t bit = imap_flag_bit(str_of(name.ptr - 1, name.len + 1));
        if (str_eq_nocase(name, STR("Recent")))
            out->recent = true;
        else if (bit == 0)
            out->unknown = true;
        out->system |= bit;
    } else {
        bool known = false;
        for (size_t i = 0; i < out->keywords; i++) known = known || str_eq_nocase(out->keyword[i], name);
        if (!known) {
            if (name.len > IMAP_KEYWORD_MAX || out->keywords >= IMAP_KEYWORDS_MAX) return false;
            out->keyword[out->keywords++] = name;
        }
    }
    *a = b;
    return true;
}

static bool take_flags(struct imap_args *a, struct imap_flags *out) {
    if (!take_flag(a, out)) return false;
    while (imap_args_peek_char(a, ' ')) {
        struct imap_args b = *a;
        bool more = imap_args_space(&b);
        if (more && !take_flag(&b, out)) return imap_args_end(&b); /* blanks at the end of the line */
        *a = b;
    }
    return true;
}

bool imap_args_flag_list(struct imap_args *a, struct imap_flags *out) {
    struct imap_args b = *a;
    struct imap_flags f = {0};
    if (!imap_args_char(&b, '(')) return false;
    if (!imap_args_peek_char(&b, ')') && !take_flags(&b, &f)) return false;
    if (!imap_args_char(&b, ')')) return false;
    *a = b;
    *out = f;
    return true;
}

bool imap_args_store_flags(struct imap_args *a, struct imap_flags *out) {
    if (imap_args_peek_char(a, '(')) return imap_args_flag_list(a, out);
    struct imap_args b = *a;
    struct imap_flags f = {0};
    if (!take_flags(&b, &f)) return false;
    *a = b;
    *out = f;
    return true;
}
