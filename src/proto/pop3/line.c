#include "proto/pop3/command.h"

#include <string.h>

static size_t limit(struct str in, bool auth_response) {
    bool is_auth = str_starts_nocase(in, STR("AUTH ")) || auth_response;
    return is_auth ? POP3_AUTH_LINE_MAX : POP3_LINE_MAX;
}

static enum parse give(struct pop3_lines *l, size_t n, size_t *used, enum pop3_line_event *event,
                       enum pop3_line_event what) {
    l->scanned = 0;
    *used = n;
    *event = what;
    return PARSE_EVENT;
}

/* Drops bytes up to and with the next LF. */
static size_t swallow(struct pop3_lines *l, struct str in) {
    ptrdiff_t lf = str_find(in, '\n');
    if (lf == STR_NPOS) return in.len;
    l->swallowing = false;
    return (size_t)lf + 1;
}

enum parse pop3_line_next(struct pop3_lines *l, struct str in, bool auth_response, size_t *used,
                          enum pop3_line_event *event, struct str *line) {
    *used = 0;
    if (l->swallowing) {
        *used = swallow(l, in);
        if (l->swallowing) return PARSE_MORE;
        in = str_sub(in, *used, in.len);
    }
    size_t skipped = *used, max = limit(in, auth_response);
    ptrdiff_t lf = str_find(str_sub(in, l->scanned, in.len), '\n');
    size_t len = lf == STR_NPOS ? in.len : l->scanned + (size_t)lf + 1;
    if (len > max) {
        l->swallowing = true;
        (void)give(l, skipped, used, event, POP3_LINE_TOO_LONG);
        *used += swallow(l, in);
        return PARSE_EVENT;
    }
    if (lf == STR_NPOS) {
        l->scanned = in.len;
        return PARSE_MORE;
    }
    *line = str_sub(in, 0, len - 1);
    if (!str_ends(*line, STR("\r"))) return give(l, skipped + len, used, event, POP3_LINE_BARE_LF);
    line->len--;
    return give(l, skipped + len, used, event, POP3_LINE);
}
