#include "proto/sasl/plain.h"

int sasl_plain_parse(struct str message, struct str *authzid, struct str *authcid, struct str *password) {
    ptrdiff_t first = str_find(message, '\0');
    if (first == STR_NPOS) return ERR_INVALID;
    struct str zid = str_sub(message, 0, (size_t)first), rest = str_sub(message, (size_t)first + 1, message.len);
    ptrdiff_t second = str_find(rest, '\0');
    if (second == STR_NPOS) return ERR_INVALID;
    struct str cid = str_sub(rest, 0, (size_t)second), passwd = str_sub(rest, (size_t)second + 1, rest.len);
    if (cid.len == 0 || passwd.len == 0 || str_find(passwd, '\0') != STR_NPOS || !str_is_utf8(message))
        return ERR_INVALID;
    if (zid.len > SASL_NAME_MAX || cid.len > SASL_NAME_MAX || passwd.len > SASL_PASSWORD_MAX) return ERR_LIMIT;
    *authzid = zid;
    *authcid = cid;
    *password = passwd;
    return 0;
}
