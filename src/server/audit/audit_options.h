/* How requests are noted: a policy, and where the events go. */
#pragma once
#include "base/str.h"

/* Blocking: the request waits until the event is where it belongs; strictly: a request whose coming cannot be
 * noted is refused. */
enum audit_mode { AUDIT_BLOCKING, AUDIT_BLOCKING_STRICT, AUDIT_BATCH };

struct audit_backend_options {
    enum audit_mode mode;
    /* Of AUDIT_BATCH: how many events wait at most (more are lost, and counted), how many go together, for
     * how long the first waits for the others, and how many batches go a second (0: any number), or at
     * once. */
    int64_t buffer, batch, wait_ns, qps, burst;
    /* Events larger than the first lose what was sent and answered, or are lost; batches are no larger than
     * the second. Bytes; 0: no limit. */
    int64_t event_most, batch_bytes;
};

struct audit_log_options {
    const char *path; /* "-": standard output */
    int max_size_mb;  /* 0: 100 */
    int max_backups;  /* 0: all */
    int max_age_days; /* 0: for ever */
    bool compress;    /* what is set aside */
};

struct audit_options {
    struct str policy;            /* YAML */
    struct audit_log_options log; /* path NULL: no log */
    bool log_legacy;              /* lines for people instead of JSON */
    struct audit_backend_options log_backend;
    const char *webhook;        /* a kubeconfig file; NULL: no webhook */
    int64_t webhook_backoff_ns; /* before the second try of five; 0: ten seconds */
    struct audit_backend_options webhook_backend;
};
