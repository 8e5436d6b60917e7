/* `iems domain dns DOMAIN`: the records that should be published, and whether they are. */
#include "cli/commands.h"
#include "cli/domain_records.h"
#include "cli/queue_json.h"
#include "cli/settings.h"
#include "proto/smtp/address.h"
#include "rpc/control_methods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { MEMORY_MAX = 4 * 1024 * 1024, WAIT_MS = 10000, STATUS_ADVICE = 1, STATUS_NEEDED = 2, FOUND_MAX = 512 };

enum state { STATE_OK, STATE_MISSING, STATE_DIFFERS, STATE_NO_ANSWER, STATE_NOT_ASKED };
static const char *const states[] = {"ok", "missing", "differs", "no answer", ""};

struct dns {
    struct cli *cli;
    struct settings *settings;
    struct instance_config *conf;
    struct arena *arena;
    struct resolver *resolver; /* NULL: nothing is asked */
    struct domain_records records;
    bool json, zone;
};

/* Whether one record of an answer is what is wanted; `found` gets it as text. */
static bool fits(const struct domain_record *r, struct str rdata, struct buf *found) {
    const unsigned char *p = (const unsigned char *)rdata.ptr;
    struct str host = str_sub(rdata, r->type == DNS_SRV ? 6 : 2, SIZE_MAX);
    switch (r->type) {
    case DNS_A:
    case DNS_AAAA: return true;
    case DNS_MX:
        if (rdata.len < 2) return false;
        buf_printf(found, "%u %.*s.", (unsigned)p[0] << 8 | p[1], STR_ARG(host));
        return str_eq_nocase(host, r->match);
    case DNS_SRV:
        if (rdata.len < 6) return false;
        buf_printf(found, "%u %u %u %.*s.", (unsigned)p[0] << 8 | p[1], (unsigned)p[2] << 8 | p[3],
                   (unsigned)p[4] << 8 | p[5], STR_ARG(host));
        return str_eq_nocase(host, r->match) && ((unsigned)p[4] << 8 | p[5]) == r->port;
    case DNS_TLSA:
        if (rdata.len < 3) return false;
        buf_printf(found, "%u %u %u ...", p[0], p[1], p[2]);
        return str_eq(rdata, r->match);
    default: return false;
    }
}

/* TXT records of other kinds stand beside. */
static enum state check_txt(struct dns *k, const struct domain_record *r, struct str name, struct buf *found) {
    enum dns_status status;
    struct str *texts = NULL;
    size_t count = 0;
    if (resolver_txt(k->resolver, name, k->arena, &status, &texts, &count) != 0 || status == DNS_TEMPFAIL)
        return STATE_NO_ANSWER;
    for (size_t i = 0; i < count; i++) {
        if (!str_starts_nocase(texts[i], r->match)) continue;
        buf_addc(found, '"');
        for (size_t c = 0; c < texts[i].len && c < FOUND_MAX / 2; c++)
            buf_addc(found, texts[i].ptr[c] >= ' ' && texts[i].ptr[c] < 0x7f ? texts[i].ptr[c] : '?');
        buf_addc(found, '"');
        return STATE_OK;
    }
    return STATE_MISSING;
}

/* An address of either family will do where none is named. */
static enum state check_address(struct dns *k, const struct domain_record *r, struct str name, struct buf *found) {
    enum dns_status status;
    bool secure;
    struct net_addr *at = NULL;
    size_t count = 0;
    char ip[NET_ADDR_TEXT_MAX];
    if (resolver_addresses(k->resolver, name, 0, k->arena, &status, &secure, &at, &count) != 0 ||
        status == DNS_TEMPFAIL)
        return STATE_NO_ANSWER;
    for (size_t i = 0; i < count; i++) {
        net_addr_ip_text(&at[i], ip);
        if (strcmp(r->value, ip) == 0) return STATE_OK;
        buf_printf(found, "%s%s", found->len > 0 ? " " : "", ip);
    }
    if (count == 0) return STATE_MISSING;
    return strcmp(r->value, "ADDRESS") == 0 ? STATE_OK : STATE_DIFFERS;
}

static enum state check(struct dns *k, const struct domain_record *r, struct buf *found) {
    struct dns_answer a;
    struct str name = str_from(r->name);
    name.len--; /* the final dot */
    if (k->resolver == NULL) return STATE_NOT_ASKED;
    if (r->type == DNS_TXT) return check_txt(k, r, name, found);
    if (r->type == DNS_A || r->type == DNS_AAAA) return check_address(k, r, name, found);
    if (resolver_query(k->resolver, name, r->type, k->arena, &a) != 0 || a.status == DNS_TEMPFAIL)
        return STATE_NO_ANSWER;
    for (size_t i = 0; i < a.count; i++) {
        BUF_AUTO one = BUF_INIT(FOUND_MAX);
        bool right = fits(r, a.rdata[i], &one);
        if (right) buf_clear(found);
        if (right || found->len == 0) buf_add(found, buf_str(&one));
        if (right) return STATE_OK;
    }
    return a.count == 0 ? STATE_MISSING : STATE_DIFFERS;
}

static int exit_status(const struct domain_record *r, enum state s) {
    if (s == STATE_OK || s == STATE_NOT_ASKED) return EX_OK;
    /* with a wrong TLSA record no mail comes from those who look at it */
    return r->needed || (r->type == DNS_TLSA && s == STATE_DIFFERS) ? STATUS_NEEDED : STATUS_ADVICE;
}

static void print_one(const struct domain_record *r, enum state s, const struct buf *found) {
    printf("%-9s %-40s %-4s %s\n", states[s], r->name, domain_record_type(r), r->value);
    if (s == STATE_DIFFERS || (s == STATE_OK && found->len > 0 && r->type == DNS_TXT))
        printf("%-9s   found: %s\n", "", buf_cstr(found));
    if (s != STATE_OK) printf("%-9s   %s\n", "", r->about);
}

static int print_all(struct dns *k, const char *domain) {
    int worst = EX_OK;
    json_t *list = k->json ? json_array() : NULL;
    for (size_t i = 0; i < k->records.count; i++) {
        const struct domain_record *r = &k->records.list[i];
        BUF_AUTO found = BUF_INIT(FOUND_MAX);
        enum state s = check(k, r, &found);
        int status = exit_status(r, s);
        if (status > worst) worst = status;
        if (k->zone)
            printf("%s%s IN %s %s\n", strcmp(r->value, "ADDRESS") == 0 ? "; " : "", r->name, domain_record_type(r),
                   r->value); /* a remark: only the administrator knows it */
        else if (!k->json)
            print_one(r, s, &found);
        else
            (void)json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s,s:s,s:b}", "name", r->name, "type",
                                                        domain_record_type(r), "value", r->value, "state", states[s],
                                                        "found", buf_cstr(&found), "needed", r->needed));
    }
    if (!k->json && !k->zone)
        printf("\nhttps://mta-sts.%s/.well-known/mta-sts.txt, as text/plain:\n%s", domain, k->records.policy);
    if (k->json && !queue_json_print(json_pack("{s:o,s:s}", "records", list, "policy", k->records.policy)))
        return EX_IOERR;
    return worst;
}

/* Those of the certificate that is shown on port 25: the one for the host's name, or that for names not known. */
static int keys_get(struct dns *k, struct domain_records_input *in) {
    Control__Empty empty = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct rpc_client *control = cli_connect(k->cli, &control_service);
    if (control == NULL) return EX_UNAVAILABLE;
    int rc = cli_call(control, CONTROL_CERTIFICATE_LIST, &empty.base, STR_EMPTY, &reply, "certificates");
    const Control__CertificateList *l = rc == 0 ? (const void *)reply.msg : NULL;
    for (size_t i = 0; l != NULL && i < l->n_list; i++) {
        const Control__CertificateState *s = l->list[i];
        if (!s->loaded || (s->name[0] != '\0' && !str_eq_nocase(str_from(s->name), str_from(k->conf->hostname))))
            continue;
        in->digests = arena_str(k->arena, str_from(s->digests));
        in->acme = s->acme;
    }
    rpc_client_free(control);
    return cli_exit_status(rc);
}

static int run(struct dns *k, const char *domain) {
    struct error err = {0};
    struct domain_records_input in = {.domain = domain, .digests = STR_EMPTY};
    const struct resolver_config more = {.timeout_ms = WAIT_MS};
    if (instance_config_read(k->cli->instance, &k->conf, &err) != 0) {
        cli_error("%s", err.text);
        return EX_CONFIG;
    }
    in.conf = k->conf;
    in.settings = k->settings;
    int status = keys_get(k, &in);
    if (status != EX_OK) return status;
    int rc = domain_records_make(&in, k->arena, &k->records);
    if (rc == 0 && !k->zone)
        rc = cli_resolver(k->settings, settings_str(k->settings, "smtpc.dns_servers"), &more, &k->resolver, &err);
    if (rc == 0) return print_all(k, domain);
    cli_error("%s", err.text[0] != '\0' ? err.text : err_name(rc));
    return cli_exit_status(rc);
}

int cmd_domain_dns(struct cli *c, int argc, char **argv) {
    struct dns k = {.cli = c};
    BUF_AUTO domain = BUF_INIT(ADDRESS_DOMAIN_MAX + 1);
    const char *operand = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            k.json = true;
        else if (strcmp(argv[i], "--zone") == 0)
            k.zone = true;
        else if (argv[i][0] == '-' || operand != NULL)
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            operand = argv[i];
    }
    if (operand == NULL) return cli_usage(cli_current(), "which domain?");
    if (address_domain_ascii(str_from(operand), &domain) != 0)
        return cli_usage(cli_current(), "'%s' is no domain", operand);
    k.settings = cli_settings(c);
    if (k.settings == NULL) return EX_UNAVAILABLE;
    k.arena = arena_new(MEMORY_MAX);
    int status = k.arena == NULL ? EX_OSERR : run(&k, buf_cstr(&domain));
    resolver_free(k.resolver);
    settings_free(k.settings);
    instance_config_free(k.conf);
    arena_free(k.arena);
    return status;
}
