/* Checks that ask the running instance: modules, directory, queues, store, certificates; and the policy of relaying. */
#include "base/clock.h"
#include "cli/doctor.h"
#include "cli/local_files.h"
#include "cli/queue_text.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/tls_identity.h"
#include "rpc/control_methods.h"
#include "rpc/dir_methods.h"
#include "rpc/store_methods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { ASK_MS = 30000, CHECK_MS = 6 * 3600 * 1000, DAY_S = 86400 };

/* Tells that there was no answer. */
static int ask(struct doctor *d, struct rpc_client *who, uint16_t method, const ProtobufCMessage *request,
               struct rpc_reply *reply) {
    struct error err = {0};
    int rc = rpc_call(who, method, request, STR_EMPTY, loop_now_ms() + ASK_MS, reply, &err);
    if (rc != 0)
        doctor_tell(d, FINDING_FAIL, "iems status tells its state, log/iemta.log the rest", "no answer: %s",
                    err.text[0] != '\0' ? err.text : err_name(rc));
    return rc;
}

/* ---------------------------------------------------------------- modules (TRBL-45) */

void doctor_modules(struct doctor *d) {
    Control__Empty empty = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    char remedy[INSTANCE_PATH_MAX + 32];
    if (!d->running) {
        (void)snprintf(remedy, sizeof remedy, "iems start %s", d->conf->dir);
        doctor_tell(d, FINDING_WARN, remedy, "the instance is not running: much cannot be looked at");
        return;
    }
    if (d->control == NULL || ask(d, d->control, CONTROL_STATUS, &empty.base, &reply) != 0) return;
    const Control__Status *s = (const void *)reply.msg;
    size_t ready = 0;
    for (size_t i = 0; i < s->n_modules; i++) {
        const Control__Module *m = s->modules[i];
        if (strcmp(m->state, "ready") == 0)
            ready++;
        else if (m->auto_start || strcmp(m->state, "stopped") != 0)
            doctor_tell(d, FINDING_FAIL, "put right what it says; it is started again by itself, or by iems restart",
                        "%s is %s after %u restarts: %s", m->name, m->state, m->restarts,
                        m->detail[0] != '\0' ? m->detail : "log/iemta.log may tell why");
    }
    for (size_t i = 0; i < s->n_warnings; i++)
        doctor_tell(d, FINDING_WARN, "iems certificate status", "%s", s->warnings[i]);
    doctor_tell(d, FINDING_OK, NULL, "%zu processes are ready, IEMS %s", ready, s->version);
}

/* ---------------------------------------------------------------- directory (TRBL-13 to TRBL-15) */

static void directory_stopped(struct doctor *d) {
    char path[INSTANCE_PATH_MAX];
    if (instance_path(d->conf->dir, "directory/data/data.mdb", path) != 0 || access(path, R_OK) == 0) return;
    doctor_tell(d, FINDING_FAIL, "iems restore, or iems directory import --replace FILE, with what was exported last",
                "%s cannot be read", path);
}

void doctor_directory(struct doctor *d) {
    Dir__Empty empty = DIR__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    uint64_t began = clock_mono_ms();
    if (!d->running) directory_stopped(d);
    if (d->dir == NULL || ask(d, d->dir, DIR_DOMAIN_LIST, &empty.base, &reply) != 0) return;
    const Dir__DomainList *l = (const void *)reply.msg;
    unsigned took = (unsigned)(clock_mono_ms() - began);
    uint64_t users = 0;
    bool found = false;
    for (size_t i = 0; i < l->n_domains; i++) {
        users += l->domains[i]->users;
        if (strcasecmp(l->domains[i]->name, d->conf->domain) == 0) found = true;
    }
    if (!found)
        doctor_tell(d, FINDING_WARN, "iems domain add, or change domain under [server] in iems.conf",
                    "the default domain %s is not among the local domains", d->conf->domain);
    doctor_tell(d, FINDING_OK, NULL, "%zu domains, %llu addresses, answers in %u ms", l->n_domains,
                (unsigned long long)users, took);
}

/* ---------------------------------------------------------------- queues (TRBL-03, TRBL-04, TRBL-32) */

static void waiting_longest(struct doctor *d) {
    enum { LOOKED_AT = 1000, TOLD = 5, OLD_MS = 4 * 3600 * 1000 };
    Store__DestinationList request = STORE__DESTINATION_LIST__INIT;
    RPC_REPLY_AUTO reply = {0};
    char channel[] = "SMTPC";
    request.channel = channel;
    request.limit = LOOKED_AT;
    if (ask(d, d->store, STORE_DESTINATION_LIST, &request.base, &reply) != 0) return;
    const Store__DestinationListed *l = (const void *)reply.msg;
    int64_t now = clock_wall_ms();
    unsigned old = 0;
    for (size_t i = 0; i < l->n_destinations; i++) {
        const Store__DestinationInfo *x = l->destinations[i];
        BUF_AUTO age = BUF_INIT(32), reason = BUF_INIT(400);
        char remedy[300];
        if (x->oldest == 0 || now - x->oldest < OLD_MS || ++old > TOLD) continue;
        text_age(now - x->oldest, &age);
        text_clean(str_sub(str_from(x->reason), 0, 300), &reason);
        (void)snprintf(remedy, sizeof remedy, "iems tls check %.200s shows its MX; iems route, iems peer",
                       x->destination);
        doctor_tell(d, FINDING_WARN, remedy, "%llu messages to %.200s, the oldest for %s: %s",
                    (unsigned long long)x->waiting, x->destination, buf_cstr(&age), buf_cstr(&reason));
    }
    if (old > TOLD) doctor_tell(d, FINDING_WARN, "iems queue status", "and %u destinations more", old - TOLD);
}

void doctor_queue(struct doctor *d) {
    Store__Empty empty = STORE__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    if (d->store == NULL || ask(d, d->store, STORE_QUEUE_STATS, &empty.base, &reply) != 0) return;
    const Store__QueueStats *s = (const void *)reply.msg;
    uint64_t all = 0, held = 0, quarantine = 0;
    for (size_t i = 0; i < s->n_channels; i++) {
        const Store__ChannelCount *c = s->channels[i];
        uint64_t n = c->ready + c->deferred + c->leased + c->held;
        if (strcmp(c->channel, "QUARANTINE") == 0)
            quarantine += n;
        else
            held += c->held;
        all += n;
    }
    if (!s->accepting) doctor_tell(d, FINDING_FAIL, "make room on the disk", "no new mail is taken");
    if (quarantine > 0)
        doctor_tell(d, FINDING_WARN, "iems queue list --channel QUARANTINE; then retry, bounce or delete them",
                    "%llu messages could not be handled and were put aside", (unsigned long long)quarantine);
    if (held > 0)
        doctor_tell(d, FINDING_WARN, "iems queue list --held; iems queue release", "%llu messages are held",
                    (unsigned long long)held);
    waiting_longest(d);
    doctor_tell(d, FINDING_OK, NULL, "%llu messages are queued", (unsigned long long)all);
}

/* ---------------------------------------------------------------- store (TRBL-06, TRBL-26) */

static void store_whole(struct doctor *d) {
    enum { TOLD = 10 };
    Store__StoreCheckRequest request = STORE__STORE_CHECK_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    int rc = rpc_call(d->store, STORE_STORE_CHECK, &request.base, STR_EMPTY, loop_now_ms() + CHECK_MS, &reply, &err);
    if (rc != 0) {
        doctor_tell(d, FINDING_FAIL, NULL, "the check ended: %s", err.text);
        return;
    }
    const Store__StoreCheckReply *r = (const void *)reply.msg;
    for (size_t i = 0; i < r->n_faults && i < TOLD; i++)
        doctor_tell(d, FINDING_FAIL, "iems rebuild ADDRESS, or iems store check --repair", "%s", r->faults[i]);
    if (r->fault_count > TOLD)
        doctor_tell(d, FINDING_FAIL, "iems store check", "%llu faults in all", (unsigned long long)r->fault_count);
    if (r->fault_count == 0)
        doctor_tell(d, FINDING_OK, NULL, "%llu messages of %llu accounts are in order", (unsigned long long)r->messages,
                    (unsigned long long)r->accounts);
}

void doctor_store(struct doctor *d) {
    Store__StoreCheckProgressRequest request = STORE__STORE_CHECK_PROGRESS_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    if (d->store == NULL || ask(d, d->store, STORE_STORE_CHECK_PROGRESS, &request.base, &reply) != 0) return;
    const Store__StoreCheckProgress *p = (const void *)reply.msg;
    if (p->format != p->found_format)
        doctor_tell(d, FINDING_OK, NULL, "format %u; it was brought from %u at the last start", p->format,
                    p->found_format);
    else
        doctor_tell(d, FINDING_OK, NULL, "answers; its format is %u%s", p->format,
                    d->full ? "" : " (--full looks at every record)");
    if (d->full) store_whole(d);
}

/* ---------------------------------------------------------------- certificates (TRBL-19) */

struct certificate_facts {
    const char *name; /* "": for names that are not known */
    int64_t not_after;
    bool self_signed, acme;
};

static void certificate_tell(struct doctor *d, const struct certificate_facts *f) {
    enum { SOON_DAYS = 14 };
    const char *name = f->name[0] == '\0' ? "*" : f->name;
    long long days = (long long)(f->not_after - clock_wall_s()) / DAY_S;
    const char *remedy = f->acme ? "iems certificate status tells what ACME said; iems certificate renew"
                                 : "iems certificate install, or iems certificate request NAME";
    if (f->not_after < clock_wall_s())
        doctor_tell(d, FINDING_FAIL, remedy, "the certificate for %.200s has ended", name);
    else if (days < SOON_DAYS)
        doctor_tell(d, FINDING_WARN, remedy, "the certificate for %.200s ends in %lld days", name, days);
    else if (f->self_signed && d->conf->port_base == 0)
        doctor_tell(d, FINDING_WARN, remedy, "the certificate for %.200s is self-signed: clients will complain", name);
    else
        doctor_tell(d, FINDING_OK, NULL, "the certificate for %.200s is good for %lld days", name, days);
}

static void certificate_file(struct doctor *d) {
    BUF_AUTO pem = BUF_INIT(TLS_PEM_MAX);
    char path[INSTANCE_PATH_MAX];
    struct tls_identity *id = NULL;
    struct tls_identity_info info;
    struct error err = {0};
    int rc = instance_path(d->conf->dir, "tls/server.pem", path);
    if (rc == 0) rc = file_read(path, &pem, &err);
    if (rc == 0) rc = tls_identity_new(buf_str(&pem), &id, &err);
    buf_wipe(&pem);
    if (rc != 0) {
        doctor_tell(d, FINDING_FAIL, "iems certificate install, once the instance runs", "no TLS: %s", err.text);
        return;
    }
    tls_identity_describe(id, &info);
    if (!tls_identity_covers(id, str_from(d->conf->hostname)))
        doctor_tell(d, FINDING_WARN, "iems certificate install NAME FILE", "tls/server.pem is not for %s",
                    d->conf->hostname);
    certificate_tell(d, &(struct certificate_facts){"", info.not_after, info.self_signed, false});
    tls_identity_free(id);
}

void doctor_certificates(struct doctor *d) {
    Control__Empty empty = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    if (d->control == NULL) {
        certificate_file(d);
        return;
    }
    if (ask(d, d->control, CONTROL_CERTIFICATE_LIST, &empty.base, &reply) != 0) return;
    const Control__CertificateList *l = (const void *)reply.msg;
    for (size_t i = 0; i < l->n_list; i++) {
        const Control__CertificateState *s = l->list[i];
        if (s->problem[0] != '\0')
            doctor_tell(d, FINDING_FAIL, "iems certificate status", "%s: %s", s->file, s->problem);
        if (s->loaded) certificate_tell(d, &(struct certificate_facts){s->name, s->not_after, s->self_signed, s->acme});
    }
    if (l->n_list == 0)
        doctor_tell(d, FINDING_FAIL, "iems certificate install, or iems certificate request", "there is none: no TLS");
}

/* ---------------------------------------------------------------- relaying (TRBL-05) */

void doctor_relay(struct doctor *d) {
    static const char *const everywhere[] = {"8.8.8.8", "198.51.100.1"}; /* nobody's neighbours both */
    struct net_range *list = NULL;
    size_t count = 0, inside = 0;
    struct error err = {0};
    const char *networks = settings_str(d->settings, "smtpd.relay_networks");
    bool open = strcmp(settings_str(d->settings, "smtpd.relay_default"), "allow") == 0;
    if (open)
        doctor_tell(d, FINDING_FAIL, "iems config set smtpd.relay_default deny",
                    "anyone may send to anyone through this server (an open relay)");
    if (net_range_list_parse(str_from(networks), &list, &count, &err) == 0) {
        for (size_t i = 0; i < sizeof everywhere / sizeof everywhere[0]; i++) {
            struct net_addr a;
            if (net_addr_parse(str_from(everywhere[i]), 25, &a) == 0 && net_range_list_has(list, count, &a)) inside++;
        }
    }
    free(list);
    if (inside == sizeof everywhere / sizeof everywhere[0])
        doctor_tell(d, FINDING_FAIL, "name your own networks only", "smtpd.relay_networks holds the whole Internet");
    else if (!open)
        doctor_tell(d, FINDING_OK, NULL, "only who logs in%s may send to other domains",
                    count > 0 ? ", and the networks of smtpd.relay_networks," : "");
}
