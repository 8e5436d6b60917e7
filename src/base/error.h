/* One convention for failure: functions return 0 or a negative `enum err`, leave their outputs
 * untouched on failure, and put the detail for a person into a caller-owned `struct error`. */
#ifndef IEMS_BASE_ERROR_H
#define IEMS_BASE_ERROR_H

#include <stdarg.h>

enum err {
    ERR_OK = 0,
    ERR_NOMEM = -1,      /* out of memory or over a buffer's maximum */
    ERR_INVALID = -2,    /* malformed input or argument */
    ERR_NOTFOUND = -3,   /* no such object */
    ERR_EXISTS = -4,     /* object is there already */
    ERR_DENIED = -5,     /* not permitted to this caller */
    ERR_TIMEOUT = -6,    /* the time allowed for a wait ran out */
    ERR_CLOSED = -7,     /* the peer closed the connection in an orderly way */
    ERR_IO = -8,         /* connection or device failed */
    ERR_LIMIT = -9,      /* a named limit is exceeded */
    ERR_CANCELLED = -10, /* the fiber was told to stop */
    ERR_AGAIN = -11,     /* temporary: the same call may work later */
    ERR_CONFLICT = -12,  /* state changed since it was read (compare-assert failed) */
    ERR_CORRUPT = -13,   /* stored data fails its check */
    ERR_NOSPACE = -14,   /* disk below its guard or quota used up */
    ERR_UNSUPPORTED = -15,
};

enum { ERROR_TEXT_MAX = 320 };

/* Caller-owned detail of a failure. Zero-initialised means "nothing to tell". */
struct error {
    int code;
    char text[ERROR_TEXT_MAX];
};

/* Fills `e` (may be NULL). */
__attribute__((format(printf, 3, 4))) void error_fill(struct error *e, int code, const char *fmt, ...);

/* The same, and its value is `code`, so that `return error_set(...)` reads well. A macro, so that compilers and
 * analysers see across files that a failure is returned. */
#define error_set(e, code, ...)                                                                                        \
    ({                                                                                                                 \
        int error_code_ = (code);                                                                                      \
        error_fill((e), error_code_, __VA_ARGS__);                                                                     \
        error_code_;                                                                                                   \
    })

/* Puts "prefix: " before the text that is there. Returns e->code. */
__attribute__((format(printf, 2, 3))) int error_prefix(struct error *e, const char *fmt, ...);

/* The name of a code for logs: "timeout", "not found". Static storage. */
const char *err_name(int code);

/* For programmers' errors only, never for input: stays on in release builds, logs place and condition, aborts. */
#define IEMS_ASSERT(cond) ((cond) ? (void)0 : iems_assert_failed(#cond, __FILE__, __LINE__, __func__))
__attribute__((noreturn)) void iems_assert_failed(const char *cond, const char *file, int line, const char *func);

#define NODISCARD __attribute__((warn_unused_result))

#endif
