#include "server/status.h"

#include "schema/json.h"

void status_of_err(struct arena *a, const struct err *err, struct status *out)
{
    *out = (struct status){
        .kind = STR("Status"),
        .api_version = STR("v1"),
        .status = STR("Failure"),
        .message = err->message,
        .reason = err->other_reason.n ? err->other_reason : str_from(err_reason_name(err->reason)),
        .code = err->code,
    };
    if (str_empty(err->details.name) && str_empty(err->details.group) && str_empty(err->details.kind) &&
        str_empty(err->details.uid) && !err->details.n_causes && !err->details.retry_after_s &&
        err->reason != ERR_FORBIDDEN)
        return;
    struct status_details *d = out->details = arena_new(a, struct status_details);
    d->name = err->details.name;
    d->group = err->details.group;
    d->kind = err->details.kind;
    d->uid = err->details.uid;
    d->retry_after_seconds = err->details.retry_after_s;
    d->causes.n = err->details.n_causes;
    d->causes.at = arena_new_n(a, struct status_cause, d->causes.n);
    for (size_t i = 0; i < d->causes.n; i++)
        d->causes.at[i] = (struct status_cause){.reason = str_from(err->details.causes[i].type),
                                                .message = err->details.causes[i].message,
                                                .field = err->details.causes[i].field};
}

void status_render_json(const struct err *err, struct buf *out)
{
    _cleanup_arena_ struct arena a = {0};
    struct status s;
    status_of_err(&a, err, &s);
    json_encode(out, &status_type, &s);
    buf_add_c(out, '\n');
}
