/* Server-side apply: an object, its managedFields and a configuration come from anyone. Three JSON texts with
 * zero bytes between. What has been applied is there to stay: applying it again changes nothing. And fields
 * read from text are the same again once they have been written. */
#include "schema/apply/apply.h"
#include "kinds/core_v1.h"
#include "schema/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct type *one_version(void *arg, struct str api_version)
{
    (void)arg;
    return str_is(api_version, "v1") ? &pod_type : NULL;
}

static void round_trip(struct arena *a, const struct managed *m)
{
    for (size_t i = 0; i < m->n; i++) {
        _cleanup_buf_ struct buf b = {0};
        struct field_set again;
        field_set_write(&b, &m->at[i].set);
        ensure(field_set_parse(a, arena_str(a, buf_str(&b)), &again, NULL) == 0);
        ensure(field_set_eq(&again, &m->at[i].set));
    }
}

/* Taking a set from the text of another is taking it from what that text says. */
static void subtraction(struct arena *a, const struct managed *m)
{
    for (size_t i = 0; i + 1 < m->n; i++) {
        _cleanup_buf_ struct buf text = {0}, left = {0}, read = {0};
        struct field_set both = field_set_intersection(a, &m->at[i].set, &m->at[i + 1].set),
                         rest = field_set_difference(a, &m->at[i].set, &both);
        field_set_write(&text, &m->at[i].set);
        bool any = field_set_subtract(&left, buf_str(&text), &m->at[i + 1].set);
        ensure(any == !field_set_empty(&both));
        if (!field_set_empty(&rest))
            field_set_write(&read, &rest);
        ensure(!any || str_eq(buf_str(&left), buf_str(&read)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct str rest = str_slice((const char *)data, size), live, managed, config;
    if (!str_cut(&rest, 0, &live) || !str_cut(&rest, 0, &managed) || !str_cut(&rest, 0, &config))
        return 0;
    struct apply x = {.arena = &a,
                      .type = &pod_type,
                      .owner = {STR("a"), STR("v1"), STR(""), true},
                      .manager_of_old = STR("before"),
                      .versions = &(struct apply_versions){.type = one_version},
                      .force = true,
                      .empty = VALUE_OBJECT};
    struct object_meta *meta = arena_new(&a, struct object_meta);
    if (value_parse(&a, live, &x.live, &err) < 0 || value_parse(&a, config, &x.config, &err) < 0 ||
        x.live.kind != JSON_OBJECT || x.config.kind != JSON_OBJECT ||
        typed_tree_check(&pod_type, &x.live, true, &err) < 0 ||
        typed_tree_check(&pod_type, &x.config, false, &err) < 0 ||
        json_decode(&a, &object_meta_type, managed, 0, meta, NULL, &err) < 0 ||
        managed_read(&a, &meta->managed_fields, &x.managed, &err) < 0)
        return 0;
    round_trip(&a, &x.managed);
    subtraction(&a, &x.managed);
    if (apply_run(&x, &err) < 0)
        return 0;
    ensure(json_check(value_json(&a, &x.result), &err) == 0);
    round_trip(&a, &x.managed);

    x.live = x.result.kind == JSON_OBJECT ? x.result : VALUE_OBJECT;
    x.force = false;
    ensure(apply_run(&x, &err) == 0);
    ensure(!x.changed);
    return 0;
}
