#include "cli/commands.h"

#include "cli/running.h"
#include "rpc/control_methods.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static void uptime_text(uint64_t s, char out[static 24]) {
    if (s < 3600)
        (void)snprintf(out, 24, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
    else if (s < 86400)
        (void)snprintf(out, 24, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
    else
        (void)snprintf(out, 24, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
}

static void print_module(const Control__Module *m, bool numbered) {
    char name[48], pid[16] = "-", uptime[24] = "-", memory[24] = "-";
    if (numbered)
        (void)snprintf(name, sizeof name, "%s/%u", m->name, m->worker);
    else
        (void)snprintf(name, sizeof name, "%s", m->name);
    if (m->pid != 0) {
        (void)snprintf(pid, sizeof pid, "%u", m->pid);
        uptime_text(m->uptime_s, uptime);
        (void)snprintf(memory, sizeof memory, "%.1f MB", (double)m->pss_kib / 1024);
    }
    printf("%-12s %-9s %8s %9s %10s %9u  %s\n", name, m->state, pid, uptime, memory, m->restarts, m->detail);
}

static void print_table(const char *instance, const Control__Status *s) {
    char uptime[24];
    uint64_t total = 0;
    uptime_text(s->uptime_s, uptime);
    printf("%s (%s), IEMS %s, running for %s as process %u\n\n", s->hostname, instance, s->version, uptime, s->pid);
    printf("%-12s %-9s %8s %9s %10s %9s\n", "MODULE", "STATE", "PID", "UPTIME", "MEMORY", "RESTARTS");
    for (size_t i = 0; i < s->n_modules; i++) {
        const Control__Module *m = s->modules[i];
        bool numbered = m->worker > 0 || (i + 1 < s->n_modules && s->modules[i + 1]->worker > m->worker);
        total += m->pss_kib;
        print_module(m, numbered);
    }
    printf("\nmemory of all modules: %.1f MB\n", (double)total / 1024);
    for (size_t i = 0; i < s->n_warnings; i++) printf("warning: %s\n", s->warnings[i]);
}

static void print_json(const Control__Status *s) {
    json_t *modules = json_array();
    for (size_t i = 0; i < s->n_modules; i++) {
        const Control__Module *m = s->modules[i];
        (void)json_array_append_new(
            modules, json_pack("{s:s,s:i,s:s,s:i,s:I,s:I,s:i,s:s,s:b,s:b,s:b,s:i}", "name", m->name, "worker",
                               (int)m->worker, "state", m->state, "pid", (int)m->pid, "uptime_s",
                               (json_int_t)m->uptime_s, "pss_kib", (json_int_t)m->pss_kib, "restarts", (int)m->restarts,
                               "detail", m->detail, "auto_start", m->auto_start, "auto_restart", m->auto_restart,
                               "auto_stop", m->auto_stop, "wait_s", (int)m->wait_s));
    }
    json_t *warnings = json_array();
    for (size_t i = 0; i < s->n_warnings; i++) (void)json_array_append_new(warnings, json_string(s->warnings[i]));
    json_t *all = json_pack("{s:b,s:b,s:s,s:s,s:I,s:i,s:o,s:o}", "running", 1, "all_ready", s->all_ready, "hostname",
                            s->hostname, "version", s->version, "uptime_s", (json_int_t)s->uptime_s, "pid", (int)s->pid,
                            "modules", modules, "warnings", warnings);
    char *text = json_dumps(all, JSON_INDENT(2));
    if (text != NULL) puts(text);
    free(text);
    json_decref(all);
}

static int not_running(const char *instance, bool json) {
    if (json)
        puts("{\"running\": false, \"all_ready\": false, \"modules\": []}");
    else
        printf("%s is not running\n", instance);
    return EX_UNAVAILABLE;
}

int cmd_status(struct cli *c, int argc, char **argv) {
    bool json = false;
    const char *operand = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (argv[i][0] == '-' || operand != NULL)
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            operand = argv[i];
    }
    if (!cli_instance(c, operand)) return EX_NOINPUT;
    if (running_pid(c->instance) == 0) return not_running(c->instance, json);
    struct rpc_client *control = cli_connect(c, &control_service);
    if (control == NULL) return EX_UNAVAILABLE;
    Control__Empty empty = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    int rc = cli_call(control, CONTROL_STATUS, &empty.base, STR_EMPTY, &reply, "");
    if (rc != 0) return cli_exit_status(rc);
    const Control__Status *s = (const void *)reply.msg;
    if (json)
        print_json(s);
    else
        print_table(c->instance, s);
    return s->all_ready ? EX_OK : EX_UNAVAILABLE;
}
