/* See report.h. */
#include "channel/report.h"

#include "base/clock.h"
#include "base/encode.h"
#include "proto/mime/summary.h"
#include "proto/smtp/address.h"

#include <stdlib.h>
#include <string.h>

bool report_wanted(const Store__Entry *e, const struct report_outcome *o, bool delay_by_default) {
    return dsn_wanted(o->action, e->recipients[o->recipient]->notify, str_from(e->sender), delay_by_default);
}

static bool is_postmaster(const char *address) {
    return str_eq_nocase(address_local_of(str_from(address)), STR("postmaster"));
}

bool report_to_postmaster(const Store__Entry *e, bool wanted, bool double_bounces) {
    if (!(e->sender[0] == '\0' ? double_bounces : wanted)) return false;
    for (size_t i = 0; i < e->n_recipients; i++)
        if (is_postmaster(e->recipients[i]->address) || is_postmaster(e->recipients[i]->original)) return false;
    return true;
}

/* RET of RFC 3461 section 4.3 counts for failures only; other reports give back the header. */
static bool wants_full(const Store__Entry *e, const struct report_config *config, const struct report_outcome *o,
                       size_t count) {
    if (str_eq_nocase(str_from(e->ret), STR("HDRS")) || e->body_binary || e->requiretls) return false;
    if (e->size + e->prefix.len > config->full_max) return false;
    for (size_t i = 0; i < count; i++)
        if (o[i].action == DSN_FAILED) return true;
    return false;
}

/* The whole message if it is small enough, else its header. */
static int message_get(struct lease *l, const struct report_config *config, bool *full, struct str *out,
                       struct error *err) {
    if (*full) {
        uint64_t total = 0;
        int rc = lease_read(l, 0, config->full_max, out, &total, err);
        if (rc != 0) return rc;
        if (out->len == total) return 0;
        *full = false;
    }
    return lease_header(l, DSN_HEADERS_MAX, out, err);
}

static int add_summary(struct arena *arena, struct str body, ProtobufCBinaryData *out) {
    BUF_AUTO summary = BUF_INIT(SUMMARY_MAX);
    int rc = summary_of(body, &summary);
    if (rc != 0) return rc;
    struct str copy = arena_str(arena, buf_str(&summary));
    if (copy.ptr == NULL) return ERR_NOMEM;
    *out = rpc_binary(copy);
    return 0;
}

/* Marks of the spam checks: "dnsbl", and what begins with "spam". */
static bool is_spam(const Store__Entry *e) {
    for (size_t i = 0; i < e->n_tags; i++) {
        struct str name = str_from(e->tags[i]->key);
        if (str_eq_nocase(name, STR("dnsbl")) || str_starts_nocase(name, STR("spam"))) return true;
    }
    return false;
}

bool report_is_of_spam(const Store__Entry *e) {
    return e->sender[0] == '\0' && is_spam(e);
}

/* The report of a message that is marked as spam says so: it most likely goes to somebody who never sent it. */
static int tag_add(struct lease *l, Store__Entry *e) {
    static char name[] = "spam-bounce", value[] = "yes";
    if (!is_spam(l->entry)) return 0;
    Store__Entry__TagsEntry *tag = arena_alloc(l->arena, sizeof *tag), **list = arena_alloc(l->arena, sizeof *list);
    if (tag == NULL || list == NULL) return ERR_NOMEM;
    store__entry__tags_entry__init(tag);
    tag->key = name;
    tag->value = value;
    list[0] = tag;
    e->tags = list;
    e->n_tags = 1;
    return 0;
}

static int entry_make(struct lease *l, const char *to, const char *ident, struct str body, bool eightbit, bool utf8,
                      struct report *out) {
    Store__NewEntry *output = arena_alloc(l->arena, sizeof *output);
    Store__Entry *e = arena_alloc(l->arena, sizeof *e);
    Store__Recipient *r = arena_alloc(l->arena, sizeof *r);
    Store__Recipient **list = arena_alloc(l->arena, sizeof *list);
    char *trace = arena_cstr(l->arena, str_from(ident)), *address = arena_cstr(l->arena, str_from(to));
    if (output == NULL || e == NULL || r == NULL || list == NULL || trace == NULL || address == NULL) return ERR_NOMEM;
    store__new_entry__init(output);
    store__entry__init(e);
    store__recipient__init(r);
    r->address = r->original = address;
    list[0] = r;
    e->trace = trace;
    e->channel = (char *)(uintptr_t) "INPUT";
    e->source = (char *)(uintptr_t) "LOCALOUT";
    e->recipients = list;
    e->n_recipients = 1;
    e->size = body.len;
    e->body_8bit = eightbit;
    e->smtputf8 = utf8;
    int rc = add_summary(l->arena, body, &e->summary);
    if (rc == 0) rc = tag_add(l, e);
    if (rc != 0) return rc;
    output->entry = e;
    output->own_body = true;
    out->output = output;
    out->body = body;
    return 0;
}

static struct dsn_recipient *recipients_make(struct lease *l, const struct report_outcome *o, size_t count,
                                             int64_t now) {
    struct dsn_recipient *list = arena_alloc(l->arena, count * sizeof *list);
    for (size_t i = 0; list != NULL && i < count; i++) {
        const Store__Recipient *r = l->entry->recipients[o[i].recipient];
        list[i] = (struct dsn_recipient){
            .action = o[i].action,
            .address = str_from(r->address),
            .original = str_from(r->original),
            .orcpt = str_from(r->orcpt),
            .status = o[i].status,
            .reason = o[i].reason,
            .remote_mta = o[i].remote_mta,
            .diagnostic = o[i].diagnostic,
            .last_attempt = now,
            .will_retry_until = o[i].will_retry_until,
        };
    }
    return list;
}

int report_make(struct lease *l, const struct report_config *config, const struct report_outcome *outcomes,
                size_t count, struct report *out, struct error *err) {
    const Store__Entry *e = l->entry;
    char ident[IDENT_SIZE];
    ident_new(ident);
    bool full = wants_full(e, config, outcomes, count), eightbit = false;
    struct str message = STR_EMPTY;
    int rc = message_get(l, config, &full, &message, err);
    if (rc != 0) return rc;
    int64_t now = clock_wall_s();
    char *postmaster = arena_printf(l->arena, "postmaster@%.*s", STR_ARG(config->domain));
    struct dsn_recipient *recipients = recipients_make(l, outcomes, count, now);
    if (postmaster == NULL || recipients == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    const char *to = config->to_postmaster ? postmaster : e->sender;
    struct dsn_report r = {
        .hostname = config->hostname,
        .from = str_from(postmaster),
        .to = str_from(to),
        .envid = str_from(e->envid),
        .ident = str_from(ident),
        .trace = str_from(e->trace),
        .arrival = e->created / 1000,
        .deliver_by = e->deliver_by / 1000,
        .future_release = str_from(e->future_release),
        .now = now,
        .smtputf8 = e->smtputf8,
        .recipients = recipients,
        .count = count,
        .text = config->text,
        .message = message,
        .return_full = full,
    };
    BUF_AUTO body =
        BUF_INIT(message.len / 2 * 3 + 2 * DSN_OVERHEAD_MAX + 8 * config->text.len + 2 * count * DSN_RECIPIENT_MAX);
    rc = dsn_build(&r, &body, &eightbit);
    if (rc != 0) return error_set(err, rc, "the report could not be made: %s", err_name(rc));
    struct str copy = arena_str(l->arena, buf_str(&body));
    if (copy.ptr == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    bool utf8 = e->smtputf8 && !str_is_ascii(dsn_header_part(copy));
    rc = entry_make(l, to, ident, copy, eightbit, utf8 || !str_is_ascii(str_from(to)), out);
    if (rc == 0) { /* RFC 8689 section 5: a report is as worthy of protection as its message */
        out->output->entry->requiretls = e->requiretls;
        out->output->entry->tls_optional = e->tls_optional;
        out->output->entry->mt_priority = e->mt_priority; /* RFC 6710 section 4.6 */
    }
    return rc == 0 ? 0 : error_set(err, rc, "the report could not be made: %s", err_name(rc));
}
