/* YAML: refused, or turned into JSON that is well-formed, and that written as YAML says the same again. */
#include "schema/yaml.h"
#include "schema/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_buf_ struct buf json = {0}, yaml = {0};
    struct strict_errors strict = {0};
    struct value v, again;
    if (yaml_parse_strict(&a, str_slice((const char *)data, size), &v, &strict, &err) < 0) {
        ensure(err.message.n);
        return 0;
    }
    value_write(&json, &v);
    ensure(json_check(buf_str(&json), NULL) == 0);
    yaml_write(&yaml, &v);
    ensure(yaml_parse(&a, buf_str(&yaml), &again, &err) == 0);
    ensure(value_eq(&v, &again));
    return 0;
}
