/* What commands ask about hosts. */
#include "daemon/config.h"
#include "dir/dir.h"
#include "dir/host.h"

int host_must_be_here(const struct dir *d, const struct entry *e, const char *what, struct error *err) {
    struct str host = e->account == 0 ? STR_EMPTY : host_of(d->mirror, &d->settings, e);
    if (host.len == 0) return 0;
    return error_set(err, ERR_INVALID, "%s is done on the host that has the mailbox, %.*s: give the command there",
                     what, STR_ARG(host));
}

int host_check(const struct dir *d, const char *text, struct arena *arena, struct str *out, struct error *err) {
    char *host = arena_cstr(arena, str_from(text));
    if (host == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    for (char *p = host; *p != '\0'; p++) *p = ascii_lower(*p);
    if (host[0] != '\0' && !config_is_fqdn(str_from(host)))
        return error_set(err, ERR_INVALID, "'%.200s' is not a full name of a host, as mail2.example.org", text);
    if (host[0] != '\0' && !host_is_known(d->mirror, &d->settings, str_from(host)))
        return error_set(err, ERR_INVALID, "no host %s is known: iems host set %s mail=NAME:PORT", host, host);
    *out = str_from(host);
    return 0;
}
