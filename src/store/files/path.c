#include "store/files/path.h"

#include <stdlib.h>
#include <uninorm.h>

/* C0, DEL, and C1 as UTF-8 (C2 80 to C2 9F): nobody can see or type them. */
static bool has_control(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c == 0x7f) return true;
        if (c == 0xc2 && i + 1 < s.len && (unsigned char)s.ptr[i + 1] < 0xa0) return true;
    }
    return false;
}

static int too_long(struct error *err) {
    return error_set(err, ERR_LIMIT, "a name may have at most %d bytes", FILE_NAME_MAX);
}

static int add_nfc(struct str name, struct buf *out, struct error *err) {
    size_t len = 0;
    uint8_t *nfc = u8_normalize(UNINORM_NFC, (const uint8_t *)name.ptr, name.len, NULL, &len);
    if (nfc == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    int rc = len > FILE_NAME_MAX ? too_long(err) : 0;
    if (rc == 0) buf_add(out, str_of(nfc, len));
    free(nfc);
    return rc != 0 ? rc : out->error;
}

int file_name_take(struct str name, struct buf *out, struct error *err) {
    if (name.len == 0) return error_set(err, ERR_INVALID, "a name is empty");
    /* NFC takes at most a third less than the longest way to write the same. */
    if (name.len > 3 * FILE_NAME_MAX) return too_long(err);
    if (!str_is_utf8(name)) return error_set(err, ERR_INVALID, "a name is not UTF-8");
    if (has_control(name)) return error_set(err, ERR_INVALID, "a name holds a control character");
    if (str_find(name, '/') >= 0) return error_set(err, ERR_INVALID, "a name holds a \"/\"");
    if (str_eq(name, STR(".")) || str_eq(name, STR("..")))
        return error_set(err, ERR_INVALID, "\"%.*s\" is no name", STR_ARG(name));
    if (!str_is_ascii(name)) return add_nfc(name, out, err);
    if (name.len > FILE_NAME_MAX) return too_long(err);
    buf_add(out, name);
    return out->error;
}

int file_path_parse(struct str text, struct arena *arena, struct file_path *out, struct error *err) {
    struct file_path p = {.depth = 0};
    struct str rest = text;
    if (rest.len > 0 && rest.ptr[0] == '/') rest = str_sub(rest, 1, SIZE_MAX);
    if (rest.len > 1 && rest.ptr[rest.len - 1] == '/') rest = str_sub(rest, 0, rest.len - 1);
    while (rest.len > 0) {
        BUF_AUTO name = BUF_INIT(FILE_NAME_MAX);
        bool last = str_find(rest, '/') < 0;
        struct str part = str_cut(&rest, '/');
        if (p.depth == FILE_DEPTH_MAX)
            return error_set(err, ERR_LIMIT, "a path may have at most %d levels", FILE_DEPTH_MAX);
        if (!last && rest.len == 0) return error_set(err, ERR_INVALID, "a name is empty"); /* "a//" */
        int rc = file_name_take(part, &name, err);
        if (rc != 0) return rc;
        struct str copy = arena_str(arena, buf_str(&name));
        if (copy.ptr == NULL) return error_set(err, ERR_NOMEM, "out of memory");
        p.part[p.depth++] = copy;
    }
    *out = p;
    return 0;
}
