#include "proto/smtp/line.h"

#include <string.h>

/* The end of a line that is swallowed; PARSE_MORE leaves at most a CR waiting. */
static bool swallow(struct smtp_lines *l, struct str in, size_t *used) {
    ptrdiff_t end = str_find_str(in, STR("\r\n"));
    if (end == STR_NPOS) {
        *used = in.len > 0 && in.ptr[in.len - 1] == '\r' ? in.len - 1 : in.len;
        l->swallowed += *used;
        return false;
    }
    *used = (size_t)end + 2;
    l->swallowed += *used;
    l->swallowing = false;
    return true;
}

static size_t limit_of(struct str in, bool auth_response) {
    return auth_response || str_starts_nocase(in, STR("AUTH ")) ? SMTP_AUTH_LINE_MAX : SMTP_LINE_MAX;
}

enum parse smtp_line_next(struct smtp_lines *l, struct str in, bool auth_response, size_t *used,
                          enum smtp_line_event *event, struct str *line) {
    size_t skipped = 0;
    *used = 0;
    if (l->swallowing) {
        if (!swallow(l, in, used)) return PARSE_MORE;
        skipped = *used;
        in = str_sub(in, skipped, in.len);
    }
    size_t limit = limit_of(in, auth_response);
    struct str head = str_sub(in, 0, limit);
    const char *lf = head.len > l->scanned ? memchr(head.ptr + l->scanned, '\n', head.len - l->scanned) : NULL;
    if (lf == NULL && in.len < limit) {
        l->scanned = in.len;
        return PARSE_MORE;
    }
    l->scanned = 0;
    if (lf == NULL) {
        *event = SMTP_LINE_TOO_LONG;
        *line = str_sub(in, 0, 0);
        l->swallowing = true;
        return PARSE_EVENT;
    }
    size_t len = (size_t)(lf - in.ptr);
    *used = skipped + len + 1;
    bool crlf = len > 0 && in.ptr[len - 1] == '\r';
    *event = crlf ? SMTP_LINE : SMTP_LINE_BARE_LF;
    *line = str_sub(in, 0, crlf ? len - 1 : len);
    return PARSE_EVENT;
}
