/* What lists and watches share: the selection, and the answer to those who ask for the future. */
#pragma once
#include "api/api.h"
#include "schema/field_selector.h"
#include "schema/selector.h"

struct list_selection {
    struct selector labels;
    struct field_selector fields;
    bool all;
};

/* Compiles the request's selectors. The request's strings must outlive it. */
int list_selection(struct list_selection *s, const struct api_request *r, const struct resource *resource,
                   struct err *err);
bool list_selects(const struct list_selection *s, struct object *o);
/* The same of a stored object, which the client may see in another form: what asks for fields of a custom one
 * is left for later. */
bool list_selects_unseen(const struct list_selection *s, struct object *o);
int list_too_new(struct err *err, int64_t asked, int64_t current);
