/* The DNS records that a domain should have, so that mail comes here safely and mail programs find their servers. */
#ifndef IEMS_CLI_DOMAIN_RECORDS_H
#define IEMS_CLI_DOMAIN_RECORDS_H

#include "base/arena.h"
#include "daemon/config.h"
#include "daemon/settings.h"
#include "net/resolver.h"

enum { RECORDS_MAX = 40 };

struct domain_record {
    bool needed; /* without it no mail comes; the others are advised */
    enum dns_type type;
    const char *name, *value; /* as in a zone file; names with a final dot */
    const char *about;        /* RFC and use */
    /* what is looked for in the answer: TXT: how one has to begin; TLSA: its octets; MX and SRV: the host */
    struct str match;
    uint16_t port; /* SRV */
};

struct domain_records {
    struct domain_record list[RECORDS_MAX];
    size_t count;
    const char *policy; /* the text of an MTA-STS policy that fits */
};

struct domain_records_input {
    const struct instance_config *conf;
    const struct settings *settings;
    const char *domain;
    struct str digests; /* of the public keys that the host shows on port 25, in hex; empty = not known */
    bool acme;          /* which iems-acme renews */
};

/* In the arena. ERR_NOMEM. */
NODISCARD int domain_records_make(const struct domain_records_input *in, struct arena *arena,
                                  struct domain_records *out);
/* "MX" */
const char *domain_record_type(const struct domain_record *r);

#endif
