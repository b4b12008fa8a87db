/* Every kind with every field set, as upstream writes it: what we read from it we must write again, byte for
 * byte. The files are not part of the repository; where they are absent this is skipped, and says so. */
#include "base/file.h"
#include "kinds/meta_v1.h"
#include "schema/json.h"
#include "schema/proto.h"
#include "test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

struct pair {
    struct buf json, pb; /* JSON without white space */
    struct str pb_body;
    struct proto_envelope envelope;
    const struct type *type;
};

static void pair_clear(struct pair *p)
{
    buf_free(&p->json);
    buf_free(&p->pb);
}

static char *folder(void)
{
    static char path[1000];
    const char *shared = getenv("SAGONG_SHARED");
    snprintf(path, sizeof path, "%s/api-fixtures", shared ? shared : "../shared");
    return path;
}

static void load(const char *name, struct pair *p)
{
    struct err err = {0};
    char path[1300];
    struct buf pretty = {0};
    snprintf(path, sizeof path, "%s/%s.json", folder(), name);
    assert_ok(file_read(path, 1 << 24, &pretty, &err), err);
    snprintf(path, sizeof path, "%s/%s.pb", folder(), name);
    assert_ok(file_read(path, 1 << 24, &p->pb, &err), err);
    json_compact(&p->json, buf_str(&pretty));
    buf_free(&pretty);
    assert_ok(proto_open(buf_str(&p->pb), &p->envelope, &err), err);
    struct str rest = str_from(name);
    struct str kind = str_from_at(rest, (size_t)str_last_index(rest, '.') + 1);
    struct str gv = str_slice(rest.p, rest.n - kind.n - 1);
    struct str version = str_from_at(gv, (size_t)str_last_index(gv, '.') + 1);
    struct str group = str_slice(gv.p, gv.n - version.n - 1);
    struct arena a = {0};
    struct str api_version = str_is(group, "core")
                                 ? version
                                 : arena_printf(&a, STR_FMT "/" STR_FMT, STR_ARG(group), STR_ARG(version));
    const struct resource *r = resource_find_kind(api_version, kind);
    p->type = r ? r->type : str_is(kind, "WatchEvent") ? &meta_watch_event_type : NULL;
    if (!p->type)
        fail_msg("%s: no such kind", name);
    arena_free(&a);
}

static void same(const char *name, const char *what, struct str got, struct str want)
{
    if (str_eq(got, want))
        return;
    size_t i = 0;
    while (i < got.n && i < want.n && got.p[i] == want.p[i])
        i++;
    size_t from = i > 60 ? i - 60 : 0;
    fail_msg("%s: %s differs at byte %zu:\n got ..." STR_FMT "\nwant ..." STR_FMT, name, what, i,
             (int)(got.n - from > 160 ? 160 : got.n - from), got.p + from,
             (int)(want.n - from > 160 ? 160 : want.n - from), want.p + from);
}

static void round_trip(const char *name)
{
    struct pair p = {0};
    load(name, &p);
    struct arena a = {0};
    struct err err = {0};
    struct strict_errors strict = {0};
    struct buf out = {0};
    const struct type *t = p.type;

    void *from_json = arena_alloc(&a, t->size);
    if (json_decode(&a, t, buf_str(&p.json), 0, from_json, &strict, &err) < 0)
        fail_msg("%s: " STR_FMT, name, STR_ARG(err.message));
    if (strict.n)
        fail_msg("%s: " STR_FMT, name, STR_ARG(strict.at[0]));
    json_encode(&out, t, from_json);
    same(name, "JSON of JSON", buf_str(&out), buf_str(&p.json));

    out.n = 0;
    proto_seal(&out, p.envelope.api_version, p.envelope.kind, t, from_json);
    same(name, "Protobuf of JSON", buf_str(&out), buf_str(&p.pb));

    void *from_pb = arena_alloc(&a, t->size);
    if (proto_decode(&a, t, p.envelope.raw, true, from_pb, &err) < 0)
        fail_msg("%s: " STR_FMT, name, STR_ARG(err.message));
    out.n = 0;
    proto_encode(&out, t, from_pb);
    same(name, "Protobuf of Protobuf", buf_str(&out), p.envelope.raw);

    /* The envelope has what Protobuf's message lacks. */
    uint32_t base;
    const struct field *kind = type_field(t, STR("kind"), &base);
    if (kind && p.envelope.kind.n) {
        *(struct str *)(void *)((char *)from_pb + base + kind->offset) = p.envelope.kind;
        const struct field *version = type_field(t, STR("apiVersion"), &base);
        *(struct str *)(void *)((char *)from_pb + base + version->offset) = p.envelope.api_version;
    }
    out.n = 0;
    json_encode(&out, t, from_pb);
    same(name, "JSON of Protobuf", buf_str(&out), buf_str(&p.json));

    buf_free(&out);
    arena_free(&a);
    pair_clear(&p);
}

static void every_fixture_round_trips(void **state)
{
    (void)state;
    DIR *dir = opendir(folder());
    if (!dir) {
        print_message("no fixtures in %s: skipped\n", folder());
        skip();
    }
    unsigned n = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        size_t length = strlen(e->d_name);
        if (length < 5 || strcmp(e->d_name + length - 5, ".json") != 0)
            continue;
        e->d_name[length - 5] = 0;
        round_trip(e->d_name);
        n++;
    }
    closedir(dir);
    print_message("%u kinds\n", n);
    assert_true(n > 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_fixture_round_trips)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
