/* iems restore: a whole instance from a backup, or mail of one account into the running one. */
#include "cli/backup.h"
#include "cli/commands.h"
#include "cli/restore.h"

#include <string.h>
#include <sysexits.h>

int cmd_restore(struct cli *c, int argc, char **argv) {
    struct restore r = {0};
    const char *dir = NULL, *base = NULL, *message = NULL, *name = NULL;
    struct error err = {0};
    struct {
        const char *name, **to;
    } options[] = {{"--instance", &r.instance}, {"--account", &r.account}, {"--folder", &r.folder},
                   {"--message", &message},     {"--port-base", &base},    {"--backup", &name},
                   {"--from", &r.from},         {"--files", &r.files}};
    for (int i = 1; i < argc; i++) {
        bool found = false;
        for (size_t k = 0; k < sizeof options / sizeof options[0]; k++) {
            if (strcmp(argv[i], options[k].name) != 0) continue;
            if (i + 1 == argc) return cli_usage(cli_current(), "%s needs a value", argv[i]);
            *options[k].to = argv[++i];
            found = true;
        }
        if (found) continue;
        if (strcmp(argv[i], "--dry-run") == 0)
            r.dry_run = true;
        else if (strcmp(argv[i], "--all") == 0)
            r.all = true;
        else if (strcmp(argv[i], "--list") == 0)
            r.list = true;
        else if (argv[i][0] == '-' || dir != NULL)
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            dir = argv[i];
    }
    uint64_t uid = 0;
    if (dir == NULL) return cli_usage(cli_current(), "from which backup?");
    int goals = (r.instance != NULL) + (r.account != NULL) + r.all;
    if (r.list ? r.instance != NULL || r.all : goals != 1)
        return cli_usage(cli_current(), "one of --instance, --account and --all is needed, or --list");
    if ((r.folder != NULL || r.from != NULL) && r.account == NULL)
        return cli_usage(cli_current(), "--folder and --from need --account");
    if (r.files != NULL && (r.account == NULL || r.folder != NULL || r.list))
        return cli_usage(cli_current(), "--files needs --account, and restores no mail");
    if (message != NULL && (r.folder == NULL || str_to_u64(str_from(message), UINT32_MAX, &uid) != 0 || uid == 0))
        return cli_usage(cli_current(), "--message needs a UID and --folder");
    if (base != NULL && str_to_u64(str_from(base), PORT_BASE_MAX, &r.port_base) != 0)
        return cli_usage(cli_current(), "--port-base: 0 to %d, not '%s'", PORT_BASE_MAX, base);
    r.has_port_base = base != NULL;
    r.uid = (uint32_t)uid;
    int rc = backup_choose(dir, name, r.backup, &err);
    if (rc != 0) {
        cli_error("%s", err.text);
        return cli_exit_status(rc);
    }
    return r.list ? restore_list(&r) : r.instance != NULL ? restore_instance(&r) : restore_mail(c, &r);
}
