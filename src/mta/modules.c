/* The table of modules (CAM-01). In which order they run says the option mta.modules (CAM-06). */
#include "mta/module.h"

static const struct mta_module_ops *const table[] = {&mta_dnsbl_module, &mta_loop_module};

const struct mta_module_ops *mta_module_find(struct str name) {
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (str_eq_nocase(str_from(table[i]->name), name)) return table[i];
    return NULL;
}
