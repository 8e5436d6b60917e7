/* Layout: u8 version, u64 account, u64 quota, i64 expires, u8 files, u64 and u64 their quotas, u16 + address, u16 +
 * service, 32 bytes HMAC-SHA256 of all that stands before. Integers are big-endian. */
#include "rpc/ticket.h"

#include "base/encode.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { TICKET_VERSION = 2, FIXED_LEN = 42, MAC_LEN = 32 };

static int mac(struct str key, struct str data, unsigned char out[static MAC_LEN]) {
    unsigned len = 0;
    if (key.len != TICKET_KEY_LEN) return ERR_INVALID;
    if (HMAC(EVP_sha256(), key.ptr, (int)key.len, (const unsigned char *)data.ptr, data.len, out, &len) == NULL)
        return ERR_NOMEM;
    return len == MAC_LEN ? 0 : ERR_INVALID;
}

static void put_short_str(struct buf *b, struct str s) {
    buf_addc(b, (char)(s.len >> 8));
    buf_addc(b, (char)s.len);
    buf_add(b, s);
}

int ticket_seal(struct str key, const struct ticket *t, struct buf *out) {
    if (key.len != TICKET_KEY_LEN) return ERR_INVALID;
    if (t->address.len > TICKET_ADDRESS_MAX || t->service.len > TICKET_SERVICE_MAX) return ERR_LIMIT;
    BUF_AUTO b = BUF_INIT(TICKET_MAX);
    unsigned char fixed[FIXED_LEN] = {TICKET_VERSION};
    be64_put(fixed + 1, t->account);
    be64_put(fixed + 9, t->quota);
    be64_put(fixed + 17, (uint64_t)t->expires_s);
    fixed[25] = t->files;
    be64_put(fixed + 26, t->files_quota);
    be64_put(fixed + 34, t->files_domain_quota);
    buf_add(&b, str_of(fixed, sizeof fixed));
    put_short_str(&b, t->address);
    put_short_str(&b, t->service);
    if (b.error != 0) return b.error;
    unsigned char sum[MAC_LEN];
    int rc = mac(key, buf_str(&b), sum);
    if (rc != 0) return rc;
    buf_add(&b, str_of(sum, sizeof sum));
    if (b.error != 0) return b.error;
    buf_add(out, buf_str(&b));
    return out->error;
}

static bool take_short_str(struct str *rest, size_t max, struct str *out) {
    if (rest->len < 2) return false;
    size_t len = (size_t)(unsigned char)rest->ptr[0] << 8 | (unsigned char)rest->ptr[1];
    if (len > max || rest->len - 2 < len) return false;
    *out = str_of(rest->ptr + 2, len);
    *rest = str_of(rest->ptr + 2 + len, rest->len - 2 - len);
    return true;
}

int ticket_open(struct str key, struct str sealed, int64_t now_s, struct ticket *out, struct error *err) {
    if (sealed.len < FIXED_LEN + 4 + MAC_LEN || sealed.len > TICKET_MAX)
        return error_set(err, ERR_DENIED, "session ticket is malformed");
    struct str body = str_of(sealed.ptr, sealed.len - MAC_LEN);
    unsigned char sum[MAC_LEN];
    int rc = mac(key, body, sum);
    if (rc != 0) return error_set(err, ERR_DENIED, "session ticket cannot be checked");
    if (!str_eq_secret(str_of(sum, MAC_LEN), str_of(body.ptr + body.len, MAC_LEN)))
        return error_set(err, ERR_DENIED, "session ticket is not genuine");
    const unsigned char *p = (const unsigned char *)body.ptr;
    struct ticket t = {.account = be64_get(p + 1), .quota = be64_get(p + 9), .expires_s = (int64_t)be64_get(p + 17)};
    t.files = p[25] == 1;
    t.files_quota = be64_get(p + 26);
    t.files_domain_quota = be64_get(p + 34);
    struct str rest = str_of(body.ptr + FIXED_LEN, body.len - FIXED_LEN);
    if (p[0] != TICKET_VERSION || !take_short_str(&rest, TICKET_ADDRESS_MAX, &t.address) ||
        !take_short_str(&rest, TICKET_SERVICE_MAX, &t.service) || rest.len != 0)
        return error_set(err, ERR_DENIED, "session ticket is malformed");
    if (now_s >= t.expires_s) return error_set(err, ERR_DENIED, "session ticket has expired");
    *out = t;
    return 0;
}
