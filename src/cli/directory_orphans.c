/* Accounts that a directory loses when an older state takes its place. */
#include "base/clock.h"
#include "cli/directory_numbers.h"
#include "directory/slapd_config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 4096, ENTRY_BYTES = 16 * 1024 * 1024 };

/* One entry of the file. */
struct entry {
    struct buf lines; /* without its name and what slapd makes */
    uint64_t number;  /* 0: no account */
    bool deleted, skipping;
};

static bool made_by_slapd(struct str name) {
    static const char *const names[] = {"structuralObjectClass", "entryUUID", "creatorsName",
                                        "createTimestamp",       "entryCSN",  "modifyTimestamp",
                                        "modifiersName"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_eq_nocase(name, str_from(names[i]))) return true;
    return false;
}

static void take_line(struct entry *e, struct str line, bool start) {
    struct str value = line, name = str_cut(&value, ':');
    uint64_t number = 0;
    if (start && !str_starts(line, STR(" "))) {
        bool dn = str_eq_nocase(name, STR("dn"));
        if (dn) e->deleted = str_ends_nocase(str_trim(value), STR("," DIRECTORY_DELETED_DN));
        if (str_eq_nocase(name, STR("ieaccountid")) && str_to_u64(str_trim(value), INT64_MAX, &number) == 0)
            e->number = number;
        e->skipping = dn || made_by_slapd(name) || str_starts(line, STR("#"));
    }
    if (!e->skipping) buf_add(&e->lines, line);
}

static void end_entry(struct entry *e, const struct account_numbers *now, struct account_orphans *out) {
    if (e->number != 0 && map_get(now->known, map_u64_key(&e->number)) == NULL) {
        buf_printf(&out->ldif, "dn: ieaccountid=%llu,%s\n", (unsigned long long)e->number, DIRECTORY_DELETED_DN);
        buf_add(&out->ldif, buf_str(&e->lines));
        if (!e->deleted)
            buf_printf(&out->ldif, "objectClass: iedeletedaccount\niedeletedat: %lld\n", (long long)clock_wall_ms());
        buf_addc(&out->ldif, '\n');
        *(e->deleted ? &out->deleted : &out->gone) += 1;
    }
    if (e->lines.error != 0) out->ldif.error = e->lines.error;
    buf_clear(&e->lines);
    e->number = 0;
    e->deleted = e->skipping = false;
}

int account_orphans_find(const char *ldif, const struct account_numbers *now, struct account_orphans *out,
                         struct error *err) {
    struct account_orphans found = {.ldif = BUF_INIT(ACCOUNT_CHANGES_MAX)};
    struct entry e = {.lines = BUF_INIT(ENTRY_BYTES)};
    char line[LINE_BYTES];
    FILE *f = fopen(ldif, "re");
    if (f == NULL) return error_set(err, ERR_IO, "%s: %s", ldif, strerror(errno));
    for (bool start = true; fgets(line, sizeof line, f) != NULL;) {
        struct str s = str_from(line);
        if (start && str_eq(s, STR("\n")))
            end_entry(&e, now, &found);
        else
            take_line(&e, s, start);
        start = str_ends(s, STR("\n"));
    }
    end_entry(&e, now, &found);
    int rc = ferror(f) ? ERR_IO : found.ldif.error;
    (void)fclose(f);
    buf_done(&e.lines);
    if (rc == 0) {
        *out = found;
        return 0;
    }
    account_orphans_done(&found);
    return error_set(err, rc, rc == ERR_IO ? "%s cannot be read" : "%s: out of memory", ldif);
}

int account_orphans_write(const char *instance, const struct account_numbers *now, struct account_orphans *o,
                          struct error *err) {
    static const struct str container = {"dn: " DIRECTORY_DELETED_DN "\nobjectClass: ieconfig\ncn: deleted\n",
                                         sizeof "dn: " DIRECTORY_DELETED_DN "\nobjectClass: ieconfig\ncn: deleted\n" -
                                             1};
    if (o->ldif.len == 0) return 0;
    int rc = now->has_deleted ? 0 : directory_load(instance, "slapadd", container, err);
    return rc == 0 ? directory_load(instance, "slapadd", buf_str(&o->ldif), err) : rc;
}

void account_orphans_done(struct account_orphans *o) {
    buf_done(&o->ldif);
}
