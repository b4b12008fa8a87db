/* Random numbers, of cryptographic quality from the kernel. The only place that draws them, so that a
 * simulation can replay a run: random_simulate makes every later draw of the process follow from `seed`. */
#pragma once
#include <stddef.h>
#include <stdint.h>

void random_bytes(void *p, size_t n);
uint64_t random_u64(void);
/* Evenly from 0 to n - 1; n > 0. */
uint64_t random_below(uint64_t n);
/* This process's seed for hashes: drawn once. */
uint64_t random_seed(void);
/* A version 4 UUID in lower case, NUL-terminated (RFC 9562). */
void random_uuid(char out[37]);
/* `n` characters out of the 27 that Kubernetes uses in generated names (no vowels, no look-alikes),
 * NUL-terminated. */
void random_name_suffix(char *out, size_t n);
void random_simulate(uint64_t seed);
