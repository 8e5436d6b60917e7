#include "cli/directory_numbers.h"

#include "directory/slapd_config.h"
#include "directory/slapd_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096, DN_MAX_BYTES = 64 * 1024 };

struct reading {
    struct account_numbers *to;
    const struct account_numbers *before;
    struct buf dn; /* of the entry, with its lines as they are in the file */
    bool in_dn;
    bool deleted; /* the entry is that of an account which was deleted and is kept */
};

void account_numbers_done(struct account_numbers *n) {
    if (n->given != NULL) map_free(n->given, NULL);
    if (n->known != NULL) map_free(n->known, NULL);
    buf_done(&n->renumber);
    n->given = n->known = NULL;
}

static bool was_deleted(const struct account_numbers *before, uint64_t number) {
    return before != NULL && number <= before->highest && map_get(before->given, map_u64_key(&number)) == NULL;
}

static int take_number(struct reading *r, uint64_t number) {
    static char given;
    if (!r->deleted && was_deleted(r->before, number)) {
        buf_add(&r->to->renumber, buf_str(&r->dn));
        buf_adds(&r->to->renumber, "changetype: modify\ndelete: ieaccountid\n\n");
        r->to->renumbered++;
    } else {
        int rc = map_put(r->to->known, map_u64_key(&number), &given, NULL);
        if (rc != 0) return rc;
    }
    return r->deleted ? 0 : map_put(r->to->given, map_u64_key(&number), &given, NULL);
}

static int take_line(struct reading *r, struct str line) {
    struct str value = line, name = str_cut(&value, ':');
    uint64_t number = 0;
    if (r->in_dn && str_starts(line, STR(" "))) {
        buf_add(&r->dn, line);
        return 0;
    }
    r->in_dn = str_eq_nocase(name, STR("dn"));
    if (r->in_dn) {
        buf_clear(&r->dn);
        buf_add(&r->dn, line);
        if (str_eq_nocase(str_trim(value), STR(DIRECTORY_ACCOUNTS_DN))) r->to->has_entry = true;
        if (str_eq_nocase(str_trim(value), STR(DIRECTORY_DELETED_DN))) r->to->has_deleted = true;
        r->deleted = str_ends_nocase(str_trim(value), STR("," DIRECTORY_DELETED_DN));
        return 0;
    }
    bool account = str_eq_nocase(name, STR("ieaccountid"));
    if (!account && !str_eq_nocase(name, STR("ielastaccount"))) return 0;
    if (str_to_u64(str_trim(value), INT64_MAX, &number) != 0) return 0;
    if (number > r->to->highest) r->to->highest = number;
    return account ? take_number(r, number) : 0;
}

int account_numbers_read(const char *ldif, const struct account_numbers *before, struct account_numbers *out,
                         struct error *err) {
    FILE *f = fopen(ldif, "re");
    if (f == NULL) return error_set(err, ERR_IO, "%s: %s", ldif, strerror(errno));
    struct account_numbers n = {
        .given = map_new(MAP_BYTES), .known = map_new(MAP_BYTES), .renumber = BUF_INIT(ACCOUNT_CHANGES_MAX)};
    struct reading r = {.to = &n, .before = before, .dn = BUF_INIT(DN_MAX_BYTES)};
    int rc = n.given == NULL || n.known == NULL ? ERR_NOMEM : 0;
    char line[LINE_MAX_BYTES];
    for (bool start = true; rc == 0 && fgets(line, sizeof line, f) != NULL;) {
        struct str s = str_from(line);
        if (start) rc = take_line(&r, s);
        start = str_ends(s, STR("\n"));
    }
    if (rc == 0 && n.renumber.error != 0) rc = ERR_NOMEM;
    if (rc == 0 && ferror(f)) rc = ERR_IO;
    (void)fclose(f);
    buf_done(&r.dn);
    if (rc == 0) {
        *out = n;
        return 0;
    }
    account_numbers_done(&n);
    return error_set(err, rc, rc == ERR_IO ? "%s cannot be read" : "%s: out of memory", ldif);
}

int directory_load(const char *instance, const char *tool, struct str text, struct error *err) {
    char conf[SLAPD_TEXT_MAX], path[SLAPD_TEXT_MAX];
    int rc = slapd_path(instance, "directory/slapd.conf", conf, sizeof conf, err);
    if (rc == 0) rc = slapd_path(instance, "directory/numbers.ldif", path, sizeof path, err);
    if (rc == 0) rc = slapd_file_write(path, text, err);
    if (rc != 0) return rc;
    const char *args[] = {tool, "-f", conf, "-l", path, NULL};
    rc = slapd_run_tool(tool, args, err);
    (void)unlink(path);
    return rc;
}

int account_numbers_write(const char *instance, struct account_numbers *n, struct error *err) {
    BUF_AUTO entry = BUF_INIT(LINE_MAX_BYTES);
    unsigned long long highest = (unsigned long long)n->highest;
    if (!n->has_entry) {
        buf_printf(&entry, "dn: %s\nobjectClass: ieconfig\ncn: accounts\nielastaccount: %llu\n", DIRECTORY_ACCOUNTS_DN,
                   highest);
        int rc = directory_load(instance, "slapadd", buf_str(&entry), err);
        return rc != 0 || n->renumbered == 0 ? rc : directory_load(instance, "slapmodify", buf_str(&n->renumber), err);
    }
    buf_printf(&n->renumber, "dn: %s\nchangetype: modify\nreplace: ielastaccount\nielastaccount: %llu\n",
               DIRECTORY_ACCOUNTS_DN, highest);
    if (n->renumber.error != 0) return error_set(err, ERR_NOMEM, "out of memory");
    return directory_load(instance, "slapmodify", buf_str(&n->renumber), err);
}
