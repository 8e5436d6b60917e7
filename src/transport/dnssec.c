/* See dnssec.h. */
#include "transport/dnssec.h"

#include <unistd.h>

enum { PROBE_MEMORY = 64 * 1024 };

static const char *const root_keys[] = {"/usr/share/dns/root.key", "/var/lib/unbound/root.key",
                                        "/etc/unbound/root.key"};

const char *dnssec_root_key(void) {
    for (size_t i = 0; i < sizeof root_keys / sizeof root_keys[0]; i++)
        if (access(root_keys[i], R_OK) == 0) return root_keys[i];
    return NULL;
}

int dnssec_probe(struct resolver *validating, bool *works, const char **reason) {
    struct dns_answer a;
    ARENA_AUTO arena = arena_new(PROBE_MEMORY);
    if (arena == NULL) return ERR_NOMEM;
    /* Signed since 2010, and no name server of a local network has reasons to hide it. */
    int rc = resolver_query(validating, STR("arpa"), DNS_MX, arena, &a);
    if (rc != 0) return rc;
    *works = a.secure;
    *reason = a.secure  ? "the name servers pass signatures on"
              : a.bogus ? "the name servers do not pass signatures on"
                        : "the name servers do not answer for the root zone";
    return 0;
}
