/* For rig.c. */
#ifndef IEMS_SMTPD_RIG_ACCESS_H
#define IEMS_SMTPD_RIG_ACCESS_H

void rig_tables_free(void);

#endif
