#include "node/runtime/record.h"

#include "base/file.h"
#include "schema/json.h"

enum { RECORD_MAX = 64 << 10 };

int record_write(const struct runtime_container *c, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf b = {0};
    json_encode(&b, &container_record_type, c);
    return file_replace(arena_printf(&a, STR_FMT "/record.json", STR_ARG(c->dir)).p, buf_str(&b), 0600, err);
}

int record_read(const char *dir, struct runtime_container **out, struct err *err)
{
    _cleanup_buf_ struct buf b = {0};
    struct arena a = {0};
    if (file_read(arena_printf(&a, "%s/record.json", dir).p, RECORD_MAX, &b, err) < 0) {
        arena_free(&a);
        return -1;
    }
    struct runtime_container *c = arena_new(&a, struct runtime_container);
    if (json_decode(&a, &container_record_type, arena_str(&a, buf_str(&b)), 0, c, NULL, err) < 0) {
        arena_free(&a);
        return -1;
    }
    c->dir = arena_str(&a, str_from(dir));
    c->arena = mem_dup(&a, sizeof a);
    *out = c;
    return 0;
}
