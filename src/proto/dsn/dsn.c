/* Puts a report together: multipart/report (RFC 6522) of a text, the delivery status and the message given back. */
#include "proto/dsn/dsn.h"

#include "base/clock.h"
#include "base/encode.h"
#include "proto/dsn/parts.h"

bool dsn_wanted(enum dsn_action action, unsigned notify, struct str sender, bool delay_by_default) {
    if (sender.len == 0 || (notify & DSN_NOTIFY_NEVER)) return false;
    switch (action) {
    case DSN_FAILED: return notify == 0 || (notify & DSN_NOTIFY_FAILURE);
    case DSN_DELAYED: return notify == 0 ? delay_by_default : (notify & DSN_NOTIFY_DELAY) != 0;
    default: return (notify & DSN_NOTIFY_SUCCESS) != 0;
    }
}

struct str dsn_header_part(struct str message) {
    if (str_starts(message, STR("\r\n"))) return str_sub(message, 0, 2);
    ptrdiff_t end = str_find_str(message, STR("\r\n\r\n"));
    return end < 0 ? message : str_sub(message, 0, (size_t)end + 4);
}

struct str dsn_header_find(struct str header, struct str field) {
    struct str rest = header, found = STR_EMPTY;
    bool inside = false;
    while (rest.len > 0) {
        ptrdiff_t eol = str_find_str(rest, STR("\r\n"));
        struct str line = str_sub(rest, 0, eol < 0 ? rest.len : (size_t)eol);
        rest = str_sub(rest, line.len + 2, rest.len);
        if (line.len == 0) break;
        if (inside && !ascii_isspace(line.ptr[0])) break;
        if (inside) {
            found.len = (size_t)(line.ptr + line.len - found.ptr);
        } else if (line.len > field.len && line.ptr[field.len] == ':' &&
                   str_eq_nocase(str_sub(line, 0, field.len), field)) {
            found = str_sub(line, field.len + 1, line.len);
            inside = true;
        }
    }
    return found;
}

/* The header to give back: not more than the limit, cut between lines. */
static struct str header_limited(struct str message) {
    struct str h = dsn_header_part(message);
    if (h.len <= DSN_HEADERS_MAX) return h;
    h.len = DSN_HEADERS_MAX;
    while (h.len > 2 && !(h.ptr[h.len - 2] == '\r' && h.ptr[h.len - 1] == '\n')) h.len--;
    return h;
}

static const char *subject_of(const struct dsn_report *r) {
    bool seen[DSN_EXPANDED + 1] = {false};
    for (size_t i = 0; i < r->count; i++) seen[r->recipients[i].action] = true;
    if (seen[DSN_FAILED]) return "Your message could not be delivered";
    if (seen[DSN_DELAYED]) return "Your message is delayed";
    if (seen[DSN_RELAYED]) return "Your message was passed on";
    if (seen[DSN_EXPANDED]) return "Your message was passed on to the list";
    return "Your message was delivered";
}

static void subject_put(const struct dsn_report *r, struct str template, bool utf8, struct buf *out) {
    BUF_AUTO line = BUF_INIT(DSN_TEMPLATE_MAX);
    if (template.len > 0) dsn_template_line(r, template, &line);
    bool usable = line.len > 0 && line.error == 0 && (utf8 || str_is_ascii(buf_str(&line)));
    dsn_field_put(out, "Subject", usable ? buf_str(&line) : str_from(subject_of(r)), utf8);
}

static void header_put(const struct dsn_report *r, struct str subject, bool utf8, struct buf *out) {
    char date[CLOCK_TEXT_MAX];
    clock_rfc5322(r->now, date);
    BUF_AUTO line = BUF_INIT(DSN_TEXT_MAX * 2);
    buf_printf(&line, "Mail Delivery System <%.*s>", STR_ARG(r->from));
    dsn_field_put(out, "From", buf_str(&line), utf8);
    buf_clear(&line);
    buf_printf(&line, "<%.*s>", STR_ARG(r->to));
    dsn_field_put(out, "To", buf_str(&line), utf8);
    subject_put(r, subject, utf8, out);
    buf_printf(out, "Date: %s\r\n", date);
    buf_printf(out, "Message-ID: <%.*s.report@%.*s>\r\n", STR_ARG(r->ident), STR_ARG(r->hostname));
    struct str id = str_trim(dsn_header_find(dsn_header_part(r->message), STR("Message-ID")));
    if (id.len > 2 && id.len <= 900 && id.ptr[0] == '<' && id.ptr[id.len - 1] == '>' && str_is_ascii(id)) {
        dsn_field_put(out, "In-Reply-To", id, utf8);
        dsn_field_put(out, "References", id, utf8);
    }
    buf_adds(out, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
    buf_printf(out, "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"report-%.*s\"\r\n",
               STR_ARG(r->ident));
}

enum encoding { ENCODING_7BIT, ENCODING_8BIT, ENCODING_BASE64 };

static void part_put(const struct dsn_report *r, const char *description, const char *type, enum encoding encoding,
                     struct buf *out) {
    static const char *const names[] = {"", "Content-Transfer-Encoding: 8bit\r\n",
                                        "Content-Transfer-Encoding: base64\r\n"};
    buf_printf(out, "\r\n--report-%.*s\r\nContent-Description: %s\r\nContent-Type: %s\r\n%s\r\n", STR_ARG(r->ident),
               description, type, names[encoding]);
}

/* The header of the message has what is not ASCII. */
static bool is_global(const struct dsn_report *r) {
    return r->smtputf8 && !str_is_ascii(dsn_header_part(r->message));
}

/* `utf8`: who gets the report takes international headers; others get those encoded (RFC 6533 section 4.5). */
static enum encoding back_encoding(const struct dsn_report *r, struct str back, bool utf8) {
    return is_global(r) && !utf8 ? ENCODING_BASE64 : str_is_ascii(back) ? ENCODING_7BIT : ENCODING_8BIT;
}

/* The message, or its header. */
static void back_put(const struct dsn_report *r, struct str back, enum encoding encoding, struct buf *out) {
    bool global = is_global(r);
    part_put(r, r->return_full ? "Your message" : "Header of your message",
             r->return_full ? (global ? "message/global" : "message/rfc822")
                            : (global ? "message/global-headers" : "text/rfc822-headers"),
             encoding, out);
    if (encoding == ENCODING_BASE64) {
        base64_encode_lines(out, back);
        return;
    }
    buf_add(out, back);
    if (!str_ends(back, STR("\r\n"))) buf_adds(out, "\r\n");
}

static enum encoding encoding_of(const struct buf *text) {
    return str_is_ascii(buf_str(text)) ? ENCODING_7BIT : ENCODING_8BIT;
}

int dsn_build(const struct dsn_report *r, struct buf *out, bool *eightbit) {
    if (r->count == 0 || r->to.len == 0 || r->ident.len == 0) return ERR_INVALID;
    size_t start = out->len;
    /* An address in ASCII may be of a host without SMTPUTF8. */
    bool utf8 = r->smtputf8 && !str_is_ascii(r->to);
    struct str back = r->return_full ? r->message : header_limited(r->message);
    BUF_AUTO text = BUF_INIT(DSN_OVERHEAD_MAX + r->count * DSN_RECIPIENT_MAX);
    BUF_AUTO status = BUF_INIT(DSN_OVERHEAD_MAX + r->count * DSN_RECIPIENT_MAX);
    struct str template = r->text, subject = dsn_template_subject(&template);
    if (template.len > 0)
        dsn_template_put(r, template, &text);
    else
        dsn_text_put(r, true, &text);
    dsn_status_put(r, utf8, &status);
    enum encoding of_text = encoding_of(&text), of_status = encoding_of(&status),
                  of_back = back_encoding(r, back, utf8);
    bool any8 = of_text == ENCODING_8BIT || of_status == ENCODING_8BIT || of_back == ENCODING_8BIT;
    header_put(r, subject, utf8, out);
    if (any8) buf_adds(out, "Content-Transfer-Encoding: 8bit\r\n");
    buf_adds(out, "\r\nThis is a report in several parts (RFC 3464).\r\n");
    part_put(r, "Report", of_text == ENCODING_8BIT ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii",
             of_text, out);
    buf_add(out, buf_str(&text));
    part_put(r, "Delivery status",
             of_status == ENCODING_8BIT ? "message/global-delivery-status" : "message/delivery-status", of_status, out);
    buf_add(out, buf_str(&status));
    back_put(r, back, of_back, out);
    buf_printf(out, "\r\n--report-%.*s--\r\n", STR_ARG(r->ident));
    if (out->error != 0 || text.error != 0 || status.error != 0) {
        buf_truncate(out, start);
        return ERR_NOMEM;
    }
    if (eightbit != NULL) *eightbit = any8;
    return 0;
}
