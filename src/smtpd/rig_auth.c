/* For tests: the client half of daemon/auth.h without a directory behind it. */
#include "daemon/auth.h"

#include <stdio.h>
#include <string.h>

void auth_result_done(struct auth_result *r) {
    buf_wipe(&r->ticket);
}

const char *auth_mechanisms(const struct stream *s, bool plaintext_ok) {
    (void)s;
    return plaintext_ok ? "PLAIN LOGIN SCRAM-SHA-256" : "SCRAM-SHA-256";
}

static void judge(struct str user, struct str password, struct auth_result *out) {
    static const struct {
        const char *user;
        Dir__AuthState state;
        bool may_send;
    } users[] = {{"bart@example.test", DIR__AUTH_STATE__OK, true},
                 {"silent@example.test", DIR__AUTH_STATE__OK, false},
                 {"temporary@example.test", DIR__AUTH_STATE__TEMPORARY, false},
                 {"throttled@example.test", DIR__AUTH_STATE__THROTTLED, false}};
    out->state = DIR__AUTH_STATE__FAILED;
    (void)snprintf(out->text, sizeof out->text, "Wrong name or password");
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        if (!str_eq(user, str_from(users[i].user)) || !str_eq(password, STR("secret-1"))) continue;
        out->state = users[i].state;
        out->account = 7;
        out->may_send = users[i].may_send;
        (void)snprintf(out->address, sizeof out->address, "%s", users[i].user);
        if (out->state != DIR__AUTH_STATE__OK) (void)snprintf(out->text, sizeof out->text, "Try again later");
    }
}

static int plain(bool has_initial, struct str initial, const struct auth_io *io, struct auth_result *out) {
    BUF_AUTO response = BUF_INIT(1000);
    if (has_initial)
        buf_add(&response, initial);
    else {
        int rc = io->challenge(io->arg, STR_EMPTY, &response);
        if (rc < 0) return rc;
    }
    struct str rest = buf_str(&response);
    (void)str_cut(&rest, '\0');
    struct str user = str_cut(&rest, '\0');
    judge(user, rest, out);
    return 0;
}

static int login(const struct auth_io *io, struct auth_result *out) {
    BUF_AUTO user = BUF_INIT(1000);
    BUF_AUTO password = BUF_INIT(1000);
    int rc = io->challenge(io->arg, STR("Username:"), &user);
    if (rc == 0) rc = io->challenge(io->arg, STR("Password:"), &password);
    if (rc == 0) judge(buf_str(&user), buf_str(&password), out);
    return rc;
}

int auth_sasl(struct rpc_client *dir, const char *service, struct stream *s, struct str mechanism, bool has_initial,
              struct str initial, const struct auth_io *io, struct auth_result *out, struct error *err) {
    (void)dir, (void)service, (void)s;
    if (str_eq_nocase(mechanism, STR("PLAIN"))) return plain(has_initial, initial, io, out);
    if (str_eq_nocase(mechanism, STR("LOGIN"))) return login(io, out);
    return error_set(err, ERR_UNSUPPORTED, "no such mechanism");
}
