/* Module "dnsbl": drops messages that DNS lists have tagged, where the list's row says so for an output channel
 * (DNSBL-07). What is not dropped goes on with its tags. */
#include "channel/tags.h"
#include "daemon/tables.h"
#include "mta/module.h"

#include <stdio.h>
#include <string.h>

/* The columns of the table `dnslist`, by output channel. */
static const char *const columns[OUTPUT_COUNT] = {
    [OUTPUT_LOCAL] = "local", [OUTPUT_SMTPC] = "smtpc", [OUTPUT_DL] = "dl", [OUTPUT_BSMTPOUT] = "bsmtpout"};

static int dnsbl_run(struct mta_message *m, struct mta_result *r, struct error *err) {
    (void)err;
    struct str zones = tags_get(m->entry, "dnsbl"), rest = zones, zone;
    if (zones.len == 0) return 0;
    const struct table *table = table_find(STR("dnslist"));
    const struct rows *rows = daemon_table(m->daemon, "dnslist");
    while ((zone = str_word(&rest)).len > 0) {
        const struct row *row = rows_find(rows, zone); /* NULL: a list that a trusted peer uses and we do not */
        if (row == NULL) continue;
        for (int o = 0; o < OUTPUT_COUNT; o++)
            if (strcmp(row_str(table, row, columns[o]), "discard") == 0) r->outputs |= 1u << o;
    }
    if (r->outputs == 0) return 0;
    r->verdict = MTA_DISCARD;
    (void)snprintf(r->text, sizeof r->text, "the client is listed by %.*s", (int)(zones.len < 150 ? zones.len : 150),
                   zones.ptr);
    return 0;
}

const struct mta_module_ops mta_dnsbl_module = {
    .name = "dnsbl",
    .version = IEMS_VERSION,
    .description = "Drops mail that DNS lists have tagged, for the output channels where that is wanted",
    .matrix_option = "mta.matrix.dnsbl",
    .run = dnsbl_run,
};
