/* See sendmail_args.h. */
#include "cli/sendmail_args.h"

#include "proto/smtp/dsn.h"

#include <string.h>

/* Flags that take a value, in the same word or the next. */
static const char with_value[] = "fFrBNRVCbohLpXOdqe";

enum { ENVID_MAX = 100 };

static int mode_take(const char *value, struct sendmail_args *a, struct error *err) {
    switch (value[0]) {
    case 'm': a->mode = SENDMAIL_SUBMIT; return 0;
    case 's': a->mode = SENDMAIL_SMTP; return 0;
    case 'p': a->mode = SENDMAIL_QUEUE; return 0;
    case 'i':
    case 'h':
    case 'H': a->mode = SENDMAIL_NOTHING; return 0;
    case 'v': a->mode = SENDMAIL_VERIFY; return 0;
    case 'd':
    case 'D': return error_set(err, ERR_INVALID, "-b%s: the mail system is started by `iems start`", value);
    case 't':
        return error_set(err, ERR_INVALID, "-bt: there are no rewriting rules; `iems resolve` shows where mail goes");
    default: return error_set(err, ERR_INVALID, "-b%s is not supported (there are -bm, -bs, -bp, -bv)", value);
    }
}

/* -q runs the queue once; with an interval it is for a program that stays, which this one does not. */
static int run_take(const char *value, struct sendmail_args *a, struct error *err) {
    char kind = value[0] == 'f' && value[1] == '\0' ? '\0' : value[0];
    a->mode = ascii_isdigit(kind) || kind == 'p' ? SENDMAIL_NOTHING : SENDMAIL_RUN;
    if (a->mode == SENDMAIL_NOTHING || kind == '\0') return 0;
    if (strchr("RSI", kind) == NULL || value[1] == '\0')
        return error_set(err, ERR_INVALID, "-q%s is not supported (there are -q, -qRTEXT, -qSTEXT, -qIID)", value);
    a->run_by = kind;
    a->run_value = value + 1;
    return 0;
}

/* It goes into MAIL as it is (RFC 3461 section 4.4). */
static int envid_take(const char *value, struct sendmail_args *a, struct error *err) {
    struct str s = str_from(value);
    a->envid = value;
    if (s.len > 0 && s.len <= ENVID_MAX && dsn_xtext_check(s)) return 0;
    return error_set(err, ERR_INVALID, "-V %.40s: 1 to %d characters are meant, + as +2B, = as +3D, a blank as +20",
                     value, ENVID_MAX);
}

static int ret_take(const char *value, struct sendmail_args *a, struct error *err) {
    if (str_eq_nocase(str_from(value), STR("full")))
        a->ret = "FULL";
    else if (str_eq_nocase(str_from(value), STR("hdrs")))
        a->ret = "HDRS";
    else
        return error_set(err, ERR_INVALID, "-R %s: full or hdrs is meant", value);
    return 0;
}

static int flag_with_value(char flag, const char *value, struct sendmail_args *a, struct error *err) {
    switch (flag) {
    case 'f':
    case 'r': a->sender = value; return 0;
    case 'F': a->full_name = value; return 0;
    case 'C': a->instance = value; return 0;
    case 'V': return envid_take(value, a, err);
    case 'R': return ret_take(value, a, err);
    case 'b': return mode_take(value, a, err);
    case 'q': return run_take(value, a, err);
    case 'o': a->ignore_dots |= value[0] == 'i'; return 0;
    case 'B':
        if (str_eq_nocase(str_from(value), STR("7BIT")) || str_eq_nocase(str_from(value), STR("8BITMIME"))) return 0;
        return error_set(err, ERR_INVALID, "-B %s: 7BIT or 8BITMIME is meant", value);
    case 'N':
        if (dsn_notify_parse(str_from(value), &a->notify) == 0) return 0;
        return error_set(err, ERR_INVALID, "-N %s: never, or some of success,failure,delay is meant", value);
    default: return 0; /* -h -L -p -X -O -d -e: nothing to do */
    }
}

static int flag_alone(char flag, struct sendmail_args *a, struct error *err) {
    switch (flag) {
    case 't': a->from_header = true; return 0;
    case 'i': a->ignore_dots = true; return 0;
    case 'v': a->verbose = true; return 0;
    default: break;
    }
    if (strchr("GUmnsAcEIwx", flag) != NULL) return 0;
    return error_set(err, ERR_INVALID, "-%c is no known flag", flag);
}

/* A word of flags: "-t", "-oi", "-fuser@host", "-ti". */
static int word_take(int argc, char **argv, int *i, struct sendmail_args *a, struct error *err) {
    for (const char *p = argv[*i] + 1; *p != '\0'; p++) {
        if (strchr(with_value, *p) == NULL) {
            int rc = flag_alone(*p, a, err);
            if (rc != 0) return rc;
            continue;
        }
        const char *value = p + 1;
        bool optional = strchr("odqe", *p) != NULL; /* never in the next word */
        if (*value == '\0' && !optional) {
            if (*i + 1 >= argc) return error_set(err, ERR_INVALID, "-%c needs a value", *p);
            value = argv[++*i];
        }
        return flag_with_value(*p, value, a, err);
    }
    return 0;
}

int sendmail_args_parse(int argc, char **argv, struct sendmail_args *out, struct error *err) {
    struct sendmail_args a = {.ret = "", .envid = ""};
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        int rc = word_take(argc, argv, &i, &a, err);
        if (rc != 0) return rc;
    }
    a.recipients = argv + i;
    a.recipient_count = argc - i;
    *out = a;
    return 0;
}
