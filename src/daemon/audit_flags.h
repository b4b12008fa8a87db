/* The flags that say how requests are noted: kube-apiserver's own. */
#pragma once
#include "base/flags.h"
#include "server/audit/audit_options.h"

/* Of the log or the webhook. */
struct audit_backend_flags {
    const char *mode, *wait, *version;
    int64_t buffer, batch, qps, burst, event_most, batch_bytes;
    bool throttle, truncate;
};

struct audit_flags {
    const char *policy, *log, *format, *webhook, *backoff;
    int64_t log_size, log_backups, log_age;
    bool compress;
    struct audit_backend_flags to_log, to_webhook;
};

#define AUDIT_BACKEND_DEFAULT(mode_, batch_, wait_, throttle_)                                               \
    {                                                                                                        \
        .mode = mode_, .wait = wait_, .version = "audit.k8s.io/v1", .buffer = 10000, .batch = batch_,        \
        .qps = 10, .burst = 15, .event_most = 102400, .batch_bytes = 10485760, .throttle = throttle_         \
    }
#define AUDIT_FLAGS_DEFAULT                                                                                  \
    {                                                                                                        \
        .format = "json", .log_size = 100, .backoff = "10s",                                                 \
        .to_log = AUDIT_BACKEND_DEFAULT("blocking", 1, "0s", false),                                         \
        .to_webhook = AUDIT_BACKEND_DEFAULT("batch", 400, "30s", true)                                       \
    }

#define AUDIT_BACKEND_FLAGS(name, f)                                                                         \
    {"audit-" name "-mode", FLAG_STR, &(f).mode, "MODE",                                                     \
     "batch, blocking (requests wait for it), or blocking-strict (and fail with it)"},                       \
        {"audit-" name "-batch-buffer-size", FLAG_INT, &(f).buffer, "N",                                     \
         "events that may wait; more are lost"},                                                             \
        {"audit-" name "-batch-max-size", FLAG_INT, &(f).batch, "N", "events that go together"},             \
        {"audit-" name "-batch-max-wait", FLAG_STR, &(f).wait, "DURATION", "how long one waits for others"}, \
        {"audit-" name "-batch-throttle-enable", FLAG_BOOL, &(f).throttle, NULL, "limit batches' pace"},     \
        {"audit-" name "-batch-throttle-qps", FLAG_INT, &(f).qps, "N", "batches a second"},                  \
        {"audit-" name "-batch-throttle-burst", FLAG_INT, &(f).burst, "N", "batches at once"},               \
        {"audit-" name "-truncate-enabled", FLAG_BOOL, &(f).truncate, NULL,                                  \
         "leave large objects out of events, and make large batches small"},                                 \
        {"audit-" name "-truncate-max-event-size", FLAG_INT, &(f).event_most, "BYTES", "what is large"},     \
        {"audit-" name "-truncate-max-batch-size", FLAG_INT, &(f).batch_bytes, "BYTES", "and of a batch"},   \
    {                                                                                                        \
        "audit-" name "-version", FLAG_STR, &(f).version, "VERSION", "audit.k8s.io/v1"                       \
    }

#define AUDIT_FLAGS(f)                                                                                       \
    {"audit-policy-file", FLAG_STR, &(f).policy, "FILE", "an audit Policy: which requests are noted"},       \
        {"audit-log-path", FLAG_STR, &(f).log, "FILE", "the audit log; - for standard output"},              \
        {"audit-log-format", FLAG_STR, &(f).format, "FORMAT", "json, or legacy: lines for people"},          \
        {"audit-log-maxsize", FLAG_INT, &(f).log_size, "MB", "set the audit log aside at this size"},        \
        {"audit-log-maxbackup", FLAG_INT, &(f).log_backups, "N",                                             \
         "keep so many that were set aside; 0: all"},                                                        \
        {"audit-log-maxage", FLAG_INT, &(f).log_age, "DAYS", "keep them for so long; 0: for ever"},          \
        {"audit-log-compress", FLAG_BOOL, &(f).compress, NULL, "compress what is set aside"},                \
        AUDIT_BACKEND_FLAGS("log", (f).to_log),                                                              \
        {"audit-webhook-config-file", FLAG_STR, &(f).webhook, "FILE",                                        \
         "a kubeconfig that leads to who gets the events"},                                                  \
        {"audit-webhook-initial-backoff", FLAG_STR, &(f).backoff, "DURATION",                                \
         "how long to wait before the second try"},                                                          \
        AUDIT_BACKEND_FLAGS("webhook", (f).to_webhook)

/* What they say; the policy's text is in `policy`, and the rest is the flags' own. Nothing is noted without a
 * policy, as upstream. */
int audit_flags_read(const struct audit_flags *f, struct buf *policy, struct audit_options *out,
                     struct err *err);
