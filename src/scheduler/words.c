#include "scheduler/words.h"

#include <stdlib.h>

void words_unavailable(const struct cycle *c, const uint32_t *reasons, struct buf *out)
{
    const struct model *m = c->model;
    size_t n_reasons = c->n_reasons;
    _cleanup_arena_ struct arena a = {0};
    struct str *parts = arena_new_n(&a, struct str, n_reasons);
    size_t n = 0;
    for (size_t i = 0; i < n_reasons; i++) {
        if (!reasons[i])
            continue;
        _cleanup_buf_ struct buf text = {0};
        buf_addf(&text, "%u ", reasons[i]);
        cycle_reason(m, i, &text);
        parts[n++] = arena_str(&a, buf_str(&text));
    }
    qsort(parts, n, sizeof *parts, str_qsort);
    buf_addf(out, "0/%zu nodes are available:", m->n_nodes);
    if (c->refusal.n && reasons == c->reasons)
        buf_addf(out, " " STR_FMT ".", STR_ARG(c->refusal));
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "%s " STR_FMT, i ? "," : "", STR_ARG(parts[i]));
    if (n)
        buf_add_c(out, '.');
}
