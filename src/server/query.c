#include "server/query.h"

#include "base/encode.h"

enum { MAX_PARAMS = 4096 };

int query_parse(struct arena *a, struct str text, struct query *out)
{
    *out = (struct query){0};
    if (str_empty(text))
        return 0;
    size_t n = 1;
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '&';
    if (n > MAX_PARAMS)
        return -1;
    out->at = arena_new_n(a, struct query_param, n);
    struct str pair;
    while (str_cut(&text, '&', &pair)) {
        struct str key;
        if (!pair.n || !str_cut(&pair, '=', &key))
            continue;
        struct query_param *p = &out->at[out->n++];
        if (decode_percent(a, key, true, &p->key) < 0 || decode_percent(a, pair, true, &p->value) < 0)
            return -1;
    }
    return 0;
}

static const struct query_param *find(const struct query *q, const char *key)
{
    struct str k = str_from(key);
    for (size_t i = 0; i < q->n; i++)
        if (str_eq(q->at[i].key, k))
            return &q->at[i];
    return NULL;
}

struct str query_get(const struct query *q, const char *key)
{
    const struct query_param *p = find(q, key);
    return p ? p->value : (struct str){0};
}

bool query_has(const struct query *q, const char *key)
{
    return find(q, key) != NULL;
}

bool query_bool(const struct query *q, const char *key)
{
    const struct query_param *p = find(q, key);
    return p && !str_is(p->value, "0") && !str_eq_fold(p->value, STR("false"));
}

int query_i64(const struct query *q, const char *key, int64_t *out, struct err *err)
{
    struct str v = query_get(q, key);
    if (str_empty(v) || str_to_i64(v, out))
        return 0;
    return err_set(err, ERR_BAD_REQUEST, "strconv.ParseInt: parsing \"" STR_FMT "\": invalid syntax",
                   STR_ARG(v));
}
