/* Time. The only place that reads a clock or sleeps, so that a simulation can drive it. Nanoseconds
 * throughout. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define CLOCK_US INT64_C(1000)
#define CLOCK_MS INT64_C(1000000)
#define CLOCK_S  INT64_C(1000000000)

int64_t clock_wall(void); /* since 1970-01-01T00:00:00Z */
int64_t clock_mono(void); /* since some fixed moment; never goes back */
/* Sleeps this thread. In a simulation it only moves the simulated clocks on. */
void clock_sleep(int64_t ns);

/* From now on both clocks show what clock_advance makes of `wall`. */
void clock_simulate(int64_t wall);
void clock_advance(int64_t ns);
bool clock_simulated(void);
