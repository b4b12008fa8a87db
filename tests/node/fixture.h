/* What the node's tests share: a directory of their own and an image made from Debian's busybox. */
#pragma once
#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "node/image/digest.h"
#include "test.h"

#define BUSYBOX "/bin/busybox"

/* A new directory under /tmp, removed by fixture_remove. */
static inline char *fixture_directory(void)
{
    char path[] = "/tmp/sagong-node-XXXXXX";
    assert_non_null(mkdtemp(path));
    return str_dup_c(str_from(path));
}

static inline void fixture_remove(char *dir)
{
    _cleanup_err_ struct err err = {0};
    assert_ok(file_remove_tree(dir, &err), err);
    free(dir);
}

static inline void fixture_add(struct archive *out, const char *path, mode_t mode, struct str content,
                               const char *link)
{
    struct archive_entry *e = archive_entry_new();
    archive_entry_set_pathname(e, path);
    archive_entry_set_mode(e, mode);
    archive_entry_set_uid(e, geteuid());
    archive_entry_set_gid(e, getegid());
    archive_entry_set_size(e, (la_int64_t)content.n);
    if (link)
        archive_entry_set_symlink(e, link);
    assert_int_equal(archive_write_header(out, e), ARCHIVE_OK);
    if (content.n)
        assert_int_equal(archive_write_data(out, content.p, content.n), content.n);
    archive_entry_free(e);
}

/* The root file system of the image, as a tar. */
static inline void fixture_layer(struct buf *out)
{
    static const char *const tools[] = {"sh",    "sleep", "echo", "cat", "ls",      "id",       "env",
                                        "true",  "false", "wget", "nc",  "httpd",   "hostname", "mount",
                                        "touch", "test",  "grep", "dd",  "kill",    "pwd",      "stat",
                                        "ps",    "tail",  "head", "ip",  "readlink"};
    _cleanup_buf_ struct buf busybox = {0};
    size_t used = 0, cap = 4 << 20;
    assert_int_equal(file_read(BUSYBOX, cap, &busybox, NULL), 0);
    char *memory = buf_room(out, cap);
    struct archive *a = archive_write_new();
    archive_write_set_format_ustar(a);
    archive_write_open_memory(a, memory, cap, &used);
    const char *const dirs[] = {"bin", "etc", "proc", "sys", "dev", "tmp", "root", "var"};
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
        fixture_add(a, dirs[i], S_IFDIR | (strcmp(dirs[i], "tmp") ? 0755 : 01777), STR(""), NULL);
    fixture_add(a, "bin/busybox", S_IFREG | 0755, buf_str(&busybox), NULL);
    for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
        char path[32];
        snprintf(path, sizeof path, "bin/%s", tools[i]);
        fixture_add(a, path, S_IFLNK | 0777, STR(""), "busybox");
    }
    fixture_add(a, "etc/passwd", S_IFREG | 0644,
                STR("root:x:0:0:root:/root:/bin/sh\nboat:x:1234:1235:Boat:/tmp:/bin/sh\n"), NULL);
    fixture_add(a, "etc/group", S_IFREG | 0644, STR("root:x:0:\nboat:x:1235:\ncrew:x:77:boat\n"), NULL);
    archive_write_free(a);
    out->n += used;
}

/* Writes the image as `docker save` would, to `path`, under the name `name`. `config` is the inside of the
 * image configuration's "config" object. */
static inline void fixture_image(const char *path, const char *name, const char *config)
{
    _cleanup_buf_ struct buf layer = {0};
    _cleanup_buf_ struct buf document = {0};
    _cleanup_buf_ struct buf manifest = {0};
    fixture_layer(&layer);
    struct digest diff_id = digest_of(buf_str(&layer));
    buf_addf(&document,
             "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{%s},\"rootfs\":{\"type\":\"layers\","
             "\"diff_ids\":[\"%s\"]}}",
             config, diff_id.text);
    buf_addf(&manifest, "[{\"Config\":\"config.json\",\"RepoTags\":[\"%s\"],\"Layers\":[\"a/layer.tar\"]}]",
             name);
    struct archive *a = archive_write_new();
    archive_write_set_format_ustar(a);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    fixture_add(a, "a/layer.tar", S_IFREG | 0644, buf_str(&layer), NULL);
    fixture_add(a, "config.json", S_IFREG | 0644, buf_str(&document), NULL);
    fixture_add(a, "manifest.json", S_IFREG | 0644, buf_str(&manifest), NULL);
    archive_write_free(a);
}

/* The i-th of this process' ports (0 to 3), which the kernel gives to no one: below those of clients and node
 * ports. */
static inline int fixture_port(int i)
{
    return 10000 + (int)getpid() % 5000 * 4 + i;
}

static inline bool fixture_has(const char *program)
{
    return process_run(&(struct process_options){.argv = (const char *[]){"which", program, NULL}}, NULL) ==
           0;
}

#define SKIP_UNLESS(condition, what)                                                                         \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            print_message("needs %s\n", what);                                                               \
            skip();                                                                                          \
        }                                                                                                    \
    } while (0)
