/* See datetime.h. */
#include "proto/smtp/datetime.h"

#include "base/clock.h"

/* `count` digits off the front, then `sep` (0 = none). */
static bool digits(struct str *s, size_t count, char sep, int *out) {
    uint64_t n;
    if (s->len < count + (sep != 0) || str_to_u64(str_sub(*s, 0, count), 9999, &n) < 0) return false;
    if (sep != 0 && ascii_upper(s->ptr[count]) != sep) return false;
    *s = str_sub(*s, count + (sep != 0), s->len);
    *out = (int)n;
    return true;
}

static bool is_utc(struct str s) {
    return str_eq_nocase(s, STR("Z")) || str_eq(s, STR("+00:00")) || str_eq(s, STR("-00:00"));
}

int smtp_datetime_parse(struct str s, int64_t *out) {
    int year, month, day, hour, min, sec;
    int64_t at;
    bool later = false; /* than the whole second */
    if (!digits(&s, 4, '-', &year) || !digits(&s, 2, '-', &month) || !digits(&s, 2, 'T', &day) ||
        !digits(&s, 2, ':', &hour) || !digits(&s, 2, ':', &min) || !digits(&s, 2, 0, &sec))
        return ERR_INVALID;
    if (s.len > 0 && s.ptr[0] == '.') {
        size_t n = 1;
        while (n < s.len && ascii_isdigit(s.ptr[n])) n++;
        if (n == 1) return ERR_INVALID;
        for (size_t i = 1; i < n; i++) later |= s.ptr[i] != '0';
        s = str_sub(s, n, s.len);
    }
    if (!is_utc(s)) return ERR_INVALID;
    if (sec == 60) { /* a leap second */
        sec = 59;
        later = true;
    }
    if (clock_from_civil(year, month, day, hour, min, sec, &at) < 0) return ERR_INVALID;
    *out = at + later;
    return 0;
}

void smtp_datetime_format(struct buf *out, int64_t at) {
    char text[CLOCK_TEXT_MAX];
    clock_rfc3339(at * 1000, text);
    buf_add(out, str_sub(str_from(text), 0, sizeof "2026-11-21T07:24:00" - 1));
    buf_addc(out, 'Z');
}
