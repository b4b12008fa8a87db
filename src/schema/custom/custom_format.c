/* The formats that schemas of custom resources may name: those of OpenAPI and of kube-openapi's strfmt that
 * apiextensions supports. */
#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/encode.h"
#include "base/regex.h"
#include "schema/custom/custom_valid.h"
#include "schema/format.h"
#include "schema/timestamp.h"

static bool is_anything(struct str s)
{
    (void)s;
    return true;
}

static bool is_base64(struct str s)
{
    _cleanup_buf_ struct buf bytes = {0};
    return decode_base64(&bytes, s) == 0;
}

static bool is_ipv4(struct str s)
{
    return format_ok(FORMAT_IPV4, s);
}

static bool is_ipv6(struct str s)
{
    return format_ok(FORMAT_IPV6, s);
}

static bool is_cidr(struct str s)
{
    return format_ok(FORMAT_CIDR_SLOPPY, s);
}

static bool is_short_name(struct str s)
{
    return format_ok(FORMAT_DNS1123_LABEL, s);
}

static bool is_long_name(struct str s)
{
    return format_ok(FORMAT_DNS1123_SUBDOMAIN, s);
}

static bool is_date_time(struct str s)
{
    struct time t;
    return time_parse_micro(s, &t, NULL) == 0 || time_parse(s, &t, NULL) == 0;
}

static bool is_date(struct str s)
{
    char text[32];
    struct time t;
    if (s.n != 10)
        return false;
    memcpy(text, s.p, 10);
    memcpy(text + 10, "T00:00:00Z", 10);
    return time_parse(str_slice(text, 20), &t, NULL) == 0;
}

/* Absolute, or a path. */
static bool is_uri(struct str s)
{
    ptrdiff_t colon = str_index(s, ':');
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
            return false;
    if (s.n && s.p[0] == '/')
        return true;
    for (ptrdiff_t i = 0; i < colon; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
            return false;
    }
    return colon > 0;
}

/* The digits of an ISBN or a card, without what stands between; -1: something else is there. */
static int digits_of(struct str s, char out[20], bool x_last)
{
    int n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '-' || c == ' ')
            continue;
        bool x = x_last && (c == 'X' || c == 'x') && n == 9;
        if (n == 20 || (!x && (c < '0' || c > '9')))
            return -1;
        out[n++] = x ? 10 : (char)(c - '0');
    }
    return n;
}

static bool is_isbn10(struct str s)
{
    char d[20];
    int sum = 0;
    if (digits_of(s, d, true) != 10)
        return false;
    for (int i = 0; i < 10; i++)
        sum += (i + 1) * d[i];
    return sum % 11 == 0;
}

static bool is_isbn13(struct str s)
{
    char d[20];
    int sum = 0;
    if (digits_of(s, d, false) != 13)
        return false;
    for (int i = 0; i < 13; i++)
        sum += i % 2 ? 3 * d[i] : d[i];
    return sum % 10 == 0;
}

static bool is_isbn(struct str s)
{
    return is_isbn10(s) || is_isbn13(s);
}

/* Luhn's sum. */
static bool is_credit_card(struct str s)
{
    char d[20];
    int n = digits_of(s, d, false), sum = 0;
    if (n < 13 || n > 19)
        return false;
    for (int i = 0; i < n; i++) {
        int x = d[n - 1 - i] * (i % 2 + 1);
        sum += x > 9 ? x - 9 : x;
    }
    return sum % 10 == 0;
}

#define HEX                    "[0-9a-fA-F]"
#define UUID(version, variant) "^" HEX "{8}-?" HEX "{4}-?" version HEX "{3}-?" variant HEX "{3}-?" HEX "{12}$"
#define BYTE_NUMBER            "(0|[1-9][0-9]?|1[0-9][0-9]?|2[0-4][0-9]|25[0-5])"

static struct custom_format {
    const char *name;
    bool (*fits)(struct str s); /* or else: */
    const char *pattern;
    struct regex *regex;
} formats[] = {
    {"bsonobjectid", NULL, "^" HEX "{24}$", NULL},
    {"byte", is_base64, NULL, NULL},
    {"cidr", is_cidr, NULL, NULL},
    {"creditcard", is_credit_card, NULL, NULL},
    {"date", is_date, NULL, NULL},
    {"date-time", is_date_time, NULL, NULL},
    {"datetime", is_date_time, NULL, NULL},
    {"duration", NULL,
     "^(-?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|\xc2\xb5s|ms|s|m|h))+$|^\\s*[0-9]+\\s*(ns|nanos?|nanoseconds?|"
     "us|"
     "micros?|microseconds?|ms|millis?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|"
     "w|wks?|weeks?)\\s*$|^0$",
     NULL},
    {"email", NULL, "^[^@\\s<>(),;:\"\\[\\]\\\\]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", NULL},
    {"hexcolor", NULL, "^#?(" HEX "{3}|" HEX "{6})$", NULL},
    {"hostname", NULL,
     "^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$", NULL},
    {"ipv4", is_ipv4, NULL, NULL},
    {"ipv6", is_ipv6, NULL, NULL},
    {"isbn", is_isbn, NULL, NULL},
    {"isbn10", is_isbn10, NULL, NULL},
    {"isbn13", is_isbn13, NULL, NULL},
    {"k8s-long-name", is_long_name, NULL, NULL},
    {"k8s-short-name", is_short_name, NULL, NULL},
    {"mac", NULL,
     "^(" HEX "{2}([:-]" HEX "{2}){5}|" HEX "{2}([:-]" HEX "{2}){7}|" HEX "{4}(\\." HEX "{4}){2,3})$", NULL},
    {"password", is_anything, NULL, NULL},
    {"rgbcolor", NULL, "^rgb\\(\\s*" BYTE_NUMBER "\\s*,\\s*" BYTE_NUMBER "\\s*,\\s*" BYTE_NUMBER "\\s*\\)$",
     NULL},
    {"ssn", NULL, "^[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}$", NULL},
    {"uri", is_uri, NULL, NULL},
    {"uuid", NULL, UUID(HEX, HEX), NULL},
    {"uuid3", NULL, UUID("3", HEX), NULL},
    {"uuid4", NULL, UUID("4", "[89abAB]"), NULL},
    {"uuid5", NULL, UUID("5", "[89abAB]"), NULL},
};
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void compile(void)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        ensure(!formats[i].pattern || regex_new(str_from(formats[i].pattern), &formats[i].regex, NULL) == 0);
}

static const struct custom_format *find(struct str name)
{
    pthread_once(&once, compile);
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (str_is(name, formats[i].name))
            return &formats[i];
    return NULL;
}

bool custom_format_known(struct str format)
{
    return find(format);
}

bool custom_format_ok(struct str format, struct str text)
{
    const struct custom_format *f = find(format);
    return !f || (f->fits ? f->fits(text) : regex_matches(f->regex, text) > 0);
}
