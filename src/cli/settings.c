/* See settings.h. */
#include "cli/settings.h"

#include "cli/running.h"
#include "daemon/config.h"
#include "rpc/dir_methods.h"

#include <stdlib.h>

static int load_directory(struct cli *c, struct settings *s) {
    struct rpc_client *dir = cli_connect(c, &dir_service);
    Dir__Empty empty = DIR__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    if (dir == NULL) return ERR_CLOSED;
    int rc = cli_call(dir, DIR_CONFIG_WATCH, &empty.base, STR_EMPTY, &reply, "options of the directory");
    rpc_client_free(dir);
    if (rc != 0) return rc;
    const Dir__Config *config = (const void *)reply.msg;
    struct setting *list = calloc(config->n_options + 1, sizeof *list);
    if (list == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < config->n_options; i++) {
        list[i] = (struct setting){config->options[i]->name, config->options[i]->value};
    }
    rc = settings_set_layer(s, SETTINGS_DIRECTORY, list, config->n_options, NULL, NULL, NULL);
    free(list);
    return rc;
}

struct settings *cli_settings(struct cli *c) {
    struct instance_config *conf = NULL;
    struct error err = {0};
    if (!cli_instance(c, NULL)) return NULL;
    if (instance_config_read(c->instance, &conf, &err) != 0) {
        cli_error("%s", err.text);
        return NULL;
    }
    struct settings *s = settings_new();
    int rc = s == NULL ? ERR_NOMEM
                       : settings_set_layer(s, SETTINGS_CONF, conf->options, conf->option_count, NULL, NULL, NULL);
    instance_config_free(conf);
    if (rc == 0 && running_pid(c->instance) == 0) {
        cli_error("note: the instance is not running; options of the directory are not shown");
    } else if (rc == 0) {
        (void)!load_directory(c, s); /* it has told what is wrong; the rest is worth showing */
    }
    if (rc == 0) return s;
    settings_free(s);
    return NULL;
}

int cli_resolver(const struct settings *s, const char *own, const struct resolver_config *more, struct resolver **out,
                 struct error *err) {
    enum { SERVERS_MAX = 16, TEXT_MAX = 64 * 1024 };
    ARENA_AUTO arena = arena_new(TEXT_MAX);
    const char *servers[SERVERS_MAX + 1] = {NULL};
    struct str rest = str_from(own[0] != '\0' ? own : settings_str(s, "server.dns_servers")), word;
    if (arena == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < SERVERS_MAX && (word = str_word(&rest)).len > 0; i++) servers[i] = arena_cstr(arena, word);
    struct resolver_config config = *more;
    config.servers = servers[0] == NULL ? NULL : servers;
    return resolver_new(&config, out, err);
}
