#include "dir/host.h"

#include "proto/smtp/address.h"
#include "proto/smtp/destination.h"

static struct str named(const struct mirror *m, const struct resolve_settings *s, const struct entry *e) {
    struct str host = entry_get(e, ATTR_MAILBOX_HOST);
    if (host.len > 0) return host;
    const struct entry *domain = mirror_domain_match(m, address_domain_of(entry_get(e, ATTR_ADDRESS)));
    if (domain != NULL) host = entry_get(domain, ATTR_MAILBOX_HOST);
    return host.len > 0 ? host : s->mailbox_host;
}

struct str host_of(const struct mirror *m, const struct resolve_settings *s, const struct entry *e) {
    struct str host = named(m, s, e);
    return str_eq_nocase(host, s->own_host) ? STR_EMPTY : host;
}

/* "mail" of the row; empty when it says nothing. */
static struct str row_mail(const struct mirror *m, struct str host) {
    const struct entry *row = mirror_row(m, host, "host");
    struct entry_value v;
    for (uint32_t pos = 0; row != NULL && entry_next(row, &pos, &v);)
        if (v.attr == ATTR_ROW_VALUE && str_starts_nocase(v.value, STR("mail=")))
            return str_sub(v.value, 5, v.value.len);
    return STR_EMPTY;
}

/* A host is meant, so its MX records are not asked for: names go into brackets. */
char *host_next_hop(const struct mirror *m, struct str host, struct arena *arena) {
    struct destination d;
    char *name = arena_cstr(arena, host);
    if (name == NULL) return NULL;
    for (char *p = name; *p != '\0'; p++) *p = ascii_lower(*p); /* as the keys of rows are */
    struct str mail = row_mail(m, str_from(name));
    if (mail.len == 0 || destination_parse(mail, 0, &d, NULL) != 0) return arena_printf(arena, "[%s]", name);
    if (d.literal || d.no_mx) return arena_cstr(arena, mail);
    return d.port == 0 ? arena_printf(arena, "[%s]", d.host) : arena_printf(arena, "[%s]:%u", d.host, d.port);
}

bool host_is_known(const struct mirror *m, const struct resolve_settings *s, struct str host) {
    return str_eq_nocase(host, s->own_host) || str_eq_nocase(host, s->mailbox_host) ||
           mirror_row(m, host, "host") != NULL;
}
