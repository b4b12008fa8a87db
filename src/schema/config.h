/* Configuration files of upstream's kinds (AuthenticationConfiguration, audit's Policy and others): YAML or
 * JSON, read strictly, since what is misspelt here would be believed to hold. */
#pragma once
#include "base/err.h"
#include "schema/desc.h"

/* Reads a text whose apiVersion and kind are the kind's (those that `also` names, up to a NULL, are taken as
 * the same: earlier versions); fills in defaults. *out is a struct of kind->type, in `a`. Unknown and
 * duplicate fields are errors. */
int config_decode(struct arena *a, const struct resource *kind, const char *const *also, struct str text,
                  void **out, struct err *err);
