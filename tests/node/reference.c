/* Image references, completed and refused as Docker does. */
#include "node/image/reference.h"

#include "test.h"

static void check(const char *text, const char *name)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct image_reference r;
    assert_ok(image_reference_parse(str_from(text), &a, &r, &err), err);
    assert_str(r.name, name);
}

static void check_refused(const char *text, const char *message)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct image_reference r;
    assert_int_equal(image_reference_parse(str_from(text), &a, &r, &err), -1);
    assert_str(err.message, message);
}

#define SHA "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void completes_names(void **state)
{
    (void)state;
    check("busybox", "docker.io/library/busybox:latest");
    check("busybox:1.35", "docker.io/library/busybox:1.35");
    check("index.docker.io/busybox", "docker.io/library/busybox:latest");
    check("user/app", "docker.io/user/app:latest");
    check("localhost/app", "localhost/app:latest");
    check("localhost:5000/a/b__c:V1", "localhost:5000/a/b__c:V1");
    check("ghcr.io/a/b-c.d@" SHA, "ghcr.io/a/b-c.d@" SHA);
    check("ghcr.io/a/b:x@" SHA, "ghcr.io/a/b:x@" SHA);
    check("[::1]:5000/a", "[::1]:5000/a:latest");
}

static void refuses_what_is_no_reference(void **state)
{
    (void)state;
    const char *wrong[] = {
        "",     "a b",   ":tag",        "a:",    "a//b",           "a/../b", "-a",
        "a..b", "a:b:c", "a@sha256:12", "a___b", "reg.io:99999/a", "a/b:-x", "a@" SHA "@" SHA,
        "/a"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        check_refused(wrong[i], "invalid reference format");
    check_refused("Busybox", "invalid reference format: repository name (library/Busybox) must be lowercase");
    check_refused(
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "invalid repository name (e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855), cannot "
        "specify 64-byte hexadecimal strings");
}

static void knows_the_host(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct image_reference r;
    assert_int_equal(image_reference_parse(STR("busybox"), &a, &r, NULL), 0);
    assert_str(image_reference_host(&r), "registry-1.docker.io");
    assert_str(image_reference_base(&r, &a), "docker.io/library/busybox");
    assert_int_equal(image_reference_parse(STR("localhost:5000/a"), &a, &r, NULL), 0);
    assert_str(image_reference_host(&r), "localhost:5000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(completes_names),
        cmocka_unit_test(refuses_what_is_no_reference),
        cmocka_unit_test(knows_the_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
