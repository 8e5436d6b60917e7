/* `iems resolve` and `sendmail -bv`: where mail to an address goes, without sending any (TRBL-04). The servers of a
 * domain, and what they offer, are shown by `iems tls check`. */
#include "cli/commands.h"
#include "cli/queue_json.h"
#include "cli/settings.h"
#include "cli/table_args.h"
#include "proto/smtp/address.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

enum { MEMORY_MAX = 16 * 1024 * 1024, TEXT_MAX = 8192 };

struct resolving {
    struct rpc_client *dir;
    struct settings *settings;
    struct arena *arena;
    json_t *json; /* array, or NULL = text */
    bool all_good;
};

/* Where a message for another host goes; the reason why none does, with *good = false. */
static void way_out(const struct resolving *r, const Dir__Target *t, struct buf *out, bool *good) {
    struct str domain = address_domain_of(str_from(t->address));
    bool own;
    const char *transmit = table_match_value(r->dir, "peer", domain, "transmit", r->arena, &own);
    const char *hosts = table_match_value(r->dir, "route", domain, "hosts", r->arena, &own);
    if (transmit != NULL && strcasecmp(transmit, "no") == 0) {
        *good = false;
        buf_adds(out, "is sent back: no mail is sent to this domain (iems peer)");
    } else if (t->account != 0) {
        buf_printf(out, "to the host that has the mailbox, %s (iems host)", t->next_hop);
    } else if (t->next_hop[0] != '\0') {
        buf_printf(out, "to the next hop %s (iems domain)", t->next_hop);
    } else if (hosts != NULL && hosts[0] != '\0') {
        buf_printf(out, "to %s (iems route)", hosts);
    } else if (strcasecmp(settings_str(r->settings, "smtpc.resolution"), "MailRelayHost") == 0) {
        buf_printf(out, "to the relay host %s (smtpc.relay_host)", settings_str(r->settings, "smtpc.relay_host"));
    } else {
        buf_printf(out, "to the servers of %.*s (iems tls check %.*s)", STR_ARG(domain), STR_ARG(domain));
    }
}

static void way(const struct resolving *r, const Dir__Target *t, struct buf *out, bool *good) {
    *good = true;
    if (strcasecmp(t->channel, "SMTPC") == 0) {
        way_out(r, t, out, good);
    } else if (strcasecmp(t->channel, "LOCAL") != 0) {
        buf_printf(out, "to the channel %s", t->channel);
    } else {
        *good = t->may_receive;
        buf_printf(out, "%s account %llu", *good ? "into the mailbox of" : "is sent back: no mail may go to",
                   (unsigned long long)t->account);
        if (t->folder[0] != '\0') buf_printf(out, ", folder %s", t->folder);
    }
}

static void target_put(struct resolving *r, const char *asked, const Dir__Target *t, json_t *targets) {
    BUF_AUTO text = BUF_INIT(TEXT_MAX);
    bool good;
    way(r, t, &text, &good);
    r->all_good &= good;
    if (targets == NULL) {
        printf("%s: ", asked);
        if (strcmp(asked, t->address) != 0) printf("%s ", t->address);
        printf("%s\n", buf_cstr(&text));
        return;
    }
    json_array_append_new(targets,
                          json_pack("{s:o, s:o, s:o, s:b, s:o}", "channel", queue_json_text(t->channel), "address",
                                    queue_json_text(t->address), "folder", queue_json_text(t->folder), "good", good,
                                    "way", queue_json_text(buf_cstr(&text))));
}

static void one(struct resolving *r, const char *asked, const Dir__Resolved *found) {
    static const char *const kinds[] = {[DIR__KIND__NOT_LOCAL] = "remote",
                                        [DIR__KIND__LOCAL] = "local",
                                        [DIR__KIND__UNKNOWN] = "unknown",
                                        [DIR__KIND__NO_RECEIVE] = "closed"};
    static const char *const why[] = {[DIR__KIND__UNKNOWN] = "there is no such address here",
                                      [DIR__KIND__NO_RECEIVE] = "the mailbox may not receive mail"};
    unsigned kind = (unsigned)found->kind < sizeof kinds / sizeof kinds[0] ? (unsigned)found->kind : DIR__KIND__UNKNOWN;
    bool good = kind == DIR__KIND__NOT_LOCAL || (kind == DIR__KIND__LOCAL && found->n_targets > 0);
    json_t *targets = r->json == NULL ? NULL : json_array();
    Dir__Target itself = DIR__TARGET__INIT;
    itself.channel = (char *)(uintptr_t) "SMTPC";
    itself.address = (char *)(uintptr_t)asked;
    if (kind == DIR__KIND__NOT_LOCAL) target_put(r, asked, &itself, targets);
    for (size_t i = 0; kind == DIR__KIND__LOCAL && i < found->n_targets; i++)
        target_put(r, asked, found->targets[i], targets);
    if (!good && r->json == NULL)
        printf("%s: %s\n", asked, kind == DIR__KIND__LOCAL ? "there is no mailbox behind the address" : why[kind]);
    if (r->json != NULL)
        json_array_append_new(r->json, json_pack("{s:o, s:s, s:o}", "address", queue_json_text(asked), "kind",
                                                 kinds[kind], "targets", targets));
    r->all_good &= good;
}

static int ask(struct resolving *r, char **addresses, size_t count) {
    Dir__ResolveMany request = DIR__RESOLVE_MANY__INIT;
    RPC_REPLY_AUTO reply = {0};
    request.addresses = addresses;
    request.n_addresses = count;
    int rc = cli_call(r->dir, DIR_RESOLVE_MANY, &request.base, STR_EMPTY, &reply, "the directory does not answer");
    if (rc != 0) return cli_exit_status(rc);
    const Dir__ResolvedMany *found = (const void *)reply.msg;
    if (found->n_results != count) return EX_SOFTWARE;
    for (size_t i = 0; i < count; i++) one(r, addresses[i], found->results[i]);
    return r->all_good ? EX_OK : EX_NOUSER;
}

int cli_resolve(struct cli *c, char **addresses, size_t count, bool json) {
    struct resolving r = {.all_good = true};
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    r.settings = cli_settings(c);
    r.dir = r.settings == NULL ? NULL : cli_connect(c, &dir_service);
    r.arena = arena_new(MEMORY_MAX);
    int status = r.dir == NULL ? EX_UNAVAILABLE : r.arena == NULL ? EX_OSERR : EX_OK;
    if (status == EX_OK && json) r.json = json_array();
    if (status == EX_OK) status = ask(&r, addresses, count);
    if (r.json != NULL && !queue_json_print(r.json)) status = EX_IOERR;
    if (r.dir != NULL) rpc_client_free(r.dir);
    settings_free(r.settings);
    arena_free(r.arena);
    return status;
}

int cmd_resolve(struct cli *c, int argc, char **argv) {
    bool json = false;
    size_t count = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (argv[i][0] == '-' || strchr(argv[i], '@') == NULL)
            return cli_usage(cli_current(), "\"%s\" is no address (NAME@DOMAIN)", argv[i]);
        else
            argv[count++] = argv[i];
    }
    if (count == 0) return cli_usage(cli_current(), "an address is needed");
    return cli_resolve(c, argv, count, json);
}
