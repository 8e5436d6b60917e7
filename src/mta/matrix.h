/* Channel action matrix: for a module, the pairs of input and output channel for which it runs (CAM-02, CAM-03).
 * Text form: "SMTPD:LOCAL,SMTPC;WEBCLIENT:*": rows separated by ";", a row is INPUT:OUTPUT,OUTPUT...; "*" stands for
 * all of a side; "*" alone for all pairs; empty for none. */
#ifndef IEMS_MTA_MATRIX_H
#define IEMS_MTA_MATRIX_H

#include "base/buf.h"

enum matrix_input { INPUT_SMTPD, INPUT_LOCALOUT, INPUT_DL, INPUT_BSMTPIN, INPUT_WEBCLIENT, INPUT_COUNT };
enum matrix_output { OUTPUT_LOCAL, OUTPUT_SMTPC, OUTPUT_DL, OUTPUT_BSMTPOUT, OUTPUT_COUNT };

struct matrix {
    bool cell[INPUT_COUNT][OUTPUT_COUNT];
};

/* ERR_INVALID: err names the channel that does not exist. */
NODISCARD int matrix_parse(struct str text, struct matrix *out, struct error *err);
/* The shortest text that parses to the same. */
void matrix_format(const struct matrix *m, struct buf *out);
/* Channels that the matrix does not know have no cell: false. */
bool matrix_has(const struct matrix *m, struct str input, struct str output);
/* Whether the output channel is in a set of 1 << OUTPUT_...; an empty set has all. */
bool matrix_outputs_have(unsigned outputs, struct str output);

#endif
