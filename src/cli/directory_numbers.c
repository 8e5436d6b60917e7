#include "cli/directory_numbers.h"

#include "base/str.h"
#include "directory/slapd_config.h"
#include "directory/slapd_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096 };

static void take_line(struct str line, struct account_numbers *n) {
    struct str name = str_cut(&line, ':');
    uint64_t number;
    if (str_eq_nocase(name, STR("dn"))) {
        if (str_eq_nocase(str_trim(line), STR(DIRECTORY_ACCOUNTS_DN))) n->has_entry = true;
    } else if (str_eq_nocase(name, STR("ielastaccount")) || str_eq_nocase(name, STR("ieaccountid"))) {
        if (str_to_u64(str_trim(line), INT64_MAX, &number) == 0 && number > n->highest) n->highest = number;
    }
}

int account_numbers_read(const char *ldif, struct account_numbers *out, struct error *err) {
    FILE *f = fopen(ldif, "re");
    if (f == NULL) return error_set(err, ERR_IO, "%s: %s", ldif, strerror(errno));
    struct account_numbers n = {0};
    char line[LINE_MAX_BYTES];
    for (bool start = true; fgets(line, sizeof line, f) != NULL;) {
        struct str s = str_from(line);
        if (start) take_line(s, &n);
        start = str_ends(s, STR("\n"));
    }
    bool failed = ferror(f);
    (void)fclose(f);
    if (failed) return error_set(err, ERR_IO, "%s cannot be read", ldif);
    *out = n;
    return 0;
}

int account_numbers_write(const char *instance, const struct account_numbers *n, struct error *err) {
    char conf[SLAPD_TEXT_MAX], path[SLAPD_TEXT_MAX], text[LINE_MAX_BYTES];
    const char *tool = n->has_entry ? "slapmodify" : "slapadd";
    int len = snprintf(text, sizeof text,
                       n->has_entry ? "dn: %s\nchangetype: modify\nreplace: ielastaccount\nielastaccount: %llu\n"
                                    : "dn: %s\nobjectClass: ieconfig\ncn: accounts\nielastaccount: %llu\n",
                       DIRECTORY_ACCOUNTS_DN, (unsigned long long)n->highest);
    int rc = slapd_path(instance, "directory/slapd.conf", conf, sizeof conf, err);
    if (rc == 0) rc = slapd_path(instance, "directory/numbers.ldif", path, sizeof path, err);
    if (rc == 0) rc = slapd_file_write(path, str_of(text, (size_t)len), err);
    if (rc != 0) return rc;
    const char *args[] = {tool, "-f", conf, "-l", path, NULL};
    rc = slapd_run_tool(tool, args, err);
    (void)unlink(path);
    return rc;
}
