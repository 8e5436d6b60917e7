/* What every sans-I/O parser answers. `used` bytes of the input belong to the answer and are not to be given again;
 * what is left is, together with more. */
#ifndef IEMS_BASE_PARSE_H
#define IEMS_BASE_PARSE_H

enum parse {
    PARSE_EVENT, /* something is complete: look at the event, then call again with the rest */
    PARSE_MORE,  /* nothing (more) is complete: come again with more bytes */
    PARSE_ERROR, /* the input is malformed beyond repair */
};

#endif
