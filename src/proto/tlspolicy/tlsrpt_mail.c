/* Reports in messages: RFC 8460 section 5.3 (writing), and finding one in what came. */
#include "base/clock.h"
#include "base/encode.h"
#include "proto/mime/decode.h"
#include "proto/mime/header.h"
#include "proto/mime/param.h"
#include "proto/mime/summary.h"
#include "proto/tlspolicy/tlsrpt.h"

enum { VALUE_MAX = 4096, TYPES_MEMORY = 256 * 1024 };

/* What goes into a header field or a file name of ours: no control characters, no quotes. */
static void put_clean(struct buf *out, struct str s) {
    for (size_t i = 0; i < s.len && i < 255; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        buf_addc(out, c <= 0x20 || c >= 0x7f || c == '"' || c == '\\' ? '_' : (char)c);
    }
}

/* Must be the domain of "contact-info" (section 5.3). */
static struct str submitter_of(const struct tlsrpt_mail *m, const struct tlsrpt_report *r) {
    ptrdiff_t at = str_rfind(r->contact, '@');
    return at < 0 ? m->hostname : str_sub(r->contact, (size_t)at + 1, r->contact.len);
}

static void put_header(struct buf *out, const struct tlsrpt_mail *m, const struct tlsrpt_report *r) {
    char date[CLOCK_TEXT_MAX];
    struct str submitter = submitter_of(m, r);
    struct str domain = r->domain;
    clock_rfc5322(m->now, date);
    buf_printf(out, "From: <%.*s>\r\nTo: <%.*s>\r\nDate: %s\r\n", STR_ARG(m->from), STR_ARG(m->to), date);
    buf_printf(out, "Message-ID: <%.*s.tlsrpt@%.*s>\r\n", STR_ARG(m->ident), STR_ARG(m->hostname));
    buf_adds(out, "Subject: Report Domain: ");
    put_clean(out, domain);
    buf_printf(out, "\r\n Submitter: %.*s\r\n Report-ID: <%.*s@%.*s>\r\n", STR_ARG(submitter), STR_ARG(r->id),
               STR_ARG(submitter));
    buf_adds(out, "TLS-Report-Domain: ");
    put_clean(out, domain);
    buf_printf(out, "\r\nTLS-Report-Submitter: %.*s\r\nTLS-Required: No\r\nAuto-Submitted: auto-generated\r\n",
               STR_ARG(submitter));
    buf_printf(out,
               "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
               " boundary=\"=_%.*s\"\r\n\r\n",
               STR_ARG(m->ident));
}

int tlsrpt_mail_write(const struct tlsrpt_mail *m, const struct tlsrpt_report *r, struct buf *out) {
    BUF_AUTO json = BUF_INIT(TLSRPT_JSON_MAX);
    BUF_AUTO packed = BUF_INIT(TLSRPT_JSON_MAX);
    struct str submitter = submitter_of(m, r);
    if (r->policy_count == 0) return ERR_INVALID;
    int rc = tlsrpt_write(r, &json);
    if (rc == 0) rc = gzip_pack(buf_str(&json), &packed);
    if (rc != 0) return rc;
    put_header(out, m, r);
    buf_printf(out,
               "--=_%.*s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
               "This is a report about TLS sessions of %.*s with the mail servers of ",
               STR_ARG(m->ident), STR_ARG(submitter));
    put_clean(out, r->domain);
    buf_printf(out,
               ".\r\n\r\n--=_%.*s\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n"
               "Content-Disposition: attachment;\r\n filename=\"",
               STR_ARG(m->ident));
    put_clean(out, submitter);
    buf_addc(out, '!');
    put_clean(out, r->domain);
    buf_printf(out, "!%lld!%lld!%.*s.json.gz\"\r\n\r\n", (long long)r->from, (long long)r->to, STR_ARG(m->ident));
    base64_encode_lines(out, buf_str(&packed));
    buf_printf(out, "\r\n--=_%.*s--\r\n", STR_ARG(m->ident));
    return out->error;
}

/* JSON as it is or gzip'ed. */
static int take_octets(struct str octets, struct buf *json, struct error *err) {
    if (str_starts(octets, STR("\x1f\x8b"))) {
        int rc = gzip_unpack(octets, json);
        return rc == 0 ? 0 : error_set(err, rc, "the report is %s", rc == ERR_LIMIT ? "too large" : "damaged gzip");
    }
    buf_add(json, octets);
    return json->error == 0 ? 0 : error_set(err, ERR_LIMIT, "the report is too large");
}

/* Whether the part is a report by its type, or by its file name (senders that say application/gzip). */
static bool is_report_part(struct str header, struct arena *arena) {
    struct header_field f;
    struct mime_value type = {0};
    BUF_AUTO value = BUF_INIT(VALUE_MAX);
    if (header_find(header, STR("Content-Type"), &f) != 0) return false;
    header_unfold(&value, f.value);
    struct str text = arena_str(arena, buf_str(&value));
    if (text.ptr == NULL || mime_value_parse(text, arena, &type) != 0) return false;
    if (str_starts_nocase(type.main, STR("application/tlsrpt+"))) return true;
    bool maybe =
        str_eq_nocase(type.main, STR("application/gzip")) || str_eq_nocase(type.main, STR("application/x-gzip")) ||
        str_eq_nocase(type.main, STR("application/json")) || str_eq_nocase(type.main, STR("application/octet-stream"));
    return maybe && str_find_str_nocase(header, STR(".json")) != STR_NPOS;
}

static int take_part(struct str message, const struct summary_part *p, struct buf *json, struct error *err) {
    struct str header = str_sub(message, p->header_offset, p->body_offset - p->header_offset);
    struct mime_text_form form;
    struct mime_text_decoder decoder;
    BUF_AUTO octets = BUF_INIT(TLSRPT_MESSAGE_MAX);
    mime_text_form(header, &form);
    mime_octets_decoder_init(&decoder, form.encoding);
    mime_text_decoder_feed(&decoder, str_sub(message, p->body_offset, p->body_len), true, &octets);
    return take_octets(buf_str(&octets), json, err);
}

static int find_part(struct str message, struct str parts, struct buf *json, struct error *err) {
    struct summary s;
    size_t pos = 0;
    struct summary_part p;
    int rc = summary_parse(parts, &s);
    if (rc != 0) return error_set(err, rc, "the message cannot be read");
    ARENA_AUTO arena = arena_new(TYPES_MEMORY);
    while (arena != NULL && summary_part_next(&s, &pos, &p) == 0) {
        struct str header = str_sub(message, p.header_offset, p.body_offset - p.header_offset);
        arena_reset(arena);
        if (p.kind == PART_LEAF && is_report_part(header, arena)) return take_part(message, &p, json, err);
    }
    return error_set(err, ERR_NOTFOUND, "there is no report on TLS in it");
}

int tlsrpt_extract(struct str bytes, struct buf *json, struct error *err) {
    struct str start = str_trim(str_sub(bytes, 0, 64));
    if (bytes.len > TLSRPT_MESSAGE_MAX) return error_set(err, ERR_LIMIT, "the message is too large");
    if (str_starts(bytes, STR("\x1f\x8b")) || (start.len > 0 && start.ptr[0] == '{'))
        return take_octets(bytes, json, err);
    BUF_AUTO parts = BUF_INIT(SUMMARY_MAX);
    int rc = summary_of(bytes, &parts);
    return rc == 0 ? find_part(bytes, buf_str(&parts), json, err) : error_set(err, rc, "the message cannot be read");
}
