/* The configuration file. */
#include "daemon/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct instance_config *c = NULL;
    struct error err = {0};
    if (instance_config_parse(str_of(data, size), "iems.conf", &c, &err) == 0) {
        IEMS_ASSERT(c->hostname != NULL && c->domain != NULL && c->user != NULL);
        instance_config_free(c);
    } else {
        IEMS_ASSERT(err.text[0] != '\0');
    }
    return 0;
}
