#include "imapd/urlauth.h"

#include "base/clock.h"
#include "imapd/metadata.h"
#include "imapd/store_call.h"

enum { KEY_BYTES = URL_KEY_HEX / 2 };

static bool is_known(struct str access) {
    return str_eq_nocase(access, STR("anonymous")) || str_eq_nocase(access, STR("authuser")) ||
           (str_starts_nocase(access, STR("user+")) && access.len > 5) ||
           (str_starts_nocase(access, STR("submit+")) && access.len > 7);
}

bool urlauth_is_own(const struct session *s, const struct imap_url *u) {
    return u->has_access && u->uid != 0 && u->mailbox.len > 0 && is_known(u->access) &&
           imap_url_is_of(u, str_from(s->imapd->config.hostname), str_from(s->address));
}

static int set_key(struct session *s, struct str mailbox, struct str key, struct error *err) {
    Store__MetadataSet req = STORE__METADATA_SET__INIT;
    Store__MetadataEntry entry = STORE__METADATA_ENTRY__INIT, *entries = &entry;
    static char name[] = URL_KEY_NAME;
    req.name = arena_cstr(session_arena(s), mailbox);
    if (req.name == NULL) return ERR_NOMEM;
    entry.name = name;
    entry.value = rpc_binary(key);
    entry.remove = key.len == 0;
    req.entries = &entries;
    req.n_entries = 1;
    return session_call(s, STORE_METADATA_SET, &req, STR_EMPTY, NULL, err);
}

/* In hexadecimal. */
static int get_key(struct session *s, struct str mailbox, bool make, struct buf *out) {
    struct str found;
    unsigned char fresh[KEY_BYTES];
    int rc = metadata_value(s, mailbox, URL_KEY_NAME, session_arena(s), &found);
    if (rc == 0) {
        buf_add(out, found);
        return out->len == URL_KEY_HEX ? 0 : ERR_CORRUPT;
    }
    if (rc != ERR_NOTFOUND || !make) return rc;
    random_bytes(fresh, sizeof fresh);
    hex_encode(out, str_of(fresh, sizeof fresh));
    return out->error != 0 ? out->error : set_key(s, mailbox, buf_str(out), NULL);
}

int urlauth_token(struct session *s, const struct imap_url *u, bool make, char out[static URL_TOKEN_MAX]) {
    BUF_AUTO key = BUF_INIT(URL_KEY_HEX);
    int rc = get_key(s, u->mailbox, make, &key);
    return rc != 0 ? rc : imap_url_token(u, buf_str(&key), out);
}

int urlauth_check(struct session *s, const struct imap_url *u) {
    char token[URL_TOKEN_MAX];
    if (!urlauth_is_own(s, u) || !imap_url_may_use(u, str_from(s->address), false)) return ERR_DENIED;
    if (!str_eq_nocase(u->mechanism, STR("INTERNAL"))) return ERR_DENIED;
    if (u->has_expire && u->expire < clock_wall_s()) return ERR_DENIED;
    int rc = urlauth_token(s, u, false, token);
    if (rc != 0) return rc;
    return str_eq_secret(str_from(token), u->token) ? 0 : ERR_DENIED;
}

int urlauth_reset(struct session *s, struct str mailbox, struct error *err) {
    return set_key(s, mailbox, STR_EMPTY, err);
}
