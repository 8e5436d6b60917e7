/* Any text is a date or not; a date formatted again is the same time. */
#include "base/clock.h"
#include "proto/mime/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct mail_date d, again;
    if (mail_date_parse(str_of(data, size), &d) != 0) return 0;
    IEMS_ASSERT(d.zone_minutes >= -100 * 60 && d.zone_minutes <= 100 * 60);
    char text[CLOCK_TEXT_MAX];
    clock_rfc5322(d.time, text);
    if (d.time >= 0 && d.time < 4102444800) { /* year 2100 */
        IEMS_ASSERT(mail_date_parse(str_from(text), &again) == 0);
        IEMS_ASSERT(again.time == d.time);
    }
    return 0;
}
