/* The formats that strings of the API must have (DNS labels, label keys, IP addresses ...), each with the
 * messages that k8s.io/apimachinery/pkg/util/validation and api/validate/content give when they do not. */
#pragma once
#include "schema/errors.h"

enum format {
    FORMAT_NONE,
    FORMAT_DNS1123_LABEL,                /* RFC 1123, at most 63 bytes: namespaces, containers, volumes */
    FORMAT_DNS1123_SUBDOMAIN,            /* RFC 1123, at most 253 bytes: most names */
    FORMAT_DNS1123_SUBDOMAIN_UNDERSCORE, /* with '_' too: DNS searches */
    FORMAT_DNS1123_WILDCARD,             /* "*.example.com" (RFC 1034, 4.3.3) */
    FORMAT_DNS1035_LABEL,                /* RFC 1035: starts with a letter; services */
    FORMAT_LABEL_KEY,                    /* "[prefix/]name": qualified names, label keys, finalizers */
    FORMAT_ANNOTATION_KEY,               /* the same, whatever the case */
    FORMAT_PREFIXED_LABEL_KEY,           /* with a prefix always */
    FORMAT_LABEL_VALUE,
    FORMAT_C_IDENTIFIER,
    FORMAT_ENV_NAME,         /* environment variables, as upstream asked until 1.30 */
    FORMAT_ENV_NAME_RELAXED, /* any printable ASCII but '=' */
    FORMAT_CONFIG_MAP_KEY,   /* keys of config maps and secrets */
    FORMAT_PORT_NAME,        /* RFC 6335's service names */
    FORMAT_PERCENT,          /* "25%" */
    FORMAT_HTTP_HEADER,
    FORMAT_IP,        /* strict: no leading zeros, no IPv4-mapped IPv6 */
    FORMAT_IP_SLOPPY, /* as fields had it before */
    FORMAT_IPV4,
    FORMAT_IPV6,
    FORMAT_CIDR,
    FORMAT_CIDR_SLOPPY,
    FORMAT_UUID,
    FORMAT_CONDITION_REASON,
    FORMAT_PATH_SEGMENT, /* any name that may stand in a URL path: roles and bindings */
    FORMATS
};

enum { FORMAT_MESSAGES = 5 };

/* Puts what is wrong with `value` into `messages` and returns how many there are; 0: it has the format. */
size_t format_check(enum format f, struct str value, struct str messages[FORMAT_MESSAGES]);
bool format_ok(enum format f, struct str value);
/* Adds an Invalid error for each. */
void format_validate(struct field_errors *e, const struct path *at, enum format f, struct str value);
/* "must be between 1 and 65535, inclusive" for what is no port number. */
void format_validate_port(struct field_errors *e, const struct path *at, int64_t port);
void format_validate_range(struct field_errors *e, const struct path *at, int64_t value, int64_t min,
                           int64_t max);

/* The format that declarations call `name` ("dns1123-label", also upstream's "k8s-short-name"); FORMAT_NONE
 * when unknown. */
enum format format_from(struct str name);
