/* Prometheus lines of the store. */
#include "store/service/private.h"

static void line(struct buf *out, const char *name, const char *type, const char *help, uint64_t value) {
    buf_printf(out, "# HELP iems_%s %s\n# TYPE iems_%s %s\niems_%s %llu\n", name, help, name, type, name,
               (unsigned long long)value);
}

static void commit_lines(struct service *s, struct buf *out) {
    struct commit_stats c;
    uint64_t sum = 0;
    commit_get_stats(s->st->commits, &c);
    line(out, "store_batches_total", "counter", "Atomic commits", c.batches);
    line(out, "store_writes_total", "counter", "Writes to the log; batches per write is the batch size", c.writes);
    line(out, "store_written_bytes_total", "counter", "Bytes of committed changes", c.bytes);
    buf_adds(out, "# HELP iems_store_sync_seconds Time of a log sync\n# TYPE iems_store_sync_seconds histogram\n");
    for (int i = 0; i < COMMIT_LATENCY_BUCKETS - 1; i++) {
        sum += c.sync_latency[i];
        buf_printf(out, "iems_store_sync_seconds_bucket{le=\"%g\"} %llu\n", commit_latency_us[i] / 1e6,
                   (unsigned long long)sum);
    }
    buf_printf(out,
               "iems_store_sync_seconds_bucket{le=\"+Inf\"} %llu\niems_store_sync_seconds_sum "
               "%g\niems_store_sync_seconds_count %llu\n",
               (unsigned long long)c.syncs, (double)c.sync_us / 1e6, (unsigned long long)c.syncs);
}

static void queue_lines(struct service *s, struct buf *out) {
    const struct queue_counters *q = queue_counters(s->q);
    line(out, "store_accepted_total", "counter", "Messages accepted into the queue", q->submitted);
    line(out, "store_accepted_bytes_total", "counter", "Bytes of accepted bodies", q->submitted_bytes);
    line(out, "store_delivered_total", "counter", "Messages put into mailboxes by delivery", q->delivered);
    line(out, "store_deferred_total", "counter", "Queue entries put back to wait", q->deferred);
    line(out, "store_consumed_total", "counter", "Queue entries that are done", q->consumed);
    line(out, "store_over_quota_total", "counter", "Deliveries refused by quota", q->over_quota);
    line(out, "store_quarantined_total", "counter", "Queue entries put into quarantine", q->quarantined);
    ARENA_AUTO arena = arena_new(1024 * 1024);
    Store__QueueStats stats = STORE__QUEUE_STATS__INIT;
    queue_stats(s->q, arena, &stats);
    buf_adds(out, "# HELP iems_queue_entries Queue entries by channel and state\n# TYPE iems_queue_entries gauge\n");
    for (size_t i = 0; i < stats.n_channels; i++) {
        const Store__ChannelCount *c = stats.channels[i];
        const struct {
            const char *state;
            uint64_t n;
        } rows[] = {{"ready", c->ready}, {"deferred", c->deferred}, {"leased", c->leased}, {"held", c->held}};
        for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++)
            buf_printf(out, "iems_queue_entries{channel=\"%s\",state=\"%s\"} %llu\n", c->channel, rows[k].state,
                       (unsigned long long)rows[k].n);
    }
}

void service_metrics(struct service *s, struct buf *out) {
    struct engine_stats e;
    engine_get_stats(s->st->engine, &e);
    commit_lines(s, out);
    queue_lines(s, out);
    const struct pack_stats *packed = blobs_pack_stats(s->bs);
    line(out, "store_packed_bodies_total", "counter", "Bodies that were packed for long", packed->bodies);
    line(out, "store_packed_bytes_total", "counter", "Their bytes before", packed->bytes);
    line(out, "store_packed_into_bytes_total", "counter", "Their bytes after", packed->packed);
    struct files_stats files;
    files_get_stats(s->files, &files);
    line(out, "store_web_files", "gauge", "Files in web folders", files.files);
    line(out, "store_web_file_bytes", "gauge", "Their bytes", files.bytes);
    line(out, "store_sessions", "gauge", "Mailbox sessions", s->sessions);
    line(out, "store_braked_users", "gauge", "Accounts whose sending is slowed down", usages_braked(s));
    line(out, "store_memory_tables_bytes", "gauge", "Engine memory: tables being written", e.memory_tables);
    line(out, "store_cache_bytes", "gauge", "Engine memory: block cache", e.cache);
    buf_adds(out, "# HELP iems_store_disk_bytes Bytes in files by kind, without logs\n"
                  "# TYPE iems_store_disk_bytes gauge\n");
    buf_printf(out, "iems_store_disk_bytes{kind=\"records\"} %llu\niems_store_disk_bytes{kind=\"bodies\"} %llu\n",
               (unsigned long long)e.disk[SPACE_META], (unsigned long long)e.disk[SPACE_BLOB]);
    line(out, "store_disk_garbage_bytes", "gauge", "Bytes of bodies' files that are to be given back", e.garbage);
    line(out, "store_disk_free_bytes", "gauge", "Free bytes where the data is", s->space.free);
    line(out, "store_disk_warning", "gauge", "1 while little space is left on the disk", s->space.warned);
    line(out, "store_accepting", "gauge", "1 while new mail is accepted", s->space.accepting);
}
