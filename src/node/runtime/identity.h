/* Processes, told apart from later ones that have the same number by when they began. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Clock ticks from the machine's start to the process's; 0 when there is none, or a zombie. */
int64_t process_began(int64_t pid);
bool process_is(int64_t pid, int64_t began);
