#include "daemon/dns.h"

enum { SERVERS_MAX = 16, SERVER_NAME_MAX = 64 };

int daemon_resolver_with(const struct daemon *d, const char *own, const struct resolver_config *more,
                         struct resolver **out, struct error *err) {
    const char *option = own != NULL && option_str(d, own)[0] != '\0' ? own : "server.dns_servers";
    const char *servers[SERVERS_MAX + 1] = {NULL};
    char names[SERVERS_MAX][SERVER_NAME_MAX];
    size_t count = 0;
    for (struct str rest = str_from(option_str(d, option)), word; (word = str_word(&rest)).len > 0; count++) {
        if (count == SERVERS_MAX || str_to_cstr(word, names[count], sizeof names[0]) != 0)
            return error_set(err, ERR_INVALID, "%s: too many or too long", option);
        servers[count] = names[count];
    }
    struct resolver_config config = *more;
    config.servers = count > 0 ? servers : NULL;
    config.cache_records = option_u64(d, "server.dns_cache");
    if (config.cache_records == 0) config.cache_records = RESOLVER_NO_CACHE;
    return resolver_new(&config, out, err);
}

int daemon_resolver(const struct daemon *d, const char *own, uint64_t timeout_ms, struct resolver **out,
                    struct error *err) {
    struct resolver_config config = {.timeout_ms = timeout_ms};
    return daemon_resolver_with(d, own, &config, out, err);
}
