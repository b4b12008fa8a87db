#include "server/stream/pod_log.h"

#include "base/encode.h"
#include "schema/errors.h"
#include "server/stream/pod_location.h"

static int check_options(const struct query *p, struct err *err)
{
    int64_t tail = 0, limit = 1, since = 1;
    if (query_i64(p, "tailLines", &tail, err) < 0 || query_i64(p, "limitBytes", &limit, err) < 0 ||
        query_i64(p, "sinceSeconds", &since, err) < 0)
        return -1;
    _cleanup_field_errors_ struct field_errors errs = {0};
    if (tail < 0)
        field_invalid_int(&errs, PATH(NULL, "tailLines"), tail, "must be greater than or equal to 0");
    if (limit < 1)
        field_invalid_int(&errs, PATH(NULL, "limitBytes"), limit, "must be greater than 0");
    if (query_has(p, "sinceSeconds") && query_has(p, "sinceTime"))
        field_forbidden(&errs, NULL, "at most one of `sinceTime` or `sinceSeconds` may be specified");
    else if (since < 1)
        field_invalid_int(&errs, PATH(NULL, "sinceSeconds"), since, "must be greater than 0");
    return field_errors_status(&errs, STR(""), STR("PodLogOptions"), (struct str){0}, err);
}

int pod_log_url(struct store *s, struct arena *a, const struct query *q, struct str ns, struct str name,
                struct str *url, struct err *err)
{
    if (check_options(q, err) < 0)
        return -1;
    struct pod_location at;
    struct str container = query_get(q, "container");
    if (pod_location(s, a, ns, name, &container, &at, err) < 0)
        return -1;
    *url = (struct str){0};
    if (str_empty(at.node_url))
        return 0;
    _cleanup_buf_ struct buf b = {0};
    buf_addf(&b, STR_FMT "/containerLogs/" STR_FMT "/" STR_FMT "/" STR_FMT, STR_ARG(at.node_url), STR_ARG(ns),
             STR_ARG(name), STR_ARG(at.container));
    static const char *const options[] = {"follow",     "previous",  "sinceSeconds", "sinceTime",
                                          "timestamps", "tailLines", "limitBytes",   "stream"};
    char separator = '?';
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        struct str v = query_get(q, options[i]);
        if (str_empty(v))
            continue;
        buf_addf(&b, "%c%s=", separator, options[i]);
        encode_percent(&b, v);
        separator = '&';
    }
    *url = arena_str(a, buf_str(&b));
    return 0;
}
