#include "server/accept.h"

#include <stdlib.h>

enum { MAX_CLAUSES = 32 };

/* One clause of an Accept header, with the parameters that matter. */
struct clause {
    struct str type, subtype, as, group, version, stream;
    bool pretty;
    int q; /* thousandths */
};

static const struct {
    const char *subtype;
    enum media_type media;
} served[] = {
    {"json", MEDIA_JSON},
    {"yaml", MEDIA_YAML},
    {"vnd.kubernetes.protobuf", MEDIA_PROTOBUF},
};

static int parse_quality(struct str v)
{
    char text[8] = {0};
    memcpy(text, v.p, v.n < sizeof text - 1 ? v.n : sizeof text - 1);
    double q = strtod(text, NULL);
    return q <= 0 ? 0 : q >= 1 ? 1000 : (int)(q * 1000);
}

static struct clause parse_clause(struct str text)
{
    struct clause c = {.q = 1000};
    struct str range = {0}, param;
    str_cut(&text, ';', &range);
    range = str_trim(range);
    str_cut(&range, '/', &c.type);
    c.subtype = range;
    while (str_cut(&text, ';', &param)) {
        struct str key = {0}, value;
        str_cut(&param, '=', &key);
        key = str_trim(key);
        value = str_trim(param);
        if (str_is(key, "q"))
            c.q = parse_quality(value);
        else if (str_is(key, "as"))
            c.as = value;
        else if (str_is(key, "g"))
            c.group = value;
        else if (str_is(key, "v"))
            c.version = value;
        else if (str_is(key, "stream"))
            c.stream = value;
        else if (str_is(key, "pretty"))
            c.pretty = str_is(value, "1");
    }
    return c;
}

/* Highest quality first; of equals the more specific, then the earlier (the sort is stable). */
static size_t parse_clauses(struct str header, struct clause *out)
{
    size_t n = 0;
    struct str text;
    while (n < MAX_CLAUSES && str_cut(&header, ',', &text)) {
        struct clause c = parse_clause(text);
        if (str_empty(c.type))
            continue;
        size_t at = n++;
        for (; at > 0 && out[at - 1].q < c.q; at--)
            out[at] = out[at - 1];
        out[at] = c;
    }
    return n;
}

/* Whether a clause's parameters ask for something that the endpoint has; fills the rendering. */
static bool rendering_of(const struct clause *c, enum accept_offer offer, struct accept *out)
{
    out->pretty = c->pretty;
    out->rendering = RENDER_OBJECT;
    if (!str_empty(c->stream) && !str_is(c->stream, "watch"))
        return false;
    if (str_empty(c->as))
        return true;
    if (offer == ACCEPT_DISCOVERY) {
        out->rendering = RENDER_DISCOVERY;
        return str_is(c->as, "APIGroupDiscoveryList") && str_is(c->group, "apidiscovery.k8s.io") &&
               str_is(c->version, "v2");
    }
    if (offer == ACCEPT_PLAIN || !str_is(c->group, "meta.k8s.io"))
        return false;
    out->v1beta1 = str_is(c->version, "v1beta1");
    if (!out->v1beta1 && !str_is(c->version, "v1"))
        return false;
    static const struct {
        const char *name;
        enum rendering rendering;
    } renderings[] = {
        {"Table", RENDER_TABLE},
        {"PartialObjectMetadata", RENDER_PARTIAL},
        {"PartialObjectMetadataList", RENDER_PARTIAL_LIST},
    };
    for (size_t i = 0; i < ARRAY_LEN(renderings); i++)
        if (str_is(c->as, renderings[i].name)) {
            out->rendering = renderings[i].rendering;
            return true;
        }
    return false;
}

static bool matches(const struct clause *c, const char *subtype)
{
    if (str_is(c->type, "*") && str_is(c->subtype, "*"))
        return true;
    return str_is(c->type, "application") && (str_is(c->subtype, "*") || str_is(c->subtype, subtype));
}

int accept_parse(struct str header, enum accept_offer offer, struct accept *out, struct err *err)
{
    *out = (struct accept){.media = MEDIA_JSON};
    if (str_empty(str_trim(header)))
        return 0;
    bool stream = offer == ACCEPT_STREAM || offer == ACCEPT_CUSTOM_STREAM;
    bool custom = offer == ACCEPT_CUSTOM || offer == ACCEPT_CUSTOM_STREAM;
    struct clause clauses[MAX_CLAUSES];
    size_t n = parse_clauses(header, clauses);
    for (size_t i = 0; i < n; i++)
        for (size_t m = 0; m < ARRAY_LEN(served); m++) {
            if (!clauses[i].q || !matches(&clauses[i], served[m].subtype) ||
                (stream && served[m].media == MEDIA_YAML) || !rendering_of(&clauses[i], offer, out))
                continue;
            if (out->rendering == RENDER_TABLE && served[m].media == MEDIA_PROTOBUF)
                continue; /* a Table has no Protobuf form */
            if (out->rendering == RENDER_OBJECT && custom && served[m].media == MEDIA_PROTOBUF)
                continue;
            out->media = served[m].media;
            return 0;
        }
    return err_set(err, ERR_NOT_ACCEPTABLE, "only the following media types are accepted: %s",
                   custom ? stream ? "application/json;stream=watch" : "application/json, application/yaml"
                   : stream
                       ? "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
                       : "application/json, application/yaml, application/vnd.kubernetes.protobuf");
}

static struct str media_range(struct str header)
{
    struct str range = {0};
    str_cut(&header, ';', &range);
    return str_trim(range);
}

int content_type_parse(struct str header, enum media_type *out, struct err *err)
{
    *out = MEDIA_JSON;
    struct str range = media_range(header);
    if (str_empty(range))
        return 0;
    struct clause c = parse_clause(range);
    for (size_t m = 0; m < ARRAY_LEN(served); m++)
        if (matches(&c, served[m].subtype)) {
            *out = served[m].media;
            return 0;
        }
    return err_set(err, ERR_UNSUPPORTED_MEDIA_TYPE,
                   "the body of the request was in an unknown format - accepted media types include: "
                   "application/json, application/yaml, application/vnd.kubernetes.protobuf");
}

int content_type_parse_patch(struct str header, enum api_patch_type *out, enum media_type *media,
                             struct err *err)
{
    static const struct {
        const char *name;
        enum api_patch_type type;
        enum media_type media;
    } patches[] = {
        {"application/json-patch+json", API_PATCH_JSON, MEDIA_JSON},
        {"application/merge-patch+json", API_PATCH_MERGE, MEDIA_JSON},
        {"application/strategic-merge-patch+json", API_PATCH_STRATEGIC, MEDIA_JSON},
        {"application/apply-patch+yaml", API_PATCH_APPLY, MEDIA_YAML},
    };
    struct str range = media_range(header);
    for (size_t i = 0; i < ARRAY_LEN(patches); i++)
        if (str_eq_fold(range, str_from(patches[i].name))) {
            *out = patches[i].type;
            *media = patches[i].media;
            return 0;
        }
    return err_set(err, ERR_UNSUPPORTED_MEDIA_TYPE,
                   "the body of the request was in an unknown format - accepted media types include: "
                   "application/json-patch+json, application/merge-patch+json, "
                   "application/strategic-merge-patch+json, application/apply-patch+yaml");
}

struct str media_type_name(enum media_type m, bool stream)
{
    if (m == MEDIA_PROTOBUF)
        return stream ? STR("application/vnd.kubernetes.protobuf;stream=watch")
                      : STR("application/vnd.kubernetes.protobuf");
    return m == MEDIA_YAML ? STR("application/yaml") : STR("application/json");
}

bool accept_gzip(struct str header)
{
    struct str clause;
    while (str_cut(&header, ',', &clause)) {
        struct str coding = {0};
        str_cut(&clause, ';', &coding);
        if (str_eq_fold(str_trim(coding), STR("gzip")))
            return str_find(clause, STR("q=0")) < 0 || str_find(clause, STR("q=0.")) >= 0;
    }
    return false;
}
