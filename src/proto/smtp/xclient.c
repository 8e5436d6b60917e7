#include "proto/smtp/xclient.h"

#include "proto/smtp/dsn.h"

static bool is_plain(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= 0x20 || (unsigned char)s.ptr[i] >= 0x7f) return false;
    return true;
}

/* The value decoded; unavailable ones become the empty text. */
static int text_take(struct str value, char *out, size_t size, bool *has) {
    BUF_AUTO text = BUF_INIT(1024);
    if (dsn_xtext_decode(&text, value) != 0 || !is_plain(buf_str(&text))) return ERR_INVALID;
    struct str plain = buf_str(&text);
    if (str_eq_nocase(plain, STR("[UNAVAILABLE]")) || str_eq_nocase(plain, STR("[TEMPUNAVAIL]"))) plain = STR_EMPTY;
    if (str_starts_nocase(plain, STR("IPV6:"))) plain = str_sub(plain, 5, plain.len);
    *has = true;
    return str_to_cstr(plain, out, size);
}

static int port_take(struct str value, struct xclient *x) {
    char text[16];
    uint64_t port = 0;
    int rc = text_take(value, text, sizeof text, &x->has_port);
    if (rc == 0 && text[0] != '\0') rc = str_to_u64(str_from(text), UINT16_MAX, &port);
    x->port = (uint16_t)port;
    return rc;
}

static int attribute_take(struct str name, struct str value, struct xclient *x) {
    if (str_eq_nocase(name, STR("NAME"))) return text_take(value, x->name, sizeof x->name, &x->has_name);
    if (str_eq_nocase(name, STR("ADDR"))) return text_take(value, x->address, sizeof x->address, &x->has_address);
    if (str_eq_nocase(name, STR("HELO"))) return text_take(value, x->helo, sizeof x->helo, &x->has_helo);
    if (str_eq_nocase(name, STR("PORT"))) return port_take(value, x);
    return str_eq_nocase(name, STR("PROTO")) ? 0 : ERR_UNSUPPORTED; /* the client says EHLO or HELO afterwards anyway */
}

int smtp_xclient_parse(struct str args, struct xclient *out, struct error *err) {
    struct xclient x = {.has_name = false};
    size_t count = 0;
    for (struct str word; (word = str_word(&args)).len > 0; count++) {
        struct str value = word, name = str_cut(&value, '=');
        if (name.len == word.len) return error_set(err, ERR_INVALID, "Attribute without a value");
        int rc = attribute_take(name, value, &x);
        if (rc == ERR_UNSUPPORTED) return error_set(err, ERR_INVALID, "Attribute is not supported");
        if (rc != 0) return error_set(err, ERR_INVALID, "Bad value of an attribute");
    }
    if (count == 0) return error_set(err, ERR_INVALID, "Syntax: XCLIENT attribute=value...");
    *out = x;
    return 0;
}
