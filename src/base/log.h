/* Structured log lines: `time level module id event key=value ...` (LOG-01 to LOG-07).
 * Only programs log, never libraries. Lines are gathered and written in one go by log_flush, which the
 * event loop calls before it waits; ERROR lines are written at once. */
#ifndef IEMS_BASE_LOG_H
#define IEMS_BASE_LOG_H

#include "base/str.h"

/* The six levels of LOG-01, from terse to verbose. LOG_MESSAGE is the default (LOG-03). */
enum log_level {
    LOG_ERROR,   /* failed conditions */
    LOG_WARNING, /* what an administrator should look at */
    LOG_MESSAGE, /* one record for each thing that happens to a message */
    LOG_SMTP,    /* each protocol line, both directions */
    LOG_INFO,    /* logon, logoff, module start, configuration */
    LOG_DEBUG,   /* step by step */
};

/* `module` must live on. Lines go to `fd` (not owned). */
void log_open(const char *module, int fd, enum log_level level);
void log_set_level(enum log_level level);
void log_set_fd(int fd); /* after rotation; flushes to the old one first */
enum log_level log_level(void);
bool log_enabled(enum log_level level);
void log_flush(void);
/* "error" .. "debug" and the names of the original ("message logging"); ERR_INVALID. */
NODISCARD int log_level_parse(struct str s, enum log_level *out);
const char *log_level_name(enum log_level level);

/* One line. `id` is the trace or session identifier, "-" when there is none; `event` a word; then
 * key=value pairs by format. Values with blanks stand in double quotes. Control bytes are replaced. */
__attribute__((format(printf, 4, 5))) void log_event(enum log_level level, const char *id, const char *event,
                                                     const char *fmt, ...);

#endif
