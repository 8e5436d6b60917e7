#include "remote/hosts.h"

#include "base/encode.h"

#include <openssl/crypto.h>
#include <string.h>

static const struct table *table(void) {
    return table_find(STR("host"));
}

/* Hexadecimal with or without colons: the column's check saw to it, but a row may be older than the check. */
static bool key_parse(struct str word, unsigned char out[static TLS_FINGERPRINT]) {
    BUF_AUTO digits = BUF_INIT(2 * TLS_FINGERPRINT);
    BUF_AUTO bytes = BUF_INIT(TLS_FINGERPRINT);
    for (size_t i = 0; i < word.len; i++)
        if (word.ptr[i] != ':') buf_addc(&digits, word.ptr[i]);
    if (digits.error != 0 || hex_decode(&bytes, buf_str(&digits)) != 0 || bytes.len != TLS_FINGERPRINT) return false;
    memcpy(out, bytes.ptr, TLS_FINGERPRINT);
    return true;
}

static size_t keys_of(const struct row *row, unsigned char (*out)[TLS_FINGERPRINT]) {
    struct str rest = str_from(row_str(table(), row, "fingerprint"));
    size_t count = 0;
    for (struct str word; count < HOST_KEYS_MAX && (word = str_word(&rest)).len > 0;)
        count += key_parse(word, out[count]);
    return count;
}

const struct row *hosts_by_key(const struct rows *rows, const unsigned char key[static TLS_FINGERPRINT]) {
    const struct row *found = NULL;
    for (size_t i = 0; i < rows_count(rows); i++) {
        unsigned char keys[HOST_KEYS_MAX][TLS_FINGERPRINT];
        size_t count = keys_of(rows_at(rows, i), keys);
        for (size_t k = 0; k < count; k++)
            if (CRYPTO_memcmp(keys[k], key, TLS_FINGERPRINT) == 0) found = rows_at(rows, i);
    }
    return found;
}

enum remote_role hosts_role(const struct row *row) {
    return row == NULL ? REMOTE_NONE : (enum remote_role)row_u64(table(), row, "role");
}

int hosts_target(const struct rows *rows, const char *name, struct remote_target *out, struct error *err) {
    BUF_AUTO key = BUF_INIT(TABLE_KEY_MAX);
    struct remote_target t = {.key_count = 0};
    int rc = table_key_normal(table(), str_from(name), &key, err);
    if (rc != 0) return rc;
    const struct row *row = rows_find(rows, buf_str(&key));
    if (row == NULL) return error_set(err, ERR_NOTFOUND, "there is no host '%s': see iems host list", buf_cstr(&key));
    t.key_count = keys_of(row, t.keys);
    if (t.key_count == 0)
        return error_set(err, ERR_DENIED, "the key of %s is not known: iems host trust %s ADDRESS FINGERPRINT",
                         row_key(row), row_key(row));
    const char *control = row_str(table(), row, "control");
    rc = destination_parse(str_from(control[0] != '\0' ? control : row_key(row)), HOST_CONTROL_PORT, &t.at, err);
    if (rc == 0) rc = str_to_cstr(str_from(row_key(row)), t.name, sizeof t.name);
    if (rc != 0) return rc;
    *out = t;
    return 0;
}
