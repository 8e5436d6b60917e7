#include "cli/foreign.h"

#include "cli/cli.h"
#include "cli/progress.h"

int import_go_on(struct import *x, const char *name, int rc, struct error *err) {
    if (rc != ERR_NOTFOUND && rc != ERR_DENIED && rc != ERR_INVALID && rc != ERR_LIMIT && rc != ERR_EXISTS &&
        rc != ERR_IO)
        return rc;
    progress_end();
    cli_error("folder \"%s\" is not imported: %s", name, err->text[0] != '\0' ? err->text : err_name(rc));
    x->failed++;
    *err = (struct error){0};
    return 0;
}

int import_target(struct import *x, const char *name, struct mail_target **out, struct error *err) {
    struct mail_target_config cfg = {.session = x->session,
                                     .name = name,
                                     .dry_run = x->dry_run,
                                     .subscribe = x->subscribe,
                                     .adopt = x->adopt,
                                     .counts = &x->counts};
    x->folders++;
    return mail_target_open(&cfg, out, err);
}
