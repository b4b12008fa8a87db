/* Selectors from metav1.LabelSelector. */
#include "kinds/meta_v1.h"
#include "schema/quote.h"
#include "schema/selector.h"

static int selector_op_from(struct str name, enum selector_op *op, struct err *err)
{
    static const struct {
        const char *name;
        enum selector_op op;
    } ops[] = {{"In", SELECTOR_IN},
               {"NotIn", SELECTOR_NOT_IN},
               {"Exists", SELECTOR_EXISTS},
               {"DoesNotExist", SELECTOR_NOT_EXISTS}};
    _cleanup_arena_ struct arena a = {0};
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        if (str_is(name, ops[i].name)) {
            *op = ops[i].op;
            return 0;
        }
    return err_set(err, ERR_BAD_REQUEST, STR_FMT " is not a valid label selector operator",
                   STR_ARG(quote_go_str(&a, name)));
}

int selector_from(struct arena *a, const struct label_selector *from, struct selector *out, struct err *err)
{
    *out = (struct selector){.nothing = !from};
    if (!from)
        return 0;
    for (size_t i = 0; i < from->match_labels.n; i++) {
        const struct str_entry *e = &from->match_labels.at[i];
        if (selector_add(a, out, e->key, SELECTOR_EQUALS, &e->value, 1, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < from->match_expressions.n; i++) {
        const struct label_selector_requirement *e = &from->match_expressions.at[i];
        enum selector_op op = SELECTOR_EXISTS;
        if (selector_op_from(e->operator, & op, err) < 0 ||
            selector_add(a, out, e->key, op, e->values.at, e->values.n, err) < 0)
            return -1;
    }
    return 0;
}
