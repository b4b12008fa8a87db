#include "node/image/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "node/image/media.h"
#include "node/image/reference.h"
#include "node/image/transfer.h"
#include "schema/json.h"

enum { ARCHIVE_FILES_MAX = 100000, ARCHIVE_DOCUMENT_MAX = 8 << 20 };

/* The archive's files, each put aside as a temporary file: what refers to what is known only at its end. */
struct archive_file {
    struct str link; /* of a symbolic link: what it names, resolved */
    char path[512];  /* of a file: where it was put */
    int64_t size;
};
struct image_archive {
    struct image_store *store;
    struct image_adding adding;
    struct arena arena;
    struct map files;     /* by name: "blobs/sha256/…" */
    struct map documents; /* by digest: manifests made here, as struct str */
    struct str_vec loaded;
    size_t cap;
};

/* "a/./b/../c" as the archive's root sees it: "a/c". What would climb out stays at the root. */
static struct str path_clean(struct arena *a, struct str dir, struct str path)
{
    struct str full =
        path.n && path.p[0] == '/' ? path : arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(dir), STR_ARG(path));
    char *out = arena_alloc(a, full.n + 1);
    size_t n = 0;
    struct str part;
    while (str_cut(&full, '/', &part)) {
        if (!part.n || str_is(part, "."))
            continue;
        if (str_is(part, "..")) {
            while (n && out[--n] != '/')
                ;
            continue;
        }
        if (n)
            out[n++] = '/';
        memcpy(out + n, part.p, part.n);
        n += part.n;
    }
    return str_slice(out, n);
}

static struct archive_file *archive_find(struct image_archive *ar, struct str name)
{
    struct archive_file *f = map_get(&ar->files, path_clean(&ar->arena, STR(""), name));
    for (int hops = 0; f && f->link.n && hops < 8; hops++)
        f = map_get(&ar->files, f->link);
    return f && !f->link.n ? f : NULL;
}

static int archive_put_aside(struct image_archive *ar, struct archive *in, struct archive_entry *e,
                             struct err *err)
{
    const char *name = archive_entry_pathname(e);
    if (!name || ar->files.n >= ARCHIVE_FILES_MAX)
        return err_set(err, ERR_INVALID, "archive has too many entries or one without a name");
    struct archive_file *f = arena_new(&ar->arena, struct archive_file);
    struct str key = path_clean(&ar->arena, STR(""), str_from(name));
    mode_t type = archive_entry_filetype(e);
    const char *link = type == AE_IFLNK ? archive_entry_symlink(e) : archive_entry_hardlink(e);
    if (link) {
        ptrdiff_t slash = str_last_index(key, '/');
        struct str dir = type == AE_IFLNK && slash > 0 ? str_slice(key.p, (size_t)slash) : STR("");
        f->link = path_clean(&ar->arena, dir, str_from(link));
    } else if (type == AE_IFREG) {
        _cleanup_fd_ int fd = image_add_temporary(&ar->adding, f->path, err);
        if (fd < 0)
            return -1;
        map_put(&ar->files, key, f); /* before the data: so that it is removed again */
        if (archive_read_data_into_fd(in, fd) != ARCHIVE_OK)
            return err_set(err, ERR_INVALID, "archive is corrupt: %s", archive_error_string(in));
        f->size = archive_entry_size(e);
        return 0;
    } else {
        return 0;
    }
    map_put(&ar->files, key, f);
    return 0;
}

static int archive_read_all(struct image_archive *ar, const char *path, struct err *err)
{
    struct archive *in = archive_read_new();
    struct archive_entry *e;
    archive_read_support_filter_gzip(in);
    archive_read_support_filter_zstd(in);
    archive_read_support_format_tar(in);
    int r = archive_read_open_filename(in, path, 64 * 1024), failed = 0;
    while (!failed && r >= ARCHIVE_WARN && (r = archive_read_next_header(in, &e)) >= ARCHIVE_WARN &&
           r != ARCHIVE_EOF)
        failed = archive_put_aside(ar, in, e, err);
    if (!failed && r != ARCHIVE_EOF)
        failed = err_set(err, ERR_INVALID, "%s: %s", path, archive_error_string(in));
    archive_read_free(in);
    return failed;
}

static int archive_read_file(struct image_archive *ar, struct str name, struct arena *a, struct str *out,
                             struct err *err)
{
    struct archive_file *f = archive_find(ar, name);
    _cleanup_buf_ struct buf b = {0};
    if (!f)
        return err_set(err, ERR_NOT_FOUND, "archive has no " STR_FMT, STR_ARG(name));
    if (file_read(f->path, ARCHIVE_DOCUMENT_MAX, &b, err) < 0)
        return -1;
    *out = arena_str(a, buf_str(&b));
    return 0;
}

/* --- as an origin --- */

static struct str blob_name(struct arena *a, struct str digest)
{
    return arena_printf(a, "blobs/sha256/" STR_FMT, STR_ARG(str_from_at(digest, sizeof "sha256:" - 1)));
}

static int archive_document(void *arg, const struct oci_descriptor *d, struct arena *a, struct str *out,
                            struct err *err)
{
    struct image_archive *ar = arg;
    struct str *made = map_get(&ar->documents, d->digest);
    if (made) {
        *out = *made;
        return 0;
    }
    return archive_read_file(ar, blob_name(a, d->digest), a, out, err);
}

static int archive_layer(void *arg, struct image_adding *adding, const struct oci_descriptor *d,
                         struct err *err)
{
    (void)adding;
    struct image_archive *ar = arg;
    _cleanup_arena_ struct arena a = {0};
    /* `docker save` names its layers freely: then the map knows the name of the file. */
    struct str *name = map_get(&ar->documents, d->digest);
    struct str key = name ? *name : blob_name(&a, d->digest);
    struct archive_file *f = map_get(&ar->files, path_clean(&a, STR(""), key));
    for (int hops = 0; f && f->link.n && hops < 8; hops++)
        f = map_get(&ar->files, f->link);
    if (!f || f->link.n)
        return err_set(err, ERR_NOT_FOUND, "archive has no " STR_FMT, STR_ARG(key));
    int fd = open(f->path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? err_errno(err, errno, "open %s", f->path) : fd;
}

static void archive_loaded(struct image_archive *ar, struct str name)
{
    mem_grow((void **)&ar->loaded.at, &ar->cap, ar->loaded.n + 1, sizeof name);
    ar->loaded.at[ar->loaded.n++] = name;
}

static int archive_add(struct image_archive *ar, const struct oci_descriptor *root,
                       const struct str_vec *references, struct err *err)
{
    struct str *names = arena_new_n(&ar->arena, struct str, references->n);
    for (size_t i = 0; i < references->n; i++) {
        struct image_reference r;
        if (image_reference_parse(references->at[i], &ar->arena, &r, err) < 0)
            return err_wrap(err, "image name \"" STR_FMT "\"", STR_ARG(references->at[i]));
        names[i] = r.name;
    }
    if (!references->n)
        return err_set(err, ERR_INVALID, "the archive does not name its image: give it a name");
    struct image_origin origin = {archive_document, archive_layer, ar};
    if (image_transfer(ar->store, &origin, root, names, references->n, err) < 0)
        return -1;
    for (size_t i = 0; i < references->n; i++)
        archive_loaded(ar, names[i]);
    return 0;
}

/* --- OCI layout --- */

static struct str annotation(const struct oci_descriptor *d, const char *key)
{
    for (size_t i = 0; i < d->annotations.n; i++)
        if (str_is(d->annotations.at[i].key, key))
            return d->annotations.at[i].value;
    return (struct str){0};
}

static int archive_load_layout(struct image_archive *ar, struct str name, struct err *err)
{
    struct str text;
    struct oci_manifest index = {0};
    if (archive_read_file(ar, STR("index.json"), &ar->arena, &text, err) < 0 ||
        json_decode(&ar->arena, &oci_manifest_type, text, 0, &index, NULL, err) < 0)
        return -1;
    for (size_t i = 0; i < index.manifests.n; i++) {
        const struct oci_descriptor *d = &index.manifests.at[i];
        struct str said = annotation(d, "io.containerd.image.name");
        if (!said.n) /* a tag alone is no name of an image */
            said = annotation(d, "org.opencontainers.image.ref.name");
        if (name.n || (str_index(said, ':') < 0 && str_index(said, '/') < 0))
            said = name;
        struct str_vec references = {&said, said.n ? 1 : 0};
        if (archive_add(ar, d, &references, err) < 0)
            return -1;
    }
    return index.manifests.n ? 0 : err_set(err, ERR_INVALID, "the archive's index.json names no image");
}

/* --- docker save --- */

/* Writes the manifest that such an archive lacks. */
static int archive_make_manifest(struct image_archive *ar, const struct docker_archive_image *image,
                                 struct oci_descriptor *root, struct err *err)
{
    struct arena *a = &ar->arena;
    struct str config_text;
    struct oci_image config = {0};
    if (archive_read_file(ar, image->config, a, &config_text, err) < 0 ||
        json_decode(a, &oci_image_type, config_text, 0, &config, NULL, err) < 0)
        return -1;
    if (config.rootfs.diff_ids.n != image->layers.n)
        return err_set(err, ERR_INVALID, "archive has %zu layers, its configuration %zu", image->layers.n,
                       config.rootfs.diff_ids.n);
    struct digest config_digest = digest_of(config_text);
    struct str *config_copy = arena_new(a, struct str);
    *config_copy = config_text;
    struct oci_manifest m = {
        .schema_version = 2,
        .media_type = STR(OCI_MEDIA_MANIFEST),
        .config = {.media_type = STR("application/vnd.oci.image.config.v1+json"),
                   .digest = arena_str(a, digest_str(&config_digest)),
                   .size = (int64_t)config_text.n},
        .layers = {arena_new_n(a, struct oci_descriptor, image->layers.n), image->layers.n},
    };
    map_put(&ar->documents, m.config.digest, config_copy);
    for (size_t i = 0; i < image->layers.n; i++) {
        struct archive_file *f = archive_find(ar, image->layers.at[i]);
        m.layers.at[i] = (struct oci_descriptor){.media_type = STR("application/vnd.oci.image.layer.v1.tar"),
                                                 .digest = config.rootfs.diff_ids.at[i],
                                                 .size = f ? f->size : 0};
        map_put(&ar->documents, m.layers.at[i].digest, &image->layers.at[i]);
    }
    _cleanup_buf_ struct buf b = {0};
    json_encode(&b, &oci_manifest_type, &m);
    struct str *text = arena_new(a, struct str);
    *text = arena_str(a, buf_str(&b));
    struct digest digest = digest_of(*text);
    *root = (struct oci_descriptor){.digest = arena_str(a, digest_str(&digest)), .size = (int64_t)text->n};
    map_put(&ar->documents, root->digest, text);
    return 0;
}

static int archive_load_docker(struct image_archive *ar, struct str name, struct err *err)
{
    struct str text;
    struct docker_archive docker = {0};
    if (archive_read_file(ar, STR("manifest.json"), &ar->arena, &text, err) < 0)
        return -1;
    text = arena_printf(&ar->arena, "{\"images\":" STR_FMT "}", STR_ARG(text));
    if (json_decode(&ar->arena, &docker_archive_type, text, 0, &docker, NULL, err) < 0)
        return -1;
    for (size_t i = 0; i < docker.images.n; i++) {
        struct oci_descriptor root;
        struct str_vec references = docker.images.at[i].repo_tags;
        if (name.n)
            references = (struct str_vec){&name, 1};
        if (archive_make_manifest(ar, &docker.images.at[i], &root, err) < 0 ||
            archive_add(ar, &root, &references, err) < 0)
            return -1;
    }
    return docker.images.n ? 0 : err_set(err, ERR_INVALID, "the archive's manifest.json names no image");
}

int image_archive_load(struct image_store *s, const char *path, struct str name, struct arena *a,
                       struct str_vec *names, struct err *err)
{
    struct image_archive ar = {.store = s};
    if (image_add_begin(s, &ar.adding, err) < 0)
        return -1;
    int r = archive_read_all(&ar, path, err);
    if (r == 0) {
        /* `docker save` of today writes both; there manifest.json has the better names. */
        if (archive_find(&ar, STR("manifest.json")))
            r = archive_load_docker(&ar, name, err);
        else if (archive_find(&ar, STR("index.json")))
            r = archive_load_layout(&ar, name, err);
        else
            r = err_set(err, ERR_INVALID, "%s holds neither an OCI layout nor a docker archive", path);
    }
    *names = (struct str_vec){arena_new_n(a, struct str, ar.loaded.n), ar.loaded.n};
    for (size_t i = 0; i < ar.loaded.n; i++)
        names->at[i] = arena_str(a, ar.loaded.at[i]);
    map_each (&ar.files, slot)
        if (!((struct archive_file *)slot->value)->link.n)
            unlink(((struct archive_file *)slot->value)->path);
    image_add_end(&ar.adding);
    free(ar.loaded.at);
    map_free(&ar.files);
    map_free(&ar.documents);
    arena_free(&ar.arena);
    return r;
}
