/* Patches come from anyone who may change anything: two JSON texts, with a zero byte between, and a first
 * byte that says which kind of patch. What comes out must be JSON again. */
#include "schema/patch/patch.h"
#include "kinds/core_v1.h"
#include "schema/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    int r = data[0] % 3 == 0   ? patch_json(&a, &doc, &patch, &err)
            : data[0] % 3 == 1 ? patch_merge(&a, &doc, &patch, &err)
                               : patch_strategic(&a, &pod_type, &doc, &patch, &err);
    ensure(r == 0 || err.code >= 400);
    if (r == 0)
        ensure(json_check(value_json(&a, &doc), &err) == 0);
    return 0;
}
