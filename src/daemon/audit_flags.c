#include "daemon/audit_flags.h"

#include "base/file.h"
#include "schema/timestamp.h"

enum { POLICY_MOST = 1 << 20 };

static int read_mode(const char *flag, const char *said, enum audit_mode *out, struct err *err)
{
    static const char *const names[] = {
        [AUDIT_BATCH] = "batch", [AUDIT_BLOCKING] = "blocking", [AUDIT_BLOCKING_STRICT] = "blocking-strict"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(said, names[i]) == 0) {
            *out = (enum audit_mode)i;
            return 0;
        }
    return err_set(err, ERR_BAD_REQUEST,
                   "invalid audit %s mode %s, allowed modes are \"batch,blocking,blocking-strict\"", flag,
                   said);
}

static int read_backend(const char *name, const struct audit_backend_flags *f,
                        struct audit_backend_options *out, struct err *err)
{
    if (read_mode(name, f->mode, &out->mode, err) < 0)
        return -1;
    if (strcmp(f->version, "audit.k8s.io/v1") != 0)
        return err_set(err, ERR_BAD_REQUEST,
                       "invalid audit %s version %s, allowed versions are \"audit.k8s.io/v1\"", name,
                       f->version);
    if (duration_parse(str_from(f->wait), &out->wait_ns, NULL) < 0 || out->wait_ns < 0)
        return err_set(err, ERR_BAD_REQUEST, "--audit-%s-batch-max-wait is a duration, not \"%s\"", name,
                       f->wait);
    if (out->mode == AUDIT_BATCH && f->buffer <= 0)
        return err_set(err, ERR_BAD_REQUEST,
                       "invalid audit batch %s buffer size %lld, must be a positive number", name,
                       (long long)f->buffer);
    if (out->mode == AUDIT_BATCH && (f->batch <= 0 || f->batch > f->buffer))
        return err_set(
            err, ERR_BAD_REQUEST,
            "invalid audit batch %s max batch size %lld, must be a positive number, and no more than "
            "the buffer size",
            name, (long long)f->batch);
    if (f->throttle && (f->qps <= 0 || f->burst <= 0))
        return err_set(err, ERR_BAD_REQUEST,
                       "invalid audit batch %s throttle QPS %lld and burst %lld, must be positive numbers",
                       name, (long long)f->qps, (long long)f->burst);
    if (f->truncate && (f->event_most <= 0 || f->batch_bytes < f->event_most))
        return err_set(
            err, ERR_BAD_REQUEST,
            "invalid audit truncate %s max batch size: %lld, must be bigger or equal to the max event "
            "size: %lld",
            name, (long long)f->batch_bytes, (long long)f->event_most);
    out->buffer = f->buffer;
    out->batch = f->batch;
    out->qps = f->throttle ? f->qps : 0;
    out->burst = f->burst;
    out->event_most = f->truncate ? f->event_most : 0;
    out->batch_bytes = f->truncate ? f->batch_bytes : 0;
    return 0;
}

int audit_flags_read(const struct audit_flags *f, struct buf *policy, struct audit_options *out,
                     struct err *err)
{
    *out = (struct audit_options){0};
    if (strcmp(f->format, "json") != 0 && strcmp(f->format, "legacy") != 0)
        return err_set(err, ERR_BAD_REQUEST,
                       "invalid audit log format %s, allowed formats are \"legacy,json\"", f->format);
    if (read_backend("log", &f->to_log, &out->log_backend, err) < 0 ||
        read_backend("webhook", &f->to_webhook, &out->webhook_backend, err) < 0)
        return -1;
    if (duration_parse(str_from(f->backoff), &out->webhook_backoff_ns, NULL) < 0 ||
        out->webhook_backoff_ns <= 0)
        return err_set(err, ERR_BAD_REQUEST, "--audit-webhook-initial-backoff is a duration, not \"%s\"",
                       f->backoff);
    if (!f->policy)
        return 0;
    if (file_read(f->policy, POLICY_MOST, policy, err) < 0)
        return -1;
    out->policy = buf_str(policy);
    out->log = (struct audit_log_options){.path = f->log,
                                          .max_size_mb = (int)f->log_size,
                                          .max_backups = (int)f->log_backups,
                                          .max_age_days = (int)f->log_age,
                                          .compress = f->compress};
    out->log_legacy = strcmp(f->format, "legacy") == 0;
    out->webhook = f->webhook;
    return 0;
}
