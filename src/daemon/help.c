/* What a module's program does when a person runs it. */
#include "daemon/private.h"

#include <stdio.h>
#include <string.h>

static void print_options(const struct daemon_ops *ops) {
    size_t len = strlen(ops->name);
    for (size_t i = 0; option_at(i) != NULL; i++) {
        const struct option *o = option_at(i);
        if (strncmp(o->name, ops->name, len) != 0 || o->name[len] != '.') continue;
        char range[OPTION_RANGE_MAX];
        option_range(o, range);
        printf("  %s\n      %s.\n      %s; default %s\n", o->name, o->doc, range, o->def[0] == '\0' ? "empty" : o->def);
    }
}

int daemon_help(const struct daemon_ops *ops, int argc, char **argv) {
    const char *arg = argc > 1 ? argv[1] : "";
    if (strcmp(arg, "--version") == 0) {
        printf("iems-%s %s\n", ops->name, IEMS_VERSION);
    } else if (strcmp(arg, "--options") == 0) {
        print_options(ops);
    } else if (strcmp(arg, "--help") == 0) {
        printf("iems-%s: %s\n\n"
               "This program is a module of IEMS. It is started by iems-responder; `iems start DIR` starts an "
               "instance.\n\n"
               "  --help      this text\n  --version   the version\n  --options   the options of this module\n\n"
               "Options (set in iems.conf, or live by `iems config set NAME VALUE`):\n",
               ops->name, ops->summary);
        print_options(ops);
    } else {
        (void)fprintf(stderr, "iems-%s is started by iems-responder: run `iems start DIR`. See --help.\n", ops->name);
        return 64;
    }
    return 0;
}
