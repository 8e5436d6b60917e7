/* The host table, read while the program runs: a mistake in it is logged and leaves the last good one. */
#include "base/log.h"
#include "net/loop.h"
#include "smtpc/smtpc.h"

#include <stdio.h>

enum { TABLE_LOOK_MS = 5000, NAME_MAX_BYTES = 1100 };

static void table_set(struct smtpc *s, struct hosttable *fresh) {
    hosttable_free(s->table);
    s->table = fresh;
    s->router.table = fresh;
}

void smtpc_table_read(struct smtpc *s) {
    const char *option = option_str(s->daemon, "smtpc.host_table");
    char name[NAME_MAX_BYTES];
    struct hosttable *fresh = NULL;
    struct error err = {0};
    if (option[0] == '\0') {
        table_set(s, NULL);
        s->table_stamp = (struct file_stamp){0};
        s->router.table_missing = false;
        return;
    }
    BUF_AUTO text = BUF_INIT(HOSTTABLE_MAX);
    (void)snprintf(name, sizeof name, "%s%s", option[0] == '/' ? "" : "tables/", option);
    int rc = daemon_file_read(s->daemon, name, &s->table_stamp, &text, &err);
    if (rc == ERR_EXISTS || rc == ERR_CANCELLED) return;
    if (rc == 0) rc = hosttable_parse(buf_str(&text), &fresh, &err);
    if (rc == 0) {
        table_set(s, fresh);
        log_event(LOG_INFO, "-", "host-table", "file=%s hosts=%zu", name, hosttable_count(fresh));
        s->table_told = s->router.table_missing = false;
        return;
    }
    if (!s->table_told) log_event(LOG_ERROR, "-", "host-table", "file=%s error=\"%s\"", name, err.text);
    s->table_told = true;
    s->router.table_missing = s->table == NULL;
}

void smtpc_table_watch(void *smtpc) {
    struct smtpc *s = smtpc;
    while (!s->stopping) {
        if (!s->table_due && cond_wait(&s->table_wake, loop_now_ms() + TABLE_LOOK_MS) == ERR_CANCELLED) return;
        s->table_due = false;
        if (!s->stopping) smtpc_table_read(s);
    }
}
