#include "quota/report.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MB (1024.0 * 1024.0)

enum { LINE_LEN = 400, PERCENT = 100 };

void report_done(struct report *r) {
    arena_free(r->arena);
    free(r->accounts);
    *r = (struct report){0};
}

void report_size(uint64_t bytes, char out[static 32]) {
    (void)snprintf(out, 32, "%.1f MB", (double)bytes / MB);
}

static int by_place(const void *x, const void *y) {
    const struct report_account *a = x, *b = y;
    int c = strcmp(a->domain, b->domain);
    return c != 0 ? c : strcmp(a->address, b->address);
}

int report_sort(struct report *r) {
    if (r->count > 0) qsort(r->accounts, r->count, sizeof *r->accounts, by_place);
    size_t domains = 0;
    for (size_t i = 0; i < r->count; i++)
        domains += i == 0 || strcmp(r->accounts[i].domain, r->accounts[i - 1].domain) != 0;
    r->domains = arena_alloc(r->arena, (domains + 1) * sizeof *r->domains);
    if (r->domains == NULL) return ERR_NOMEM;
    r->domain_count = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (i == 0 || strcmp(r->accounts[i].domain, r->accounts[i - 1].domain) != 0)
            r->domains[r->domain_count++] = (struct report_domain){.name = r->accounts[i].domain, .first = i};
        struct report_domain *d = &r->domains[r->domain_count - 1];
        d->count++;
        d->used += r->accounts[i].used;
        d->files_used += r->accounts[i].files.used;
    }
    return 0;
}

static bool is_over(const struct report_account *a) {
    return a->limit > 0 && a->used >= a->limit;
}

struct report_sums report_sum(const struct report *r) {
    struct report_sums s = {.users = r->count};
    for (size_t i = 0; i < r->count; i++) {
        const struct report_account *a = &r->accounts[i];
        s.used += a->used;
        s.over += is_over(a);
        s.warned += a->life.stage == STORE__QUOTA_STAGE__WARNED;
        s.expired += a->life.stage == STORE__QUOTA_STAGE__EXPIRED;
        s.blocked += a->blocked;
        s.files_used += a->files.used;
        s.files_count += a->files.count;
        s.files_over += a->files.limit > 0 && a->files.used >= a->files.limit;
    }
    for (size_t i = 0; i < r->domain_count; i++)
        for (size_t k = r->domains[i].first; k < r->domains[i].first + r->domains[i].count; k++)
            s.files_users += report_has_files(&r->domains[i], &r->accounts[k]);
    return s;
}

static bool is_noted(const struct report_account *a) {
    return a->life.stage != STORE__QUOTA_STAGE__FINE || is_over(a) || a->blocked;
}

void report_limit(uint64_t limit, char out[static 32]) {
    if (limit == 0)
        (void)snprintf(out, 32, "unlimited");
    else
        report_size(limit, out);
}

static void state_text(const struct report_account *a, char *out, size_t size) {
    char until[CLOCK_TEXT_MAX] = "";
    if (a->life.until > 0) clock_rfc5322(a->life.until, until);
    (void)snprintf(out, size, "%s%s%s%s", life_name(a->life.stage), until[0] != '\0' ? " until " : "", until,
                   a->blocked ? ", domain full" : "");
}

void report_text(const struct report *r, bool all, struct buf *out) {
    char when[CLOCK_TEXT_MAX], used[32], limit[32], state[LINE_LEN];
    struct report_sums s = report_sum(r);
    clock_rfc5322(r->at, when);
    report_size(s.used, used);
    buf_printf(out, "Mailbox quotas of %s\nGenerated      %s\nTotal usage    %s\nUsers          %llu\n", r->hostname,
               when, used, (unsigned long long)s.users);
    buf_printf(out, "Over quota     %llu\nWarned         %llu\nDisabled       %llu\nDomain full    %llu\n",
               (unsigned long long)s.over, (unsigned long long)s.warned, (unsigned long long)s.expired,
               (unsigned long long)s.blocked);
    for (size_t i = 0; i < r->domain_count; i++) {
        const struct report_domain *d = &r->domains[i];
        report_size(d->used, used);
        report_limit(d->limit, limit);
        buf_printf(out, "\n%s: %zu users, %s used of %s\n", d->name, d->count, used, limit);
        for (size_t k = d->first; k < d->first + d->count; k++) {
            const struct report_account *a = &r->accounts[k];
            if (!all && !is_noted(a)) continue;
            report_size(a->used, used);
            report_limit(a->limit, limit);
            state_text(a, state, sizeof state);
            buf_printf(out, "  %-40s %14s of %14s %4llu%%  %s\n", a->address, used, limit,
                       (unsigned long long)(a->limit == 0 ? 0 : a->used / (a->limit / PERCENT + 1)), state);
        }
    }
    report_files_text(r, all, out);
}

void report_html_put(struct buf *out, const char *text) {
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<': buf_adds(out, "&lt;"); break;
        case '>': buf_adds(out, "&gt;"); break;
        case '&': buf_adds(out, "&amp;"); break;
        case '"': buf_adds(out, "&quot;"); break;
        default: buf_addc(out, *text);
        }
    }
}

static void html_domain(const struct report *r, const struct report_domain *d, struct buf *out) {
    char used[32], limit[32], state[LINE_LEN];
    report_size(d->used, used);
    report_limit(d->limit, limit);
    buf_adds(out, "<h2>");
    report_html_put(out, d->name);
    buf_printf(out,
               "</h2>\n<p>%zu users, %s used of %s</p>\n<table>\n<tr><th>User</th><th>Limit</th><th>Used</th>"
               "<th>Messages</th><th>State</th></tr>\n",
               d->count, used, limit);
    for (size_t k = d->first; k < d->first + d->count; k++) {
        const struct report_account *a = &r->accounts[k];
        report_size(a->used, used);
        report_limit(a->limit, limit);
        state_text(a, state, sizeof state);
        buf_printf(out, "<tr class=\"%s\"><td>", life_name(a->life.stage));
        report_html_put(out, a->address);
        buf_printf(out, "</td><td>%s</td><td>%s</td><td>%llu</td><td>", limit, used, (unsigned long long)a->messages);
        report_html_put(out, state);
        buf_adds(out, "</td></tr>\n");
    }
    buf_adds(out, "</table>\n");
}

void report_html(const struct report *r, struct buf *out) {
    char when[CLOCK_TEXT_MAX], used[32];
    struct report_sums s = report_sum(r);
    clock_rfc5322(r->at, when);
    report_size(s.used, used);
    buf_adds(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Mailbox quotas of ");
    report_html_put(out, r->hostname);
    buf_adds(out, "</title>\n<style>body{font-family:sans-serif}td,th{padding:2px 1em;text-align:left}"
                  ".warned{background:#fec}.expired{background:#fcc}</style></head><body>\n<h1>Mailbox quotas of ");
    report_html_put(out, r->hostname);
    buf_printf(out,
               "</h1>\n<p>Generated %s. Total usage %s, %llu users: %llu over quota, %llu warned, %llu disabled.</p>\n",
               when, used, (unsigned long long)s.users, (unsigned long long)s.over, (unsigned long long)s.warned,
               (unsigned long long)s.expired);
    for (size_t i = 0; i < r->domain_count; i++) html_domain(r, &r->domains[i], out);
    report_files_html(r, out);
    buf_adds(out, "</body></html>\n");
}
