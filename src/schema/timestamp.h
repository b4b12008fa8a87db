/* Times and durations as the API writes them. */
#pragma once
#include "base/err.h"
#include "schema/desc.h"

/* The years 0001 to 9999, which is all that RFC 3339 can say. */
#define TIME_LEAST_S INT64_C(-62135596800)
#define TIME_MOST_S  INT64_C(253402300799)

/* Now, in whole seconds, as metav1.Now() ends up in an object; with microseconds for MicroTime. */
struct time time_now(void);
struct time time_now_micro(void);
struct time time_from_ns(int64_t ns_since_1970);
int64_t time_to_ns(struct time t);
static inline bool time_is_zero(struct time t)
{
    return t.s == 0 && t.ns == 0;
}
int time_cmp(struct time x, struct time y);

/* RFC 3339 ("2026-01-02T15:04:05Z", any offset and fraction); the error is in Go's words:
 * parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006". */
int time_parse(struct str s, struct time *out, struct err *err);
/* As MicroTime is read: with exactly six digits of a fraction. */
int time_parse_micro(struct str s, struct time *out, struct err *err);
void time_write(struct buf *out, struct time t);       /* 2026-01-02T15:04:05Z */
void time_write_micro(struct buf *out, struct time t); /* 2026-01-02T15:04:05.000000Z */
struct str time_str(struct arena *a, struct time t);

/* Go's durations: "1h2m3.5s", "300ms". Nanoseconds. */
int duration_parse(struct str s, int64_t *ns, struct err *err);
void duration_write(struct buf *out, int64_t ns);
/* As kubectl shows ages: "5s", "3m2s", "2d3h", "3y12d". */
void duration_write_human(struct buf *out, int64_t ns);
