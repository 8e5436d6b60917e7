/* The parts of a step of the switch: modules, output entries, report. */
#include "base/clock.h"
#include "base/log.h"
#include "channel/deliver_by.h"
#include "mta/mta.h"

#include <stdio.h>
#include <string.h>

void step_trace(struct step *s, const char *fmt, ...) {
    char text[600];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    char *line = arena_cstr(s->lease->arena, str_from(text));
    if (line != NULL && s->commit.n_trace < s->trace_max) s->commit.trace[s->commit.n_trace++] = line;
}

int step_fail(struct step *s, size_t recipient, const char *status, const char *text) {
    for (size_t i = 0; i < s->outcome_count; i++)
        if (s->outcomes[i].recipient == recipient && s->outcomes[i].action == DSN_FAILED)
            return 0; /* another target of the same address failed already */
    const Store__Recipient *r = s->lease->entry->recipients[recipient];
    s->outcomes[s->outcome_count++] = (struct report_outcome){
        .recipient = recipient, .action = DSN_FAILED, .status = str_from(status), .reason = str_from(text)};
    s->mta->counters.bounced++;
    s->commit.bounced++;
    step_trace(s, "mta bounced to=<%s> status=%s reason=\"%s\"", r->address, status, text);
    log_event(LOG_MESSAGE, s->lease->entry->trace, "bounced", "from=<%s> to=<%s> status=%s reason=\"%s\"",
              s->lease->entry->sender, r->address, status, text);
    return 0;
}

void step_expanded(struct step *s, size_t recipient) {
    s->outcomes[s->outcome_count++] =
        (struct report_outcome){.recipient = recipient, .action = DSN_EXPANDED, .status = STR("2.0.0")};
}

static const struct mta_result *module_result(struct step *s, size_t i) {
    struct mta_result *r = &s->results[i];
    if (s->module_ran[i]) return r;
    struct mta_message message = {s->lease->entry, s->mta->daemon, s->lease};
    struct error err = {0};
    s->module_ran[i] = true;
    if (s->modules.modules[i]->run(&message, r, &err) != 0) {
        r->verdict = MTA_DEFER;
        (void)snprintf(r->text, sizeof r->text, "module %s: %.150s", s->modules.modules[i]->name, err.text);
    }
    return r;
}

static int group_end(struct step *s, struct plan_group *g, const char *module, const struct mta_result *r) {
    const Store__Entry *e = s->lease->entry;
    if (r->verdict == MTA_DISCARD) {
        s->mta->counters.discarded += g->count;
        step_trace(s, "mta discarded module=%s channel=%s reason=\"%s\"", module, g->channel, r->text);
        log_event(LOG_MESSAGE, e->trace, "discarded", "module=%s from=<%s> channel=%s reason=\"%s\"", module, e->sender,
                  g->channel, r->text);
    }
    for (size_t i = 0; r->verdict == MTA_BOUNCE && i < g->count; i++) {
        int rc = step_fail(s, g->targets[i].recipient, r->status, r->text);
        if (rc != 0) return rc;
    }
    s->to_postmaster |= r->verdict == MTA_BOUNCE && r->to_postmaster;
    g->count = 0;
    return 0;
}

int step_modules(struct step *s) {
    for (size_t g = 0; g < s->plan.group_count; g++) {
        struct plan_group *group = &s->plan.groups[g];
        for (size_t i = 0; i < s->modules.count && group->count > 0; i++) {
            if (!matrix_has(&s->modules.matrices[i], str_from(s->lease->entry->source), str_from(group->channel)))
                continue;
            const struct mta_result *r = module_result(s, i);
            if (r->verdict == MTA_DEFER) {
                s->defer_reason = r->text;
                return 0;
            }
            if (r->verdict != MTA_BOUNCE && r->verdict != MTA_DISCARD) continue;
            if (!matrix_outputs_have(r->outputs, str_from(group->channel))) continue;
            int rc = group_end(s, group, s->modules.modules[i]->name, r);
            if (rc != 0) return rc;
        }
    }
    return 0;
}

/* Tags of the entry and of the modules that run for this group. */
static int tags_make(struct step *s, const struct plan_group *g, Store__Entry *out) {
    const Store__Entry *e = s->lease->entry;
    size_t count = e->n_tags;
    Store__Entry__TagsEntry **tags = arena_alloc(s->lease->arena, (count + s->modules.count) * sizeof(*tags) + 1);
    if (tags == NULL) return ERR_NOMEM;
    if (count > 0) memcpy(tags, e->tags, count * sizeof(*tags));
    for (size_t i = 0; i < s->modules.count; i++) {
        struct mta_result *r = &s->results[i];
        if (!s->module_ran[i] || r->verdict != MTA_TAG || !matrix_outputs_have(r->outputs, str_from(g->channel)) ||
            !matrix_has(&s->modules.matrices[i], str_from(e->source), str_from(g->channel)))
            continue;
        Store__Entry__TagsEntry *tag = arena_alloc(s->lease->arena, sizeof *tag);
        if (tag == NULL) return ERR_NOMEM;
        store__entry__tags_entry__init(tag);
        tag->key = r->tag_name;
        tag->value = r->tag_value;
        tags[count++] = tag;
    }
    out->tags = tags;
    out->n_tags = count;
    return 0;
}

static int recipients_make(struct step *s, const struct plan_group *g, Store__Entry *out) {
    struct arena *arena = s->lease->arena;
    Store__Recipient **list = arena_alloc(arena, g->count * sizeof(*list)),
                     *all = arena_alloc(arena, g->count * sizeof(*all));
    if (list == NULL || all == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < g->count; i++) {
        const struct plan_target *t = &g->targets[i];
        const Store__Recipient *from = s->lease->entry->recipients[t->recipient];
        all[i] = *from;
        all[i].address = (char *)(uintptr_t)t->address;
        if (all[i].original[0] == '\0') all[i].original = from->address;
        all[i].account = t->account;
        all[i].quota = t->quota;
        all[i].folder = (char *)(uintptr_t)t->folder;
        all[i].attempts = 0;
        if (t->expanded && (from->notify & DSN_NOTIFY_SUCCESS)) { /* it was told of the expansion instead */
            all[i].notify = from->notify & ~(unsigned)DSN_NOTIFY_SUCCESS;
            if (all[i].notify == 0) all[i].notify = DSN_NOTIFY_NEVER;
        }
        list[i] = &all[i];
    }
    out->recipients = list;
    out->n_recipients = g->count;
    return 0;
}

/* When the store calls for attention though the destination rests: to tell of the delay, to give up (SNOT-02, PEER-09,
 * SQM-08). Mail for a host that waits to be called, or that calls itself, waits for the next queue run (PEER-07). */
static void times_set(struct step *s, const struct peer *peer, Store__Entry *e) {
    const struct daemon *d = s->mta->daemon;
    int64_t now = clock_wall_ms();
    uint64_t period_s = peer->retry_period_s > 0 ? peer->retry_period_s : option_u64(d, "smtpc.retry_period");
    bool notice = option_bool(d, "smtpc.delay_notice");
    if (report_is_of_spam(e)) period_s = option_u64(d, "smtpc.retry_period_spam");
    for (size_t i = 0; i < e->n_recipients; i++) notice |= (e->recipients[i]->notify & DSN_NOTIFY_DELAY) != 0;
    e->expires = now + (int64_t)period_s * 1000;
    if (notice && e->sender[0] != '\0') e->warn = now + (int64_t)option_u64(d, "smtpc.delay_notice_after") * 1000;
    if (!peer->queue_first) return;
    e->ready = peer_next_run(str_from(e->destination), peer->run_interval_s, now);
    e->reason = (char *)(uintptr_t) "waits for the next queue run";
}

/* The first weight; it is made anew when the message is deferred (PRIO-07). */
static int32_t weight_first(const struct step *s, const struct peer *peer, const Store__Entry *e) {
    const struct weight_rule *rule = &s->mta->weights;
    struct weighed m = {.precedence = weight_of_source(rule, e->source) + peer->precedence,
                        .size = e->size + e->prefix.len,
                        .mt_priority = e->mt_priority};
    return weight_of(rule, &m);
}

/* While it waited here, the deadline was told as over of all recipients of which it is told: once is enough. */
static bool late_told(const Store__Entry *e) {
    bool told = false;
    for (size_t i = 0; i < e->n_recipients; i++) told |= e->recipients[i]->delay_told;
    return told && deliver_by_is_late(e, clock_wall_ms());
}

static int output_make(struct step *s, const struct plan_group *g) {
    Store__NewEntry *output = arena_alloc(s->lease->arena, sizeof *output);
    Store__Entry *e = arena_alloc(s->lease->arena, sizeof *e);
    if (output == NULL || e == NULL) return ERR_NOMEM;
    store__new_entry__init(output);
    *e = *s->lease->entry;
    e->channel = (char *)(uintptr_t)g->channel;
    e->destination = (char *)(uintptr_t)g->destination;
    e->ready = e->expires = e->warn = 0;
    e->attempts = 0;
    e->reason = (char *)(uintptr_t) "";
    e->held = false;
    int rc = recipients_make(s, g, e);
    if (rc == 0) rc = tags_make(s, g, e);
    if (rc != 0) return rc;
    if (g->destination[0] != '\0') {
        struct peer peer;
        peer_get(daemon_table(s->mta->daemon, "peer"), str_from(e->destination), &peer);
        times_set(s, &peer, e);
        e->priority = weight_first(s, &peer, e);
    }
    deliver_by_set_times(e);
    if (late_told(e)) e->warn = 0;
    output->entry = e;
    s->outputs[s->commit.n_outputs++] = output;
    if (s->commit.n_trace + 4 < s->trace_max)
        step_trace(s, "mta routed to=<%s>%s channel=%s%s%s", g->targets[0].address, g->count > 1 ? ",..." : "",
                   g->channel, g->destination[0] != '\0' ? " destination=" : "", g->destination);
    return 0;
}

int step_outputs(struct step *s) {
    s->outputs = arena_alloc(s->lease->arena, (s->plan.group_count + 1) * sizeof(*s->outputs)); /* + 1: the report */
    if (s->outputs == NULL) return ERR_NOMEM;
    s->commit.outputs = s->outputs;
    for (size_t g = 0; g < s->plan.group_count; g++) {
        if (s->plan.groups[g].count == 0) continue;
        int rc = output_make(s, &s->plan.groups[g]);
        if (rc != 0) return rc;
    }
    return 0;
}

static struct report_config config_of(const struct mta *m) {
    return (struct report_config){.hostname = str_from(daemon_hostname(m->daemon)),
                                  .domain = str_from(daemon_default_domain(m->daemon)),
                                  .full_max = option_u64(m->daemon, "mta.bounce_size")};
}

/* Of the first `count` outcomes. */
static int report_add(struct step *s, const struct report_config *config, size_t count) {
    struct error err = {0};
    int rc = report_make(s->lease, config, s->outcomes, count, &s->report, &err);
    if (rc != 0) {
        log_event(LOG_ERROR, s->lease->entry->trace, "report-failed", "error=\"%s\"", err.text);
        return rc;
    }
    s->outputs[s->commit.n_outputs++] = s->report.output;
    s->mta->counters.reports++;
    step_trace(s, "mta reports to=<%s> report=%s", s->report.output->entry->recipients[0]->address,
               s->report.output->entry->trace);
    return 0;
}

void step_late(struct step *s) {
    Store__Entry *e = s->lease->entry;
    size_t most = e->n_recipients - s->from, count = 0;
    s->outcomes = arena_alloc(s->lease->arena, most * sizeof(*s->outcomes) + 1);
    s->outputs = arena_alloc(s->lease->arena, sizeof(*s->outputs));
    if (s->outcomes == NULL || s->outputs == NULL) return;
    s->commit.outputs = s->outputs;
    for (size_t i = s->from; i < e->n_recipients; i++) {
        struct report_outcome late = {.recipient = i,
                                      .action = DSN_DELAYED,
                                      .status = STR(DELIVER_BY_LATE),
                                      .reason = STR("It could not be found out yet where the message goes.")};
        if (!e->recipients[i]->delay_told && report_wanted(e, &late, true)) s->outcomes[count++] = late;
    }
    struct report_config config = config_of(s->mta);
    if (count == 0 || report_add(s, &config, count) != 0) return;
    for (size_t i = 0; i < count; i++) e->recipients[s->outcomes[i].recipient]->delay_told = true;
}

int step_report(struct step *s) {
    if (s->outcome_count == 0) return 0;
    struct report_config config = config_of(s->mta);
    config.to_postmaster = report_to_postmaster(s->lease->entry, s->to_postmaster,
                                                option_bool(s->mta->daemon, "mta.postmaster_double_bounce"));
    size_t wanted = 0;
    for (size_t i = 0; i < s->outcome_count; i++)
        if ((config.to_postmaster && s->outcomes[i].action == DSN_FAILED) ||
            report_wanted(s->lease->entry, &s->outcomes[i], false))
            s->outcomes[wanted++] = s->outcomes[i];
    if (wanted == 0) {
        step_trace(s, "mta sends no report: %s", s->lease->entry->sender[0] == '\0' ? "null sender" : "not wanted");
        return 0;
    }
    return report_add(s, &config, wanted);
}
