/* Which modules run, in what order, for which routes: options mta.modules and mta.matrix.NAME (CAM-02, CAM-06). */
#include "base/log.h"
#include "mta/mta.h"

static bool matrix_get(struct mta *m, const struct mta_module_ops *module, struct matrix *out) {
    struct error err = {0};
    if (matrix_parse(str_from(option_str(m->daemon, module->matrix_option)), out, &err) == 0) return true;
    log_event(LOG_ERROR, "-", "bad-option", "name=%s error=\"%s\" effect=\"the matrix stays as it was\"",
              module->matrix_option, err.text);
    return false;
}

static const struct matrix *matrix_before(const struct mta *m, const struct mta_module_ops *module) {
    for (size_t i = 0; i < m->modules.count; i++)
        if (m->modules.modules[i] == module) return &m->modules.matrices[i];
    return NULL;
}

void mta_modules_configure(struct mta *m) {
    const struct mta_module_ops *modules[MTA_MODULES_MAX];
    struct matrix matrices[MTA_MODULES_MAX];
    size_t count = 0;
    for (struct str rest = str_from(option_str(m->daemon, "mta.modules")), name; (name = str_word(&rest)).len > 0;) {
        const struct mta_module_ops *module = mta_module_find(name);
        if (module == NULL || count == MTA_MODULES_MAX) {
            log_event(LOG_ERROR, "-", "bad-option", "name=mta.modules error=\"%.*s is no module\"", STR_ARG(name));
            continue;
        }
        const struct matrix *before = matrix_before(m, module);
        if (!matrix_get(m, module, &matrices[count])) {
            if (before == NULL) continue;
            matrices[count] = *before;
        }
        modules[count++] = module;
    }
    for (size_t i = 0; i < count; i++) {
        m->modules.modules[i] = modules[i];
        m->modules.matrices[i] = matrices[i];
    }
    m->modules.count = count;
}

void mta_configure(struct mta *m) {
    mta_modules_configure(m);
    weight_configure(m->daemon, &m->weights);
}
