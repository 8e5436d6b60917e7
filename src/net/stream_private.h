/* Inside of streams, for stream.c, stream_io.c, stream_open.c and tls.c. */
#ifndef IEMS_NET_STREAM_PRIVATE_H
#define IEMS_NET_STREAM_PRIVATE_H

#include "net/chunk.h"
#include "net/stream.h"
#include "net/watch.h"

struct stream_filter {
    const struct stream_ops *ops;
    void *self;
    struct stream_filter *lower; /* NULL: the descriptor */
};

struct stream {
    struct watch watch;
    struct chunk in, out;
    struct stream_filter *top;
    struct cond turn; /* fibers that wait for `writing` to end */
    uint64_t bytes_in, bytes_out;
    uint32_t write_timeout_ms;
    int8_t error;   /* sticky */
    uint8_t streak; /* fills since the fiber last waited */
    bool eof;       /* the peer has ended its direction */
    bool ahead;     /* stream_wait_input has read what the next stream_fill is to report */
    bool bulk;      /* input comes in large pieces: read with a large buffer */
    bool writing;   /* a fiber is writing `out` (and may wait) */
    bool through;   /* ... and then bytes that are not in `out`: nothing may be put there meanwhile */
    struct net_addr peer, local;
};

/* Takes over a descriptor whose peer address is known. */
NODISCARD int stream_open_accepted(int fd, const struct net_addr *peer, struct stream **out);
int stream_fail(struct stream *s, int code);

/* Non-blocking, through all filters: as read and write of struct stream_ops. */
long stream_top_read(struct stream *s, char *to, size_t len, int *want);
long stream_top_write(struct stream *s, struct str first, struct str then, int *want);
int stream_top_flush(struct stream *s, int *want);
bool stream_top_pending(const struct stream *s);
struct stream_filter *stream_find_filter(const struct stream *s, const struct stream_ops *ops);

#endif
