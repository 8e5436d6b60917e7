/* `iems quota run|report|history`: checks of the Quota Agent and their reports (QUOTA-07 to QUOTA-12). */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/listing.h"
#include "net/loop.h"
#include "rpc/quota_methods.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { RUN_MS = 3600 * 1000 };

static struct rpc_client *agent(struct cli *c) {
    return cli_instance(c, NULL) ? cli_connect(c, &quota_service) : NULL;
}

/* The whole report goes to standard output, part by part. */
static int print_report(struct rpc_client *quota, int64_t at, bool html) {
    Quota__ReportWanted ask = QUOTA__REPORT_WANTED__INIT;
    ask.at = at;
    ask.html = html;
    for (;;) {
        RPC_REPLY_AUTO reply = {0};
        int rc = cli_call(quota, QUOTA_REPORT, &ask.base, STR_EMPTY, &reply, "report");
        if (rc != 0) return cli_exit_status(rc);
        const Quota__Report *r = (const void *)reply.msg;
        if (fwrite(reply.attach.ptr, 1, reply.attach.len, stdout) != reply.attach.len) return EX_IOERR;
        ask.at = r->at;
        ask.offset += reply.attach.len;
        if (reply.attach.len == 0 || ask.offset >= r->total) return EX_OK;
    }
}

int cmd_quota_run(struct cli *c, int argc, char **argv) {
    Quota__Run run = QUOTA__RUN__INIT;
    struct error err = {0};
    (void)argv;
    if (argc != 1) return cli_usage(cli_current(), "nothing more is expected");
    struct rpc_client *quota = agent(c);
    if (quota == NULL) return EX_UNAVAILABLE;
    int rc = rpc_call(quota, QUOTA_RUN, &run.base, STR_EMPTY, loop_now_ms() + RUN_MS, NULL, &err);
    if (rc != 0) cli_error("%s", err.text[0] != '\0' ? err.text : err_name(rc));
    int status = rc == 0 ? print_report(quota, 0, false) : cli_exit_status(rc);
    rpc_client_free(quota);
    return status;
}

int cmd_quota_report(struct cli *c, int argc, char **argv) {
    bool html = false;
    uint64_t at = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--html") == 0)
            html = true;
        else if (at != 0 || str_to_u64(str_from(argv[i]), INT64_MAX, &at) != 0 || at == 0)
            return cli_usage(cli_current(), "'%s' is no number of a report (see iems quota history)", argv[i]);
    }
    struct rpc_client *quota = agent(c);
    if (quota == NULL) return EX_UNAVAILABLE;
    int status = print_report(quota, (int64_t)at, html);
    rpc_client_free(quota);
    return status;
}

static void print_run(const Quota__Summary *s) {
    char when[CLOCK_TEXT_MAX];
    clock_rfc5322(s->at, when);
    printf("%-11lld %-32s %10.1f MB %8llu %6llu %8llu %9llu\n", (long long)s->at, when,
           (double)s->used / (1024.0 * 1024.0), (unsigned long long)s->users, (unsigned long long)s->over,
           (unsigned long long)s->warned, (unsigned long long)s->expired);
}

static int print_json(const Quota__History *h, const Quota__Status *s) {
    json_t *runs = json_array();
    for (size_t i = 0; i < h->n_runs; i++) {
        const Quota__Summary *r = h->runs[i];
        (void)json_array_append_new(runs, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "at", (json_int_t)r->at,
                                                    "used_bytes", (json_int_t)r->used, "users", (json_int_t)r->users,
                                                    "over", (json_int_t)r->over, "warned", (json_int_t)r->warned,
                                                    "disabled", (json_int_t)r->expired));
    }
    json_t *all = json_pack("{s:I, s:b, s:o}", "next", (json_int_t)s->next, "running", s->running, "runs", runs);
    return listing_json(all);
}

static int history(struct rpc_client *quota, bool json) {
    Quota__Empty empty = QUOTA__EMPTY__INIT;
    RPC_REPLY_AUTO status = {0}, runs = {0};
    int rc = cli_call(quota, QUOTA_STATUS, &empty.base, STR_EMPTY, &status, "quota");
    if (rc == 0) rc = cli_call(quota, QUOTA_HISTORY, &empty.base, STR_EMPTY, &runs, "history");
    if (rc != 0) return cli_exit_status(rc);
    const Quota__Status *s = (const void *)status.msg;
    const Quota__History *h = (const void *)runs.msg;
    if (json) return print_json(h, s);
    char next[CLOCK_TEXT_MAX];
    clock_rfc5322(s->next, next);
    printf("Next check: %s%s\n", next, s->running ? " (one is under way)" : "");
    if (h->n_runs > 0)
        printf("%-11s %-32s %13s %8s %6s %8s %9s\n", "REPORT", "TIME", "USED", "USERS", "OVER", "WARNED", "DISABLED");
    for (size_t i = 0; i < h->n_runs; i++) print_run(h->runs[i]);
    return EX_OK;
}

static int delete_some(struct rpc_client *quota, int argc, char **argv) {
    for (int i = 0; i < argc; i++) {
        Quota__ReportName name = QUOTA__REPORT_NAME__INIT;
        uint64_t at;
        if (str_to_u64(str_from(argv[i]), INT64_MAX, &at) != 0)
            return cli_usage(cli_current(), "'%s' is no number of a report", argv[i]);
        name.at = (int64_t)at;
        int rc = cli_call(quota, QUOTA_REPORT_DELETE, &name.base, STR_EMPTY, NULL, argv[i]);
        if (rc != 0) return cli_exit_status(rc);
    }
    return EX_OK;
}

int cmd_quota_history(struct cli *c, int argc, char **argv) {
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    bool delete = argc > 2 && strcmp(argv[1], "--delete") == 0;
    if (argc > 1 && !json && !delete) return cli_usage(cli_current(), "unexpected '%s'", argv[1]);
    struct rpc_client *quota = agent(c);
    if (quota == NULL) return EX_UNAVAILABLE;
    int status = delete ? delete_some(quota, argc - 2, argv + 2) : history(quota, json);
    rpc_client_free(quota);
    return status;
}
