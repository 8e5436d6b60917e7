/* The text of a report as the administrator wrote it (SNOT-04): lines with variables as ${sender}. A first line
 * "Subject:
 * ..." gives the subject. What is not known stays as it is written. Values come from outside: they are cleaned. */
#include "base/clock.h"
#include "proto/dsn/parts.h"

enum { LINE_MAX_BYTES = 900, VALUE_MAX = 400 };

static void put_arrival(const struct dsn_report *r, struct buf *out) {
    char date[CLOCK_TEXT_MAX];
    clock_rfc5322(r->arrival, date);
    buf_adds(out, r->arrival > 0 ? date : "(unknown)");
}

static void put_hostname(const struct dsn_report *r, struct buf *out) {
    buf_add(out, r->hostname);
}

static void put_reason(const struct dsn_report *r, struct buf *out) {
    const struct dsn_recipient *p = &r->recipients[0];
    buf_add(out, p->diagnostic.len > 0 ? p->diagnostic : p->reason);
    if (p->diagnostic.len == 0 && p->reason.len == 0) buf_adds(out, dsn_advice_find(dsn_status_of(p))->meaning);
}

static void put_recipients(const struct dsn_report *r, struct buf *out) {
    for (size_t i = 0; i < r->count; i++) {
        const struct dsn_recipient *p = &r->recipients[i];
        if (i > 0) buf_adds(out, ", ");
        buf_add(out, p->original.len > 0 ? p->original : p->address);
    }
}

static void put_sender(const struct dsn_report *r, struct buf *out) {
    buf_add(out, r->to);
}

static void put_server(const struct dsn_report *r, struct buf *out) {
    buf_add(out, r->recipients[0].remote_mta);
}

static void put_status(const struct dsn_report *r, struct buf *out) {
    buf_add(out, dsn_status_of(&r->recipients[0]));
}

static void put_subject(const struct dsn_report *r, struct buf *out) {
    struct str subject = str_trim(dsn_header_find(dsn_header_part(r->message), STR("Subject")));
    buf_add(out, str_find_str(subject, STR("=?")) >= 0 ? STR_EMPTY : subject);
}

static void put_trace(const struct dsn_report *r, struct buf *out) {
    buf_add(out, r->trace);
}

static void put_until(const struct dsn_report *r, struct buf *out) {
    char date[CLOCK_TEXT_MAX];
    int64_t until = 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->recipients[i].will_retry_until > until) until = r->recipients[i].will_retry_until;
    clock_rfc5322(until, date);
    buf_adds(out, until > 0 ? date : "(unknown)");
}

static const struct {
    const char *name;
    void (*put)(const struct dsn_report *r, struct buf *out);
} variables[] = {
    {"arrival", put_arrival}, {"hostname", put_hostname}, {"reason", put_reason}, {"recipients", put_recipients},
    {"sender", put_sender},   {"server", put_server},     {"status", put_status}, {"subject", put_subject},
    {"trace", put_trace},     {"until", put_until},
};

/* `line` begins with "${": its variable, if there is one of that name. Bytes of `line` that are used. */
static size_t variable_put(const struct dsn_report *r, struct str line, struct buf *out) {
    ptrdiff_t end = str_find(line, '}');
    struct str name = end < 0 ? STR_EMPTY : str_sub(line, 2, (size_t)end - 2);
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        if (!str_eq_nocase(name, str_from(variables[i].name))) continue;
        BUF_AUTO value = BUF_INIT(DSN_RECIPIENT_MAX);
        variables[i].put(r, &value);
        dsn_clean_put(out, buf_str(&value), VALUE_MAX, true);
        return (size_t)end + 1;
    }
    buf_adds(out, "${");
    return 2;
}

static void line_expand(const struct dsn_report *r, struct str line, struct buf *out) {
    while (line.len > 0) {
        ptrdiff_t at = str_find_str(line, STR("${"));
        struct str plain = str_sub(line, 0, at < 0 ? line.len : (size_t)at);
        buf_add(out, plain);
        line = str_sub(line, plain.len, line.len);
        if (line.len > 0) line = str_sub(line, variable_put(r, line, out), line.len);
    }
}

/* Without control bytes, not longer than a line may be; blanks stay as they are. */
static void line_put(struct str line, struct buf *out) {
    size_t from = 0, len = line.len > LINE_MAX_BYTES ? LINE_MAX_BYTES : line.len;
    while (len > 0 && len < line.len && ((unsigned char)line.ptr[len] & 0xc0) == 0x80) len--;
    struct str cut = str_sub(line, 0, len);
    bool utf8 = str_is_utf8(cut);
    for (; from < cut.len; from++) {
        unsigned char c = (unsigned char)cut.ptr[from];
        buf_addc(out, c == '\t' ? ' ' : c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8) ? '?' : (char)c);
    }
    buf_adds(out, "\r\n");
}

struct str dsn_template_subject(struct str *text) {
    struct str rest = *text, line = str_cut(&rest, '\n');
    if (!str_starts_nocase(line, STR("Subject:"))) return STR_EMPTY;
    struct str after = rest, empty = str_cut(&after, '\n');
    *text = str_trim(empty).len == 0 ? after : rest;
    return str_trim(str_sub(line, STR("Subject:").len, line.len));
}

void dsn_template_put(const struct dsn_report *r, struct str text, struct buf *out) {
    for (struct str rest = text; rest.len > 0;) {
        struct str line = str_cut(&rest, '\n');
        if (str_ends(line, STR("\r"))) line.len--;
        BUF_AUTO full = BUF_INIT(DSN_TEMPLATE_MAX);
        line_expand(r, line, &full);
        line_put(buf_str(&full), out);
    }
}

void dsn_template_line(const struct dsn_report *r, struct str text, struct buf *out) {
    line_expand(r, text, out);
}
