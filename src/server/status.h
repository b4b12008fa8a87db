/* Errors as the Status objects that clients read. */
#pragma once
#include "base/err.h"
#include "kinds/meta_v1.h"

/* Strings stay the error's; vectors are in `a`. */
void status_of_err(struct arena *a, const struct err *err, struct status *out);
/* JSON, for answers that are given before negotiation. */
void status_render_json(const struct err *err, struct buf *out);
