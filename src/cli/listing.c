#include "cli/listing.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

int listing_args(int argc, char **argv, const char **pattern, bool *json) {
    *pattern = "";
    *json = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            *json = true;
        else if (argv[i][0] == '-' || **pattern != '\0')
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            *pattern = argv[i];
    }
    return EX_OK;
}

int listing_json(json_t *value) {
    int rc = value == NULL ? -1 : json_dumpf(value, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    json_decref(value);
    return rc == 0 && putchar('\n') != EOF ? EX_OK : EX_OSERR;
}
