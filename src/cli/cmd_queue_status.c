/* `iems queue status`: what waits where, and room on the disk (QST-01, QST-02, DISK-05, SQST-01). */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/queue_json.h"
#include "cli/queue_text.h"
#include "rpc/store_methods.h"

#include <stdio.h>
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
    buf_adds(out,
             s->accepting ? "\n" : "\nThe disk is nearly full: no new mail is accepted until there is room again.\n");
}

static void destination_text(const Store__DestinationInfo *d, int64_t now, struct buf *out) {
    BUF_AUTO next = BUF_INIT(64);
    if (d->until > now) {
        buf_adds(&next, "in ");
        text_age(d->until - now, &next);
    } else {
        buf_addc(&next, '-'); /* nothing holds it back: its messages have times of their own */
    }
    buf_printf(out, "%-32s %8llu  %-8s  ", d->destination, (unsigned long long)d->waiting, buf_cstr(&next));
    text_clean(str_from(d->reason), out);
    buf_addc(out, '\n');
}

static json_t *destination_json(const Store__DestinationInfo *d) {
    json_t *j = json_object();
    json_object_set_new(j, "destination", queue_json_text(d->destination));
    json_object_set_new(j, "messages", json_integer((json_int_t)d->waiting));
    json_object_set_new(j, "next_try_ms", json_integer(d->until));
    json_object_set_new(j, "reason", queue_json_text(d->reason));
    json_object_set_new(j, "attempts", json_integer(d->attempts));
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
    json_object_set_new(j, "accepting", json_boolean(s->accepting));
    return j;
}

/* Destinations of the SMTPC queue, page by page, into the text or the JSON array. */
static int destinations(struct rpc_client *store, json_t *json, struct buf *out) {
    Store__DestinationList request = STORE__DESTINATION_LIST__INIT;
    char after[512] = "";
    bool more = true;
    int64_t now = clock_wall_ms();
    request.channel = (char *)(uintptr_t) "SMTPC";
    request.limit = PAGE;
    for (size_t count = 0; more;) {
        RPC_REPLY_AUTO reply = {0};
        request.after = after;
        int rc =
            cli_call(store, STORE_DESTINATION_LIST, &request.base, STR_EMPTY, &reply, "cannot list the destinations");
        if (rc != 0) return rc;
        const Store__DestinationListed *page = (const Store__DestinationListed *)reply.msg;
        for (size_t i = 0; i < page->n_destinations; i++, count++) {
            if (count == 0 && json == NULL) buf_printf(out, "\n%-32s MESSAGES  NEXT TRY  REASON\n", "DESTINATION");
            if (json == NULL)
                destination_text(page->destinations[i], now, out);
            else
                json_array_append_new(json, destination_json(page->destinations[i]));
        }
        size_t n = page->n_destinations;
        more = page->more && n > 0 &&
               str_to_cstr(str_from(page->destinations[n - 1]->destination), after, sizeof after) == 0;
    }
    return 0;
}

static int status_run(struct rpc_client *store, bool as_json) {
    Store__Empty empty = STORE__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    int rc = cli_call(store, STORE_QUEUE_STATS, &empty.base, STR_EMPTY, &reply, "cannot read the state of the queues");
    if (rc != 0) return cli_exit_status(rc);
    const Store__QueueStats *stats = (const Store__QueueStats *)reply.msg;
    BUF_AUTO out = BUF_INIT(OUTPUT_MAX);
    json_t *j = as_json ? stats_json(stats) : NULL, *list = as_json ? json_array() : NULL;
    if (j == NULL) stats_text(stats, &out);
    rc = destinations(store, list, &out);
    if (j != NULL) {
        json_object_set_new(j, "destinations", list);
        if (!queue_json_print(j)) return EX_IOERR;
    }
    (void)fwrite(out.len > 0 ? out.ptr : "", 1, out.len, stdout);
    return cli_exit_status(rc);
}

int cmd_queue_status(struct cli *c, int argc, char **argv) {
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !json) return cli_usage(cli_current(), "unknown operand %s", argv[1]);
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *store = cli_connect(c, &store_service);
    if (store == NULL) return EX_UNAVAILABLE;
    int status = status_run(store, json);
    rpc_client_free(store);
    return status;
}
