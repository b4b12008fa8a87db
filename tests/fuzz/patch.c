/* Patches come from anyone who may change anything: two JSON texts, with a zero byte between, and a first
 * byte that says which kind of patch. What comes out must be JSON again. And where the first is a pod,
 * patching as much of it as the patch reaches comes to the same as patching all of it. */
#include "schema/patch/patch.h"
#include "kinds/core_v1.h"
#include "schema/copy.h"
#include "schema/json.h"
#include "schema/patch/excerpt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run(struct arena *a, int sort, struct value *doc, struct value *patch, struct err *err)
{
    return sort == 0   ? patch_json(a, doc, patch, err)
           : sort == 1 ? patch_merge(a, doc, patch, err)
                       : patch_strategic(a, &pod_type, doc, patch, err);
}

/* NULL: it fails, or is not all known. */
static struct pod *patched(struct arena *a, int sort, const struct pod *before, struct str text, bool whole)
{
    struct value patch, doc;
    struct strict_errors strict = {0};
    _cleanup_buf_ struct buf json = {0};
    ensure(value_parse(a, text, &patch, NULL) == 0);
    struct value reach = whole       ? VALUE_NULL
                         : sort == 0 ? reach_of_operations(a, &pod_type, &patch)
                                     : reach_of_merge(a, &pod_type, &patch);
    excerpt_write(&json, &pod_type, before, &reach);
    ensure(value_parse(a, arena_str(a, buf_str(&json)), &doc, NULL) == 0);
    struct pod *fresh = arena_new(a, struct pod);
    if (run(a, sort, &doc, &patch, NULL) < 0 ||
        json_decode(a, &pod_type, value_json(a, &doc), JSON_BORROW | JSON_OWN, fresh, &strict, NULL) < 0 ||
        strict.n)
        return NULL;
    return excerpt_put_back(a, &pod_type, before, fresh, &reach);
}

static void check_excerpt(struct arena *a, int sort, struct str doc, struct str patch)
{
    struct pod *before = arena_new(a, struct pod);
    if (json_decode(a, &pod_type, doc, 0, before, NULL, NULL) < 0)
        return;
    const struct pod *part = patched(a, sort, before, patch, false),
                     *whole = patched(a, sort, before, patch, true);
    ensure(!part == !whole);
    ensure(!part || struct_eq(&pod_type, part, whole));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct value doc, patch;
    const uint8_t *middle = size > 1 ? memchr(data + 1, 0, size - 1) : NULL;
    if (!middle)
        return 0;
    struct str first = str_slice((const char *)data + 1, (size_t)(middle - data - 1));
    struct str second = str_slice((const char *)middle + 1, size - 1 - (size_t)(middle - data));
    if (value_parse(&a, first, &doc, &err) < 0 || value_parse(&a, second, &patch, &err) < 0)
        return 0;
    int sort = data[0] % 3, r = run(&a, sort, &doc, &patch, &err);
    ensure(r == 0 || err.code >= 400);
    if (r == 0)
        ensure(json_check(value_json(&a, &doc), &err) == 0);
    check_excerpt(&a, sort, first, second);
    return 0;
}
