/* The errors that upstream's registries answer with, in their words (apimachinery/pkg/api/errors). All return
 * -1. */
#pragma once
#include "base/err.h"
#include "schema/desc.h"

int answer_not_found(struct err *err, const struct resource *r, struct str name);
int answer_exists(struct err *err, const struct resource *r, struct str name);
int answer_conflict(struct err *err, const struct resource *r, struct str name, const char *fmt, ...)
    _printf_(4, 5);
/* "the object has been modified; ..." */
int answer_modified(struct err *err, const struct resource *r, struct str name);
int answer_forbidden(struct err *err, const struct resource *r, struct str name, const char *fmt, ...)
    _printf_(4, 5);
