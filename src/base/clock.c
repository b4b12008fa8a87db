#include "base/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

static atomic_bool simulated;
static _Atomic int64_t simulated_wall;

static int64_t clock_read(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec * CLOCK_S + t.tv_nsec;
}

int64_t clock_wall(void)
{
    return atomic_load_explicit(&simulated, memory_order_relaxed) ? atomic_load(&simulated_wall)
                                                                  : clock_read(CLOCK_REALTIME);
}

int64_t clock_mono(void)
{
    return atomic_load_explicit(&simulated, memory_order_relaxed) ? atomic_load(&simulated_wall)
                                                                  : clock_read(CLOCK_MONOTONIC);
}

void clock_sleep(int64_t ns)
{
    if (clock_simulated()) {
        clock_advance(ns);
        return;
    }
    struct timespec t = {ns / CLOCK_S, ns % CLOCK_S};
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

void clock_simulate(int64_t wall)
{
    atomic_store(&simulated_wall, wall);
    atomic_store(&simulated, true);
}

void clock_advance(int64_t ns)
{
    atomic_fetch_add(&simulated_wall, ns);
}

bool clock_simulated(void)
{
    return atomic_load(&simulated);
}
