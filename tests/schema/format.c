#include "schema/format.h"

#include "test.h"

/* What upstream's validation answers; NULL: nothing, the value is fine. */
struct example {
    enum format format;
    const char *value, *message;
};

static void check(const struct example *e)
{
    struct str messages[FORMAT_MESSAGES];
    size_t n = format_check(e->format, str_from(e->value), messages);
    if (!e->message && n)
        fail_msg("%s: " STR_FMT, e->value, STR_ARG(messages[0]));
    if (e->message && !n)
        fail_msg("%s: taken, but it should not be", e->value);
    if (e->message)
        assert_str(messages[0], e->message);
}

#define SIXTY_THREE "a123456789b123456789c123456789d123456789e123456789f123456789abc"
#define LABEL_TEXT                                                                                           \
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "  \
    "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "   \
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define SUBDOMAIN_TEXT                                                                                       \
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "    \
    "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "   \
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define KEY_TEXT                                                                                             \
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric " \
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "                  \
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

static void test_names(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {FORMAT_DNS1123_LABEL, "a", NULL},
        {FORMAT_DNS1123_LABEL, "1-a", NULL},
        {FORMAT_DNS1123_LABEL, SIXTY_THREE, NULL},
        {FORMAT_DNS1123_LABEL, SIXTY_THREE "d", "must be no more than 63 characters"},
        {FORMAT_DNS1123_LABEL, "a.b", "must not contain dots"},
        {FORMAT_DNS1123_LABEL, "", LABEL_TEXT},
        {FORMAT_DNS1123_LABEL, "-a", LABEL_TEXT},
        {FORMAT_DNS1123_LABEL, "a-", LABEL_TEXT},
        {FORMAT_DNS1123_LABEL, "A", LABEL_TEXT},
        {FORMAT_DNS1123_LABEL, "a_b", LABEL_TEXT},
        {FORMAT_DNS1123_SUBDOMAIN, "example.com", NULL},
        {FORMAT_DNS1123_SUBDOMAIN, "a..b", SUBDOMAIN_TEXT},
        {FORMAT_DNS1123_SUBDOMAIN, "a.", SUBDOMAIN_TEXT},
        {FORMAT_DNS1123_SUBDOMAIN, "Foo", SUBDOMAIN_TEXT},
        {FORMAT_DNS1123_SUBDOMAIN, "", SUBDOMAIN_TEXT},
        {FORMAT_DNS1123_SUBDOMAIN_UNDERSCORE, "_tcp.a_b", NULL},
        {FORMAT_DNS1123_WILDCARD, "*.bar.com", NULL},
        {FORMAT_DNS1123_WILDCARD, "*.*.com",
         "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must "
         "consist of "
         "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. "
         "'*.example.com', "
         "regex used for validation is "
         "'\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"},
        {FORMAT_DNS1035_LABEL, "a1", NULL},
        {FORMAT_DNS1035_LABEL, "1a",
         "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
         "alphabetic "
         "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
         "validation "
         "is '[a-z]([-a-z0-9]*[a-z0-9])?')"},
        {FORMAT_C_IDENTIFIER, "_a1", NULL},
        {FORMAT_C_IDENTIFIER, "1a",
         "a valid C identifier must start with alphabetic character or '_', followed by a string of "
         "alphanumeric "
         "characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is "
         "'[A-Za-z_][A-Za-z0-9_]*')"},
        {FORMAT_PATH_SEGMENT, "system:node", NULL},
        {FORMAT_PATH_SEGMENT, "a/b", "may not contain '/'"},
        {FORMAT_PATH_SEGMENT, "..", "may not be '..'"},
        {FORMAT_UUID, "123e4567-e89b-12d3-a456-426614174000", NULL},
        {FORMAT_UUID, "123E4567-e89b-12d3-a456-426614174000",
         "must be a lowercase UUID in 8-4-4-4-12 format"},
    };
    for (size_t i = 0; i < ARRAY_LEN(examples); i++)
        check(&examples[i]);
}

static void test_keys_and_values(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {FORMAT_LABEL_KEY, "app.kubernetes.io/name", NULL},
        {FORMAT_LABEL_KEY, "My_Name.x", NULL},
        {FORMAT_LABEL_KEY, "", "name part must be non-empty"},
        {FORMAT_LABEL_KEY, "/a", "prefix part must be non-empty"},
        {FORMAT_LABEL_KEY, "a/", "name part must be non-empty"},
        {FORMAT_LABEL_KEY, "A/b", "prefix part " SUBDOMAIN_TEXT},
        {FORMAT_LABEL_KEY, "a b", "name part " KEY_TEXT},
        {FORMAT_LABEL_KEY, "a/b/c",
         "a valid label key " KEY_TEXT
         " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"},
        {FORMAT_LABEL_KEY, SIXTY_THREE "d", "name part must be no more than 63 bytes"},
        {FORMAT_ANNOTATION_KEY, "Example.COM/Name", NULL},
        {FORMAT_PREFIXED_LABEL_KEY, "b", "must include a prefix (e.g. 'example.com/key')"},
        {FORMAT_LABEL_VALUE, "", NULL},
        {FORMAT_LABEL_VALUE, "v1.2_3", NULL},
        {FORMAT_LABEL_VALUE, "a/b",
         "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
         "must start "
         "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
         "for "
         "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"},
        {FORMAT_CONFIG_MAP_KEY, "my.key_1", NULL},
        {FORMAT_CONFIG_MAP_KEY, "..", "must not be '..'"},
        {FORMAT_CONFIG_MAP_KEY, "..a", "must not start with '..'"},
        {FORMAT_CONFIG_MAP_KEY, "a b",
         "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
         "'KEY_NAME', "
         " or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"},
        {FORMAT_ENV_NAME, "A.b-c", NULL},
        {FORMAT_ENV_NAME, "1A",
         "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', "
         "and must "
         "not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for "
         "validation is "
         "'[-._a-zA-Z][-._a-zA-Z0-9]*')"},
        {FORMAT_ENV_NAME_RELAXED, "1 A$", NULL},
        {FORMAT_ENV_NAME_RELAXED, "a=b",
         "a valid environment variable name must consist only of printable ASCII characters other than '='"},
        {FORMAT_PORT_NAME, "http-2", NULL},
        {FORMAT_PORT_NAME, "abcdefghijklmnop", "must be no more than 15 characters"},
        {FORMAT_PORT_NAME, "80", "must contain at least one letter (a-z)"},
        {FORMAT_PORT_NAME, "a--b", "must not contain consecutive hyphens"},
        {FORMAT_PORT_NAME, "-a", "must not begin or end with a hyphen"},
        {FORMAT_PERCENT, "25%", NULL},
        {FORMAT_PERCENT, "%",
         "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
         "regex used "
         "for validation is '[0-9]+%')"},
        {FORMAT_HTTP_HEADER, "X-A", NULL},
        {FORMAT_CONDITION_REASON, "A_b:c", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(examples); i++)
        check(&examples[i]);
}

static void test_addresses(void **state)
{
    (void)state;
    const char *ip = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    const char *cidr = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
    const struct example examples[] = {
        {FORMAT_IP, "10.0.0.1", NULL},
        {FORMAT_IP, "2001:db8::ffff", NULL},
        {FORMAT_IP, "10.0.0.01", "must not have leading 0s"},
        {FORMAT_IP_SLOPPY, "10.0.0.01", NULL},
        {FORMAT_IP, "::ffff:1.2.3.4", "must not be an IPv4-mapped IPv6 address"},
        {FORMAT_IP_SLOPPY, "::ffff:1.2.3.4", NULL},
        {FORMAT_IP, "10.0.0.256", ip},
        {FORMAT_IP, "10.0.0", ip},
        {FORMAT_IP, "10.0.0.1.2", ip},
        {FORMAT_IP, "", ip},
        {FORMAT_IP, "fe80::1%eth0", ip},
        {FORMAT_IP, "-1.0.0.0", ip},
        {FORMAT_IPV4, "::1", "must be a valid IPv4 address"},
        {FORMAT_IPV6, "1.2.3.4", "must be a valid IPv6 address"},
        {FORMAT_CIDR, "10.0.0.0/8", NULL},
        {FORMAT_CIDR, "0.0.0.0/0", NULL},
        {FORMAT_CIDR, "::/0", NULL},
        {FORMAT_CIDR, "2001:db8::/32", NULL},
        {FORMAT_CIDR, "10.0.0.1/8", "must not have bits set beyond the prefix length"},
        {FORMAT_CIDR_SLOPPY, "10.0.0.1/8", NULL},
        {FORMAT_CIDR, "10.0.0.0/33", cidr},
        {FORMAT_CIDR, "::/129", cidr},
        {FORMAT_CIDR, "10.0.0.0", cidr},
        {FORMAT_CIDR, "10.0.0.0/", cidr},
        {FORMAT_CIDR, "10.0.0.0/+8", cidr},
    };
    for (size_t i = 0; i < ARRAY_LEN(examples); i++)
        check(&examples[i]);
}

static void test_ports(void **state)
{
    (void)state;
    _cleanup_field_errors_ struct field_errors e = {0};
    format_validate_port(&e, PATH(NULL, "port"), 1);
    format_validate_port(&e, PATH(NULL, "port"), 65535);
    assert_int_equal(e.n, 0);
    format_validate_port(&e, PATH(NULL, "port"), 0);
    format_validate_port(&e, PATH(NULL, "port"), 65536);
    assert_int_equal(e.n, 2);
    assert_str(e.at[0].body, "Invalid value: 0: must be between 1 and 65535, inclusive");
}

static void test_every_format_has_a_name(void **state)
{
    (void)state;
    assert_int_equal(format_from(STR("dns1123-label")), FORMAT_DNS1123_LABEL);
    assert_int_equal(format_from(STR("k8s-long-name")), FORMAT_DNS1123_SUBDOMAIN);
    assert_int_equal(format_from(STR("")), FORMAT_NONE);
    assert_int_equal(format_from(STR("no such thing")), FORMAT_NONE);
    for (int f = FORMAT_NONE + 1; f < FORMATS; f++) /* and none of them minds odd input */
        for (int c = 0; c < 256; c++) {
            char text[] = {(char)c, '/', (char)c, '.', (char)c};
            struct str messages[FORMAT_MESSAGES];
            for (size_t n = 0; n <= sizeof text; n++)
                assert_true(format_check((enum format)f, str_slice(text, n), messages) <= FORMAT_MESSAGES);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_keys_and_values),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_every_format_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
