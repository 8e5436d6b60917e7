/* What a check found, and how it is told: as text and as HTML (QUOTA-09, QUOTA-10). Pure. */
#ifndef IEMS_QUOTA_REPORT_H
#define IEMS_QUOTA_REPORT_H

#include "base/arena.h"
#include "base/buf.h"
#include "quota/life.h"

enum { REPORT_MAX = 64 * 1024 * 1024 };

struct report_account {
    const char *address, *domain; /* domain: part of address */
    uint64_t id, limit, used, messages;
    struct {
        bool enabled; /* for the account; its domain may have them disabled */
        uint64_t limit, used, count;
    } files; /* web folders */
    struct life life;
    bool blocked; /* the domain's total is used up */
};

struct report_domain {
    const char *name;
    uint64_t limit; /* of all accounts together; 0 = none */
    uint64_t used;
    bool files_disabled;
    uint64_t files_limit, files_used;
    size_t first, count; /* in accounts */
};

struct report {
    struct arena *arena;
    int64_t at;
    const char *hostname;
    const char *home;                /* where all of it is kept */
    struct report_account *accounts; /* by domain, then address */
    size_t count, cap;
    struct report_domain *domains;
    size_t domain_count;
};

struct report_sums {
    uint64_t used, users, over /* at their limit or beyond */, warned, expired, blocked;
    uint64_t files_used, files_count, files_users /* that may or do have some */, files_over;
};

void report_done(struct report *r);
/* Puts accounts in order and makes the domains. ERR_NOMEM. */
NODISCARD int report_sort(struct report *r);
struct report_sums report_sum(const struct report *r);
/* `all`: every account, else those that are not ok. */
void report_text(const struct report *r, bool all, struct buf *out);
void report_html(const struct report *r, struct buf *out);
/* The second section of both: web folders (report_files.c, WFOLD-02). `all` as above. */
void report_files_text(const struct report *r, bool all, struct buf *out);
void report_files_html(const struct report *r, struct buf *out);
/* Whether the account has web folders, or something in them from before. */
bool report_has_files(const struct report_domain *d, const struct report_account *a);
void report_html_put(struct buf *out, const char *text); /* with <, >, & and quotes escaped */
void report_limit(uint64_t limit, char out[static 32]);  /* "20.0 MB", "unlimited" */
/* "18.0 MB" */
void report_size(uint64_t bytes, char out[static 32]);

#endif
