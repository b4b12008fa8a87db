/* Time zone files: arbitrary bytes, asked at any time. */
#include "base/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const int64_t times[] = {INT32_MIN, -1, 0, 1774746000, INT32_MAX, (int64_t)1 << 40};
    struct zone *z;
    if (zone_parse(str_slice((const char *)data, n), &z, NULL) < 0)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        int64_t at = zone_when(z, times[i], INT64_MIN);
        ensure(at == INT64_MIN || at + zone_offset(z, at) == times[i]);
    }
    zone_free(z);
    return 0;
}
