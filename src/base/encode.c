#include "base/encode.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum { BASE64_LINE = 57 }; /* octets: 76 characters */

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *out, struct str in) {
    const unsigned char *p = (const unsigned char *)in.ptr;
    for (size_t i = 0; i < in.len; i += 3) {
        size_t n = in.len - i;
        uint32_t v = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);
        char quad[4] = {base64_digits[v >> 18], base64_digits[v >> 12 & 63], n > 1 ? base64_digits[v >> 6 & 63] : '=',
                        n > 2 ? base64_digits[v & 63] : '='};
        buf_add(out, str_of(quad, 4));
    }
}

void base64_encode_lines(struct buf *out, struct str in) {
    for (size_t at = 0; at < in.len; at += BASE64_LINE) {
        base64_encode(out, str_sub(in, at, BASE64_LINE));
        buf_adds(out, "\r\n");
    }
}

static int base64_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static int base64_quad(struct str in, bool last, char out[static 3], size_t *n) {
    size_t pad = 0;
    if (last && in.ptr[3] == '=') pad = in.ptr[2] == '=' ? 2 : 1;
    uint32_t v = 0;
    for (size_t i = 0; i < 4; i++) {
        int d = i >= 4 - pad ? 0 : base64_value(in.ptr[i]);
        if (d < 0) return ERR_INVALID;
        v = v << 6 | (uint32_t)d;
    }
    if ((pad == 1 && (v & 0xff) != 0) || (pad == 2 && (v & 0xffff) != 0)) return ERR_INVALID;
    out[0] = (char)(v >> 16);
    out[1] = (char)(v >> 8);
    out[2] = (char)v;
    *n = 3 - pad;
    return 0;
}

int base64_decode(struct buf *out, struct str in) {
    size_t start = out->len;
    if (in.len % 4 != 0) return ERR_INVALID;
    for (size_t i = 0; i < in.len; i += 4) {
        char three[3];
        size_t n = 0;
        if (base64_quad(str_sub(in, i, 4), i + 4 == in.len, three, &n) != 0) {
            buf_truncate(out, start);
            return ERR_INVALID;
        }
        buf_add(out, str_of(three, n));
    }
    return out->error;
}

/* Quad by quad through the other alphabet, so that there is one decoder. */
int base64url_decode(struct buf *out, struct str in) {
    size_t start = out->len;
    int rc = in.len % 4 == 1 ? ERR_INVALID : 0;
    for (size_t i = 0; rc == 0 && i < in.len; i += 4) {
        char quad[4] = {'=', '=', '=', '='}, three[3];
        size_t n = in.len - i < 4 ? in.len - i : 4, got = 0;
        for (size_t k = 0; k < n; k++) {
            char c = in.ptr[i + k];
            if (c == '+' || c == '/' || c == '=') rc = ERR_INVALID;
            quad[k] = c;
            if (c == '-') quad[k] = '+';
            if (c == '_') quad[k] = '/';
        }
        if (rc == 0) rc = base64_quad(str_of(quad, 4), true, three, &got);
        if (rc == 0) buf_add(out, str_of(three, got));
    }
    if (rc != 0) buf_truncate(out, start);
    return rc != 0 ? rc : out->error;
}

void hex_encode(struct buf *out, struct str in) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.ptr[i];
        buf_addc(out, digits[c >> 4]);
        buf_addc(out, digits[c & 15]);
    }
}

void percent_encode(struct buf *out, struct str in) {
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (ascii_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~')
            buf_addc(out, c);
        else
            buf_printf(out, "%%%02X", (unsigned char)c);
    }
}

static int hex_value(char c) {
    if (ascii_isdigit(c)) return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hex_decode(struct buf *out, struct str in) {
    size_t start = out->len;
    if (in.len % 2 != 0) return ERR_INVALID;
    for (size_t i = 0; i < in.len; i += 2) {
        int high = hex_value(in.ptr[i]), low = hex_value(in.ptr[i + 1]);
        if (high < 0 || low < 0) {
            buf_truncate(out, start);
            return ERR_INVALID;
        }
        buf_addc(out, (char)(high << 4 | low));
    }
    return out->error;
}

void random_bytes(void *out, size_t len) {
    char *p = out;
    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0) {
            IEMS_ASSERT(errno == EINTR);
            continue;
        }
        p += n;
        len -= (size_t)n;
    }
}

void ident_new(char out[static IDENT_SIZE]) {
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    enum { TIME_DIGITS = 8 };
    uint64_t ms = (uint64_t)clock_wall_ms();
    for (int i = TIME_DIGITS - 1; i >= 0; i--, ms /= 36) out[i] = digits[ms % 36];
    unsigned char noise[IDENT_LEN - TIME_DIGITS];
    random_bytes(noise, sizeof noise);
    for (size_t i = 0; i < sizeof noise; i++) out[TIME_DIGITS + i] = digits[noise[i] % 36];
    out[IDENT_LEN] = '\0';
}
