#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOG_BUFFER = 64 * 1024, LOG_LINE_MAX = 2048 };

static struct {
    const char *module;
    int fd;
    enum log_level level;
    size_t len;
    char data[LOG_BUFFER];
} logger = {.module = "iems", .fd = STDERR_FILENO, .level = LOG_MESSAGE};

static const struct {
    const char *name, *classic;
} level_names[] = {
    [LOG_ERROR] = {"error", "errors only"},         [LOG_WARNING] = {"warning", "warning"},
    [LOG_MESSAGE] = {"message", "message logging"}, [LOG_SMTP] = {"smtp", "smtp session"},
    [LOG_INFO] = {"info", "informational"},         [LOG_DEBUG] = {"debug", "diagnostic"},
};

void log_open(const char *module, int fd, enum log_level level) {
    logger.module = module;
    logger.fd = fd;
    logger.level = level;
}

void log_set_level(enum log_level level) {
    logger.level = level;
}

void log_set_fd(int fd) {
    log_flush();
    logger.fd = fd;
}

enum log_level log_level(void) {
    return logger.level;
}

bool log_enabled(enum log_level level) {
    return level <= logger.level;
}

void log_flush(void) {
    for (size_t done = 0; done < logger.len;) {
        ssize_t n = write(logger.fd, logger.data + done, logger.len - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break; /* a full disk must not stop the mail */
        done += (size_t)n;
    }
    logger.len = 0;
}

int log_level_parse(struct str s, enum log_level *out) {
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (str_eq_nocase(s, str_from(level_names[i].name)) || str_eq_nocase(s, str_from(level_names[i].classic))) {
            *out = (enum log_level)i;
            return 0;
        }
    }
    return ERR_INVALID;
}

const char *log_level_name(enum log_level level) {
    return level_names[level].name;
}

void log_event(enum log_level level, const char *id, const char *event, const char *fmt, ...) {
    if (!log_enabled(level)) return;
    char line[LOG_LINE_MAX], when[CLOCK_TEXT_MAX];
    clock_rfc3339(clock_wall_ms(), when);
    int head = snprintf(line, sizeof line, "%s %s %s %s %s ", when, log_level_name(level), logger.module, id, event);
    if (head < 0 || (size_t)head >= sizeof line - 2) return;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line + head, sizeof line - 1 - (size_t)head, fmt, ap);
    va_end(ap);
    if (n < 0) return;
    size_t len = strlen(line);
    for (size_t i = (size_t)head; i < len; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) line[i] = '?';
    }
    line[len++] = '\n';
    if (logger.len + len > sizeof logger.data) log_flush();
    memcpy(logger.data + logger.len, line, len);
    logger.len += len;
    if (level == LOG_ERROR) log_flush();
}
