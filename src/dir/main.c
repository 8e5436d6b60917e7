/* iems-dir: the directory agent. Recipients and accounts from a mirror of the directory, authentication, the options
 * that live in the directory, administration of entries. docs/admin/addresses.md, docs/design/directory.md. */
#include "base/encode.h"
#include "base/log.h"
#include "base/map.h"
#include "base/metric.h"
#include "dir/address_key.h"
#include "dir/dir.h"
#include "dir/gone.h"
#include "dir/shared.h"
#include "dir/tables.h"
#include "dir/trust.h"
#include "dir/watchers.h"
#include "directory/replication.h"
#include "directory/slapd_config.h"
#include "proto/sasl/scram_keys.h"
#include "rpc/store_methods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECONDS = 1000 };

static void on_warning(void *arg, struct str dn, const char *attr, const char *what) {
    (void)arg;
    log_event(LOG_WARNING, "-", "directory-value", "dn=\"%.*s\" attribute=%s error=\"%s\" action=ignored", STR_ARG(dn),
              attr, what);
}

static void on_config_changed(void *arg) {
    struct dir *d = arg;
    d->options_stale = true;
}

static void on_shared_changed(void *arg) {
    struct dir *d = arg;
    d->shared_stale = true;
}

static void on_row_changed(void *arg, const struct entry *old, const struct entry *e) {
    struct dir *d = arg;
    tables_row_changed(d->tables, old, e);
}

static void on_domains_changed(void *arg) {
    (void)arg;
    watchers_tell_domains();
}

static const struct mirror_ops mirror_ops = {
    .warn = on_warning,
    .shared_changed = on_shared_changed,
    .config_changed = on_config_changed,
    .domains_changed = on_domains_changed,
    .row_changed = on_row_changed,
};

static const struct rpc_client_ops store_ops = {.connected = shared_store_connected};

static void take_options(struct dir *d) {
    d->settings = (struct resolve_settings){
        .default_domain = str_from(d->default_domain),
        .separator = str_from(option_str(d->daemon, "dir.subaddress_separator")),
        .own_host = str_from(daemon_hostname(d->daemon)),
        .mailbox_host = str_from(option_str(d->daemon, "dir.mailbox_host")),
        .postmaster = str_from(option_str(d->daemon, "dir.postmaster")),
        .unknown_channel = str_from(option_str(d->daemon, "dir.unknown_channel")),
    };
    d->brake_settings.failures = (uint32_t)option_u64(d->daemon, "dir.brake_failures");
    d->brake_settings.window_ms = option_u64(d->daemon, "dir.brake_window") * SECONDS;
}

/* Which host the changes of the directory are made at. */
static int find_provider(struct dir *d, struct error *err) {
    struct replication r;
    int rc = replication_read(daemon_instance_dir(d->daemon), &r, err);
    if (rc != 0) return rc;
    d->replica = r.replica;
    memcpy(d->provider_name, r.provider_name, sizeof d->provider_name);
    explicit_bzero(&r, sizeof r);
    return 0;
}

/* What needs files: the agent's password. libldap sets itself up now, for later it can open nothing. */
static int prepare(struct daemon *daemon, struct error *err) {
    struct dir *d = calloc(1, sizeof *d);
    if (d == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    daemon_set_data(daemon, d);
    d->daemon = daemon;
    char secret[SLAPD_SECRET_MAX];
    int rc = slapd_read_secret(daemon_instance_dir(daemon), secret, err);
    if (rc == 0) rc = slapd_ldapi_uri(daemon_instance_dir(daemon), d->agent.uri, sizeof d->agent.uri, err);
    if (rc == 0) rc = find_provider(d, err);
    if (rc != 0) return rc;
    (void)snprintf(d->agent.dn, sizeof d->agent.dn, "%s", DIRECTORY_AGENT_DN);
    memcpy(d->agent.secret, secret, sizeof secret);
    explicit_bzero(secret, sizeof secret);
    if (setenv("LDAPNOINIT", "1", 1) != 0) return error_set(err, ERR_NOMEM, "out of memory");
    LDAP *ld = NULL;
    if (ldap_initialize(&ld, d->agent.uri) != LDAP_SUCCESS) return error_set(err, ERR_IO, "libldap cannot be used");
    ldap_conn_close(ld);
    /* Tables and configuration that libraries read when they are used first. */
    struct address_key warm;
    struct scram_keys keys;
    (void)!address_key_make(STR("\"\xc3\x84\"@\xc3\xa4.example"), STR_EMPTY, &warm, NULL);
    jwt_prepare();
    (void)!scram_keys_derive(SCRAM_SHA256, STR("password"), STR("saltsalt"), 1, &keys);
    return 0;
}

static int start(struct daemon *daemon, struct error *err) {
    struct dir *d = daemon_data(daemon);
    int rc = domain_key_make(str_from(daemon_default_domain(daemon)), false, d->default_domain,
                             sizeof d->default_domain, err);
    if (rc != 0) return error_prefix(err, "default domain");
    d->mirror = mirror_new(&mirror_ops, d);
    d->credentials = credential_cache_new();
    d->brake = brake_new();
    d->trust = trust_new();
    d->exchanges = map_new(MAP_BYTES);
    d->pending = map_new(MAP_BYTES);
    d->shared_told = map_new(MAP_BYTES);
    d->tables = tables_new();
    if (d->mirror == NULL || d->credentials == NULL || d->brake == NULL || d->trust == NULL || d->exchanges == NULL ||
        d->pending == NULL || d->shared_told == NULL || d->tables == NULL) {
        return error_set(err, ERR_NOMEM, "out of memory");
    }
    d->options_stale = true;
    cond_init(&d->synced_now);
    cond_init(&d->row_released);
    semaphore_init(&d->hashes, HASHES_AT_ONCE);
    semaphore_init(&d->numbers, 1);
    semaphore_init(&d->shared_telling, 1);
    random_bytes(d->salt_secret, sizeof d->salt_secret);
    take_options(d);
    rc = rpc_server_new(&dir_service, &dir_server_ops, d, &d->server);
    if (rc == 0) rc = daemon_client(daemon, &store_service, &store_ops, d, &d->store);
    if (rc != 0) return error_set(err, rc, "cannot start the service");
    rc = feed_start(d, err);
    if (rc != 0) return rc;
    take_options(d);
    if (!d->replica) tables_make_defaults(d);
    shared_refresh(d);
    gone_start(d);
    return 0;
}

static void options_changed(struct daemon *daemon) {
    struct dir *d = daemon_data(daemon);
    take_options(d);
    trust_forget(d->trust);
    gone_look(d);
}

static void stop(struct daemon *daemon, unsigned seconds) {
    (void)seconds;
    struct dir *d = daemon_data(daemon);
    ldap_writer_stop(d->writer);
    ldap_sync_stop(d->sync);
}

static int session(struct daemon *daemon, int fd, uint32_t role, const char *name) {
    struct dir *d = daemon_data(daemon);
    return d->server == NULL ? ERR_AGAIN : rpc_server_add(d->server, fd, role, name);
}

static void metrics(struct daemon *daemon, struct buf *out) {
    struct dir *d = daemon_data(daemon);
    if (d->mirror == NULL) return;
    struct mirror_counts c;
    mirror_get_counts(d->mirror, &c);
    const struct metric lines[] = {
        {"accounts", "Accounts", c.accounts},
        {"entries", "Entries in the mirror", c.entries},
        {"domains", "Local domains", c.domains},
        {"rows", "Rows of tables of configuration", tables_count(d->tables)},
        {"mirror_bytes", "Memory of the mirror", c.bytes},
        {"connected", "1 while the directory server is connected", d->connected},
        {"refreshes_total", "Whole refreshes of the mirror", d->counts.refreshes},
        {"resolves_total", "Addresses resolved", d->counts.resolves},
        {"logins_total", "Successful logins", d->counts.logins},
        {"logins_cached_total", "Logins with a password verified before", d->counts.logins_cached},
        {"login_failures_total", "Failed logins", d->counts.failures},
        {"login_throttled_total", "Logins refused by the brake", d->counts.throttled},
        {"hashes_total", "Password hashes computed", d->counts.hashes},
        {"writes_total", "Writes to the directory", d->counts.writes},
    };
    metrics_put(out, "dir", lines, sizeof lines / sizeof lines[0]);
}

static const struct daemon_ops ops = {
    .name = "dir",
    .summary = "directory agent: recipients, authentication, options, administration of entries",
    .needs = NEEDS_THREADS | NEEDS_LDAPI,
    .prepare = prepare,
    .start = start,
    .stop = stop,
    .options_changed = options_changed,
    .metrics = metrics,
    .session = session,
};

int main(int argc, char **argv) {
    return daemon_main(&ops, argc, argv);
}
