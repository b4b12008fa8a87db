#include "node/image/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "base/thread.h"
#include "schema/json.h"

enum { INDEX_DEPTH_MAX = 3, LAYERS_MAX = 256, LAYER_WORKERS = 3, LAYER_BLOCK = 64 * 1024 };

struct str image_architecture(void)
{
    static const struct {
        const char *machine;
        struct str architecture;
    } known[] = {
        {"x86_64", STR_INIT("amd64")},    {"aarch64", STR_INIT("arm64")}, {"armv7l", STR_INIT("arm")},
        {"ppc64le", STR_INIT("ppc64le")}, {"s390x", STR_INIT("s390x")},   {"riscv64", STR_INIT("riscv64")},
    };
    struct utsname u;
    if (uname(&u) == 0)
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
            if (!strcmp(u.machine, known[i].machine))
                return known[i].architecture;
    return STR("unknown");
}

const struct oci_descriptor *image_choose_platform(const struct oci_manifest *index)
{
    struct str architecture = image_architecture();
    const struct oci_descriptor *unsaid = NULL;
    for (size_t i = 0; i < index->manifests.n; i++) {
        const struct oci_descriptor *d = &index->manifests.at[i];
        if (d->platform && str_is(d->platform->os, "linux") &&
            str_eq(d->platform->architecture, architecture))
            return d;
        if (!d->platform && !unsaid)
            unsaid = d;
    }
    return unsaid;
}

/* --- layers, a few at a time --- */

struct layers_work {
    struct image_adding *adding;
    const struct image_origin *origin;
    const struct oci_manifest *manifest;
    const struct digest *diff_ids;
    pthread_mutex_t mutex;
    size_t next; /* guarded by mutex, as what follows */
    bool failed;
    struct err err; /* the first */
};

struct layer_file {
    int fd;
    char block[LAYER_BLOCK];
};

static ptrdiff_t layer_read(void *arg, const void **block, struct err *err)
{
    struct layer_file *f = arg;
    ssize_t n = read(f->fd, f->block, sizeof f->block);
    *block = f->block;
    return n < 0 ? err_errno(err, errno, "read layer") : n;
}

static int layer_add(struct layers_work *w, size_t i, struct err *err)
{
    const struct oci_descriptor *d = &w->manifest->layers.at[i];
    if (image_has_layer(w->adding->store, &w->diff_ids[i]))
        return 0;
    int fd = w->origin->layer(w->origin->arg, w->adding, d, err);
    if (fd < 0)
        return err_wrap(err, "layer " STR_FMT, STR_ARG(d->digest));
    struct layer_file *f = mem_alloc(sizeof *f);
    f->fd = fd;
    struct unpack_source source = {layer_read, f};
    int r = image_add_layer(w->adding, &w->diff_ids[i], &source, err);
    close(fd);
    free(f);
    return r < 0 ? err_wrap(err, "layer " STR_FMT, STR_ARG(d->digest)) : 0;
}

static void layers_worker(void *arg)
{
    struct layers_work *w = arg;
    for (;;) {
        pthread_mutex_lock(&w->mutex);
        size_t i = w->failed ? w->manifest->layers.n : w->next++;
        pthread_mutex_unlock(&w->mutex);
        if (i >= w->manifest->layers.n)
            return;
        struct err err = {0};
        if (layer_add(w, i, &err) < 0) {
            _lock_(&w->mutex);
            if (!w->failed)
                err_move(&w->err, &err);
            w->failed = true;
        }
        err_clear(&err);
    }
}

static int layers_add(struct layers_work *w, struct err *err)
{
    pthread_t threads[LAYER_WORKERS];
    size_t n = w->manifest->layers.n < LAYER_WORKERS ? w->manifest->layers.n : LAYER_WORKERS;
    pthread_mutex_init(&w->mutex, NULL);
    for (size_t i = 1; i < n; i++)
        threads[i] = thread_start("image-layer", layers_worker, w);
    layers_worker(w);
    for (size_t i = 1; i < n; i++)
        thread_join(threads[i]);
    pthread_mutex_destroy(&w->mutex);
    bool failed = w->failed;
    err_move(err, &w->err);
    return failed ? -1 : 0;
}

/* --- documents --- */

/* A document whose digest is right, and what it says. */
static int document_read(const struct image_origin *o, const struct oci_descriptor *d, const struct type *t,
                         struct arena *a, struct digest *digest, struct str *text, void *out, struct err *err)
{
    if (!digest_parse(d->digest, digest))
        return err_set(err, ERR_INVALID, "unsupported digest \"" STR_FMT "\"", STR_ARG(d->digest));
    if (o->document(o->arg, d, a, text, err) < 0)
        return -1;
    struct digest found = digest_of(*text);
    if (strcmp(found.text, digest->text))
        return err_set(err, ERR_INVALID, "failed size validation or digest of " STR_FMT ": content is %s",
                       STR_ARG(d->digest), found.text);
    return json_decode(a, t, *text, 0, out, NULL, err);
}

static int image_check(const struct oci_manifest *m, const struct oci_image *config, struct digest *diff_ids,
                       struct err *err)
{
    if (m->schema_version != 2)
        return err_set(err, ERR_INVALID, "unsupported manifest: schema version %lld",
                       (long long)m->schema_version);
    if (config->os.n && !str_is(config->os, "linux"))
        return err_set(err, ERR_INVALID, "image is for " STR_FMT ", not linux", STR_ARG(config->os));
    if (m->layers.n != config->rootfs.diff_ids.n || m->layers.n > LAYERS_MAX)
        return err_set(err, ERR_INVALID,
                       "manifest has %zu layers, its configuration %zu (at most %d are supported)",
                       m->layers.n, config->rootfs.diff_ids.n, LAYERS_MAX);
    for (size_t i = 0; i < m->layers.n; i++)
        if (!digest_parse(config->rootfs.diff_ids.at[i], &diff_ids[i]))
            return err_set(err, ERR_INVALID, "unsupported digest \"" STR_FMT "\"",
                           STR_ARG(config->rootfs.diff_ids.at[i]));
    return 0;
}

int image_transfer(struct image_store *s, const struct image_origin *origin,
                   const struct oci_descriptor *root, const struct str *names, size_t n_names,
                   struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct oci_manifest m = {0};
    struct oci_image config = {0};
    struct digest digest, config_digest;
    struct str text, config_text;
    for (int depth = 0;; depth++) {
        m = (struct oci_manifest){0};
        if (document_read(origin, root, &oci_manifest_type, &a, &digest, &text, &m, err) < 0)
            return -1;
        if (!m.manifests.n)
            break;
        root = image_choose_platform(&m);
        if (!root || depth == INDEX_DEPTH_MAX)
            return err_set(err, ERR_NOT_FOUND,
                           "no match for platform in manifest: linux/" STR_FMT " not found",
                           STR_ARG(image_architecture()));
    }
    _cleanup_(image_add_end) struct image_adding adding = {0};
    if (image_add_begin(s, &adding, err) < 0 ||
        document_read(origin, &m.config, &oci_image_type, &a, &config_digest, &config_text, &config, err) < 0)
        return -1;
    struct digest *diff_ids = arena_new_n(&a, struct digest, m.layers.n);
    if (image_check(&m, &config, diff_ids, err) < 0)
        return -1;
    struct layers_work work = {.adding = &adding, .origin = origin, .manifest = &m, .diff_ids = diff_ids};
    if (layers_add(&work, err) < 0 || image_add_blob(&adding, &config_digest, config_text, err) < 0 ||
        image_add_blob(&adding, &digest, text, err) < 0)
        return -1;
    return image_add_commit(&adding, &digest, names, n_names, err);
}
