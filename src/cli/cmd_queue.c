/* `iems queue list`, `show`, `header`: QST-01, QST-02, QST-04, QST-05, SQST-01, SQST-03, SQST-05 to SQST-09, SQST-11.
 */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/queue_args.h"
#include "cli/queue_json.h"
#include "cli/queue_pages.h"
#include "cli/queue_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

enum { OUTPUT_MAX = 16 * 1024 * 1024, PAGE_ENTRIES = 100 /* SQST-09 */ };

struct listing {
    json_t *json; /* NULL = text */
    int64_t now_ms;
    uint64_t count;
};

/* Arguments are large: on the heap. NULL: usage was printed. */
static struct queue_args *args_get(int argc, char **argv) {
    struct queue_args *a = calloc(1, sizeof *a);
    struct error err = {0};
    if (a == NULL) {
        cli_error("out of memory");
        return NULL;
    }
    if (queue_args_parse(argc, argv, a, &err) == 0) return a;
    (void)cli_usage(cli_current(), "%s", err.text);
    free(a);
    return NULL;
}

static void put(struct buf *out) {
    (void)fwrite(out->ptr, 1, out->len, stdout);
}

static void list_one(const Store__Entry *e, void *arg) {
    struct listing *l = arg;
    if (l->json != NULL) {
        json_array_append_new(l->json, queue_json_entry(e));
        return;
    }
    BUF_AUTO out = BUF_INIT(OUTPUT_MAX);
    if (l->count++ == 0) text_entry_head(&out);
    text_entry(e, l->now_ms, &out);
    put(&out);
}

static void list_end(const struct queue_args *a, const struct queue_walk *w) {
    if (w->count == 0)
        puts(a->after == NULL ? "No message is queued." : "No more messages.");
    else if (a->after == NULL && w->token[0] == '\0')
        printf("%llu message%s\n", (unsigned long long)w->count, w->count == 1 ? "" : "s");
    else if (a->after == NULL)
        printf("%llu of %llu messages\n", (unsigned long long)w->count, (unsigned long long)w->total);
    if (w->token[0] != '\0') printf("More: the same command with --after %s\n", w->token);
}

static bool list_json(const struct queue_walk *w, json_t *entries) {
    json_t *j = json_object();
    json_object_set_new(j, "entries", entries);
    json_object_set_new(j, "total", json_integer((json_int_t)w->total));
    json_object_set_new(j, "next", queue_json_text(w->token));
    return queue_json_print(j);
}

static int list_run(struct cli *c, struct queue_args *a) {
    struct listing l = {.json = a->json ? json_array() : NULL, .now_ms = clock_wall_ms()};
    struct queue_walk w = {.filter = &a->filter, .sort = a->sort, .each = list_one, .arg = &l};
    w.limit = a->all ? 0 : a->limit == 0 ? PAGE_ENTRIES : a->limit;
    if (a->after != NULL && str_to_cstr(str_from(a->after), w.token, sizeof w.token) != 0)
        return cli_usage(cli_current(), "--after %.40s: take it from the end of a list", a->after);
    struct rpc_client *store = cli_connect(c, &store_service);
    if (store == NULL) return EX_UNAVAILABLE;
    int rc = queue_walk(store, &w);
    rpc_client_free(store);
    if (l.json != NULL && !list_json(&w, l.json)) return EX_IOERR;
    if (rc != 0) return cli_exit_status(rc);
    if (!a->json) list_end(a, &w);
    return EX_OK;
}

int cmd_queue_list(struct cli *c, int argc, char **argv) {
    struct queue_args *a = args_get(argc, argv);
    if (a == NULL) return EX_USAGE;
    int status = cli_instance(c, NULL) ? list_run(c, a) : EX_NOINPUT;
    free(a);
    return status;
}

/* ---------------------------------------------------------------- show */

struct showing {
    bool json, found;
};

static void show_one(const Store__Entry *e, void *arg) {
    struct showing *s = arg;
    s->found = true;
    if (s->json) {
        (void)queue_json_print(queue_json_entry(e));
        return;
    }
    BUF_AUTO out = BUF_INIT(OUTPUT_MAX);
    text_entry_full(e, clock_wall_ms(), &out);
    put(&out);
}

/* Prints the message; its header only if `header`. */
static int message_print(struct rpc_client *store, uint64_t id, bool header) {
    Store__QueueRead request = STORE__QUEUE_READ__INIT;
    uint64_t total = 1;
    request.id = id;
    for (; request.offset < total;) {
        request.length = RPC_CHUNK_MAX;
        RPC_REPLY_AUTO reply = {0};
        int rc = cli_call(store, STORE_QUEUE_READ, &request.base, STR_EMPTY, &reply, "cannot read the message");
        if (rc != 0) return cli_exit_status(rc);
        total = ((const Store__QueueReadReply *)reply.msg)->total;
        struct str piece = reply.attach;
        ptrdiff_t end = header ? str_find_str(piece, STR("\r\n\r\n")) : -1;
        if (end >= 0) piece.len = (size_t)end + 2;
        (void)fwrite(piece.ptr, 1, piece.len, stdout);
        if (end >= 0 || reply.attach.len == 0) break;
        request.offset += reply.attach.len;
    }
    return ferror(stdout) ? EX_IOERR : EX_OK;
}

static int show_run(struct cli *c, struct queue_args *a) {
    struct rpc_client *store = cli_connect(c, &store_service);
    if (store == NULL) return EX_UNAVAILABLE;
    int status = EX_OK;
    if (a->header || a->body) {
        status = message_print(store, a->ids[0], a->header);
    } else {
        struct showing s = {.json = a->json};
        struct queue_walk w = {.filter = &a->filter, .limit = 1, .each = show_one, .arg = &s};
        int rc = queue_walk(store, &w);
        status = cli_exit_status(rc);
        if (rc == 0 && !s.found) {
            cli_error("there is no queue entry %llu", (unsigned long long)a->ids[0]);
            status = EX_DATAERR;
        }
    }
    rpc_client_free(store);
    return status;
}

static int show(struct cli *c, int argc, char **argv, bool header) {
    struct queue_args *a = args_get(argc, argv);
    if (a == NULL) return EX_USAGE;
    a->header |= header;
    int status = EX_NOINPUT;
    if (a->filter.n_ids != 1)
        status = cli_usage(cli_current(), "one queue id is needed");
    else if (cli_instance(c, NULL))
        status = show_run(c, a);
    free(a);
    return status;
}

int cmd_queue_show(struct cli *c, int argc, char **argv) {
    return show(c, argc, argv, false);
}

int cmd_queue_header(struct cli *c, int argc, char **argv) {
    return show(c, argc, argv, true);
}
