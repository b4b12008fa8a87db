/* Layers are unpacked for overlayfs, and hostile ones reach nothing outside their directory. */
#include "node/image/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "test.h"

/* A layer being made, and where it goes. */
struct layer {
    struct archive *archive;
    char *bytes;
    size_t used, cap, sent;
    char dir[64], root[80];
};

static void layer_begin(struct layer *l, int filter)
{
    *l = (struct layer){.cap = 1 << 20};
    l->bytes = mem_zalloc(l->cap);
    l->archive = archive_write_new();
    archive_write_set_format_pax_restricted(l->archive);
    archive_write_add_filter(l->archive, filter);
    archive_write_open_memory(l->archive, l->bytes, l->cap, &l->used);
    strcpy(l->dir, "/tmp/sagong-unpack-XXXXXX");
    assert_non_null(mkdtemp(l->dir));
    sprintf(l->root, "%s/root", l->dir);
    mkdir(l->root, 0755);
}

static void layer_add(struct layer *l, const char *path, mode_t mode, const char *content, const char *link)
{
    struct archive_entry *e = archive_entry_new();
    archive_entry_set_pathname(e, path);
    archive_entry_set_mode(e, mode);
    archive_entry_set_mtime(e, 1000, 0);
    archive_entry_set_uid(e, geteuid());
    archive_entry_set_gid(e, getegid());
    if (S_ISLNK(mode))
        archive_entry_set_symlink(e, link);
    else if (link)
        archive_entry_set_hardlink(e, link);
    if (S_ISCHR(mode))
        archive_entry_set_rdev(e, makedev(1, 3));
    archive_entry_xattr_add_entry(e, "trusted.overlay.redirect", "/etc", 4);
    archive_entry_xattr_add_entry(e, "user.kept", "yes", 3);
    archive_entry_set_size(e, content ? (la_int64_t)strlen(content) : 0);
    assert_int_equal(archive_write_header(l->archive, e), ARCHIVE_OK);
    if (content)
        archive_write_data(l->archive, content, strlen(content));
    archive_entry_free(e);
}

static ptrdiff_t layer_read(void *arg, const void **block, struct err *err)
{
    (void)err;
    struct layer *l = arg;
    size_t n = l->used - l->sent < 1000 ? l->used - l->sent : 1000;
    *block = l->bytes + l->sent;
    l->sent += n;
    return (ptrdiff_t)n;
}

static int layer_unpack(struct layer *l, const struct unpack_limits *limits, struct digest *diff_id,
                        struct err *err)
{
    if (l->archive)
        archive_write_free(l->archive);
    l->archive = NULL;
    l->sent = 0;
    _cleanup_fd_ int fd = open(l->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint64_t size;
    struct unpack_source source = {layer_read, l};
    return unpack_layer(&source, fd, limits, diff_id, &size, err);
}

static void layer_end(struct layer *l)
{
    assert_int_equal(file_remove_tree(l->dir, NULL), 0);
    free(l->bytes);
}

static struct stat layer_stat(const struct layer *l, const char *path)
{
    char full[256];
    struct stat st = {0};
    sprintf(full, "%s/%s", l->root, path);
    lstat(full, &st);
    return st;
}

static void unpacks_every_kind_of_entry(int filter)
{
    struct layer l;
    layer_begin(&l, filter);
    layer_add(&l, "./etc/", S_IFDIR | 0750, NULL, NULL);
    layer_add(&l, "etc/hostname", S_IFREG | 0640, "hello", NULL);
    layer_add(&l, "etc/same", S_IFREG | 0640, NULL, "etc/hostname");
    layer_add(&l, "link", S_IFLNK | 0777, NULL, "etc/hostname");
    layer_add(&l, "no/dir/entry", S_IFREG | 04755, "x", NULL);
    layer_add(&l, "etc/.wh.gone", S_IFREG, "", NULL);
    layer_add(&l, "etc/.wh..wh..opq", S_IFREG, "", NULL);
    _cleanup_err_ struct err err = {0};
    struct digest diff_id;
    assert_ok(layer_unpack(&l, &UNPACK_LIMITS, &diff_id, &err), err);
    struct stat st = layer_stat(&l, "etc");
    assert_int_equal(st.st_mode, S_IFDIR | 0750);
    assert_int_equal(st.st_mtime, 1000);
    st = layer_stat(&l, "etc/hostname");
    assert_int_equal(st.st_mode, S_IFREG | 0640);
    assert_int_equal(st.st_size, 5);
    assert_int_equal(st.st_ino, layer_stat(&l, "etc/same").st_ino);
    assert_true(S_ISLNK(layer_stat(&l, "link").st_mode));
    assert_int_equal(layer_stat(&l, "no/dir/entry").st_mode, S_IFREG | 04755);
    assert_true(S_ISCHR(layer_stat(&l, "etc/gone").st_mode));
    char value[8], path[256];
    sprintf(path, "%s/etc", l.root);
    assert_int_equal(getxattr(path, "trusted.overlay.opaque", value, sizeof value), 1);
    assert_int_equal(getxattr(path, "user.kept", value, sizeof value), 3);
    assert_int_equal(getxattr(path, "trusted.overlay.redirect", value, sizeof value), -1);
    layer_end(&l);
}

static void unpacks_plain_gzip_and_zstd(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("needs root: whiteouts are devices\n");
        skip();
    }
    unpacks_every_kind_of_entry(ARCHIVE_FILTER_NONE);
    unpacks_every_kind_of_entry(ARCHIVE_FILTER_GZIP);
    unpacks_every_kind_of_entry(ARCHIVE_FILTER_ZSTD);
}

static void diff_id_is_of_the_uncompressed_tar(void **state)
{
    (void)state;
    struct layer plain, packed;
    struct digest a, b;
    layer_begin(&plain, ARCHIVE_FILTER_NONE);
    layer_begin(&packed, ARCHIVE_FILTER_GZIP);
    layer_add(&plain, "f", S_IFREG | 0644, "content", NULL);
    layer_add(&packed, "f", S_IFREG | 0644, "content", NULL);
    assert_int_equal(layer_unpack(&plain, &UNPACK_LIMITS, &a, NULL), 0);
    assert_int_equal(layer_unpack(&packed, &UNPACK_LIMITS, &b, NULL), 0);
    assert_string_equal(a.text, b.text);
    assert_string_equal(a.text, digest_of(str_slice(plain.bytes, plain.used)).text);
    layer_end(&plain);
    layer_end(&packed);
}

/* Each attack is an entry or two; none may reach DIR/outside, which stands beside the root. */
static void nothing_escapes(void **state)
{
    (void)state;
    const struct {
        const char *first, *first_link;
        mode_t first_mode;
        const char *second, *second_link;
        const char *message; /* of the refusal; NULL: kept inside */
    } attacks[] = {
        {"../outside", NULL, S_IFREG, NULL, NULL, "\"..\" in path"},
        {"a/../../outside", NULL, S_IFREG, NULL, NULL, "\"..\" in path"},
        {"/outside", NULL, S_IFREG, NULL, NULL, "absolute path"},
        {"up", "..", S_IFLNK, "up/outside", NULL, NULL},
        {"up", "../..", S_IFLNK, "up/outside", NULL, NULL},
        {"abs", "/", S_IFLNK, "abs/outside", NULL, NULL},
        {"outside-link", "../outside", S_IFLNK, "outside-link", NULL, NULL},
        {"hard", "../outside", S_IFREG, NULL, NULL, "\"..\" in path"},
        {"hard", "/etc/passwd", S_IFREG, NULL, NULL, "absolute path"},
        {"up", "../../..", S_IFLNK, "hard", "up/etc/passwd", "unpack \"hard\""},
        {"up", "..", S_IFLNK, "up/.wh.outside", NULL, NULL},
        {"d/.wh...", NULL, S_IFREG, NULL, NULL, "unpack"},
    };
    for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
        struct layer l;
        char outside[128];
        layer_begin(&l, ARCHIVE_FILTER_NONE);
        sprintf(outside, "%s/outside", l.dir);
        assert_int_equal(file_write(outside, STR("untouched"), 0600, NULL), 0);
        layer_add(&l, attacks[i].first, attacks[i].first_mode | 0644, NULL, attacks[i].first_link);
        if (attacks[i].second)
            layer_add(&l, attacks[i].second, S_IFREG | 0644, attacks[i].second_link ? NULL : "overwritten",
                      attacks[i].second_link);
        _cleanup_err_ struct err err = {0};
        struct digest diff_id;
        int r = layer_unpack(&l, &UNPACK_LIMITS, &diff_id, &err);
        if (attacks[i].message) {
            assert_int_equal(r, -1);
            if (str_find(err.message, str_from(attacks[i].message)) < 0)
                fail_msg("attack %zu: " STR_FMT, i, STR_ARG(err.message));
        } else if (geteuid() == 0) {
            assert_ok(r, err);
        }
        _cleanup_buf_ struct buf content = {0};
        assert_int_equal(file_read(outside, 100, &content, NULL), 0);
        assert_str(buf_str(&content), "untouched");
        layer_end(&l);
    }
}

static void limits_hold(void **state)
{
    (void)state;
    struct digest diff_id;
    struct layer l;
    _cleanup_err_ struct err err = {0};
    layer_begin(&l, ARCHIVE_FILTER_GZIP);
    for (int i = 0; i < 11; i++) {
        char name[8];
        sprintf(name, "f%d", i);
        layer_add(&l, name, S_IFREG | 0644, "x", NULL);
    }
    assert_int_equal(layer_unpack(&l, &(struct unpack_limits){1 << 20, 10}, &diff_id, &err), -1);
    assert_str(err.message, "layer has more than the limit of 10 entries");
    assert_int_equal(layer_unpack(&l, &(struct unpack_limits){2000, 100}, &diff_id, &err), -1);
    assert_str(err.message, "layer is larger than the limit of 2000 bytes");
    layer_end(&l);
}

static void corrupt_layers_are_errors(void **state)
{
    (void)state;
    struct digest diff_id;
    struct layer l;
    layer_begin(&l, ARCHIVE_FILTER_GZIP);
    char *content = mem_zalloc(50001);
    for (int i = 0; i < 50000; i++)
        content[i] = (char)('a' + i * 7919 % 23);
    layer_add(&l, "file", S_IFREG | 0644, content, NULL);
    _cleanup_err_ struct err err = {0};
    assert_ok(layer_unpack(&l, &UNPACK_LIMITS, &diff_id, &err), err);
    struct digest good = diff_id;
    size_t whole = l.used;
    l.used = whole / 2; /* cut off */
    assert_int_equal(layer_unpack(&l, &UNPACK_LIMITS, &diff_id, &err), -1);
    assert_true(str_starts(err.message, STR("layer is corrupt: ")));
    l.used = whole;
    l.bytes[whole / 2] ^= 0x55; /* damaged: either noticed at once or by the digest */
    err_clear(&err);
    if (layer_unpack(&l, &UNPACK_LIMITS, &diff_id, &err) == 0)
        assert_string_not_equal(diff_id.text, good.text);
    l.used = 0; /* empty */
    assert_int_equal(layer_unpack(&l, &UNPACK_LIMITS, &diff_id, &err), -1);
    memcpy(l.bytes, "this is no tar at all", l.used = 21);
    assert_int_equal(layer_unpack(&l, &UNPACK_LIMITS, &diff_id, &err), -1);
    free(content);
    layer_end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unpacks_plain_gzip_and_zstd),
        cmocka_unit_test(diff_id_is_of_the_uncompressed_tar),
        cmocka_unit_test(nothing_escapes),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(corrupt_layers_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
