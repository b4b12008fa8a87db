/* Paths, queries and Accept headers come from anyone: whatever they say is taken apart or refused, and stays
 * within what was given. */
#include "server/route.h"
#include "server/accept.h"
#include "server/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input: method, path, query and header, a line each. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct str rest = str_slice((const char *)data, size), lines[4] = {{0}};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        str_cut(&rest, '\n', &lines[i]);
    struct query q;
    struct route r;
    if (query_parse(&a, lines[2], &q) == 0) {
        int64_t n = 0;
        query_bool(&q, "watch");
        query_i64(&q, "limit", &n, &err);
        if (route_parse(&a, lines[0], lines[1], &q, &r) == 0) {
            ensure(r.is_resource || str_empty(r.resource));
            ensure(str_empty(r.rest) ||
                   (r.rest.p[0] == '/' && r.rest.p + r.rest.n <= lines[1].p + lines[1].n));
            route_read_only(&r);
            route_long_running(&r);
        }
    }
    struct accept accept;
    enum media_type media;
    enum api_patch_type patch;
    for (int offer = ACCEPT_OBJECTS; offer <= ACCEPT_DISCOVERY; offer++)
        if (accept_parse(lines[3], (enum accept_offer)offer, &accept, &err) == 0)
            ensure(accept.media <= MEDIA_PROTOBUF);
    content_type_parse(lines[3], &media, &err);
    content_type_parse_patch(lines[3], &patch, &media, &err);
    accept_gzip(lines[3]);
    return 0;
}
