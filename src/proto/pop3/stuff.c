#include "proto/pop3/stuff.h"

#include <string.h>

void pop3_stuff_init(struct pop3_stuff *s) {
    *s = (struct pop3_stuff){.line_start = true};
}

void pop3_stuff_init_top(struct pop3_stuff *s, uint64_t lines) {
    *s = (struct pop3_stuff){.line_start = true, .top = true, .lines = lines};
}

static void end_line(struct pop3_stuff *s) {
    if (s->in_body) {
        s->lines--;
    } else if (s->line_len == 0) {
        s->in_body = true;
    }
    s->line_len = 0;
    if (s->top && s->in_body && s->lines == 0) s->done = true;
}

/* Up to and with the next line end whose CR is there, or up to a bare LF, which the next call then takes. */
static size_t run_length(struct pop3_stuff *s, struct str in) {
    const char *lf = memchr(in.ptr, '\n', in.len);
    if (lf == NULL) return in.len;
    size_t at = (size_t)(lf - in.ptr);
    bool has_cr = at > 0 ? in.ptr[at - 1] == '\r' : s->after_cr;
    return has_cr ? at + 1 : at;
}

/* Whole lines that need nothing between them, for speed: the run may go on as long as no "." begins a line. */
static size_t plain_lines(struct str in, size_t from) {
    while (from < in.len && in.ptr[from] != '.') {
        const char *lf = memchr(in.ptr + from, '\n', in.len - from);
        if (lf == NULL || lf == in.ptr + from || lf[-1] != '\r') break;
        from = (size_t)(lf - in.ptr) + 1;
    }
    return from;
}

bool pop3_stuff_next(struct pop3_stuff *s, struct str *in, struct str *insert, struct str *run) {
    if (in->len == 0 || s->done) return false;
    *insert = STR_EMPTY;
    size_t n = run_length(s, *in);
    bool bare = n == 0;
    if (bare) {
        *insert = STR("\r");
        n = 1;
    } else if (s->line_start && in->ptr[0] == '.') {
        *insert = STR(".");
    }
    bool ended = in->ptr[n - 1] == '\n';
    if (ended && !s->top) n = plain_lines(*in, n);
    for (size_t i = 0; s->line_len == 0 && i < n; i++) s->line_len = in->ptr[i] != '\r' && in->ptr[i] != '\n';
    *run = str_sub(*in, 0, n);
    *in = str_sub(*in, n, in->len);
    s->line_start = ended;
    s->after_cr = run->ptr[n - 1] == '\r';
    if (ended) end_line(s);
    return true;
}

struct str pop3_stuff_end(const struct pop3_stuff *s) {
    return s->line_start ? STR(".\r\n") : STR("\r\n.\r\n");
}
