/* Named formats of strings (k8s.io/apiserver, cel/library/format.go). */
#include "cel/formats.h"

#include "base/encode.h"
#include "cel/eval.h"
#include "schema/format.h"
#include "schema/timestamp.h"

struct named_format {
    struct str name;
    enum format format; /* FORMAT_NONE: `check` says */
    uint16_t size;      /* of the regular expression that it counts as */
    bool prefix;        /* a "-" at the end is fine: more is to come */
    bool (*check)(struct str s);
    const char *message;
};

static bool is_byte(struct str s)
{
    _cleanup_buf_ struct buf out = {0};
    return decode_base64(&out, s) == 0;
}

static bool is_date(struct str s)
{
    _cleanup_arena_ struct arena a = {0};
    struct time t;
    return s.n == 10 && time_parse(arena_concat(&a, s, STR("T00:00:00Z")), &t, NULL) == 0;
}

static bool is_datetime(struct str s)
{
    struct time t;
    return time_parse(s, &t, NULL) == 0;
}

/* An absolute URI or path, as far as its form goes. */
static bool is_uri(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7f)
            return false;
    ptrdiff_t colon = str_index(s, ':');
    return s.n && (*s.p == '/' || (colon > 0 && ((*s.p | 32) >= 'a' && (*s.p | 32) <= 'z')));
}

static const struct named_format formats[] = {
    {STR_INIT("dns1123Label"), FORMAT_DNS1123_LABEL, 30},
    {STR_INIT("dns1123Subdomain"), FORMAT_DNS1123_SUBDOMAIN, 60},
    {STR_INIT("dns1035Label"), FORMAT_DNS1035_LABEL, 30},
    {STR_INIT("dns1123LabelPrefix"), FORMAT_DNS1123_LABEL, 30, true},
    {STR_INIT("dns1123SubdomainPrefix"), FORMAT_DNS1123_SUBDOMAIN, 60, true},
    {STR_INIT("dns1035LabelPrefix"), FORMAT_DNS1035_LABEL, 30, true},
    {STR_INIT("qualifiedName"), FORMAT_LABEL_KEY, 60},
    {STR_INIT("labelValue"), FORMAT_LABEL_VALUE, 40},
    {STR_INIT("uuid"), FORMAT_NONE, 70, false, NULL, "does not match the UUID format"},
    {STR_INIT("uri"), FORMAT_NONE, 1120, false, is_uri, "invalid URI for request"},
    {STR_INIT("byte"), FORMAT_NONE, 84, false, is_byte, "invalid base64"},
    {STR_INIT("date"), FORMAT_NONE, 71, false, is_date, "invalid date"},
    {STR_INIT("datetime"), FORMAT_NONE, 71, false, is_datetime, "invalid datetime"},
};

uint64_t format_size(const struct named_format *f)
{
    return f->size;
}

static struct cel_value format_value(size_t i)
{
    return (struct cel_value){.kind = CEL_OPAQUE, .opaque = &formats[i], .type = &cel_named_format};
}

static int named(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    *out = value_none();
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (str_eq(formats[i].name, args[0].s))
            *out = value_some(r, format_value(i));
    return 0;
}

/* format.dns1123Label(): the function is called as the format is. */
static int by_own_name(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)args;
    struct str name = str_from_at(r->overload->name, sizeof("format.") - 1);
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (str_eq(formats[i].name, name))
            *out = format_value(i);
    return 0;
}

static int validate(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    const struct named_format *f = args[0].opaque;
    struct str messages[FORMAT_MESSAGES], s = args[1].s;
    struct values all = {0};
    if (f->prefix && s.n > 1 && s.p[s.n - 1] == '-') {
        char *masked = arena_c(r->arena, s);
        masked[s.n - 1] = 'a';
        s.p = masked;
    }
    if (f->format == FORMAT_NONE) {
        if (f->check ? !f->check(s) : !format_ok(FORMAT_UUID, s))
            values_add(r, &all, cel_from_str(str_from(f->message)));
    } else {
        for (size_t i = 0, n = format_check(f->format, s, messages); i < n; i++)
            values_add(r, &all, cel_from_str(messages[i]));
    }
    *out = all.n ? value_some(r, values_list(&all)) : value_none();
    return 0;
}

static const struct function table[] = {
    {"format.named(string) optional(Format)", named},
    {"Format:validate(string) optional(list(string))", validate, COST_VALIDATE},
    {"format.dns1123Label() Format", by_own_name},
    {"format.dns1123Subdomain() Format", by_own_name},
    {"format.dns1035Label() Format", by_own_name},
    {"format.dns1123LabelPrefix() Format", by_own_name},
    {"format.dns1123SubdomainPrefix() Format", by_own_name},
    {"format.dns1035LabelPrefix() Format", by_own_name},
    {"format.qualifiedName() Format", by_own_name},
    {"format.labelValue() Format", by_own_name},
    {"format.uuid() Format", by_own_name},
    {"format.uri() Format", by_own_name},
    {"format.byte() Format", by_own_name},
    {"format.date() Format", by_own_name},
    {"format.datetime() Format", by_own_name},
};
LIBRARY(cel_formats, table);
