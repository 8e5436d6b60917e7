/* The second section of a report: web folders (WFOLD-02). Accounts that neither may have them nor hold anything are
 * left out; so is all of it where nobody has any. */
#include "quota/report.h"

#include <stdio.h>

bool report_has_files(const struct report_domain *d, const struct report_account *a) {
    return a->files.count > 0 || (a->files.enabled && !d->files_disabled);
}

static const char *state(const struct report_domain *d, const struct report_account *a) {
    if (d->files_disabled) return "disabled (domain)";
    if (!a->files.enabled) return "disabled";
    return a->files.limit > 0 && a->files.used >= a->files.limit ? "full" : "";
}

static size_t users_of(const struct report *r, const struct report_domain *d) {
    size_t n = 0;
    for (size_t k = d->first; k < d->first + d->count; k++) n += report_has_files(d, &r->accounts[k]);
    return n;
}

/* What the domain may hold. */
static void domain_limit(const struct report_domain *d, char out[static 32]) {
    if (d->files_disabled)
        (void)snprintf(out, 32, "disabled");
    else
        report_limit(d->files_limit, out);
}

static void text_domain(const struct report *r, const struct report_domain *d, bool all, struct buf *out) {
    char used[32], limit[32];
    size_t users = users_of(r, d);
    if (users == 0) return;
    report_size(d->files_used, used);
    domain_limit(d, limit);
    buf_printf(out, "\n%s: %zu users, %s used of %s\n", d->name, users, used, limit);
    for (size_t k = d->first; k < d->first + d->count; k++) {
        const struct report_account *a = &r->accounts[k];
        if (!report_has_files(d, a) || (!all && state(d, a)[0] == '\0')) continue;
        report_size(a->files.used, used);
        report_limit(a->files.limit, limit);
        buf_printf(out, "  %-40s %14s of %14s %8llu files  %s\n", a->address, used, limit,
                   (unsigned long long)a->files.count, state(d, a));
    }
}

void report_files_text(const struct report *r, bool all, struct buf *out) {
    char used[32];
    struct report_sums s = report_sum(r);
    if (s.files_users == 0) return;
    report_size(s.files_used, used);
    buf_printf(out,
               "\n\nQuota Report for Web Store\nHome directory %s\nTotal usage    %s in %llu files\n"
               "Users          %llu\nOver quota     %llu\n",
               r->home != NULL ? r->home : "-", used, (unsigned long long)s.files_count,
               (unsigned long long)s.files_users, (unsigned long long)s.files_over);
    for (size_t i = 0; i < r->domain_count; i++) text_domain(r, &r->domains[i], all, out);
}

static void html_domain(const struct report *r, const struct report_domain *d, struct buf *out) {
    char used[32], limit[32];
    size_t users = users_of(r, d);
    if (users == 0) return;
    report_size(d->files_used, used);
    domain_limit(d, limit);
    buf_adds(out, "<h3>");
    report_html_put(out, d->name);
    buf_printf(out,
               "</h3>\n<p>%zu users, %s used of %s</p>\n<table>\n<tr><th>User</th><th>Limit</th><th>Used</th>"
               "<th>Files</th><th>State</th></tr>\n",
               users, used, limit);
    for (size_t k = d->first; k < d->first + d->count; k++) {
        const struct report_account *a = &r->accounts[k];
        if (!report_has_files(d, a)) continue;
        report_size(a->files.used, used);
        report_limit(a->files.limit, limit);
        buf_adds(out, "<tr><td>");
        report_html_put(out, a->address);
        buf_printf(out, "</td><td>%s</td><td>%s</td><td>%llu</td><td>%s</td></tr>\n", limit, used,
                   (unsigned long long)a->files.count, state(d, a));
    }
    buf_adds(out, "</table>\n");
}

void report_files_html(const struct report *r, struct buf *out) {
    char used[32];
    struct report_sums s = report_sum(r);
    if (s.files_users == 0) return;
    report_size(s.files_used, used);
    buf_adds(out, "<h2>Quota Report for Web Store</h2>\n<p>Home directory ");
    report_html_put(out, r->home != NULL ? r->home : "-");
    buf_printf(out, ". Total usage %s in %llu files, %llu users: %llu over quota.</p>\n", used,
               (unsigned long long)s.files_count, (unsigned long long)s.files_users, (unsigned long long)s.files_over);
    for (size_t i = 0; i < r->domain_count; i++) html_domain(r, &r->domains[i], out);
}
