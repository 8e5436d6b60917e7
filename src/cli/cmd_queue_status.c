/* `iems queue status`: what waits where and why, and room on the disk (QST-01, QST-02, DISK-05, SQST-01, SQST-06). */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/queue_json.h"
#include "cli/queue_sending.h"
#include "cli/queue_text.h"
#include "cli/table_args.h"
#include "rpc/control_methods.h"
#include "rpc/store_methods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { OUTPUT_MAX = 16 * 1024 * 1024, PAGE = 1000 };

static void stats_text(const Store__QueueStats *s, struct buf *out) {
    buf_adds(out, "QUEUE        READY  DEFERRED  UNDER WAY    HELD  SIZE\n");
    for (size_t i = 0; i < s->n_channels; i++) {
        const Store__ChannelCount *c = s->channels[i];
        buf_printf(out, "%-9s %8llu  %8llu  %9llu  %6llu  ", c->channel, (unsigned long long)c->ready,
                   (unsigned long long)c->deferred, (unsigned long long)c->leased, (unsigned long long)c->held);
        text_size(c->bytes, out);
        buf_addc(out, '\n');
    }
    buf_adds(out, "\nDisk: total ");
    text_size(s->disk_total, out);
    buf_adds(out, ", free ");
    text_size(s->disk_free, out);
    if (s->disk_total > 0) buf_printf(out, " (%llu %%)", (unsigned long long)(s->disk_free * 100 / s->disk_total));
    buf_addc(out, '\n');
    if (!s->accepting)
        buf_adds(out, "The disk is nearly full: no new mail is accepted until there is room again.\n");
    else if (s->disk_warning)
        buf_adds(out, "There is little room left on the disk.\n");
}

static void destination_text(const Store__DestinationInfo *d, int64_t now, struct buf *out) {
    BUF_AUTO next = BUF_INIT(64);
    int64_t at = d->until != 0 ? d->until : d->next_ready;
    if (at > now) {
        buf_adds(&next, "in ");
        text_age(at - now, &next);
    } else {
        buf_adds(&next, "now");
    }
    buf_printf(out, "%-32s %8llu  %-8s  ", d->destination, (unsigned long long)d->waiting, buf_cstr(&next));
    text_clean(str_from(d->reason), out);
    buf_addc(out, '\n');
}

static json_t *destination_json(const Store__DestinationInfo *d) {
    json_t *j = json_object();
    json_object_set_new(j, "channel", queue_json_text(d->channel));
    json_object_set_new(j, "destination", queue_json_text(d->destination));
    json_object_set_new(j, "messages", json_integer((json_int_t)d->waiting));
    json_object_set_new(j, "next_try_ms", json_integer(d->until != 0 ? d->until : d->next_ready));
    json_object_set_new(j, "rests", json_boolean(d->until != 0));
    json_object_set_new(j, "reason", queue_json_text(d->reason));
    json_object_set_new(j, "attempts", json_integer(d->attempts));
    json_object_set_new(j, "oldest_ms", json_integer(d->oldest));
    return j;
}

static json_t *stats_json(const Store__QueueStats *s) {
    json_t *j = json_object(), *list = json_array();
    for (size_t i = 0; i < s->n_channels; i++) {
        const Store__ChannelCount *c = s->channels[i];
        json_t *one = json_object();
        json_object_set_new(one, "channel", queue_json_text(c->channel));
        json_object_set_new(one, "ready", json_integer((json_int_t)c->ready));
        json_object_set_new(one, "deferred", json_integer((json_int_t)c->deferred));
        json_object_set_new(one, "leased", json_integer((json_int_t)c->leased));
        json_object_set_new(one, "held", json_integer((json_int_t)c->held));
        json_object_set_new(one, "bytes", json_integer((json_int_t)c->bytes));
        json_array_append_new(list, one);
    }
    json_object_set_new(j, "channels", list);
    json_object_set_new(j, "disk_total", json_integer((json_int_t)s->disk_total));
    json_object_set_new(j, "disk_free", json_integer((json_int_t)s->disk_free));
    json_object_set_new(j, "disk_warning", json_boolean(s->disk_warning));
    json_object_set_new(j, "accepting", json_boolean(s->accepting));
    return j;
}

struct status {
    struct rpc_client *store, *dir,
        *control;                /* dir: for the profile, or NULL; control: for what smtpc is doing, or NULL */
    const char *channel, *match; /* match: "" = all destinations */
    json_t *json;                /* NULL = text */
    json_t *list;
    struct buf out;
    size_t count;
    char last[512]; /* the destination that came last */
};

/* Destinations page by page, into the text or the JSON array. */
static int destinations(struct status *s) {
    Store__DestinationList request = STORE__DESTINATION_LIST__INIT;
    bool more = true;
    int64_t now = clock_wall_ms();
    request.channel = (char *)(uintptr_t)s->channel;
    request.match = (char *)(uintptr_t)s->match;
    request.limit = PAGE;
    while (more) {
        RPC_REPLY_AUTO reply = {0};
        request.after = s->last;
        int rc = cli_call(s->store, STORE_DESTINATION_LIST, &request.base, STR_EMPTY, &reply,
                          "cannot list the destinations");
        if (rc != 0) return rc;
        const Store__DestinationListed *page = (const Store__DestinationListed *)reply.msg;
        size_t n = page->n_destinations;
        for (size_t i = 0; i < n; i++, s->count++) {
            if (s->count == 0 && s->json == NULL)
                buf_printf(&s->out, "%-32s MESSAGES  NEXT TRY  REASON\n", "DESTINATION");
            if (s->json == NULL)
                destination_text(page->destinations[i], now, &s->out);
            else
                json_array_append_new(s->list, destination_json(page->destinations[i]));
        }
        more = page->more && n > 0;
        if (n > 0 && str_to_cstr(str_from(page->destinations[n - 1]->destination), s->last, sizeof s->last) != 0)
            return ERR_LIMIT;
    }
    return 0;
}

/* SQST-06: what the peer table says of it. */
static int profile(struct status *s) {
    static const char *const columns[] = {"transmit",     "queue_first",          "run_interval", "retry_period",
                                          "max_sessions", "messages_per_session", "tls"};
    const struct table *t = table_find(STR("peer"));
    Dir__TableList request = DIR__TABLE_LIST__INIT;
    RPC_REPLY_AUTO reply = {0};
    IEMS_ASSERT(t != NULL);
    request.table = (char *)(uintptr_t)t->name;
    request.match = s->last;
    request.limit = 1;
    int rc = cli_call(s->dir, DIR_TABLE_LIST, &request.base, STR_EMPTY, &reply, "cannot read the profile");
    if (rc != 0) return rc;
    const Dir__TableRows *rows = (const Dir__TableRows *)reply.msg;
    const Dir__TableRow *row = rows->n_rows > 0 ? rows->rows[0] : NULL;
    json_t *j = json_object();
    if (s->json == NULL) buf_printf(&s->out, "\nProfile: %s\n", row != NULL ? row->key : "(defaults)");
    json_object_set_new(j, "peer", queue_json_text(row != NULL ? row->key : ""));
    for (size_t i = 0; i < t->column_count; i++) {
        const struct option *o = &t->columns[i];
        bool wanted = false;
        for (size_t k = 0; k < sizeof columns / sizeof columns[0]; k++) wanted |= strcmp(columns[k], o->name) == 0;
        if (!wanted) continue;
        const char *value = row == NULL ? NULL : table_row_value(row, o->name);
        if (value == NULL) value = o->def;
        if (s->json == NULL) buf_printf(&s->out, "  %-22s %s\n", o->name, value);
        json_object_set_new(j, o->name, queue_json_text(value));
    }
    if (s->json != NULL)
        json_object_set_new(s->json, "profile", j);
    else
        json_decref(j);
    return 0;
}

static int stats(struct status *s, bool as_json) {
    Store__Empty empty = STORE__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    int rc =
        cli_call(s->store, STORE_QUEUE_STATS, &empty.base, STR_EMPTY, &reply, "cannot read the state of the queues");
    if (rc != 0) return rc;
    const Store__QueueStats *st = (const Store__QueueStats *)reply.msg;
    if (as_json) {
        s->json = stats_json(st);
        s->list = json_array();
    } else if (s->match[0] == '\0') {
        stats_text(st, &s->out);
        buf_addc(&s->out, '\n');
    }
    return 0;
}

/* What smtpc is doing; nothing if it does not run. */
static void sending(struct status *s) {
    Control__Empty empty = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct queue_sending now;
    if (s->control == NULL || cli_call(s->control, CONTROL_METRICS, &empty.base, STR_EMPTY, &reply, "") != 0) return;
    if (!queue_sending_parse(str_from(((const Control__Metrics *)(const void *)reply.msg)->text), &now)) return;
    if (s->json == NULL) {
        queue_sending_text(&now, &s->out);
        buf_addc(&s->out, '\n');
        return;
    }
    json_object_set_new(s->json, "sending",
                        json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "connections", (json_int_t)now.connections, "probes",
                                  (json_int_t)now.probes, "lookups", (json_int_t)now.lookups, "connected",
                                  (json_int_t)now.connected, "sent", (json_int_t)now.sent, "deferred",
                                  (json_int_t)now.deferred, "bounced", (json_int_t)now.bounced));
}

static int status_run(struct status *s, bool as_json) {
    int rc = stats(s, as_json);
    if (rc == 0) sending(s);
    if (rc == 0) rc = destinations(s);
    if (rc == 0 && s->match[0] != '\0' && s->count == 0 && !as_json) buf_adds(&s->out, "Nothing waits for it.\n");
    if (rc == 0 && s->dir != NULL) {
        if (s->count == 0) rc = str_to_cstr(str_from(s->match), s->last, sizeof s->last);
        if (rc == 0) rc = profile(s);
    }
    if (s->json != NULL) {
        json_object_set_new(s->json, "destinations", s->list);
        if (!queue_json_print(s->json)) return EX_IOERR;
    }
    (void)fwrite(s->out.len > 0 ? s->out.ptr : "", 1, s->out.len, stdout);
    buf_done(&s->out);
    return cli_exit_status(rc);
}

static int connect_and_run(struct cli *c, struct status *s, bool json) {
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    s->store = cli_connect(c, &store_service);
    if (s->store == NULL) return EX_UNAVAILABLE;
    if (s->match[0] != '\0' && s->match[0] != '@') s->dir = cli_connect(c, &dir_service);
    if (s->match[0] == '\0') s->control = cli_connect(c, &control_service);
    int status = status_run(s, json);
    if (s->control != NULL) rpc_client_free(s->control);
    if (s->dir != NULL) rpc_client_free(s->dir);
    rpc_client_free(s->store);
    return status;
}

int cmd_queue_status(struct cli *c, int argc, char **argv) {
    struct status *s = calloc(1, sizeof *s);
    if (s == NULL) return EX_OSERR;
    bool json = false;
    int status = EX_OK;
    *s = (struct status){.channel = "SMTPC", .match = "", .out = BUF_INIT(OUTPUT_MAX)};
    for (int i = 1; i < argc && status == EX_OK; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--channel") == 0 && i + 1 < argc)
            s->channel = argv[++i];
        else if (argv[i][0] == '-' || s->match[0] != '\0')
            status = cli_usage(cli_current(), "unexpected \"%s\"", argv[i]);
        else
            s->match = argv[i];
    }
    if (status == EX_OK) status = connect_and_run(c, s, json);
    free(s);
    return status;
}
