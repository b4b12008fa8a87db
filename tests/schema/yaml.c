/* YAML as the API reads and writes it. */
#include "schema/yaml.h"
#include "schema/json.h"
#include "test.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena = (struct arena){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static void reads(const char *yaml, const char *json)
{
    _cleanup_buf_ struct buf out = {0};
    _cleanup_err_ struct err err = {0};
    if (yaml_to_json(&out, str_from(yaml), NULL, &err) < 0)
        fail_msg("%s: " STR_FMT, yaml, STR_ARG(err.message));
    assert_str(buf_str(&out), json);
}

static void refuses(const char *yaml, const char *message)
{
    _cleanup_buf_ struct buf out = {0};
    _cleanup_err_ struct err err = {0};
    assert_int_equal(yaml_to_json(&out, str_from(yaml), NULL, &err), -1);
    assert_str(err.message, message);
}

static void a_manifest(void **state)
{
    (void)state;
    reads(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  labels: {app: web, tier: \"1\"}\nspec:\n"
        "  containers:\n  - name: c\n    image: busybox:1.36\n    args: [\"-c\", 'echo \"hi\"']\n    ports:\n"
        "    - containerPort: 80\n",
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"labels\":{\"app\":\"web\",\"tier\":\"1\"},"
        "\"name\":\"web\"},\"spec\":{\"containers\":[{\"args\":[\"-c\",\"echo \\\"hi\\\"\"],\"image\":"
        "\"busybox:1.36\",\"name\":\"c\",\"ports\":[{\"containerPort\":80}]}]}}");
}

static void plain_scalars(void **state)
{
    (void)state;
    reads("[yes, off, y, ~, null, '', nullx]", "[true,false,true,null,null,\"\",\"nullx\"]");
    reads("[1, -5, +7, 0x1F, 0o17, 017, 0b101, 1_000]", "[1,-5,7,31,15,15,5,1000]");
    reads("[1.5, .5, 1e3, -1.25e-2, 1., 12e]", "[1.5,0.5,1000,-0.0125,1,\"12e\"]");
    reads("[\"1\", '0x10', !!str 5, 2026-01-02, 1.2.3, 08]",
          "[\"1\",\"0x10\",\"5\",\"2026-01-02\",\"1.2.3\",8]");
    reads("9223372036854775807", "9223372036854775807");
    reads("!!binary aGk=", "\"hi\"");
    refuses(".nan", "json: unsupported value: NaN");
    refuses("!!int hello", "yaml: cannot decode !!str `hello` as a !!int");
}

static void keys_become_strings(void **state)
{
    (void)state;
    reads("{1: a, true: b, 1.5: c}", "{\"1\":\"a\",\"1.5\":\"c\",\"true\":\"b\"}");
    refuses("{[a]: b}", "unsupported map key of type: array");
}

static void texts(void **state)
{
    (void)state;
    reads("a: |\n  one\n  two\nb: >-\n  three\n  four\n", "{\"a\":\"one\\ntwo\\n\",\"b\":\"three four\"}");
}

static void anchors_and_merges(void **state)
{
    (void)state;
    reads("base: &b {x: 1, z: 2}\none:\n  <<: *b\n  z: 3\n",
          "{\"base\":{\"x\":1,\"z\":2},\"one\":{\"x\":1,\"z\":3}}");
    reads("a: &a [1]\nb: *a\n", "{\"a\":[1],\"b\":[1]}");
    refuses("a: *b\n", "yaml: unknown anchor 'b' referenced");
    refuses("a: &a [*a]\n", "yaml: anchor 'a' value contains itself");
    refuses("a: &a 5\n<<: *a\n", "yaml: map merge requires map or sequence of maps as the value");
}

static void an_alias_bomb_does_not_explode(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf bomb = {0};
    buf_addf(&bomb, "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for (int i = 1; i < 12; i++) {
        buf_addf(&bomb, "a%d: &a%d [", i, i);
        for (int k = 0; k < 9; k++)
            buf_addf(&bomb, "%s*a%d", k ? ", " : "", i - 1);
        buf_addf(&bomb, "]\n");
    }
    buf_add_c(&bomb, 0);
    refuses(bomb.p, "yaml: document contains excessive aliasing");
}

static void only_the_first_document_counts(void **state)
{
    (void)state;
    reads("---\na: 1\n---\nb: 2\n", "{\"a\":1}");
    reads("", "null");
    reads("# nothing\n", "null");
    struct value docs;
    assert_int_equal(yaml_parse_all(&arena, STR("a: 1\n---\n---\n- 2\n...\n"), &docs, NULL), 0);
    assert_int_equal(docs.list.n, 2);
    assert_str(value_json(&arena, &docs.list.at[0]), "{\"a\":1}");
    assert_str(value_json(&arena, &docs.list.at[1]), "[2]");
}

static void duplicates_are_told(void **state)
{
    (void)state;
    struct strict_errors strict = {0};
    struct value v;
    assert_int_equal(yaml_parse_strict(&arena, STR("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n"), &v, &strict, NULL),
                     0);
    assert_str(value_json(&arena, &v), "{\"a\":3,\"b\":{\"c\":2}}");
    assert_int_equal(strict.n, 1);
    assert_str(strict.at[0], "yaml: unmarshal errors:\n  line 4: key \"c\" already set in map\n"
                             "  line 5: key \"a\" already set in map");
}

static void wrong_syntax(void **state)
{
    (void)state;
    refuses("a: b: c\n", "yaml: mapping values are not allowed in this context");
    refuses("x: 1\na: b: c\n", "yaml: line 2: mapping values are not allowed in this context");
    refuses("a:\n\t- b\n", "yaml: line 2: found character that cannot start any token");
    refuses("a: \xff\n", "yaml: invalid leading UTF-8 octet");
}

static void too_deep(void **state)
{
    (void)state;
    char deep[401];
    memset(deep, '[', 400);
    deep[400] = 0;
    refuses(deep, "yaml: exceeded max depth");
}

static void writes(const char *json, const char *yaml)
{
    struct value v;
    _cleanup_buf_ struct buf out = {0}, back = {0};
    assert_int_equal(value_parse(&arena, str_from(json), &v, NULL), 0);
    yaml_write(&out, &v);
    assert_str(buf_str(&out), yaml);
    assert_int_equal(yaml_to_json(&back, buf_str(&out), NULL, NULL), 0);
    assert_str(buf_str(&back), json);
}

static void writing(void **state)
{
    (void)state;
    writes("{\"a\":[1,{\"b\":null,\"c\":true}],\"d\":{},\"e\":[],\"f\":\"\"}",
           "a:\n- 1\n- b: null\n  c: true\nd: {}\ne: []\nf: \"\"\n");
    writes("[\"yes\",\"1\",\"plain text\",\"a: b\",\"1e3\",\"- x\"]",
           "- \"yes\"\n- \"1\"\n- plain text\n- 'a: b'\n- \"1e3\"\n- '- x'\n");
    writes("{\"s\":\"one\\ntwo\\n\"}", "s: |\n  one\n  two\n");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_manifest),
        TEST(plain_scalars),
        TEST(keys_become_strings),
        TEST(texts),
        TEST(anchors_and_merges),
        TEST(an_alias_bomb_does_not_explode),
        TEST(only_the_first_document_counts),
        TEST(duplicates_are_told),
        TEST(wrong_syntax),
        TEST(too_deep),
        TEST(writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
