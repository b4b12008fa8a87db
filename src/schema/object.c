#include "schema/object.h"

#include "base/log.h"
#include "base/thread.h"
#include "kinds/meta_v1.h"
#include "schema/custom/custom.h"
#include "schema/default.h"
#include "schema/json.h"
#include "schema/json_scan.h"
#include "schema/proto.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* Encoded bytes; the text is data[at..at + n). Before an object is committed its JSON has room in front, so
 * that the resourceVersion is let in by moving only the few bytes before it. */
struct bytes {
    uint32_t at, n;
    uint32_t item; /* of JSON: where "metadata" begins, from `at` */
    uint32_t
        version; /* of JSON: where ,"resourceVersion":"..." belongs, from `at`; 0 when that is not known */
    char data[];
};

struct typed {
    struct arena arena;
    void *value;
};

struct object {
    _Atomic uint32_t refs;
    uint32_t name_space_n, name_n;
    bool loaded;
    uint32_t seal;
    const struct resource *resource;
    int64_t revision;
    /* The forms; NULL until made. Published once, complete, and never changed after. */
    _Atomic(struct bytes *) json, proto;
    _Atomic(struct typed *) typed;
    /* The stored form, under the lock: of a loaded object until its JSON is made, of a new one until it is
     * committed. */
    struct bytes *stored;
    struct retired *retired;
    char names[]; /* namespace and name */
};

/* What was handed out before the object was committed, and so must live on beside what replaced it. */
struct retired {
    struct bytes *json, *proto;
    struct typed *typed;
};

enum { VERSION_ROOM = 48 }; /* ,"resourceVersion":"-9223372036854775808" */

/* Making a form excludes others who want one of the same object; many objects share a lock. */
static pthread_mutex_t locks[64] = {[0 ... 63] = PTHREAD_MUTEX_INITIALIZER};

static pthread_mutex_t *lock_of(const struct object *o)
{
    return &locks[((uintptr_t)o >> 6) % ARRAY_LEN(locks)];
}

static struct bytes *bytes_new(struct str s, size_t front)
{
    ensure(s.n < UINT32_MAX - front);
    struct bytes *b = mem_alloc(sizeof *b + front + s.n);
    *b = (struct bytes){.at = (uint32_t)front, .n = (uint32_t)s.n};
    if (s.n)
        memcpy(b->data + front, s.p, s.n);
    return b;
}

static struct str bytes_str(const struct bytes *b)
{
    return str_slice(b->data + b->at, b->n);
}

/* Finds where items begin and where the resourceVersion belongs: behind the members of metadata that come
 * before it, all of which are strings. */
static void json_landmarks(struct bytes *b)
{
    static const char mark[] = "\"metadata\":{";
    struct str json = bytes_str(b), key, value;
    ptrdiff_t item = str_find(json, STR("\"metadata\":{"));
    /* Only kind and apiVersion stand before it, and neither contains that. */
    if (item < 0)
        return;
    b->item = (uint32_t)item;
    struct json_cursor c = {json.p + item + sizeof mark - 1, json.p + json.n};
    bool plain;
    while (json_scan_string(&c, &key, &plain)) {
        if (!str_is(key, "name") && !str_is(key, "generateName") && !str_is(key, "namespace") &&
            !str_is(key, "selfLink") && !str_is(key, "uid"))
            return;
        c.p++;
        if (!json_scan_string(&c, &value, &plain))
            return;
        b->version = (uint32_t)(c.p - json.p);
        if (*c.p++ != ',')
            return;
    }
}

/* The struct with kind and apiVersion said, and the resourceVersion set to `version`; the rest is shared. In
 * `a`. */
static const void *dressed(struct arena *a, const struct resource *r, const void *typed, struct str version)
{
    char *copy = arena_dup(a, typed, r->type->size);
    uint32_t base;
    const struct field *f = type_field(r->type, STR("kind"), &base);
    if (f)
        *(struct str *)(void *)(copy + base + f->offset) = r->kind;
    f = type_field(r->type, STR("apiVersion"), &base);
    if (f)
        *(struct str *)(void *)(copy + base + f->offset) = r->api_version;
    if (r->has_metadata)
        resource_meta(r, copy)->resource_version = version;
    return copy;
}

static struct bytes *encode_json(const struct resource *r, const void *typed, struct str version,
                                 size_t front)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf out = {0};
    json_encode(&out, r->type, dressed(&a, r, typed, version));
    struct bytes *b = bytes_new(buf_str(&out), front);
    json_landmarks(b);
    return b;
}

static void encode_stored(struct buf *out, const struct resource *r, const void *typed)
{
    _cleanup_arena_ struct arena a = {0};
    const void *bare = dressed(&a, r, typed, (struct str){0});
    if (r->flags & RESOURCE_CUSTOM)
        json_encode(out, r->type, bare);
    else
        proto_seal(out, r->api_version, r->kind, r->type, bare);
}

static struct object *make(const struct resource *r, struct str name_space, struct str name)
{
    struct object *o = mem_zalloc(sizeof *o + name_space.n + name.n);
    atomic_init(&o->refs, 1);
    resource_ref(r);
    o->resource = r;
    o->name_space_n = (uint32_t)name_space.n;
    o->name_n = (uint32_t)name.n;
    if (name_space.n)
        memcpy(o->names, name_space.p, name_space.n);
    if (name.n)
        memcpy(o->names + name_space.n, name.p, name.n);
    return o;
}

struct object *object_new(const struct resource *r, const void *typed)
{
    struct str name_space = {0}, name = {0};
    if (r->has_metadata) {
        const struct object_meta *m = resource_meta(r, typed);
        name_space = m->namespace;
        name = m->name;
    }
    struct object *o = make(r, name_space, name);
    atomic_init(&o->json, encode_json(r, typed, (struct str){0}, VERSION_ROOM));
    if (!(r->flags & (RESOURCE_VIRTUAL | RESOURCE_CUSTOM)) && r->storage_prefix.n) {
        /* The struct is at hand now; later it would have to be decoded again. */
        _cleanup_buf_ struct buf stored = {0};
        encode_stored(&stored, r, typed);
        o->stored = bytes_new(buf_str(&stored), 0);
    }
    return o;
}

/* A custom object is of the version that it says, where the definition still has that. */
static const struct resource *custom_stored(const struct resource *r, struct str stored)
{
    _cleanup_arena_ struct arena a = {0};
    struct json_type_meta meta = {0};
    if (json_peek(&a, stored, &meta, NULL) < 0)
        return r;
    ptrdiff_t slash = str_index(meta.api_version, '/');
    const struct custom_version *v =
        custom_version(r->custom, str_from_at(meta.api_version, (size_t)(slash + 1)));
    return v ? &v->resource : r;
}

uint32_t object_seal_of(uint64_t id)
{
    return id ? (uint32_t)(id >> 32 ^ id) | 1 : 0;
}

void object_set_seal(struct object *o, uint64_t id)
{
    o->seal = object_seal_of(id);
}

uint32_t object_seal(const struct object *o)
{
    return o->seal;
}

struct object *object_load(const struct resource *r, struct str name_space, struct str name,
                           struct str stored, int64_t revision)
{
    struct object *o = make(r->custom ? custom_stored(r, stored) : r, name_space, name);
    o->revision = revision;
    o->loaded = true;
    o->stored = bytes_new(stored, 0);
    return o;
}

static void typed_free(struct typed *t)
{
    if (!t)
        return;
    arena_free(&t->arena);
    free(t);
}

static struct str version_text(char *text, size_t room, int64_t revision)
{
    return str_slice(text, (size_t)snprintf(text, room, "%lld", (long long)revision));
}

void object_commit(struct object *o, int64_t revision)
{
    struct bytes *json = atomic_load_explicit(&o->json, memory_order_relaxed);
    struct bytes *proto = atomic_load_explicit(&o->proto, memory_order_relaxed);
    struct typed *typed = atomic_load_explicit(&o->typed, memory_order_relaxed);
    char text[VERSION_ROOM];
    ensure(o->revision == 0 && json);
    o->revision = revision;
    free(o->stored);
    o->stored = NULL;
    if (typed || proto || !json->version) {
        /* Someone has looked at the other forms already (a struct's strings lie in the JSON), or there is no
         * name to go behind. */
        _cleanup_arena_ struct arena a = {0};
        void *value = object_copy(o, &a);
        o->retired = mem_alloc(sizeof *o->retired);
        *o->retired = (struct retired){json, proto, typed};
        struct str version = version_text(text, sizeof text, revision);
        atomic_store_explicit(&o->json, encode_json(o->resource, value, version, 0), memory_order_release);
        atomic_store_explicit(&o->proto, NULL, memory_order_release);
        atomic_store_explicit(&o->typed, NULL, memory_order_release);
        return;
    }
    uint32_t n = (uint32_t)snprintf(text, sizeof text, ",\"resourceVersion\":\"%lld\"", (long long)revision);
    ensure(n < sizeof text && json->at >= n);
    char *start = json->data + json->at;
    memmove(start - n, start, json->version);
    memcpy(start - n + json->version, text, n);
    json->at -= n;
    json->n += n;
}

struct object *object_ref(struct object *o)
{
    atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
    return o;
}

#ifdef __SANITIZE_ADDRESS__
/* Nobody may have written into what all share: tests look whether the struct still says what its JSON says.
 */
static void check_unchanged(struct object *o)
{
    const struct typed *typed = atomic_load_explicit(&o->typed, memory_order_relaxed);
    if (!typed)
        return;
    _cleanup_buf_ struct buf now = {0};
    json_encode(&now, o->resource->type, typed->value);
    ensure(str_eq(buf_str(&now), bytes_str(atomic_load_explicit(&o->json, memory_order_relaxed))));
}
#else
static void check_unchanged(struct object *o)
{
    (void)o;
}
#endif

void object_unref(struct object *o)
{
    if (!o || atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
        return;
    check_unchanged(o);
    if (o->retired) {
        free(o->retired->json);
        free(o->retired->proto);
        typed_free(o->retired->typed);
        free(o->retired);
    }
    typed_free(atomic_load_explicit(&o->typed, memory_order_relaxed));
    free(atomic_load_explicit(&o->json, memory_order_relaxed));
    free(atomic_load_explicit(&o->proto, memory_order_relaxed));
    free(o->stored);
    resource_unref(o->resource);
    free(o);
}

void object_unrefp(struct object **o)
{
    object_unref(*o);
    *o = NULL;
}

bool object_is_loaded(const struct object *o)
{
    return o->loaded;
}

const struct resource *object_resource(const struct object *o)
{
    return o->resource;
}

int64_t object_revision(const struct object *o)
{
    return o->revision;
}

struct str object_namespace(const struct object *o)
{
    return str_slice(o->names, o->name_space_n);
}

struct str object_name(const struct object *o)
{
    return str_slice(o->names + o->name_space_n, o->name_n);
}

/* --- the forms --- */

/* Decodes what the store gave us. Should it be damaged, the object still has its name, and the log says so.
 */
static void *decode_stored(struct object *o, struct arena *a)
{
    const struct resource *r = o->resource;
    struct str stored = bytes_str(o->stored);
    _cleanup_err_ struct err err = {0};
    struct proto_envelope envelope;
    void *value = arena_alloc(a, r->type->size);
    int result = proto_has_envelope(stored) ? proto_open(stored, &envelope, &err) < 0
                                                  ? -1
                                                  : proto_decode(a, r->type, envelope.raw, true, value, &err)
                                            : json_decode(a, r->type, stored, JSON_BORROW, value, NULL, &err);
    if (result < 0) {
        log_error("stored " STR_FMT " " STR_FMT "/" STR_FMT " is damaged: " STR_FMT, STR_ARG(r->plural),
                  STR_ARG(object_namespace(o)), STR_ARG(object_name(o)), STR_ARG(err.message));
        value = arena_alloc(a, r->type->size);
    }
    default_apply(a, r->type, value); /* by what the declarations say today */
    if (r->has_metadata && result < 0) {
        resource_meta(r, value)->name = object_name(o);
        resource_meta(r, value)->namespace = object_namespace(o);
    }
    return value;
}

static struct bytes *json_form(struct object *o)
{
    struct bytes *json = atomic_load_explicit(&o->json, memory_order_acquire);
    if (json)
        return json;
    _lock_(lock_of(o));
    json = atomic_load_explicit(&o->json, memory_order_relaxed);
    if (json)
        return json;
    char text[VERSION_ROOM];
    _cleanup_arena_ struct arena a = {0};
    const void *value = decode_stored(o, &a);
    json = encode_json(o->resource, value, version_text(text, sizeof text, o->revision), 0);
    free(o->stored);
    o->stored = NULL;
    atomic_store_explicit(&o->json, json, memory_order_release);
    return json;
}

struct str object_json(struct object *o)
{
    return bytes_str(json_form(o));
}

struct str object_json_item(struct object *o)
{
    struct bytes *json = json_form(o);
    return str_from_at(bytes_str(json), json->item ? json->item : 1);
}

/* How many bytes of struct a byte of JSON became lately, in 1/64, by type: so that the arena is made to fit.
 */
static _Atomic uint16_t ratios[256];

static _Atomic uint16_t *ratio_of(const struct type *t)
{
    return &ratios[((uintptr_t)t / sizeof *t) % ARRAY_LEN(ratios)];
}

static struct typed *decode_typed(const struct resource *r, struct str json)
{
    _Atomic uint16_t *ratio = ratio_of(r->type);
    size_t variable = json.n * atomic_load_explicit(ratio, memory_order_relaxed) / 64;
    struct typed *t = mem_zalloc(sizeof *t);
    _cleanup_err_ struct err err = {0};
    arena_reserve(&t->arena, r->type->size + variable + 64);
    t->value = arena_alloc(&t->arena, r->type->size);
    /* The JSON is our own, so that it can be read. */
    int result = json_decode(&t->arena, r->type, json, JSON_BORROW | JSON_OWN, t->value, NULL, &err);
    ensure(result == 0);
    size_t used = t->arena.total - (size_t)(t->arena.end - t->arena.at), beyond = used - r->type->size;
    size_t now = json.n ? beyond * 64 / json.n + 1 : 0;
    atomic_store_explicit(ratio, (uint16_t)(now < UINT16_MAX ? now : UINT16_MAX), memory_order_relaxed);
    return t;
}

const void *object_typed(struct object *o)
{
    struct typed *typed = atomic_load_explicit(&o->typed, memory_order_acquire);
    if (typed)
        return typed->value;
    struct str json = object_json(o);
    _lock_(lock_of(o));
    typed = atomic_load_explicit(&o->typed, memory_order_relaxed);
    if (!typed) {
        typed = decode_typed(o->resource, json);
        atomic_store_explicit(&o->typed, typed, memory_order_release);
    }
    return typed->value;
}

const struct object_meta *object_meta(struct object *o)
{
    ensure(o->resource->has_metadata);
    return resource_meta(o->resource, object_typed(o));
}

void *object_copy(struct object *o, struct arena *a)
{
    void *value = arena_alloc(a, o->resource->type->size);
    int result = json_decode(a, o->resource->type, object_json(o), JSON_OWN, value, NULL, NULL);
    ensure(result == 0);
    return value;
}

/* The struct for a moment: the one that is kept if there is one, else decoded into `a`. */
static const void *glance(struct object *o, struct arena *a)
{
    struct typed *typed = atomic_load_explicit(&o->typed, memory_order_acquire);
    if (typed)
        return typed->value;
    void *value = arena_alloc(a, o->resource->type->size);
    int result = json_decode(a, o->resource->type, object_json(o), JSON_BORROW | JSON_OWN, value, NULL, NULL);
    ensure(result == 0);
    return value;
}

struct str object_proto(struct object *o)
{
    struct bytes *proto = atomic_load_explicit(&o->proto, memory_order_acquire);
    if (proto)
        return bytes_str(proto);
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf out = {0};
    proto_encode(&out, o->resource->type, glance(o, &a));
    _lock_(lock_of(o));
    proto = atomic_load_explicit(&o->proto, memory_order_relaxed);
    if (!proto) {
        proto = bytes_new(buf_str(&out), 0);
        atomic_store_explicit(&o->proto, proto, memory_order_release);
    }
    return bytes_str(proto);
}

void object_stored(struct object *o, struct buf *out)
{
    {
        _lock_(lock_of(o));
        if (o->stored) {
            buf_add_str(out, bytes_str(o->stored));
            return;
        }
    }
    _cleanup_arena_ struct arena a = {0};
    encode_stored(out, o->resource, glance(o, &a));
}

static size_t bytes_size(const struct bytes *b)
{
    return b ? sizeof *b + b->at + b->n : 0;
}

size_t object_size(const struct object *o)
{
    struct object *form = (struct object *)(uintptr_t)o;
    _lock_(lock_of(o));
    const struct typed *typed = atomic_load_explicit(&form->typed, memory_order_acquire);
    return sizeof *o + o->name_space_n + o->name_n +
           bytes_size(atomic_load_explicit(&form->json, memory_order_acquire)) +
           bytes_size(atomic_load_explicit(&form->proto, memory_order_acquire)) + bytes_size(o->stored) +
           (typed ? sizeof *typed + typed->arena.total : 0);
}
