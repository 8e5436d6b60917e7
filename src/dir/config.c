/* Options in the directory (DIR-16): the ieoption values of every ieconfig entry. Who watches is told of each change; a
 * value that is not valid is logged and the one before it stays. */
#include "base/log.h"
#include "base/map.h"
#include "daemon/options.h"
#include "daemon/settings.h"
#include "dir/dir.h"
#include "dir/watchers.h"
#include "directory/slapd_config.h"

#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 4096 };

/* Valid values of the directory now; bad ones replaced by what they were before. NULL: out of memory. */
static struct map *read_options(struct dir *d) {
    struct map *fresh = map_new(MAP_BYTES);
    size_t pos = 0;
    for (const struct entry *e; fresh != NULL && (e = mirror_next(d->mirror, &pos)) != NULL;) {
        struct entry_value v;
        struct str name, value;
        if (!(e->classes & ENTRY_CONFIG)) continue;
        for (uint32_t at = 0; entry_next(e, &at, &v);) {
            if (v.attr != ATTR_OPTION || option_value_parse(v.value, &name, &value) != 0) continue;
            struct error err = {0};
            const char *before = d->options == NULL ? NULL : map_get(d->options, name);
            if (option_check_named(name, value, &err) != 0) {
                log_event(LOG_WARNING, "-", "option-refused", "from=directory error=\"%s\" action=\"%s\"", err.text,
                          before == NULL ? "the default stays" : "the value before stays");
                if (before == NULL) continue;
                value = str_from(before);
            }
            char *copy = str_dup(value);
            void *old = NULL;
            if (copy == NULL || map_put(fresh, name, copy, &old) != 0) {
                free(copy);
                map_free(fresh, free);
                return NULL;
            }
            free(old);
        }
    }
    return fresh;
}

static bool same_options(const struct map *a, const struct map *b) {
    if (a == NULL || map_count(a) != map_count(b)) return false;
    size_t pos = 0;
    struct str name;
    void *value;
    while (map_next(b, &pos, &name, &value)) {
        const char *other = map_get(a, name);
        if (other == NULL || strcmp(other, value) != 0) return false;
    }
    return true;
}

/* The options as message and as list, in `arena`. */
static int build(const struct dir *d, struct arena *arena, Dir__Config *out, struct setting **list) {
    size_t count = map_count(d->options), pos = 0, n = 0;
    Dir__Option *options = arena_alloc(arena, (count + 1) * sizeof *options);
    Dir__Option **pointers = arena_alloc(arena, (count + 1) * sizeof(Dir__Option *));
    *list = arena_alloc(arena, (count + 1) * sizeof **list);
    if (options == NULL || pointers == NULL || *list == NULL) return ERR_NOMEM;
    struct str name;
    void *value;
    while (map_next(d->options, &pos, &name, &value)) {
        dir__option__init(&options[n]);
        options[n].name = arena_cstr(arena, name);
        options[n].value = value;
        if (options[n].name == NULL) return ERR_NOMEM;
        (*list)[n] = (struct setting){options[n].name, options[n].value};
        pointers[n] = &options[n];
        n++;
    }
    dir__config__init(out);
    out->serial = d->options_serial;
    out->n_options = n;
    out->options = pointers;
    return 0;
}

static void tell(struct dir *d) {
    ARENA_AUTO arena = arena_new(DIR_ARENA_MAX);
    Dir__Config config;
    struct setting *list;
    if (arena == NULL || build(d, arena, &config, &list) != 0) {
        log_event(LOG_ERROR, "-", "options", "error=\"out of memory\"");
        return;
    }
    daemon_set_directory_options(d->daemon, list, config.n_options);
    watchers_tell(0, DIR_EVENT_CONFIG, &config.base);
}

void config_refresh(struct dir *d) {
    if (!d->options_stale) return;
    d->options_stale = false;
    struct map *fresh = read_options(d);
    if (fresh == NULL) {
        log_event(LOG_ERROR, "-", "options", "error=\"out of memory\"");
        return;
    }
    if (same_options(d->options, fresh)) {
        map_free(fresh, free);
        return;
    }
    map_free(d->options, free);
    d->options = fresh;
    d->options_serial++;
    log_event(LOG_INFO, "-", "options", "serial=%llu count=%zu", (unsigned long long)d->options_serial,
              map_count(fresh));
    tell(d);
}

int handle_config_watch(struct dir *d, struct rpc_request *r, struct error *err) {
    Dir__Config config;
    struct setting *list;
    if (d->options == NULL) return error_set(err, ERR_AGAIN, "the directory is not ready yet");
    int rc = build(d, r->arena, &config, &list);
    if (rc != 0) return error_set(err, rc, "out of memory");
    struct watcher *w = watcher_of(r->session);
    if (w == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    w->options = true;
    rpc_answer(r, &config.base, STR_EMPTY);
    return 0;
}

/* The values of cn=options that set `name`, as they stand there: other values are not touched. */
static int delete_option(const struct dir *d, struct write_op *op, struct str name) {
    size_t pos = 0;
    int rc = 0;
    for (const struct entry *e; rc == 0 && (e = mirror_next(d->mirror, &pos)) != NULL;) {
        struct entry_value v;
        struct str other, value;
        if (!str_eq_nocase(entry_get(e, (enum directory_attr)ENTRY_DN), STR(DIRECTORY_OPTIONS_DN))) continue;
        for (uint32_t at = 0; rc == 0 && entry_next(e, &at, &v);) {
            if (v.attr != ATTR_OPTION || option_value_parse(v.value, &other, &value) != 0 || !str_eq(other, name))
                continue;
            rc = write_op_value(op, LDAP_MOD_DELETE, ATTR_OPTION, v.value);
        }
    }
    return rc;
}

int handle_option_set(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__OptionSet *set = (const void *)r->msg;
    struct str name = str_from(set->name), value = str_trim(str_from(set->value));
    if (option_find(name) == NULL || !set->unset) {
        int rc = option_check_named(name, value, err);
        if (rc != 0) return rc;
    }
    struct write_op *op = write_op_new(r->arena, WRITE_MODIFY, DIRECTORY_OPTIONS_DN);
    int rc = op == NULL ? ERR_NOMEM : delete_option(d, op, name);
    if (rc == 0 && !set->unset) {
        char *line = arena_printf(r->arena, "%.*s=%.*s", STR_ARG(name), STR_ARG(value));
        rc = line == NULL ? ERR_NOMEM : write_op_set(op, LDAP_MOD_ADD, ATTR_OPTION, str_from(line));
    }
    if (rc != 0) return error_set(err, rc, "out of memory");
    if (op->change_count > 0 && (rc = dir_write(d, op, err)) != 0) return rc;
    log_event(LOG_INFO, "-", "option-set", "name=%s by=%s", set->name, rpc_session_name(r->session));
    Dir__Empty empty = DIR__EMPTY__INIT;
    rpc_answer(r, &empty.base, STR_EMPTY);
    return 0;
}
