#include "schema/quote.h"
#include "schema/value.h"

void value_print_go(struct buf *out, const struct value *v, bool syntax)
{
    switch (v->kind) {
    case JSON_NULL:
        buf_addf(out, "%s", syntax ? "interface {}(nil)" : "<nil>");
        return;
    case JSON_STRING:
        if (syntax)
            quote_go(out, v->s);
        else
            buf_add_str(out, v->s);
        return;
    case JSON_ARRAY:
        buf_addf(out, "%s", syntax ? "[]interface {}{" : "[");
        for (size_t i = 0; i < v->list.n; i++) {
            if (i)
                buf_addf(out, "%s", syntax ? ", " : " ");
            value_print_go(out, &v->list.at[i], syntax);
        }
        buf_add_c(out, syntax ? '}' : ']');
        return;
    case JSON_OBJECT:
        buf_addf(out, "%s", syntax ? "map[string]interface {}{" : "map[");
        for (size_t i = 0; i < v->members.n; i++) {
            if (i)
                buf_addf(out, "%s", syntax ? ", " : " ");
            if (syntax)
                quote_go(out, v->members.at[i].key);
            else
                buf_add_str(out, v->members.at[i].key);
            buf_add_c(out, ':');
            value_print_go(out, &v->members.at[i].value, syntax);
        }
        buf_add_c(out, syntax ? '}' : ']');
        return;
    default:
        value_write(out, v);
    }
}
