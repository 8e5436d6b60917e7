/* Completing the header, finding recipients in it; see sendmail_input.h. RFC 5322 section 3.6, RFC 6409 section 8. */
#include "base/clock.h"
#include "cli/sendmail_input.h"
#include "proto/mime/address.h"
#include "proto/mime/header.h"

enum { ADDRESS_MEMORY_MAX = 16 * 1024 * 1024 };

static void quoted_local(struct buf *out, struct str local) {
    bool plain = local.len > 0;
    for (size_t i = 0; i < local.len; i++) {
        unsigned char c = (unsigned char)local.ptr[i];
        plain &= ascii_isalnum((char)c) || c >= 0x80 || str_find(STR("!#$%&'*+-/=?^_`{|}~."), (char)c) >= 0;
    }
    if (!plain) buf_addc(out, '"');
    for (size_t i = 0; i < local.len; i++) {
        if (!plain && (local.ptr[i] == '"' || local.ptr[i] == '\\')) buf_addc(out, '\\');
        buf_addc(out, local.ptr[i]);
    }
    if (!plain) buf_addc(out, '"');
}

static int addresses_add(struct str value, const struct sendmail_fields *f, struct buf *out) {
    ARENA_AUTO arena = arena_new(ADDRESS_MEMORY_MAX);
    struct address_parser parser;
    struct address a;
    if (arena == NULL) return ERR_NOMEM;
    BUF_AUTO flat = BUF_INIT(SENDMAIL_HEADER_MAX);
    header_unfold(&flat, value);
    address_parser_init(&parser, buf_str(&flat), arena);
    while (address_next(&parser, &a)) {
        if (a.kind != ADDRESS_MAILBOX || a.local.len == 0) continue;
        quoted_local(out, a.local);
        buf_addc(out, '@');
        buf_add(out, a.has_domain ? a.domain : f->domain);
        buf_addc(out, '\n');
    }
    return out->error;
}

static bool one_of(struct str name, const char *const *names) {
    for (; *names != NULL; names++)
        if (str_eq_nocase(name, str_from(*names))) return true;
    return false;
}

static void missing_add(struct str header, const struct sendmail_fields *f, struct buf *out) {
    struct header_field found;
    if (header_find(header, STR("From"), &found) != 0) {
        buf_adds(out, "From: ");
        if (f->full_name.len > 0) {
            buf_addc(out, '"');
            for (size_t i = 0; i < f->full_name.len; i++)
                if ((unsigned char)f->full_name.ptr[i] >= 0x20 && f->full_name.ptr[i] != '"' &&
                    f->full_name.ptr[i] != '\\')
                    buf_addc(out, f->full_name.ptr[i]);
            buf_adds(out, "\" ");
        }
        buf_printf(out, "<%.*s>\r\n", STR_ARG(f->sender));
    }
    if (header_find(header, STR("Date"), &found) != 0) {
        char date[CLOCK_TEXT_MAX];
        clock_rfc5322(f->now, date);
        buf_printf(out, "Date: %s\r\n", date);
    }
    if (header_find(header, STR("Message-ID"), &found) != 0)
        buf_printf(out, "Message-ID: <%.*s@%.*s>\r\n", STR_ARG(f->ident), STR_ARG(f->hostname));
}

int sendmail_header_make(struct str header, const struct sendmail_fields *f, struct buf *out, struct buf *recipients) {
    static const char *const hidden[] = {"Bcc", "Resent-Bcc", NULL};
    static const char *const usual[] = {"To", "Cc", "Bcc", NULL};
    static const char *const resent[] = {"Resent-To", "Resent-Cc", "Resent-Bcc", NULL};
    struct header_field field;
    bool again = header_find(header, STR("Resent-To"), &field) == 0 ||
                 header_find(header, STR("Resent-Cc"), &field) == 0 ||
                 header_find(header, STR("Resent-Bcc"), &field) == 0;
    int rc = 0;
    for (struct str rest = header; rc == 0 && header_next(&rest, &field);) {
        if (recipients != NULL && one_of(field.name, again ? resent : usual))
            rc = addresses_add(field.value, f, recipients);
        if (!one_of(field.name, hidden)) buf_add(out, field.raw);
    }
    missing_add(header, f, out);
    return rc != 0 ? rc : out->error;
}
