/* The end of DATA and BDAT: the message goes to the queue, and the peer gets the answer that counts (SMTPD-15). */
#ifndef IEMS_SMTPD_SUBMIT_H
#define IEMS_SMTPD_SUBMIT_H

#include "smtpd/session.h"

/* Makes the transaction's body. ERR_NOMEM. */
NODISCARD int submit_begin(struct session *s);
/* When the wait for more data ends: the idle timeout, or earlier when the peer only drips (RFC 5321 section 4.5.3.2).
 */
uint64_t submit_data_deadline(const struct session *s, uint64_t begin_ms, uint64_t got);
/* Bytes of BDAT and BURL, which are repaired like those of DATA unless the body is binary. */
void submit_take(struct session *s, struct str bytes);
NODISCARD int submit_no_recipients(struct session *s);
/* The connection failed, or the wait ended, amid the data. */
NODISCARD int submit_interrupted(struct session *s, int rc);
/* All data is read, or no more is wanted (`last` is false then). `bare`: SMTP_BARE_ bits that the decoder saw. Ends
 * the transaction; answers once, or (LMTP, `last`) for each recipient. */
NODISCARD int submit_finish(struct session *s, unsigned bare, bool last);

#endif
