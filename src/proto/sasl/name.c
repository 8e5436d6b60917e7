#include "proto/sasl/name.h"

int sasl_name_decode(struct str s, struct buf *out) {
    for (size_t i = 0; i < s.len; i++) {
        bool comma = str_starts_nocase(str_sub(s, i, 3), STR("=2C"));
        if (s.ptr[i] != '=') {
            buf_addc(out, s.ptr[i]);
        } else if (comma || str_starts_nocase(str_sub(s, i, 3), STR("=3D"))) {
            buf_addc(out, comma ? ',' : '=');
            i += 2;
        } else {
            return ERR_INVALID;
        }
    }
    return out->error;
}
