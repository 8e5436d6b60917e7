#include "proto/sasl/scram.h"

#include "base/encode.h"
#include "proto/sasl/name.h"

#include <string.h>

void scram_init(struct scram *s, bool plus, bool plus_offered) {
    *s = (struct scram){.plus = plus, .plus_offered = plus_offered};
    struct buf *all[] = {&s->header, &s->first_bare, &s->first, &s->name, &s->authzid, &s->nonce, &s->binding_type};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) buf_init(all[i], SCRAM_MESSAGE_MAX);
}

void scram_done(struct scram *s) {
    struct buf *all[] = {&s->header, &s->first_bare, &s->first, &s->name, &s->authzid, &s->nonce, &s->binding_type};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) buf_done(all[i]);
}

static bool printable(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < 0x21 || s.ptr[i] > 0x7e || s.ptr[i] == ',') return false;
    }
    return s.len > 0;
}

/* Takes "x=value" off the front; ERR_INVALID when the next attribute is another. */
static int take_attribute(struct str *rest, char name, struct str *value) {
    if (rest->len < 2 || rest->ptr[0] != name || rest->ptr[1] != '=') return ERR_INVALID;
    struct str item = str_cut(rest, ',');
    *value = str_sub(item, 2, item.len);
    return 0;
}

/* gs2-header = gs2-cbind-flag "," [ authzid ] "," */
static int take_header(struct scram *s, struct str *rest) {
    struct str flag = str_cut(rest, ',');
    if (str_starts(flag, STR("p="))) {
        if (!s->plus) return ERR_DENIED;
        buf_add(&s->binding_type, str_sub(flag, 2, flag.len));
    } else if (str_eq(flag, STR("y"))) {
        if (s->plus || s->plus_offered) return ERR_DENIED; /* somebody took -PLUS out of the list */
    } else if (str_eq(flag, STR("n"))) {
        if (s->plus) return ERR_DENIED;
    } else {
        return ERR_INVALID;
    }
    struct str zid = str_cut(rest, ',');
    if (zid.len == 0) return 0;
    if (!str_starts(zid, STR("a=")) || zid.len == 2) return ERR_INVALID;
    return sasl_name_decode(str_sub(zid, 2, zid.len), &s->authzid);
}

int scram_client_first(struct scram *s, struct str message) {
    if (message.len > SCRAM_MESSAGE_MAX / 2 || !str_is_utf8(message) || str_find(message, '\0') != STR_NPOS)
        return ERR_INVALID;
    struct str rest = message, name, nonce;
    int rc = take_header(s, &rest);
    if (rc != 0) return rc;
    if (rest.len == 0) return ERR_INVALID;
    buf_add(&s->header, str_sub(message, 0, message.len - rest.len));
    buf_add(&s->first_bare, rest);
    if (str_starts(rest, STR("m="))) return ERR_UNSUPPORTED;
    if (take_attribute(&rest, 'n', &name) != 0 || name.len == 0 || sasl_name_decode(name, &s->name) != 0)
        return ERR_INVALID;
    if (take_attribute(&rest, 'r', &nonce) != 0 || !printable(nonce) || nonce.len > SCRAM_NONCE_MAX) return ERR_INVALID;
    buf_add(&s->nonce, nonce);
    return s->header.error != 0 || s->first_bare.error != 0 || s->nonce.error != 0 ? ERR_NOMEM : 0;
}

int scram_server_first(struct scram *s, const struct scram_keys *keys, struct str server_nonce, struct buf *out) {
    IEMS_ASSERT(printable(server_nonce) && server_nonce.len <= SCRAM_NONCE_MAX);
    buf_add(&s->nonce, server_nonce);
    buf_printf(&s->first, "r=%s,s=", buf_cstr(&s->nonce));
    base64_encode(&s->first, str_of(keys->salt, keys->salt_len));
    buf_printf(&s->first, ",i=%u", keys->iterations);
    buf_add(out, buf_str(&s->first));
    return s->nonce.error != 0 || s->first.error != 0 || out->error != 0 ? ERR_NOMEM : 0;
}

/* c= must be the base64 of the gs2-header and, with "p", the data of the channel. */
static bool binding_right(const struct scram *s, const struct scram_bindings *bindings, struct str value) {
    struct str data = STR_EMPTY;
    if (s->plus) {
        struct str type = buf_str(&s->binding_type);
        if (str_eq(type, STR("tls-exporter")))
            data = bindings->exporter;
        else if (str_eq(type, STR("tls-server-end-point")))
            data = bindings->end_point;
        if (data.len == 0) return false;
    }
    BUF_AUTO expected = BUF_INIT(2 * SCRAM_MESSAGE_MAX);
    BUF_AUTO text = BUF_INIT(4 * SCRAM_MESSAGE_MAX);
    buf_add(&expected, buf_str(&s->header));
    buf_add(&expected, data);
    base64_encode(&text, buf_str(&expected));
    return text.error == 0 && str_eq_secret(buf_str(&text), value);
}

/* ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage); its hash must be StoredKey. */
static bool proof_right(const struct scram_keys *keys, struct str auth_message, struct str proof) {
    unsigned char key[SCRAM_KEY_MAX], hash[SCRAM_KEY_MAX];
    size_t len = scram_key_len(keys->hash);
    if (proof.len != len || !scram_hmac(keys->hash, keys->stored, auth_message, key)) return false;
    for (size_t i = 0; i < len; i++) key[i] ^= (unsigned char)proof.ptr[i];
    bool ok = scram_digest(keys->hash, key, hash) && str_eq_secret(str_of(hash, len), str_of(keys->stored, len));
    explicit_bzero(key, sizeof key);
    return ok;
}

int scram_client_final(struct scram *s, const struct scram_keys *keys, const struct scram_bindings *bindings,
                       struct str message, struct buf *out) {
    ptrdiff_t at = str_find_str(message, STR(",p="));
    if (at == STR_NPOS || message.len > SCRAM_MESSAGE_MAX) return ERR_INVALID;
    struct str without = str_sub(message, 0, (size_t)at), rest = without, binding, nonce;
    if (take_attribute(&rest, 'c', &binding) != 0 || take_attribute(&rest, 'r', &nonce) != 0) return ERR_INVALID;
    BUF_AUTO proof = BUF_INIT(SCRAM_MESSAGE_MAX);
    if (base64_decode(&proof, str_sub(message, (size_t)at + 3, message.len)) != 0) return ERR_INVALID;
    BUF_AUTO auth = BUF_INIT(4 * SCRAM_MESSAGE_MAX);
    buf_printf(&auth, "%s,%s,", buf_cstr(&s->first_bare), buf_cstr(&s->first));
    buf_add(&auth, without);
    if (auth.error != 0) return ERR_NOMEM;
    bool ok = proof_right(keys, buf_str(&auth), buf_str(&proof));
    ok = binding_right(s, bindings, binding) && ok;
    ok = str_eq(nonce, buf_str(&s->nonce)) && ok;
    if (!ok) return ERR_DENIED;
    unsigned char signature[SCRAM_KEY_MAX];
    if (!scram_hmac(keys->hash, keys->server, buf_str(&auth), signature)) return ERR_NOMEM;
    buf_adds(out, "v=");
    base64_encode(out, str_of(signature, scram_key_len(keys->hash)));
    return out->error;
}
