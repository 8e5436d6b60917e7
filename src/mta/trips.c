/* Counts how often a message passed this host, by its Received fields (LOOP-01). */
#include "mta/trips.h"

/* Whether the field's value, folded or not, has the clause "by HOSTNAME". */
static bool written_by(struct str value, struct str hostname) {
    for (size_t i = 0; i + 3 < value.len; i++) {
        bool before = i == 0 || ascii_isspace(value.ptr[i - 1]) || value.ptr[i - 1] == '\n';
        struct str rest = str_sub(value, i, value.len);
        if (!before || !str_starts_nocase(rest, STR("by")) || (!ascii_isspace(rest.ptr[2]) && rest.ptr[2] != '\r'))
            continue;
        rest = str_trim(str_sub(rest, 2, rest.len));
        if (!str_starts_nocase(rest, hostname)) continue;
        char next = rest.len > hostname.len ? rest.ptr[hostname.len] : ' ';
        if (!ascii_isalnum(next) && next != '.' && next != '-') return true;
    }
    return false;
}

unsigned mta_loop_trips(struct str header, struct str hostname) {
    unsigned trips = 0;
    struct str value = STR_EMPTY;
    bool inside = false;
    for (struct str rest = header; rest.len > 0;) {
        ptrdiff_t eol = str_find_str(rest, STR("\r\n"));
        struct str line = str_sub(rest, 0, eol < 0 ? rest.len : (size_t)eol);
        rest = str_sub(rest, line.len + 2, rest.len);
        if (inside && line.len > 0 && ascii_isspace(line.ptr[0])) {
            value.len = (size_t)(line.ptr + line.len - value.ptr);
            continue;
        }
        if (inside) trips += written_by(value, hostname);
        inside = str_starts_nocase(line, STR("Received:"));
        if (inside) value = str_sub(line, sizeof "Received:" - 1, line.len);
        if (line.len == 0) break;
    }
    return trips + (inside && written_by(value, hostname));
}
