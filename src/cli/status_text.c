#include "cli/status_text.h"

#include "cli/queue_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void status_uptime(uint64_t s, char out[static STATUS_UPTIME_MAX]) {
    if (s < 3600)
        (void)snprintf(out, STATUS_UPTIME_MAX, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
    else if (s < 86400)
        (void)snprintf(out, STATUS_UPTIME_MAX, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
    else
        (void)snprintf(out, STATUS_UPTIME_MAX, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
}

static void print_module(const Control__Module *m, bool numbered) {
    char name[48], pid[16] = "-", uptime[STATUS_UPTIME_MAX] = "-", memory[24] = "-";
    if (numbered)
        (void)snprintf(name, sizeof name, "%s/%u", m->name, m->worker);
    else
        (void)snprintf(name, sizeof name, "%s", m->name);
    if (m->pid != 0) {
        (void)snprintf(pid, sizeof pid, "%u", m->pid);
        status_uptime(m->uptime_s, uptime);
        (void)snprintf(memory, sizeof memory, "%.1f MB", (double)m->pss_kib / 1024);
    }
    printf("%-12s %-9s %8s %9s %10s %9u  %s\n", name, m->state, pid, uptime, memory, m->restarts, m->detail);
}

void status_print(const char *where, const Control__Status *s) {
    char uptime[STATUS_UPTIME_MAX];
    uint64_t total = 0;
    status_uptime(s->uptime_s, uptime);
    printf("%s (%s), IEMS %s, running for %s as process %u\n\n", s->hostname, where, s->version, uptime, s->pid);
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

json_t *status_json(const Control__Status *s) {
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
    json_t *all = json_pack("{s:b,s:b,s:s,s:s,s:I,s:i,s:s,s:o,s:o}", "running", 1, "all_ready", s->all_ready,
                            "hostname", s->hostname, "version", s->version, "uptime_s", (json_int_t)s->uptime_s, "pid",
                            (int)s->pid, "log_level", s->log_level, "modules", modules, "warnings", warnings);
    return all;
}

/* ---------------------------------------------------------------- the store of a host */

uint64_t status_waiting(const Remote__Store *s) {
    uint64_t n = 0;
    for (size_t i = 0; i < s->n_channels; i++)
        n += s->channels[i]->ready + s->channels[i]->deferred + s->channels[i]->leased + s->channels[i]->held;
    return n;
}

void status_print_store(const Remote__Store *s) {
    BUF_AUTO room = BUF_INIT(64);
    if (s->problem[0] != '\0') {
        printf("store: %s\n", s->problem);
        return;
    }
    text_size(s->disk_free, &room);
    printf("store: %s%s%s, format %u", s->accepting ? "takes mail" : "takes no mail: ", s->accepting ? "" : s->reason,
           s->disk_warning ? " (the disk is nearly full)" : "", s->format);
    if (s->found_format != s->format) printf(" (%u at its start)", s->found_format);
    printf(", disk free %s of ", buf_cstr(&room));
    buf_clear(&room);
    text_size(s->disk_total, &room);
    printf("%s\nqueued: %" PRIu64, buf_cstr(&room), status_waiting(s));
    for (size_t i = 0; i < s->n_channels; i++) {
        const Store__ChannelCount *c = s->channels[i];
        uint64_t n = c->ready + c->deferred + c->leased + c->held;
        if (n > 0) printf(", %s %" PRIu64, c->channel, n);
    }
    (void)putchar('\n');
}

json_t *status_store_json(const Remote__Store *s) {
    json_t *channels = json_array();
    if (s->problem[0] != '\0') {
        json_decref(channels);
        return json_pack("{s:b,s:s}", "known", 0, "problem", s->problem);
    }
    for (size_t i = 0; i < s->n_channels; i++) {
        const Store__ChannelCount *c = s->channels[i];
        (void)json_array_append_new(channels, json_pack("{s:s,s:I,s:I,s:I,s:I,s:I}", "channel", c->channel, "ready",
                                                        (json_int_t)c->ready, "deferred", (json_int_t)c->deferred,
                                                        "leased", (json_int_t)c->leased, "held", (json_int_t)c->held,
                                                        "bytes", (json_int_t)c->bytes));
    }
    return json_pack("{s:b,s:b,s:s,s:I,s:I,s:b,s:i,s:i,s:I,s:o}", "known", 1, "accepting", s->accepting, "reason",
                     s->reason, "disk_total", (json_int_t)s->disk_total, "disk_free", (json_int_t)s->disk_free,
                     "disk_warning", s->disk_warning, "format", (int)s->format, "found_format", (int)s->found_format,
                     "waiting", (json_int_t)status_waiting(s), "channels", channels);
}
