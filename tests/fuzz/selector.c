/* Label selectors come from anyone's query string: whatever they say must parse or be refused, and what
 * parses must come back out as text that means the same. */
#include "schema/selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_buf_ struct buf text = {0}, again = {0};
    struct selector s, t;
    if (selector_parse(&a, str_slice((const char *)data, size), &s, &err) < 0)
        return 0;
    selector_write(&text, &s);
    ensure(selector_parse(&a, buf_str(&text), &t, &err) == 0);
    selector_write(&again, &t);
    ensure(str_eq(buf_str(&text), buf_str(&again)));
    struct str_entry labels[] = {{STR("a"), STR("b")}, {STR("n"), STR("1")}};
    ensure(selector_matches(&s, &(struct str_map){labels, 2}) ==
           selector_matches(&t, &(struct str_map){labels, 2}));
    return 0;
}
