/* The counters of smtpd as Prometheus lines. */
#ifndef IEMS_SMTPD_METRICS_H
#define IEMS_SMTPD_METRICS_H

#include "smtpd/smtpd.h"

void metrics_format(const struct smtpd *d, struct buf *out);

#endif
