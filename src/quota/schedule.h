/* When the next check is: a time of day, daily or on one day of the week, in local time (QUOTA-06, QUOTA-07). */
#ifndef IEMS_QUOTA_SCHEDULE_H
#define IEMS_QUOTA_SCHEDULE_H

#include "base/error.h"
#include "base/str.h"

enum { SCHEDULE_DAILY = -1 };

struct schedule {
    unsigned hour, minute;
    int weekday; /* 0 = Sunday, or SCHEDULE_DAILY */
};

/* "hh:mm". ERR_INVALID. */
NODISCARD int schedule_parse(struct str at, int weekday, struct schedule *out, struct error *err);
/* The first such time after `after_s`. */
int64_t schedule_next(const struct schedule *s, int64_t after_s);

#endif
