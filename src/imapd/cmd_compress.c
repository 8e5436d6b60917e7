/* COMPRESS DEFLATE (RFC 4978). What the client sent behind the command before the answer is thrown away. */
#include "imapd/command.h"

#include "net/deflate.h"

int cmd_compress(struct cmd *c) {
    struct session *s = c->s;
    struct str name;
    if (!imap_args_space(c->args) || !imap_args_atom(c->args, &name) || !imap_args_end(c->args)) return cmd_bad_args(c);
    if (!str_eq_nocase(name, STR("DEFLATE"))) return cmd_no(c, "CANNOT", "This compression is not supported");
    if (stream_is_deflated(s->stream)) return cmd_no(c, "COMPRESSIONACTIVE", "DEFLATE is active already");
    (void)cmd_ok(c, NULL, "DEFLATE is active now");
    if (stream_flush(s->stream) != 0) return 0;
    (void)stream_discard_input(s->stream);
    if (deflate_start(s->stream) != 0) s->closing = true;
    return 0;
}
