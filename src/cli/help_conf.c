/* The manual page of iems.conf, from the option table. */
#include "cli/commands.h"
#include "daemon/options.h"

#include <stdio.h>
#include <sysexits.h>

int help_man_conf(void) {
    printf(
        ".TH IEMS.CONF 5 \"\" \"IEMS %s\" \"IEMS\"\n.SH NAME\niems.conf \\- configuration of an IEMS instance\n"
        ".SH DESCRIPTION\nINI sections with name = value. A line that begins with # or ; is a comment. [server] "
        "says hostname, domain, port_base and user; every option MODULE.NAME below may stand under [MODULE] as NAME. "
        "Options that are not in the file are those of the directory (iems config set), then the defaults. "
        "iems config reload reads the file again.\n.SH OPTIONS\n",
        IEMS_VERSION);
    for (size_t i = 0; option_at(i) != NULL; i++) {
        const struct option *o = option_at(i);
        char range[OPTION_RANGE_MAX];
        option_range(o, range);
        printf(".TP\n.B %s\n%s. Value: %s. Default: %s.\n", o->name, o->doc, range,
               o->def[0] == '\0' ? "empty" : o->def);
    }
    printf(".SH \"SEE ALSO\"\n.BR iems (1)\n");
    return EX_OK;
}
