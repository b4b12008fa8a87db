/* Values as text, as string() and format() show them. Private to src/cel. */
#pragma once
#include "cel/value.h"

/* 3.5, 2026-01-02T03:04:05Z, 1.5s, true ..., as format's %s shows them. False: there is something in it that
 * has no such form. */
bool text_write(struct buf *out, const struct cel_value *v);
/* A double as Go's strconv does with 'g': the fewest digits that say it exactly. */
void text_write_double(struct buf *out, double d);
/* Of the network library. */
void text_write_ip(struct buf *out, const struct cel_value *v);
