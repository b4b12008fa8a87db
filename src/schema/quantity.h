/* Quantities: "500m", "1Gi", "3e6" (API conventions; apimachinery's resource.Quantity). Exact: a decimal
 * number with its own scale, never a floating-point one. In structs they are strings in canonical form; this
 * is for counting. */
#pragma once
#include "base/err.h"

enum quantity_format { QUANTITY_DECIMAL_SI, QUANTITY_BINARY_SI, QUANTITY_DECIMAL_EXPONENT };

/* value × 10^scale, or value × 2^scale × 1 where binary. */
struct quantity {
    __int128 value;
    int32_t scale; /* power of ten */
    enum quantity_format format;
};

/* Parses; what is smaller than 1n is rounded away from zero to it, as upstream does. Text: the error upstream
 * gives
 * ("quantities must match the regular expression ..."). */
int quantity_parse(struct str s, struct quantity *out, struct err *err);
/* As quantity_parse; anything unparsable is 0. */
struct quantity quantity_of(struct str s);
struct quantity quantity_from(int64_t value, enum quantity_format format);
struct quantity quantity_from_milli(int64_t milli, enum quantity_format format);

/* Adds the canonical form: the largest suffix that needs no fraction. */
void quantity_write(struct buf *out, struct quantity q);
struct str quantity_str(struct arena *a, struct quantity q);
/* Canonical form of what was given: "1000m" is "1", "1024Mi" is "1Gi". */
int quantity_canonical(struct arena *a, struct str s, struct str *out, struct err *err);

int quantity_cmp(struct quantity x, struct quantity y); /* negative, zero, positive */
int quantity_cmp_str(struct str x, struct str y);
struct quantity quantity_add(struct quantity x, struct quantity y); /* in x's format, or y's when x is 0 */
struct quantity quantity_sub(struct quantity x, struct quantity y);
static inline int quantity_sign(struct quantity q)
{
    return (q.value > 0) - (q.value < 0);
}
/* Whole units, thousandths, rounded up (away from zero); clamped to what fits. */
int64_t quantity_value(struct quantity q);
int64_t quantity_milli(struct quantity q);
/* The same of text; 0 when unparsable. */
int64_t quantity_value_of(struct str s);
int64_t quantity_milli_of(struct str s);
