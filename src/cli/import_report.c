#include "base/clock.h"
#include "cli/import_imap.h"
#include "cli/progress.h"
#include "cli/queue_json.h"
#include "net/loop.h"

#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

enum { PROGRESS_MS = 250, REFUSED_SHOWN = 20 };

/* On one line of a terminal; progress_end() of files.h does not know of it, so it ends with the next line. */
void import_progress(struct import_run *x) {
    static uint64_t last;
    uint64_t now = loop_now_ms(), spent = now - x->begun_ms;
    char left[CLOCK_TEXT_MAX] = "?";
    if (!isatty(STDERR_FILENO) || now - last < PROGRESS_MS || spent == 0) return;
    last = now;
    uint64_t done = x->done < x->total ? x->done : x->total, rate = x->done * 1000 / spent;
    if (rate > 0) clock_format_duration((x->total - done) / rate, left);
    (void)fprintf(stderr, "\r\033[K%llu of %llu messages, %.1f MB, %llu/s, %s left", (unsigned long long)done,
                  (unsigned long long)x->total, (double)x->bytes / 1e6, (unsigned long long)rate, left);
}

struct sum {
    uint64_t folders, there, added, present, kept, changed, bytes, failed, refused;
};

static void add_folder(struct sum *s, const struct import_folder *f) {
    s->folders++;
    s->there += f->messages;
    s->added += f->counts.added;
    s->present += f->counts.present + f->known;
    s->kept += f->counts.kept_uid;
    s->changed += f->changed;
    s->bytes += f->counts.bytes;
    s->failed += f->err.code != 0;
    s->refused += f->refused_count;
}

/* --- text */
static void folder_text(const struct import_run *x, const struct import_folder *f) {
    uint64_t present = f->counts.present + f->known;
    if (x->account_count == 1)
        printf("  %-30s %8llu %s, %llu there, %llu flags, UIDVALIDITY %u (there %u), %llu UIDs kept\n", f->name,
               (unsigned long long)f->counts.added, x->options->dry_run ? "to import" : "imported",
               (unsigned long long)present, (unsigned long long)f->changed, f->here, f->there,
               (unsigned long long)f->counts.kept_uid);
    if (f->refused_count > 0) {
        printf("  %s: %zu messages were not given by the server (%s): UID", f->name, f->refused_count, f->refusal.text);
        for (size_t i = 0; i < f->refused_count && i < REFUSED_SHOWN; i++) printf(" %u", f->refused[i]);
        printf("%s\n", f->refused_count > REFUSED_SHOWN ? " ..." : "");
    }
    if (f->err.code != 0) printf("  %s: FAILED: %s\n", f->name, f->err.text);
}

static void account_text(const struct import_run *x, const struct import_account *a) {
    struct sum s = {0};
    for (const struct import_folder *f = a->folders; f != NULL; f = f->next) add_folder(&s, f);
    printf("%s: %llu folders; %llu messages %s (%.1f MB), %llu were there, %llu changed flags.\n", a->address,
           (unsigned long long)s.folders, (unsigned long long)s.added,
           x->options->dry_run ? "would be imported" : "imported", (double)s.bytes / 1e6, (unsigned long long)s.present,
           (unsigned long long)s.changed);
    if (a->err.code != 0) printf("  FAILED: %s\n", a->err.text);
    if (a->skipped > 0) printf("  %u folders have names that cannot be here and were left out\n", a->skipped);
    for (const struct import_folder *f = a->folders; f != NULL; f = f->next) folder_text(x, f);
}

/* --- JSON */
static void put(json_t *to, const char *name, uint64_t value) {
    json_object_set_new(to, name, json_integer((json_int_t)value));
}

static void put_error(json_t *to, const struct error *e) {
    if (e->code != 0) json_object_set_new(to, "error", queue_json_text(e->text));
}

static void put_sum(json_t *to, const struct sum *s) {
    put(to, "messages", s->there);
    put(to, "imported", s->added);
    put(to, "present", s->present);
    put(to, "kept_uids", s->kept);
    put(to, "changed_flags", s->changed);
    put(to, "bytes", s->bytes);
    put(to, "refused", s->refused);
}

static json_t *folder_json(const struct import_folder *f) {
    json_t *j = json_object();
    struct sum s = {0};
    add_folder(&s, f);
    json_object_set_new(j, "name", queue_json_text(f->name));
    put_sum(j, &s);
    put(j, "uidvalidity", f->here);
    put(j, "remote_uidvalidity", f->there);
    put_error(j, &f->err);
    json_t *refused = json_array();
    for (size_t i = 0; i < f->refused_count; i++) json_array_append_new(refused, json_integer(f->refused[i]));
    json_object_set_new(j, "refused_uids", refused);
    return j;
}

static json_t *account_json(const struct import_account *a, struct sum *all) {
    json_t *j = json_object(), *folders = json_array();
    struct sum s = {0};
    for (const struct import_folder *f = a->folders; f != NULL; f = f->next) {
        add_folder(&s, f);
        add_folder(all, f);
        json_array_append_new(folders, folder_json(f));
    }
    json_object_set_new(j, "account", queue_json_text(a->address));
    json_object_set_new(j, "user", queue_json_text(a->user));
    put_sum(j, &s);
    put(j, "skipped_folders", a->skipped);
    json_object_set_new(j, "folders", folders);
    put_error(j, &a->err);
    return j;
}

void import_report(const struct import_run *x) {
    struct sum all = {0};
    if (isatty(STDERR_FILENO)) (void)fputs("\r\033[K", stderr);
    if (!x->options->json) {
        for (size_t i = 0; i < x->account_count; i++) account_text(x, &x->accounts[i]);
        return;
    }
    json_t *j = json_object(), *accounts = json_array();
    for (size_t i = 0; i < x->account_count; i++) json_array_append_new(accounts, account_json(&x->accounts[i], &all));
    put_sum(j, &all);
    json_object_set_new(j, "dry_run", json_boolean(x->options->dry_run));
    put(j, "milliseconds", loop_now_ms() - x->begun_ms);
    json_object_set_new(j, "accounts", accounts);
    json_dumpf(j, stdout, JSON_INDENT(2));
    printf("\n");
    json_decref(j);
}
