/* date-time = [day-of-week ","] day month year hour ":" minute [":" second] zone      (RFC 5322 section 3.3, 4.3) */
#include "proto/mime/date.h"

#include "base/clock.h"
#include "proto/mime/header.h"

static const char months[12][4] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};

static const struct {
    const char *name;
    int minutes;
} zones[] = {
    {"ut", 0},     {"utc", 0},    {"gmt", 0},    {"z", 0},      {"est", -300}, {"edt", -240},
    {"cst", -360}, {"cdt", -300}, {"mst", -420}, {"mdt", -360}, {"pst", -480}, {"pdt", -420},
};

/* The next run of letters or of digits (with sign), or one other character. */
static struct str next_token(struct str *rest) {
    header_skip_cfws(rest, NULL);
    size_t n = 0;
    if (n < rest->len && (rest->ptr[0] == '+' || rest->ptr[0] == '-')) n++;
    size_t first = n;
    if (n < rest->len && ascii_isdigit(rest->ptr[n])) {
        while (n < rest->len && ascii_isdigit(rest->ptr[n])) n++;
    } else {
        while (n < rest->len && ascii_isalpha(rest->ptr[n])) n++;
    }
    if (n == first && n < rest->len && n == 0) n = 1;
    struct str token = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n, rest->len);
    return token;
}

static int number(struct str token, uint64_t max, int *out) {
    uint64_t n;
    if (token.len > 9 || str_to_u64(token, max, &n) != 0) return ERR_INVALID;
    *out = (int)n;
    return 0;
}

/* "-" between day, month and year, as some programs write it, arrives as the sign of the next token. */
static struct str without_dash(struct str token) {
    return token.len > 1 && token.ptr[0] == '-' ? str_sub(token, 1, token.len) : token;
}

static int month_number(struct str token) {
    if (token.len < 3) return 0;
    for (int m = 0; m < 12; m++) {
        if (str_starts_nocase(token, str_from(months[m]))) return m + 1;
    }
    return 0;
}

static int parse_year(struct str token, int *year) {
    int y;
    if (token.len < 2 || number(token, 9999, &y) != 0) return ERR_INVALID;
    if (token.len == 2) {
        y += y < 50 ? 2000 : 1900;
    } else if (token.len == 3) {
        y += 1900;
    }
    *year = y;
    return 0;
}

static int zone_minutes(struct str token) {
    if (token.len == 5 && (token.ptr[0] == '+' || token.ptr[0] == '-')) {
        int hhmm;
        if (number(str_sub(token, 1, 4), 9999, &hhmm) != 0 || hhmm % 100 > 59) return 0;
        int minutes = hhmm / 100 * 60 + hhmm % 100;
        return token.ptr[0] == '-' ? -minutes : minutes;
    }
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        if (str_eq_nocase(token, str_from(zones[i].name))) return zones[i].minutes;
    }
    return 0; /* RFC 5322 section 4.3: military zones and unknown names mean nothing */
}

/* hour ":" minute [":" second]; leaves the token behind it in `*after`. */
static int parse_time(struct str *rest, int *hour, int *minute, int *second, struct str *after) {
    if (number(next_token(rest), 23, hour) != 0) return ERR_INVALID;
    struct str colon = next_token(rest);
    if (!str_eq(colon, STR(":")) && !str_eq(colon, STR("."))) return ERR_INVALID;
    if (number(next_token(rest), 59, minute) != 0) return ERR_INVALID;
    *second = 0;
    *after = next_token(rest);
    if (!str_eq(*after, colon)) return 0;
    if (number(next_token(rest), 60, second) != 0) return ERR_INVALID;
    if (*second == 60) *second = 59; /* leap second */
    *after = next_token(rest);
    return 0;
}

int mail_date_parse(struct str value, struct mail_date *out) {
    struct str t = next_token(&value);
    if (t.len > 0 && ascii_isalpha(t.ptr[0])) {
        t = next_token(&value);
        if (str_eq(t, STR(","))) t = next_token(&value);
    }
    int year, day, hour, minute, second;
    if (number(t, 31, &day) != 0) return ERR_INVALID;
    int month = month_number(without_dash(next_token(&value)));
    if (month == 0 || parse_year(without_dash(next_token(&value)), &year) != 0) return ERR_INVALID;
    struct str zone;
    if (parse_time(&value, &hour, &minute, &second, &zone) != 0) return ERR_INVALID;
    int64_t time;
    if (clock_from_civil(year, month, day, hour, minute, second, &time) != 0) return ERR_INVALID;
    int minutes = zone_minutes(zone);
    *out = (struct mail_date){.time = time - (int64_t)minutes * 60, .zone_minutes = minutes};
    return 0;
}
