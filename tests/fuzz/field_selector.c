/* Field selectors and JSONPaths come from outside too: the first byte says which the rest is. What parses
 * must come back as text that means the same (selectors), or be evaluated without harm (paths). */
#include "schema/field_selector.h"
#include "kinds/core_v1.h"
#include "schema/table/jsonpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void selector(struct arena *a, struct str text, struct err *err)
{
    _cleanup_buf_ struct buf first = {0}, second = {0};
    struct field_selector s, t;
    struct pod pod = {.metadata = {.name = STR("a")}, .spec = {.node_name = STR("n")}};
    if (field_selector_parse(a, &pod_resource, text, &s, err) < 0)
        return;
    field_selector_write(&first, &s);
    ensure(field_selector_parse(a, &pod_resource, buf_str(&first), &t, err) == 0);
    field_selector_write(&second, &t);
    ensure(s.n == t.n);
    ensure(field_selector_matches(&s, &pod) == field_selector_matches(&t, &pod));
}

static void path(struct arena *a, struct str text, struct err *err)
{
    const struct value *found[JSONPATH_FOUND];
    struct jsonpath p;
    struct value doc;
    ensure(value_parse(a, STR("{\"a\":[{\"b\":1,\"c\":\"x\"},{\"b\":[2,[3]]}],\"d\":{\"e\":null}}"), &doc,
                       err) == 0);
    if (jsonpath_compile(a, text, &p, err) == 0)
        ensure(jsonpath_find(&p, &doc, found, JSONPATH_FOUND) <= JSONPATH_FOUND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    if (size == 0)
        return 0;
    struct str text = str_slice((const char *)data + 1, size - 1);
    if (data[0] % 2)
        selector(&a, text, &err);
    else
        path(&a, text, &err);
    return 0;
}
