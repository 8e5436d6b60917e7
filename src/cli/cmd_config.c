/* The options of the instance: what iems.conf says, what the directory says, the defaults. */
#include "cli/commands.h"
#include "cli/hosts.h"
#include "cli/settings.h"

#include "cli/running.h"
#include "daemon/config.h"
#include "rpc/control_methods.h"
#include "rpc/dir_methods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

int cmd_config_list(struct cli *c, int argc, char **argv) {
    bool all = false;
    const char *pattern = "";
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--all") == 0)
            all = true;
        else if (argv[i][0] == '-')
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            pattern = argv[i];
    }
    struct settings *s = cli_settings(c);
    if (s == NULL) return EX_UNAVAILABLE;
    for (size_t i = 0; option_at(i) != NULL; i++) {
        const struct option *o = option_at(i);
        const char *origin = settings_origin(s, o->name);
        bool is_default = strcmp(origin, "default") == 0;
        if (strstr(o->name, pattern) == NULL || (is_default && !all && pattern[0] == '\0')) continue;
        printf("%-32s %-20s (%s)\n", o->name, settings_str(s, o->name), origin);
    }
    settings_free(s);
    return EX_OK;
}

static const struct option *known(const char *name) {
    struct error err = {0};
    const struct option *o = option_find(str_from(name));
    if (o != NULL) return o;
    (void)!option_check_named(str_from(name), STR_EMPTY, &err);
    cli_error("%s", err.text);
    return NULL;
}

int cmd_config_get(struct cli *c, int argc, char **argv) {
    if (argc != 2) return cli_usage(cli_current(), "which option?");
    const struct option *o = known(argv[1]);
    if (o == NULL) return EX_NOUSER;
    struct settings *s = cli_settings(c);
    char range[OPTION_RANGE_MAX];
    if (s == NULL) return EX_UNAVAILABLE;
    option_range(o, range);
    printf("%s = %s\n  %s.\n  Value: %s. Default: %s. Now from: %s.\n", o->name, settings_str(s, o->name), o->doc,
           range, o->def[0] == '\0' ? "empty" : o->def, settings_origin(s, o->name));
    settings_free(s);
    return EX_OK;
}

static int option_send(struct cli *c, const char *name, const char *value) {
    Dir__OptionSet set = DIR__OPTION_SET__INIT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    set.name = (char *)(uintptr_t)name;
    set.value = (char *)(uintptr_t)(value == NULL ? "" : value);
    set.unset = value == NULL;
    int rc = cli_call(dir, DIR_OPTION_SET, &set.base, STR_EMPTY, NULL, name);
    rpc_client_free(dir);
    return cli_exit_status(rc);
}

/* What iems.conf says wins: tell when that makes the change without effect. */
static void warn_if_hidden(struct cli *c, const char *name) {
    struct instance_config *conf = NULL;
    struct error err = {0};
    if (instance_config_read(c->instance, &conf, &err) != 0) return;
    for (size_t i = 0; i < conf->option_count; i++) {
        if (strcmp(conf->options[i].name, name) != 0) continue;
        cli_error("note: iems.conf of this instance sets %s = %s, which wins", name, conf->options[i].value);
    }
    instance_config_free(conf);
}

int cmd_config_set(struct cli *c, int argc, char **argv) {
    struct error err = {0};
    if (argc != 3) return cli_usage(cli_current(), "a name and a value are expected");
    int rc = option_check_named(str_from(argv[1]), str_from(argv[2]), &err);
    if (rc != 0) {
        cli_error("%s", err.text);
        return cli_exit_status(rc);
    }
    if (strstr(argv[1], ".listen_") != NULL) {
        cli_error("%s belongs to one host: set it in iems.conf and restart the instance", argv[1]);
        return EX_USAGE;
    }
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    int status = option_send(c, argv[1], argv[2]);
    if (status == EX_OK) warn_if_hidden(c, argv[1]);
    return status;
}

int cmd_config_unset(struct cli *c, int argc, char **argv) {
    if (argc != 2) return cli_usage(cli_current(), "which option?");
    if (known(argv[1]) == NULL) return EX_NOUSER;
    return option_send(c, argv[1], NULL);
}

int cmd_config_reload(struct cli *c, int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--host") == 0) {
        if (!cli_instance(c, NULL)) return EX_NOINPUT;
        int status = hosts_do(c, REMOTE_RELOAD, &(struct host_ask){.host = argv[2]}, NULL);
        if (status == EX_OK) printf("iems.conf and the certificates of %s were read again\n", argv[2]);
        return status;
    }
    if (argc != 1) return cli_usage(cli_current(), "no arguments are expected");
    struct rpc_client *control = cli_connect(c, &control_service);
    if (control == NULL) return EX_UNAVAILABLE;
    Control__Empty empty = CONTROL__EMPTY__INIT;
    int rc = cli_call(control, CONTROL_RELOAD, &empty.base, STR_EMPTY, NULL, "");
    rpc_client_free(control);
    if (rc == 0) puts("iems.conf and the certificates were read again");
    return cli_exit_status(rc);
}
