/* The BIO below OpenSSL: reads come from the layer below at once, records to write are gathered so that several go out
 * in one system call. Never waits. */
#include "net/tls_private.h"

#include "net/stream_private.h"

#include <string.h>

static BIO_METHOD *method;

int tls_drain(struct tls *t) {
    t->parked = 0;
    while (chunk_len(&t->out) > 0) {
        struct str s = chunk_str(&t->out);
        long n = stream_lower_write(t, t->stream, s.ptr, s.len, &t->want);
        if (n <= 0) return n == ERR_AGAIN ? ERR_AGAIN : ERR_IO;
        chunk_consume(&t->out, (size_t)n);
    }
    return 0;
}

static int bio_read(BIO *b, char *to, int len) {
    struct tls *t = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    long n = stream_lower_read(t, t->stream, to, (size_t)len, &t->want);
    if (n >= 0) {
        if (n == 0) BIO_set_flags(b, BIO_FLAGS_IN_EOF);
        return (int)n;
    }
    if (n == ERR_AGAIN) BIO_set_retry_read(b);
    return -1;
}

static int bio_write(BIO *b, const char *from, int len) {
    struct tls *t = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    size_t n = (size_t)len;
    if (CHUNK_LARGE - chunk_len(&t->out) < n) {
        int rc = tls_drain(t);
        if (rc == ERR_IO) return -1;
        if (CHUNK_LARGE - chunk_len(&t->out) < n) n = CHUNK_LARGE - chunk_len(&t->out);
        if (n == 0) {
            BIO_set_retry_write(b);
            return -1;
        }
    }
    if (chunk_reserve(&t->out, n) != 0) return -1;
    memcpy(t->out.ptr + t->out.end, from, n);
    t->out.end += (uint32_t)n;
    return (int)n;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr) {
    (void)num;
    (void)ptr;
    if (cmd == BIO_CTRL_EOF) return BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0;
    return cmd == BIO_CTRL_FLUSH;
}

BIO *tls_bio_new(struct tls *t) {
    if (method == NULL) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "iems stream");
        if (method == NULL) return NULL;
        BIO_meth_set_read(method, bio_read);
        BIO_meth_set_write(method, bio_write);
        BIO_meth_set_ctrl(method, bio_ctrl);
    }
    BIO *b = BIO_new(method);
    if (b == NULL) return NULL;
    BIO_set_data(b, t);
    BIO_set_init(b, 1);
    return b;
}
