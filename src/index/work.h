/* The work of iems-index: takes bodies that wait from the store, and gives it their signatures. One at a time. */
#ifndef IEMS_INDEX_WORK_H
#define IEMS_INDEX_WORK_H

#include "rpc/store_methods.h"
#include "store/search/signature.h"

struct index_work {
    struct rpc_client *store;
    struct signature_builder *builder;
    bool stopping;
    struct {
        uint64_t bodies, bytes, signature_bytes, failures;
    } count;
};

/* In a fiber: until it is cancelled or `stopping`. */
void index_work_run(void *work);

#endif
