#include "node/image/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "node/image/reference.h"
#include "schema/json.h"

enum { DOCUMENT_MAX = 8 << 20, NAMES_MAX = 64 << 20 };

struct image_store {
    char *dir;
};

static const char *const store_dirs[] = {"", "/blobs", "/blobs/sha256", "/layers", "/pins", "/tmp"};

int image_store_open(const char *dir, struct image_store **out, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    for (size_t i = 0; i < ARRAY_LEN(store_dirs); i++)
        if (file_mkdirs(arena_printf(&a, "%s%s", dir, store_dirs[i]).p, 0700, err) < 0)
            return -1;
    *out = mem_zalloc(sizeof **out);
    (*out)->dir = str_dup_c(str_from(dir));
    return 0;
}

void image_store_close(struct image_store *s)
{
    if (!s)
        return;
    free(s->dir);
    free(s);
}

void image_store_closep(struct image_store **s)
{
    image_store_close(*s);
}

static const char *store_path(struct image_store *s, struct arena *a, const char *below, const char *name)
{
    return arena_printf(a, "%s/%s%s", s->dir, below, name).p;
}

static int store_lock(struct image_store *s, const char *name, int how, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    int fd = open(store_path(s, &a, name, ""), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, errno, "open %s/%s", s->dir, name);
    int r;
    do
        r = flock(fd, how);
    while (r < 0 && errno == EINTR);
    if (r == 0)
        return fd;
    int e = errno;
    close(fd);
    return e == EWOULDBLOCK ? err_set(err, ERR_CONFLICT, "%s is in use", s->dir)
                            : err_errno(err, e, "lock %s/%s", s->dir, name);
}

int image_store_read(struct image_store *s, const struct digest *d, struct arena *a, struct str *out,
                     struct err *err)
{
    _cleanup_buf_ struct buf b = {0};
    if (file_read(store_path(s, a, "blobs/sha256/", digest_hex(d)), DOCUMENT_MAX, &b, err) < 0)
        return -1;
    *out = arena_str(a, buf_str(&b));
    return 0;
}

/* --- names --- */

struct names {
    struct str_entry *at; /* key: the name, value: the manifest's digest */
    size_t n, cap;
    struct arena arena;
};

static void names_free(struct names *n)
{
    free(n->at);
    arena_free(&n->arena);
}
#define _cleanup_names_ _cleanup_(names_free)

static void names_add(struct names *n, struct str name, struct str digest)
{
    mem_grow((void **)&n->at, &n->cap, n->n + 1, sizeof *n->at);
    n->at[n->n++] = (struct str_entry){arena_str(&n->arena, name), arena_str(&n->arena, digest)};
}

static int names_read(struct image_store *s, struct names *out, struct err *err)
{
    _cleanup_buf_ struct buf b = {0};
    const char *path = store_path(s, &out->arena, "names", "");
    if (!file_exists(path))
        return 0;
    if (file_read(path, NAMES_MAX, &b, err) < 0)
        return -1;
    struct str rest = buf_str(&b), line, digest;
    while (str_cut(&rest, '\n', &line))
        if (str_cut(&line, ' ', &digest) && line.n)
            names_add(out, line, digest);
    return 0;
}

static int names_write(struct image_store *s, struct names *n, struct err *err)
{
    _cleanup_buf_ struct buf b = {0};
    if (n->n)
        qsort(n->at, n->n, sizeof *n->at, str_qsort);
    for (size_t i = 0; i < n->n; i++)
        buf_addf(&b, STR_FMT " " STR_FMT "\n", STR_ARG(n->at[i].value), STR_ARG(n->at[i].key));
    return file_write(store_path(s, &n->arena, "names", ""), buf_str(&b), 0600, err);
}

/* --- images --- */

/* Reads the documents and says where the layers lie; which of them are there is not looked at. */
static int image_load(struct image_store *s, struct str manifest_digest, struct arena *a, struct image *out,
                      struct err *err)
{
    struct digest d;
    struct str text;
    struct oci_manifest m = {0};
    *out = (struct image){.manifest = arena_str(a, manifest_digest)};
    if (!digest_parse(manifest_digest, &d))
        return err_set(err, ERR_INVALID, "unsupported digest " STR_FMT, STR_ARG(manifest_digest));
    if (image_store_read(s, &d, a, &text, err) < 0 ||
        json_decode(a, &oci_manifest_type, text, 0, &m, NULL, err) < 0)
        return -1;
    out->size = text.n;
    if (!digest_parse(m.config.digest, &d))
        return err_set(err, ERR_INVALID, "unsupported digest " STR_FMT, STR_ARG(m.config.digest));
    out->id = m.config.digest;
    if (image_store_read(s, &d, a, &text, err) < 0 ||
        json_decode(a, &oci_image_type, text, 0, &out->config, NULL, err) < 0)
        return -1;
    out->size += text.n;
    for (size_t i = 0; i < m.layers.n; i++)
        out->size += m.layers.at[i].size > 0 ? (uint64_t)m.layers.at[i].size : 0;
    struct str_vec diff_ids = out->config.rootfs.diff_ids;
    out->layers.at = arena_new_n(a, struct str, diff_ids.n);
    for (size_t i = 0; i < diff_ids.n; i++) {
        if (!digest_parse(diff_ids.at[i], &d))
            return err_set(err, ERR_INVALID, "unsupported digest " STR_FMT, STR_ARG(diff_ids.at[i]));
        out->layers.at[out->layers.n++] = str_from(store_path(s, a, "layers/", digest_hex(&d)));
    }
    return 0;
}

static void image_add_name(struct image *i, struct arena *a, struct str name)
{
    struct str *more = arena_new_n(a, struct str, i->names.n + 1);
    if (i->names.n)
        memcpy(more, i->names.at, i->names.n * sizeof *more);
    more[i->names.n++] = arena_str(a, name);
    i->names.at = more;
}

static int image_list_names(struct image_store *s, const struct names *names, struct arena *a,
                            struct image_vec *out)
{
    *out = (struct image_vec){arena_new_n(a, struct image, names->n), 0};
    for (size_t i = 0; i < names->n; i++) {
        size_t k = 0;
        while (k < out->n && !str_eq(out->at[k].manifest, names->at[i].value))
            k++;
        if (k == out->n && image_load(s, names->at[i].value, a, &out->at[out->n++], NULL) < 0) {
            out->n--; /* damaged: as if it were not there */
            continue;
        }
        image_add_name(&out->at[k], a, names->at[i].key);
    }
    return 0;
}

int image_store_list(struct image_store *s, struct arena *a, struct image_vec *out, struct err *err)
{
    _cleanup_names_ struct names names = {0};
    return names_read(s, &names, err) < 0 ? -1 : image_list_names(s, &names, a, out);
}

/* Whether a reference, as the user wrote it, means this name or image. */
static bool image_is(const struct image *i, struct str id, const struct image_reference *r, struct str base)
{
    if (!r)
        return str_eq(i->id, id) || str_eq(str_from_at(i->id, sizeof "sha256:" - 1), id);
    for (size_t k = 0; k < i->names.n; k++) {
        struct str name = i->names.at[k];
        if (str_eq(name, r->name))
            return true;
        if (r->digest.n && str_eq(r->digest, i->manifest) && str_starts(name, base) && name.n > base.n &&
            (name.p[base.n] == ':' || name.p[base.n] == '@'))
            return true;
    }
    return false;
}

int image_store_find(struct image_store *s, struct str reference, struct arena *a, struct image *out,
                     struct err *err)
{
    struct image_reference r;
    struct digest d;
    bool by_id = digest_parse(reference, &d) || reference.n == 64;
    struct str base = {0};
    if (!by_id) {
        if (image_reference_parse(reference, a, &r, err) < 0)
            return -1;
        base = image_reference_base(&r, a);
    }
    _cleanup_names_ struct names names = {0};
    if (names_read(s, &names, err) < 0)
        return -1;
    if (!by_id) /* the usual case needs one image's documents only */
        for (size_t i = 0; i < names.n; i++)
            if (str_eq(names.at[i].key, r.name)) {
                if (image_load(s, names.at[i].value, a, out, err) < 0)
                    return -1;
                image_add_name(out, a, r.name);
                return 0;
            }
    struct image_vec images;
    image_list_names(s, &names, a, &images);
    for (size_t i = 0; i < images.n; i++)
        if (image_is(&images.at[i], reference, by_id ? NULL : &r, base)) {
            *out = images.at[i];
            return 0;
        }
    return err_set(err, ERR_NOT_FOUND, "image \"" STR_FMT "\" not found", STR_ARG(reference));
}

int image_store_remove(struct image_store *s, struct str reference, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct image image;
    if (image_store_find(s, reference, &a, &image, err) < 0)
        return -1;
    bool by_id =
        str_eq(reference, image.id) || str_eq(reference, str_from_at(image.id, sizeof "sha256:" - 1));
    struct image_reference r = {0};
    if (!by_id && image_reference_parse(reference, &a, &r, err) < 0)
        return -1;
    _cleanup_fd_ int lock = store_lock(s, "names.lock", LOCK_EX, err);
    _cleanup_names_ struct names names = {0};
    if (lock < 0 || names_read(s, &names, err) < 0)
        return -1;
    size_t kept = 0;
    for (size_t i = 0; i < names.n; i++) {
        bool gone =
            by_id || r.digest.n ? str_eq(names.at[i].value, image.manifest) : str_eq(names.at[i].key, r.name);
        if (!gone)
            names.at[kept++] = names.at[i];
    }
    names.n = kept;
    if (names_write(s, &names, err) < 0)
        return -1;
    image_store_collect(s, NULL); /* what it cannot remove now, a later turn will */
    return 0;
}

int image_store_pin(struct image_store *s, struct str pin, struct str image_id, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    return file_write(store_path(s, &a, "pins/", arena_c(&a, pin)), image_id, 0600, err);
}

void image_store_unpin(struct image_store *s, struct str pin)
{
    _cleanup_arena_ struct arena a = {0};
    unlink(store_path(s, &a, "pins/", arena_c(&a, pin)));
}

/* --- collecting --- */

/* Calls for each entry of a directory of the store. */
static void store_each(struct image_store *s, const char *below, void (*fn)(void *arg, const char *name),
                       void *arg)
{
    _cleanup_arena_ struct arena a = {0};
    DIR *dir = opendir(store_path(s, &a, below, ""));
    if (!dir)
        return;
    for (struct dirent *d; (d = readdir(dir));)
        if (d->d_name[0] != '.')
            fn(arg, d->d_name);
    closedir(dir);
}

struct pin_search {
    struct image_store *store;
    struct str id;
    bool found;
};

static void pin_compare(void *arg, const char *name)
{
    struct pin_search *q = arg;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf id = {0};
    if (!q->found && file_read(store_path(q->store, &a, "pins/", name), 256, &id, NULL) == 0)
        q->found = str_eq(buf_str(&id), q->id);
}

bool image_store_is_pinned(struct image_store *s, struct str image_id)
{
    struct pin_search q = {s, image_id, false};
    store_each(s, "pins", pin_compare, &q);
    return q.found;
}

struct collecting {
    struct image_store *store;
    struct arena arena;
    struct str_vec keep; /* hexadecimal digits of blobs and layers */
    size_t cap;
    const char *below;
    bool all;
};

static void collect_keep(struct collecting *c, struct str digest)
{
    struct digest d;
    if (!digest_parse(digest, &d))
        return;
    mem_grow((void **)&c->keep.at, &c->cap, c->keep.n + 1, sizeof *c->keep.at);
    c->keep.at[c->keep.n++] = arena_str(&c->arena, str_from(digest_hex(&d)));
}

static void collect_keep_image(struct collecting *c, const struct image *i)
{
    collect_keep(c, i->manifest);
    collect_keep(c, i->id);
    for (size_t k = 0; k < i->config.rootfs.diff_ids.n; k++)
        collect_keep(c, i->config.rootfs.diff_ids.at[k]);
}

/* A pin holds the id of a configuration, which names the layers. */
static void collect_keep_pin(void *arg, const char *name)
{
    struct collecting *c = arg;
    _cleanup_buf_ struct buf id = {0};
    struct digest d;
    struct str text;
    struct oci_image config = {0};
    if (file_read(store_path(c->store, &c->arena, "pins/", name), 256, &id, NULL) < 0 ||
        !digest_parse(buf_str(&id), &d))
        return;
    collect_keep(c, digest_str(&d));
    if (image_store_read(c->store, &d, &c->arena, &text, NULL) == 0 &&
        json_decode(&c->arena, &oci_image_type, text, 0, &config, NULL, NULL) == 0)
        for (size_t i = 0; i < config.rootfs.diff_ids.n; i++)
            collect_keep(c, config.rootfs.diff_ids.at[i]);
}

static void collect_entry(void *arg, const char *name)
{
    struct collecting *c = arg;
    struct str key = str_from(name);
    if (c->all || !c->keep.n || !bsearch(&key, c->keep.at, c->keep.n, sizeof key, str_qsort))
        file_remove_tree(store_path(c->store, &c->arena, c->below, name), NULL);
}

int image_store_collect(struct image_store *s, struct err *err)
{
    _cleanup_fd_ int lock = store_lock(s, "lock", LOCK_EX | LOCK_NB, err);
    if (lock < 0)
        return -1;
    struct collecting c = {.store = s};
    struct image_vec images;
    int r = image_store_list(s, &c.arena, &images, err);
    if (r == 0) {
        for (size_t i = 0; i < images.n; i++)
            collect_keep_image(&c, &images.at[i]);
        store_each(s, "pins", collect_keep_pin, &c);
        if (c.keep.n)
            qsort(c.keep.at, c.keep.n, sizeof *c.keep.at, str_qsort);
        c.below = "blobs/sha256/";
        store_each(s, "blobs/sha256", collect_entry, &c);
        c.below = "layers/";
        store_each(s, "layers", collect_entry, &c);
        c.below = "tmp/";
        c.all = true;
        store_each(s, "tmp", collect_entry, &c);
    }
    free(c.keep.at);
    arena_free(&c.arena);
    return r;
}

/* --- adding --- */

int image_add_begin(struct image_store *s, struct image_adding *out, struct err *err)
{
    *out = (struct image_adding){s, store_lock(s, "lock", LOCK_SH, err)};
    return out->lock_fd < 0 ? -1 : 0;
}

void image_add_end(struct image_adding *adding)
{
    if (adding->store)
        file_closep(&adding->lock_fd);
    adding->store = NULL;
}

int image_add_temporary(struct image_adding *adding, char path[static 512], struct err *err)
{
    if ((size_t)snprintf(path, 512, "%s/tmp/blob-XXXXXX", adding->store->dir) >= 512)
        return err_errno(err, ENAMETOOLONG, "%s", adding->store->dir);
    int fd = mkostemp(path, O_CLOEXEC);
    return fd < 0 ? err_errno(err, errno, "make %s", path) : fd;
}

bool image_has_layer(struct image_store *s, const struct digest *diff_id)
{
    _cleanup_arena_ struct arena a = {0};
    return file_exists(store_path(s, &a, "layers/", digest_hex(diff_id)));
}

int image_add_layer(struct image_adding *adding, const struct digest *diff_id,
                    const struct unpack_source *source, struct err *err)
{
    struct image_store *s = adding->store;
    if (image_has_layer(s, diff_id))
        return 0;
    _cleanup_arena_ struct arena a = {0};
    char uuid[37];
    random_uuid(uuid);
    const char *tmp = store_path(s, &a, "tmp/layer-", uuid);
    if (mkdir(tmp, 0755) < 0)
        return err_errno(err, errno, "make %s", tmp);
    _cleanup_fd_ int fd = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct digest found;
    uint64_t size;
    int r = fd < 0 ? err_errno(err, errno, "open %s", tmp)
                   : unpack_layer(source, fd, &UNPACK_LIMITS, &found, &size, err);
    if (r == 0 && strcmp(found.text, diff_id->text))
        r = err_set(err, ERR_INVALID, "layer's diff id is %s, the image says %s", found.text, diff_id->text);
    /* Durable before its name says that it is whole. */
    if (r == 0 && syncfs(fd) < 0)
        r = err_errno(err, errno, "sync %s", tmp);
    if (r == 0 && rename(tmp, store_path(s, &a, "layers/", digest_hex(diff_id))) < 0 && errno != EEXIST &&
        errno != ENOTEMPTY)
        r = err_errno(err, errno, "name layer %s", diff_id->text);
    file_remove_tree(tmp, NULL); /* still there after an error, or when someone was faster */
    return r;
}

int image_add_blob(struct image_adding *adding, const struct digest *digest, struct str bytes,
                   struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct digest found = digest_of(bytes);
    if (strcmp(found.text, digest->text))
        return err_set(err, ERR_INVALID, "digest is %s, %s was asked for", found.text, digest->text);
    return file_write(store_path(adding->store, &a, "blobs/sha256/", digest_hex(digest)), bytes, 0600, err);
}

int image_add_commit(struct image_adding *adding, const struct digest *manifest, const struct str *new_names,
                     size_t n, struct err *err)
{
    struct image_store *s = adding->store;
    _cleanup_fd_ int lock = store_lock(s, "names.lock", LOCK_EX, err);
    _cleanup_names_ struct names names = {0};
    if (lock < 0 || names_read(s, &names, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < names.n && !str_eq(names.at[k].key, new_names[i]))
            k++;
        if (k < names.n)
            names.at[k].value = digest_str(manifest);
        else
            names_add(&names, new_names[i], digest_str(manifest));
    }
    return names_write(s, &names, err);
}
