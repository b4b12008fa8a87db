/* Cron schedules: five fields ("minute hour day-of-month month day-of-week", with lists, ranges, steps, names
 * and '?'), or "@hourly" and its like, or "@every 1h30m". What is wrong with one is said in the words of the
 * cron package that upstream reads them with. */
#pragma once
#include "base/zone.h"

struct schedule {
    uint64_t minutes, hours, days, months, weekdays; /* a bit for each value */
    bool any_day, any_weekday;                       /* '*': the other one alone decides */
    int64_t every_s;                                 /* of @every; else 0 */
};

int schedule_parse(struct str text, struct schedule *out, struct err *err);
/* The first time after `t` (both in seconds since 1970); 0 when there is none in the next five years. */
int64_t schedule_next(const struct schedule *s, int64_t t);
/* The same by the clocks of a zone (NULL: UTC's). What they jump over does not happen. */
int64_t schedule_next_in(const struct schedule *s, const struct zone *z, int64_t t);
