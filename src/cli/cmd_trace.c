/* `iems trace KEY`: the whole way of a message, or of all messages of an address. */
#include "cli/commands.h"
#include "cli/queue_json.h"
#include "cli/trace_text.h"
#include "rpc/store_methods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { OUTPUT_MAX = 64 * 1024 * 1024, LINES_MAX = 10000, DEPTH_MAX = 3 };

static void json_line(json_t *list, const Store__TraceLine *l) {
    json_t *j = json_object();
    json_object_set_new(j, "at_ms", json_integer(l->at));
    json_object_set_new(j, "trace", queue_json_text(l->trace));
    json_object_set_new(j, "text", queue_json_text(l->text));
    json_array_append_new(list, j);
}

static int find(struct rpc_client *store, const char *key, struct rpc_reply *reply) {
    Store__TraceFind request = STORE__TRACE_FIND__INIT;
    request.key = (char *)(uintptr_t)key;
    request.limit = LINES_MAX;
    return cli_call(store, STORE_TRACE_FIND, &request.base, STR_EMPTY, reply, "cannot read the trace");
}

static int compare(const void *a, const void *b) {
    const Store__TraceLine *x = *(Store__TraceLine *const *)a, *y = *(Store__TraceLine *const *)b;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* A report that another of the messages tells of is printed below that one, not by itself. */
static bool is_report_of_another(Store__TraceLine **lines, size_t count, const char *trace) {
    for (size_t i = 0; i < count; i++)
        if (str_eq(trace_report(str_from(lines[i]->text)), str_from(trace))) return true;
    return false;
}

/* Prints the messages that the lines belong to, each whole, and below each the reports that came of it. */
static int messages_print(struct rpc_client *store, Store__TraceLine **lines, size_t count, unsigned depth,
                          struct buf *out) {
    const Store__TraceLine **own = calloc(count + 1, sizeof(*own));
    bool *taken = calloc(count + 1, sizeof(*taken));
    int rc = own == NULL || taken == NULL ? ERR_NOMEM : 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        size_t n = 0;
        if (taken[i] || is_report_of_another(lines, count, lines[i]->trace)) continue;
        for (size_t k = i; k < count; k++) {
            if (strcmp(lines[i]->trace, lines[k]->trace) != 0) continue;
            taken[k] = true;
            own[n++] = lines[k];
        }
        qsort(own, n, sizeof(*own), compare);
        trace_text(own, n, depth, out);
        for (size_t k = 0; k < n && depth < DEPTH_MAX && rc == 0; k++) {
            char id[64];
            struct str report = trace_report(str_from(own[k]->text));
            if (report.len == 0 || str_to_cstr(report, id, sizeof id) != 0) continue;
            RPC_REPLY_AUTO reply = {0};
            rc = find(store, id, &reply);
            if (rc != 0) break;
            const Store__TraceFound *found = (const Store__TraceFound *)reply.msg;
            rc = messages_print(store, found->lines, found->n_lines, depth + 1, out);
        }
        if (depth == 0) buf_addc(out, '\n');
    }
    free(own);
    free(taken);
    return rc;
}

static int trace_run(struct rpc_client *store, const char *key, bool as_json) {
    RPC_REPLY_AUTO reply = {0};
    int rc = find(store, key, &reply);
    if (rc != 0) return cli_exit_status(rc);
    const Store__TraceFound *found = (const Store__TraceFound *)reply.msg;
    if (found->n_lines == 0) {
        cli_error("nothing is known of %s (give a queue id, a trace identifier, a Message-ID or an address)", key);
        return EX_DATAERR;
    }
    if (as_json) {
        json_t *list = json_array();
        for (size_t i = 0; i < found->n_lines; i++) json_line(list, found->lines[i]);
        return queue_json_print(list) ? EX_OK : EX_IOERR;
    }
    BUF_AUTO out = BUF_INIT(OUTPUT_MAX);
    rc = messages_print(store, found->lines, found->n_lines, 0, &out);
    (void)fwrite(out.ptr, 1, out.len, stdout);
    return cli_exit_status(rc);
}

int cmd_trace(struct cli *c, int argc, char **argv) {
    const char *key = NULL;
    bool json = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (argv[i][0] == '-' || key != NULL)
            return cli_usage(cli_current(), "unexpected %s", argv[i]);
        else
            key = argv[i];
    }
    if (key == NULL) return cli_usage(cli_current(), "what is looked for is missing");
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *store = cli_connect(c, &store_service);
    if (store == NULL) return EX_UNAVAILABLE;
    int status = trace_run(store, key, json);
    rpc_client_free(store);
    return status;
}
