/* The image store: loading archives, names, removal, pins. */
#include "node/image/store.h"

#include "fixture.h"
#include "node/image/archive.h"

struct world {
    char *dir, archive[128], store_dir[128];
    struct image_store *store;
    struct arena arena;
    struct err err;
};

static int setup(void **state)
{
    struct world *w = mem_zalloc(sizeof *w);
    w->dir = fixture_directory();
    sprintf(w->archive, "%s/image.tar", w->dir);
    sprintf(w->store_dir, "%s/images", w->dir);
    if (geteuid() == 0 && file_exists(BUSYBOX)) {
        fixture_image(w->archive, "boat:1", "\"Cmd\":[\"/bin/sh\"],\"Env\":[\"A=b\"]");
        assert_ok(image_store_open(w->store_dir, &w->store, &w->err), w->err);
    }
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    image_store_close(w->store);
    fixture_remove(w->dir);
    arena_free(&w->arena);
    err_clear(&w->err);
    free(w);
    return 0;
}

static struct str_vec load(struct world *w, const char *archive)
{
    struct str_vec names;
    assert_ok(image_archive_load(w->store, archive, STR(""), &w->arena, &names, &w->err), w->err);
    return names;
}

static size_t count(struct world *w, const char *below)
{
    char command[256], path[160];
    _cleanup_buf_ struct buf out = {0};
    sprintf(path, "%s/%s", w->store_dir, below);
    sprintf(command, "ls %s | wc -l", path);
    assert_int_equal(
        process_run(
            &(struct process_options){.argv = (const char *[]){"sh", "-c", command, NULL}, .output = &out},
            NULL),
        0);
    int64_t n = 0;
    assert_true(str_to_i64(str_trim(buf_str(&out)), &n));
    return (size_t)n;
}

static void loads_a_docker_archive(void **state)
{
    struct world *w = *state;
    SKIP_UNLESS(w->store, "root and busybox-static");
    struct str_vec names = load(w, w->archive);
    assert_int_equal(names.n, 1);
    assert_str(names.at[0], "docker.io/library/boat:1");
    struct image image;
    assert_ok(image_store_find(w->store, STR("boat:1"), &w->arena, &image, &w->err), w->err);
    assert_int_equal(image.layers.n, 1);
    assert_str(image.config.config.cmd.at[0], "/bin/sh");
    char path[300];
    struct stat st;
    sprintf(path, STR_FMT "/bin/busybox", STR_ARG(image.layers.at[0]));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode, S_IFREG | 0755);
    struct image by_id;
    assert_ok(image_store_find(w->store, image.id, &w->arena, &by_id, &w->err), w->err);
    assert_true(str_eq(by_id.manifest, image.manifest));
    assert_int_equal(count(w, "tmp"), 0);
}

static void loads_an_oci_archive_with_the_same_layers(void **state)
{
    struct world *w = *state;
    SKIP_UNLESS(w->store && fixture_has("skopeo"), "root, busybox-static and skopeo");
    char from[200], to[200], oci[160];
    sprintf(oci, "%s/oci.tar", w->dir);
    sprintf(from, "docker-archive:%s", w->archive);
    sprintf(to, "oci-archive:%s:ghcr.io/a/b:v1", oci);
    assert_ok(process_run(&(struct process_options){.argv = (const char *[]){"skopeo", "--insecure-policy",
                                                                             "--tmpdir", w->dir, "copy", from,
                                                                             to, NULL}},
                          &w->err),
              w->err);
    load(w, w->archive);
    struct str_vec names = load(w, oci);
    assert_int_equal(names.n, 1);
    assert_str(names.at[0], "ghcr.io/a/b:v1");
    assert_int_equal(count(w, "layers"), 1); /* compressed there, plain here: the same layer */
    struct image_vec images;
    assert_ok(image_store_list(w->store, &w->arena, &images, &w->err), w->err);
    assert_int_equal(images.n, 2);
}

static void removal_keeps_what_is_pinned(void **state)
{
    struct world *w = *state;
    SKIP_UNLESS(w->store, "root and busybox-static");
    load(w, w->archive);
    struct image image;
    assert_ok(image_store_find(w->store, STR("boat:1"), &w->arena, &image, &w->err), w->err);
    assert_ok(image_store_pin(w->store, STR("container-1"), image.id, &w->err), w->err);
    assert_ok(image_store_remove(w->store, STR("boat:1"), &w->err), w->err);
    assert_int_equal(image_store_find(w->store, STR("boat:1"), &w->arena, &image, &w->err), -1);
    assert_int_equal(w->err.reason, ERR_NOT_FOUND);
    assert_int_equal(count(w, "layers"), 1);
    image_store_unpin(w->store, STR("container-1"));
    assert_ok(image_store_collect(w->store, &w->err), w->err);
    assert_int_equal(count(w, "layers"), 0);
    assert_int_equal(count(w, "blobs/sha256"), 0);
}

static void a_wrong_diff_id_is_refused(void **state)
{
    struct world *w = *state;
    SKIP_UNLESS(w->store, "root and busybox-static");
    /* Change one byte of the layer in the archive: busybox is long, so its middle is data. */
    FILE *f = fopen(w->archive, "r+");
    fseek(f, 500000, SEEK_SET);
    int c = fgetc(f);
    fseek(f, 500000, SEEK_SET);
    fputc(c ^ 1, f);
    fclose(f);
    struct str_vec names;
    assert_int_equal(image_archive_load(w->store, w->archive, STR(""), &w->arena, &names, &w->err), -1);
    assert_true(str_find(w->err.message, STR("layer's diff id is sha256:")) >= 0);
    assert_int_equal(count(w, "layers"), 0);
    assert_int_equal(count(w, "tmp"), 0);
}

static void an_archive_of_something_else_is_refused(void **state)
{
    struct world *w = *state;
    SKIP_UNLESS(w->store, "root and busybox-static");
    struct str_vec names;
    assert_int_equal(file_write(w->archive, STR("hello"), 0600, NULL), 0);
    assert_int_equal(image_archive_load(w->store, w->archive, STR(""), &w->arena, &names, &w->err), -1);
    assert_int_equal(names.n, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(loads_a_docker_archive),
        T(loads_an_oci_archive_with_the_same_layers),
        T(removal_keeps_what_is_pinned),
        T(a_wrong_diff_id_is_refused),
        T(an_archive_of_something_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
