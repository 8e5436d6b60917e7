#include "base/clock.h"

#include <stdio.h>

static uint64_t read_clock_us(clockid_t id) {
    struct timespec ts;
    IEMS_ASSERT(clock_gettime(id, &ts) == 0);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_mono_us(void) {
    return read_clock_us(CLOCK_MONOTONIC);
}

uint64_t clock_mono_ms(void) {
    return clock_mono_us() / 1000;
}

int64_t clock_wall_ms(void) {
    return (int64_t)(read_clock_us(CLOCK_REALTIME) / 1000);
}

int64_t clock_wall_s(void) {
    return clock_wall_ms() / 1000;
}

static const char *const day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void clock_rfc5322(int64_t wall_s, char out[static CLOCK_TEXT_MAX]) {
    time_t t = (time_t)wall_s;
    struct tm tm;
    localtime_r(&t, &tm);
    long off = tm.tm_gmtoff / 60;
    char sign = off < 0 ? '-' : '+';
    if (off < 0) off = -off;
    (void)snprintf(out, CLOCK_TEXT_MAX, "%s, %02d %s %04d %02d:%02d:%02d %c%02ld%02ld", day_names[tm.tm_wday],
                   tm.tm_mday, month_names[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec, sign,
                   off / 60, off % 60);
}

void clock_rfc3339(int64_t wall_ms, char out[static CLOCK_TEXT_MAX]) {
    time_t t = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&t, &tm);
    (void)snprintf(out, CLOCK_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(wall_ms % 1000));
}

void clock_imap(int64_t wall_s, char out[static CLOCK_TEXT_MAX]) {
    time_t t = (time_t)wall_s;
    struct tm tm;
    gmtime_r(&t, &tm);
    (void)snprintf(out, CLOCK_TEXT_MAX, "%02d-%s-%04d %02d:%02d:%02d +0000", tm.tm_mday, month_names[tm.tm_mon],
                   tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

int clock_from_civil(int year, int month, int day, int hour, int min, int sec, int64_t *out) {
    static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > month_days[month - 1] || hour < 0 ||
        hour > 23 || min < 0 || min > 59 || sec < 0 || sec > 60) {
        return ERR_INVALID;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month == 2 && day == 29 && !leap) return ERR_INVALID;
    /* Days since 1970-01-01 with the year starting in March, so that the leap day is its last. */
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400, yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t days = era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
    *out = days * 86400 + hour * 3600 + min * 60 + sec;
    return 0;
}

static const struct {
    char suffix;
    uint64_t seconds;
} duration_units[] = {{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

int clock_parse_duration(struct str s, uint64_t *seconds) {
    uint64_t unit = 1;
    for (size_t i = 0; s.len > 0 && i < sizeof duration_units / sizeof duration_units[0]; i++) {
        if (s.ptr[s.len - 1] == duration_units[i].suffix) {
            unit = duration_units[i].seconds;
            s.len--;
            break;
        }
    }
    uint64_t n;
    int rc = str_to_u64(s, UINT32_MAX, &n);
    if (rc != 0) return rc;
    *seconds = n * unit;
    return 0;
}

void clock_format_duration(uint64_t seconds, char out[static CLOCK_TEXT_MAX]) {
    for (size_t i = 0; i < sizeof duration_units / sizeof duration_units[0]; i++) {
        if (seconds % duration_units[i].seconds == 0 && seconds >= duration_units[i].seconds) {
            (void)snprintf(out, CLOCK_TEXT_MAX, "%llu%c", (unsigned long long)(seconds / duration_units[i].seconds),
                           duration_units[i].suffix);
            return;
        }
    }
    (void)snprintf(out, CLOCK_TEXT_MAX, "0s");
}
