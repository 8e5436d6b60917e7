#include "quota/schedule.h"

#include <time.h>

enum { HOUR_MAX = 23, MINUTE_MAX = 59, WEEK_DAYS = 7 };

int schedule_parse(struct str at, int weekday, struct schedule *out, struct error *err) {
    struct str rest = at, hours = str_cut(&rest, ':');
    uint64_t hour, minute;
    if (rest.len != 2 || str_to_u64(hours, HOUR_MAX, &hour) != 0 || str_to_u64(rest, MINUTE_MAX, &minute) != 0)
        return error_set(err, ERR_INVALID, "'%.*s' is not a time of day: hh:mm", STR_ARG(at));
    *out = (struct schedule){(unsigned)hour, (unsigned)minute, weekday};
    return 0;
}

/* mktime puts right what the calendar and summer time make of the day. */
int64_t schedule_next(const struct schedule *s, int64_t after_s) {
    time_t now = (time_t)after_s;
    struct tm today;
    if (localtime_r(&now, &today) == NULL) return after_s + 24 * 60 * 60;
    for (int days = 0; days <= WEEK_DAYS; days++) {
        struct tm tm = {.tm_year = today.tm_year,
                        .tm_mon = today.tm_mon,
                        .tm_mday = today.tm_mday + days,
                        .tm_hour = (int)s->hour,
                        .tm_min = (int)s->minute,
                        .tm_isdst = -1};
        time_t at = mktime(&tm);
        if (at > now && (s->weekday == SCHEDULE_DAILY || tm.tm_wday == s->weekday)) return at;
    }
    return after_s + WEEK_DAYS * 24 * 60 * 60;
}
