#include "base/random.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

static _Atomic uint64_t random_state; /* of the simulation */
static atomic_bool random_simulated;

static uint64_t random_splitmix(void)
{
    uint64_t z = atomic_fetch_add(&random_state, 0x9e3779b97f4a7c15u) + 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void random_draw(char *at, size_t n)
{
    while (n) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        ensure(got > 0);
        at += got;
        n -= (size_t)got;
    }
}

/* Small draws come out of a supply that each thread fetches at once: names and ids need a few bytes often.
 * What was taken is wiped. */
enum { RANDOM_SMALL = 32, RANDOM_SUPPLY = 512 };

static void random_take(char *at, size_t n)
{
    static _Thread_local char supply[RANDOM_SUPPLY];
    static _Thread_local size_t left;
    if (left < n) {
        random_draw(supply, sizeof supply);
        left = sizeof supply;
    }
    left -= n;
    memcpy(at, supply + left, n);
    explicit_bzero(supply + left, n);
}

void random_bytes(void *p, size_t n)
{
    char *at = p;
    if (atomic_load(&random_simulated)) {
        for (; n;) {
            uint64_t v = random_splitmix();
            size_t take = n < sizeof v ? n : sizeof v;
            memcpy(at, &v, take);
            at += take;
            n -= take;
        }
        return;
    }
    if (n <= RANDOM_SMALL)
        random_take(at, n);
    else
        random_draw(at, n);
}

uint64_t random_u64(void)
{
    uint64_t v;
    random_bytes(&v, sizeof v);
    return v;
}

uint64_t random_below(uint64_t n)
{
    ensure(n > 0);
    uint64_t limit = UINT64_MAX - UINT64_MAX % n, v;
    do
        v = random_u64();
    while (v >= limit);
    return v % n;
}

uint64_t random_seed(void)
{
    static _Atomic uint64_t seed;
    uint64_t have = atomic_load_explicit(&seed, memory_order_relaxed);
    if (have)
        return have;
    uint64_t drawn = random_u64() | 1;
    return atomic_compare_exchange_strong(&seed, &have, drawn) ? drawn : have;
}

void random_uuid(char out[37])
{
    unsigned char b[16];
    random_bytes(b, sizeof b);
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof b; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[b[i] >> 4];
        *out++ = digits[b[i] & 15];
    }
    *out = 0;
}

void random_name_suffix(char *out, size_t n)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    for (size_t i = 0; i < n; i++)
        out[i] = letters[random_below(sizeof letters - 1)];
    out[n] = 0;
}

void random_simulate(uint64_t seed)
{
    atomic_store(&random_state, seed);
    atomic_store(&random_simulated, true);
}
