/* Time: monotonic for waits, wall clock for what a person sees. Units are in the names. */
#ifndef IEMS_BASE_CLOCK_H
#define IEMS_BASE_CLOCK_H

#include "base/buf.h"

#include <time.h>

uint64_t clock_mono_ms(void);
uint64_t clock_mono_us(void);
int64_t clock_wall_s(void); /* seconds since 1970-01-01 UTC */
int64_t clock_wall_ms(void);

enum { CLOCK_TEXT_MAX = 48 };
/* RFC 5322 section 3.3: "Sat, 21 Nov 2026 07:24:00 +0000", in the local time zone. */
void clock_rfc5322(int64_t wall_s, char out[static CLOCK_TEXT_MAX]);
/* RFC 3339 with milliseconds, UTC: "2026-11-21T07:24:00.123Z". */
void clock_rfc3339(int64_t wall_ms, char out[static CLOCK_TEXT_MAX]);
/* RFC 9051 date-time: "21-Nov-2026 07:24:00 +0000", UTC. */
void clock_imap(int64_t wall_s, char out[static CLOCK_TEXT_MAX]);
/* Civil date (proleptic Gregorian) to seconds since 1970; month 1..12, fields in range or ERR_INVALID. */
NODISCARD int clock_from_civil(int year, int month, int day, int hour, int min, int sec, int64_t *out);
/* "90", "90s", "15m", "4h", "3d", "2w" to seconds. */
NODISCARD int clock_parse_duration(struct str s, uint64_t *seconds);
/* Seconds as the shortest of the forms above ("3d", "90s"). */
void clock_format_duration(uint64_t seconds, char out[static CLOCK_TEXT_MAX]);

#endif
