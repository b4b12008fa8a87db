/* config.json, word for word where it matters. */
#include "node/runtime/spec.h"

#include <unistd.h>

#include "schema/json.h"
#include "schema/value.h"
#include "test.h"

static struct value make(struct arena *a, const struct container_config *c)
{
    struct oci_spec spec;
    struct value v;
    struct buf text = {0};
    spec_make(c, "/root", a, &spec);
    json_encode(&text, &oci_spec_type, &spec);
    assert_int_equal(value_parse(a, arena_str(a, buf_str(&text)), &v, NULL), 0);
    buf_free(&text);
    return v;
}

/* The value at "linux.namespaces.0.type", as JSON. */
static struct str at(struct arena *a, const struct value *v, const char *path)
{
    struct str rest = str_from(path), key;
    while (v && str_cut(&rest, '.', &key)) {
        int64_t i;
        if (v->kind == JSON_ARRAY && str_to_i64(key, &i))
            v = i < (int64_t)v->list.n ? &v->list.at[i] : NULL;
        else
            v = value_get(v, key);
    }
    return v ? value_json(a, v) : STR("");
}

#define assert_at(v, path, expected) assert_str(at(&a, &(v), path), expected)

static struct container_config usual(void)
{
    static struct str args[] = {STR_INIT("/bin/true")};
    return (struct container_config){.args = {args, 1},
                                     .network = STR("/ns/net"),
                                     .ipc = STR("/ns/ipc"),
                                     .uts = STR("/ns/uts"),
                                     .cgroup_path = STR("/kubepods/podx/c")};
}

static void an_ordinary_container(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct container_config c = usual();
    c.limits = (struct cgroup_limits){102, 10000, 100000, 1 << 20, 0};
    struct value v = make(&a, &c);
    assert_at(v, "root", "{\"path\":\"/root\"}");
    assert_at(v, "process.args", "[\"/bin/true\"]");
    assert_at(v, "process.cwd", "\"/\"");
    assert_at(v, "process.user", "{\"gid\":0,\"uid\":0}");
    assert_at(v, "process.noNewPrivileges", "");
    assert_at(v, "linux.cgroupsPath", "\"/kubepods/podx/c\"");
    assert_at(v, "linux.namespaces.0", "{\"type\":\"mount\"}");
    assert_at(v, "linux.namespaces.1", "{\"type\":\"pid\"}");
    assert_at(v, "linux.namespaces.2", "{\"path\":\"/ns/ipc\",\"type\":\"ipc\"}");
    assert_at(v, "linux.namespaces.3", "{\"path\":\"/ns/net\",\"type\":\"network\"}");
    assert_at(v, "linux.resources.cpu", "{\"period\":100000,\"quota\":10000,\"shares\":102}");
    assert_at(v, "linux.resources.memory", "{\"limit\":1048576}");
    assert_at(v, "linux.resources.pids", "");
    assert_at(v, "linux.resources.devices", "[{\"access\":\"rwm\",\"allow\":false}]");
    assert_at(v, "linux.readonlyPaths.3", "\"/proc/sys\"");
    assert_at(v, "mounts.0",
              "{\"destination\":\"/proc\",\"options\":[\"nosuid\",\"noexec\",\"nodev\"],\"source\":\"proc\","
              "\"type\":\"proc\"}");
    assert_at(v, "mounts.4.options", "[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]");
    assert_at(v, "mounts.4.destination", "\"/sys\"");
}

static void capabilities_are_added_and_dropped(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("needs root: others have no capabilities to give\n");
        skip();
    }
    _cleanup_arena_ struct arena a = {0};
    struct container_config c = usual();
    struct str all[] = {STR("ALL")}, some[] = {STR("NET_ADMIN"), STR("CAP_KILL")};
    struct value v = make(&a, &c);
    assert_at(v, "process.capabilities.bounding",
              "[\"CAP_CHOWN\",\"CAP_DAC_OVERRIDE\",\"CAP_FOWNER\",\"CAP_FSETID\",\"CAP_KILL\",\"CAP_SETGID\","
              "\"CAP_SETUID\","
              "\"CAP_SETPCAP\",\"CAP_NET_BIND_SERVICE\",\"CAP_NET_RAW\",\"CAP_SYS_CHROOT\",\"CAP_MKNOD\","
              "\"CAP_AUDIT_WRITE\","
              "\"CAP_SETFCAP\"]");
    c.drop_capabilities = (struct str_vec){all, 1};
    c.add_capabilities = (struct str_vec){some, 2};
    v = make(&a, &c);
    assert_at(v, "process.capabilities.permitted", "[\"CAP_KILL\",\"CAP_NET_ADMIN\"]");
    c.drop_capabilities = (struct str_vec){some, 1};
    c.add_capabilities = (struct str_vec){0};
    v = make(&a, &c);
    assert_true(str_find(at(&a, &v, "process.capabilities.bounding"), STR("CAP_NET_ADMIN")) < 0);
}

static void a_privileged_container(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct container_config c = usual();
    c.privileged = true;
    struct value v = make(&a, &c);
    assert_at(v, "linux.maskedPaths", "");
    assert_at(v, "linux.resources.devices", "[{\"access\":\"rwm\",\"allow\":true}]");
    assert_at(v, "mounts.4.options", "[\"nosuid\",\"noexec\",\"nodev\"]");
}

static void the_host_s_namespaces(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct container_config c = usual();
    c.network = c.uts = c.pid = c.ipc = STR("host");
    struct value v = make(&a, &c);
    assert_at(v, "linux.namespaces.0", "{\"type\":\"mount\"}");
    assert_true(str_find(at(&a, &v, "linux.namespaces"), STR("network")) < 0);
    assert_true(str_find(at(&a, &v, "linux.namespaces"), STR("pid")) < 0);
    assert_at(v, "mounts.4.type", "\"bind\"");
}

static void cpu_weights_follow_shares(void **state)
{
    (void)state;
    assert_int_equal(cgroup_weight(2), 1);
    assert_int_equal(cgroup_weight(1024), 39);
    assert_int_equal(cgroup_weight(262144), 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ordinary_container),     cmocka_unit_test(capabilities_are_added_and_dropped),
        cmocka_unit_test(a_privileged_container),    cmocka_unit_test(the_host_s_namespaces),
        cmocka_unit_test(cpu_weights_follow_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
