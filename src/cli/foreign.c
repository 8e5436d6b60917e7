#include "cli/foreign.h"

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
