/* What every unit test includes: cmocka with the headers that it wants first, and a few checks in our own
 * types. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka after them */
#include <cmocka.h>

#include "base/str.h"

#define assert_str(actual, expected)                                                                         \
    do {                                                                                                     \
        struct str actual_ = (actual);                                                                       \
        const char *expected_ = (expected);                                                                  \
        if (!str_is(actual_, expected_))                                                                     \
            fail_msg("got \"" STR_FMT "\", expected \"%s\"", STR_ARG(actual_), expected_);                   \
    } while (0)
/* A call that must work, with the error's own words when it does not. */
#define assert_ok(call, err)                                                                                 \
    do {                                                                                                     \
        if ((call) < 0)                                                                                      \
            fail_msg("%s: " STR_FMT, #call, STR_ARG((err).message));                                         \
    } while (0)
