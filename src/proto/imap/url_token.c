#include "proto/imap/url_token.h"

#include "base/encode.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { MAC_LEN = 32 };

int imap_url_token(const struct imap_url *u, struct str key, char out[static URL_TOKEN_MAX]) {
    BUF_AUTO hex = BUF_INIT(URL_TOKEN_MAX);
    unsigned char mac[MAC_LEN];
    unsigned len = 0;
    if (key.len != URL_KEY_HEX) return ERR_CORRUPT;
    if (HMAC(EVP_sha256(), key.ptr, (int)key.len, (const unsigned char *)u->rump.ptr, u->rump.len, mac, &len) == NULL)
        return ERR_NOMEM;
    hex_encode(&hex, str_of(mac, sizeof mac));
    return hex.error != 0 ? hex.error : str_to_cstr(buf_str(&hex), out, URL_TOKEN_MAX);
}

static bool is_user(struct str access, const char *kind, struct str address) {
    struct str k = str_from(kind);
    return str_starts_nocase(access, k) && str_eq_nocase(str_sub(access, k.len, SIZE_MAX), address);
}

bool imap_url_may_use(const struct imap_url *u, struct str address, bool submission) {
    if (submission && is_user(u->access, "submit+", address)) return true;
    return str_eq_nocase(u->access, STR("anonymous")) || str_eq_nocase(u->access, STR("authuser")) ||
           is_user(u->access, "user+", address);
}
