#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void error_fill(struct error *e, int code, const char *fmt, ...) {
    if (e == NULL) return;
    va_list ap;
    va_start(ap, fmt);
    e->code = code;
    (void)vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
}

int error_prefix(struct error *e, const char *fmt, ...) {
    if (e == NULL) return ERR_INVALID;
    char old[ERROR_TEXT_MAX];
    memcpy(old, e->text, sizeof old);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof e->text) {
        (void)snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s", old);
    }
    return e->code;
}

const char *err_name(int code) {
    switch ((enum err)code) {
    case ERR_OK: return "ok";
    case ERR_NOMEM: return "out of memory";
    case ERR_INVALID: return "invalid";
    case ERR_NOTFOUND: return "not found";
    case ERR_EXISTS: return "exists";
    case ERR_DENIED: return "denied";
    case ERR_TIMEOUT: return "timeout";
    case ERR_CLOSED: return "closed";
    case ERR_IO: return "i/o error";
    case ERR_LIMIT: return "over limit";
    case ERR_CANCELLED: return "cancelled";
    case ERR_AGAIN: return "temporarily unavailable";
    case ERR_CONFLICT: return "conflict";
    case ERR_CORRUPT: return "corrupt";
    case ERR_NOSPACE: return "no space";
    case ERR_UNSUPPORTED: return "unsupported";
    }
    return "unknown error";
}

void iems_assert_failed(const char *cond, const char *file, int line, const char *func) {
    (void)fprintf(stderr, "assertion failed: %s (%s:%d, %s)\n", cond, file, line, func);
    abort();
}
