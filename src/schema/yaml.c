#include "schema/yaml.h"

#include "base/encode.h"
#include "base/map.h"
#include "schema/json.h"
#include "schema/json_scan.h"
#include "schema/yaml_scalar.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    struct arena *a;
    struct err *err;
    struct map anchors; /* name to struct anchor */
    struct strict_errors *strict;
    struct buf twice; /* "\n  line 3: key \"a\" already set in map" of each duplicate */
    size_t aliased;   /* bytes that aliases have added */
    unsigned depth;
};

struct anchor {
    struct value value;
    size_t size; /* about how many bytes it stands for */
    bool open;   /* still being read: it may not hold itself */
};

static int wrong(struct reader *r, const char *what)
{
    return err_set(r->err, ERR_BAD_REQUEST, "yaml: %s", what);
}

/* What the parser complains of, with the line as go-yaml counts it. */
static int syntax(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    size_t line =
        p->problem_mark.line ? p->problem_mark.line + (p->error == YAML_SCANNER_ERROR) : p->context_mark.line;
    const char *what = p->problem ? p->problem : "unknown problem parsing YAML content";
    if (line)
        return err_set(r->err, ERR_BAD_REQUEST, "yaml: line %zu: %s", line, what);
    return wrong(r, what);
}

static int next(struct reader *r, yaml_event_t *event)
{
    return yaml_parser_parse(&r->parser, event) ? 0 : syntax(r);
}

static struct str event_text(const yaml_event_t *e)
{
    return str_slice((const char *)e->data.scalar.value, e->data.scalar.length);
}

/* --- scalars --- */

/* Any bytes as text: in JSON what is no UTF-8 becomes U+FFFD. */
static struct str well_formed(struct arena *a, struct str bytes)
{
    _cleanup_buf_ struct buf quoted = {0};
    json_encode_string(&quoted, bytes);
    return json_unescape(a, str_slice(quoted.p + 1, quoted.n - 2));
}

static int scalar_value(struct reader *r, const yaml_event_t *e, struct value *out)
{
    struct str text = arena_str(r->a, event_text(e)), tag = str_from((const char *)e->data.scalar.tag);
    static const char standard[] = "tag:yaml.org,2002:";
    if (str_starts(tag, STR("tag:yaml.org,2002:")))
        tag = str_from_at(tag, sizeof standard - 1);
    bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    *out = VALUE_STR(text);
    if (str_is(tag, "binary")) {
        _cleanup_buf_ struct buf bytes = {0};
        if (decode_base64(&bytes, text) < 0)
            return wrong(r, "!!binary value contains invalid base64 data");
        *out = VALUE_STR(well_formed(r->a, buf_str(&bytes)));
    } else if (tag.n ? !str_is(tag, "str") && !str_is(tag, "!") && *tag.p != '!' : plain) {
        struct value v = yaml_scalar(text);
        bool fits = !tag.n || (str_is(tag, "int") && v.kind == JSON_INT) ||
                    (str_is(tag, "float") && (v.kind == JSON_INT || v.kind == JSON_DOUBLE)) ||
                    (str_is(tag, "bool") && v.kind == JSON_BOOL) ||
                    (str_is(tag, "null") && v.kind == JSON_NULL) || str_is(tag, "timestamp");
        if (!fits)
            return err_set(r->err, ERR_BAD_REQUEST, "yaml: cannot decode !!%s `" STR_FMT "` as a !!" STR_FMT,
                           v.kind == JSON_INT      ? "int"
                           : v.kind == JSON_DOUBLE ? "float"
                           : v.kind == JSON_BOOL   ? "bool"
                           : v.kind == JSON_NULL   ? "null"
                                                   : "str",
                           STR_ARG(text), STR_ARG(tag));
        if (v.kind == JSON_DOUBLE && !isfinite(v.d))
            return err_set(r->err, ERR_BAD_REQUEST, "json: unsupported value: %s",
                           isnan(v.d) ? "NaN"
                           : v.d > 0  ? "+Inf"
                                      : "-Inf");
        *out = v.kind == JSON_STRING ? *out : v;
    }
    return 0;
}

static int key_text(struct reader *r, const struct value *key, struct str *out)
{
    _cleanup_buf_ struct buf text = {0};
    if (key->kind == JSON_STRING) {
        *out = key->s;
        return 0;
    }
    if (key->kind == JSON_NULL || key->kind == JSON_ARRAY || key->kind == JSON_OBJECT)
        return err_set(r->err, ERR_BAD_REQUEST, "unsupported map key of type: %s", value_kind_name(key));
    value_write(&text, key);
    *out = arena_str(r->a, buf_str(&text));
    return 0;
}

/* --- nodes --- */

static int node(struct reader *r, yaml_event_t *e, struct value *out, size_t *size);

static struct anchor *anchor_open(struct reader *r, const yaml_char_t *name)
{
    if (!name)
        return NULL;
    struct anchor *anchor = arena_new(r->a, struct anchor);
    anchor->open = true;
    map_put(&r->anchors, arena_str(r->a, str_from((const char *)name)), anchor);
    return anchor;
}

static int alias(struct reader *r, const yaml_event_t *e, struct value *out, size_t *size)
{
    struct str name = str_from((const char *)e->data.alias.anchor);
    const struct anchor *anchor = map_get(&r->anchors, name);
    if (!anchor)
        return err_set(r->err, ERR_BAD_REQUEST, "yaml: unknown anchor '" STR_FMT "' referenced",
                       STR_ARG(name));
    if (anchor->open)
        return err_set(r->err, ERR_BAD_REQUEST, "yaml: anchor '" STR_FMT "' value contains itself",
                       STR_ARG(name));
    r->aliased += anchor->size;
    if (r->aliased > YAML_ALIASED_MOST)
        return wrong(r, "document contains excessive aliasing");
    *out = anchor->value;
    *size = anchor->size;
    return 0;
}

static int sequence(struct reader *r, struct value *out, size_t *size)
{
    *out = VALUE_ARRAY;
    for (;;) {
        yaml_event_t e;
        if (next(r, &e) < 0)
            return -1;
        if (e.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&e);
            return 0;
        }
        struct value item;
        size_t n = 0;
        int result = node(r, &e, &item, &n);
        yaml_event_delete(&e);
        if (result < 0)
            return -1;
        value_append(r->a, out, item);
        *size += n;
    }
}

/* `<<: *base` brings the members of another map, or of a list of them, of which the first counts most. */
static int merge(struct reader *r, struct value *into, const struct value *from)
{
    if (from->kind == JSON_ARRAY) {
        for (size_t i = from->list.n; i-- > 0;)
            if (from->list.at[i].kind == JSON_ARRAY || merge(r, into, &from->list.at[i]) < 0)
                return wrong(r, "map merge requires map or sequence of maps as the value");
        return 0;
    }
    if (from->kind != JSON_OBJECT)
        return wrong(r, "map merge requires map or sequence of maps as the value");
    for (size_t i = 0; i < from->members.n; i++)
        value_set(r->a, into, from->members.at[i].key, from->members.at[i].value);
    return 0;
}

static int by_key(const void *x, const void *y)
{
    const struct value_member *const *a = x, *const *b = y;
    int order = str_cmp((*a)->key, (*b)->key);
    return order ? order : (*a > *b) - (*a < *b);
}

/* Members gathered as they came become an object, sorted; of those with the same key the last stays. */
static void settle(struct reader *r, const struct buf *all, struct value *out)
{
    size_t n = all->n / sizeof(struct value_member), kept = 0;
    struct value_member *at = (struct value_member *)(void *)all->p;
    if (!n)
        return;
    struct value_member **order = mem_alloc(n * sizeof(struct value_member *));
    for (size_t i = 0; i < n; i++)
        order[i] = &at[i];
    qsort(order, n, sizeof(struct value_member *), by_key);
    struct value_member *sorted = arena_new_n(r->a, struct value_member, n);
    for (size_t i = 0; i < n; i++)
        if (i + 1 == n || !str_eq(order[i]->key, order[i + 1]->key))
            sorted[kept++] = *order[i];
    free(order);
    out->members = (struct value_members){sorted, kept, n};
}

static int pairs(struct reader *r, struct buf *all, struct map *seen, size_t *size)
{
    for (;;) {
        yaml_event_t e;
        struct value key, value;
        struct str name;
        size_t n = 0;
        if (next(r, &e) < 0)
            return -1;
        if (e.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&e);
            return 0;
        }
        size_t line = e.start_mark.line + 1;
        bool merges = e.type == YAML_SCALAR_EVENT && e.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                      str_is(event_text(&e), "<<");
        int result = node(r, &e, &key, &n);
        yaml_event_delete(&e);
        if (result < 0 || next(r, &e) < 0)
            return -1;
        result = node(r, &e, &value, &n);
        yaml_event_delete(&e);
        if (result < 0)
            return -1;
        *size += n;
        if (merges) {
            struct value merged = VALUE_OBJECT;
            if (merge(r, &merged, &value) < 0)
                return -1;
            buf_add(all, merged.members.at, merged.members.n * sizeof(struct value_member));
            continue;
        }
        if (key_text(r, &key, &name) < 0)
            return -1;
        if (r->strict && map_put(seen, name, r))
            buf_addf(&r->twice, "\n  line %zu: key \"" STR_FMT "\" already set in map", line, STR_ARG(name));
        buf_add(all, &(struct value_member){name, value}, sizeof(struct value_member));
    }
}

static int mapping(struct reader *r, struct value *out, size_t *size)
{
    _cleanup_buf_ struct buf all = {0};
    _cleanup_map_ struct map seen = {0};
    *out = VALUE_OBJECT;
    if (pairs(r, &all, &seen, size) < 0)
        return -1;
    settle(r, &all, out);
    return 0;
}

/* One node, of which `e` is the first event. */
static int node(struct reader *r, yaml_event_t *e, struct value *out, size_t *size)
{
    if (e->type == YAML_ALIAS_EVENT)
        return alias(r, e, out, size);
    const yaml_char_t *name = e->type == YAML_SCALAR_EVENT           ? e->data.scalar.anchor
                              : e->type == YAML_SEQUENCE_START_EVENT ? e->data.sequence_start.anchor
                                                                     : e->data.mapping_start.anchor;
    struct anchor *anchor = anchor_open(r, name);
    size_t own = 8;
    int result;
    if (e->type == YAML_SCALAR_EVENT) {
        own += e->data.scalar.length;
        result = scalar_value(r, e, out);
    } else {
        if (++r->depth > VALUE_DEPTH)
            return wrong(r, "exceeded max depth");
        result = e->type == YAML_SEQUENCE_START_EVENT ? sequence(r, out, &own) : mapping(r, out, &own);
        r->depth--;
    }
    if (anchor)
        *anchor = (struct anchor){*out, own, false};
    *size += own;
    return result;
}

/* --- documents --- */

static void reader_open(struct reader *r, struct str yaml)
{
    ensure(yaml_parser_initialize(&r->parser));
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)(yaml.p ? yaml.p : ""), yaml.n);
}

static void reader_close(struct reader *r)
{
    yaml_parser_delete(&r->parser);
    map_free(&r->anchors);
    buf_free(&r->twice);
}

/* 1 and the next document, or 0 at the end of the text. */
static int document(struct reader *r, struct value *out)
{
    for (;;) {
        yaml_event_t e;
        size_t size = 0;
        if (next(r, &e) < 0)
            return -1;
        yaml_event_type_t type = e.type;
        int result = 0;
        bool content = type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
                       type == YAML_MAPPING_START_EVENT || type == YAML_ALIAS_EVENT;
        if (type == YAML_DOCUMENT_START_EVENT)
            map_free(&r->anchors);
        if (content)
            result = node(r, &e, out, &size);
        yaml_event_delete(&e);
        if (result < 0 || content || type == YAML_STREAM_END_EVENT || type == YAML_NO_EVENT)
            return result < 0 ? -1 : content;
    }
}

int yaml_parse_strict(struct arena *a, struct str yaml, struct value *out, struct strict_errors *strict,
                      struct err *err)
{
    struct reader r = {.a = a, .err = err, .strict = strict};
    reader_open(&r, yaml);
    *out = VALUE_NULL;
    int result = document(&r, out);
    if (result >= 0 && r.twice.n && strict->n < 100) {
        if (!strict->at)
            strict->at = arena_new_n(a, struct str, strict->cap = 100);
        strict->at[strict->n++] = arena_concat(a, STR("yaml: unmarshal errors:"), buf_str(&r.twice));
    }
    reader_close(&r);
    return result < 0 ? -1 : 0;
}

int yaml_to_json(struct buf *json, struct str yaml, struct strict_errors *strict, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct value v;
    if (yaml_parse_strict(&a, yaml, &v, strict, err) < 0)
        return -1;
    value_write(json, &v);
    return 0;
}

int yaml_parse(struct arena *a, struct str yaml, struct value *out, struct err *err)
{
    return yaml_parse_strict(a, yaml, out, NULL, err);
}

int yaml_parse_all(struct arena *a, struct str yaml, struct value *out, struct err *err)
{
    struct reader r = {.a = a, .err = err};
    struct value one;
    reader_open(&r, yaml);
    *out = VALUE_ARRAY;
    int result;
    while ((result = document(&r, &one)) > 0)
        if (one.kind != JSON_NULL)
            value_append(a, out, one);
    reader_close(&r);
    return result;
}

/* --- writing --- */

static int collect(void *out, unsigned char *bytes, size_t n)
{
    buf_add(out, bytes, n);
    return 1;
}

static void emit(yaml_emitter_t *emitter, yaml_event_t *event)
{
    ensure(yaml_emitter_emit(emitter, event));
}

static void emit_text(yaml_emitter_t *emitter, struct str text, yaml_scalar_style_t style)
{
    yaml_event_t e;
    ensure(yaml_scalar_event_initialize(&e, NULL, NULL, (const yaml_char_t *)(text.p ? text.p : ""),
                                        (int)text.n, 1, 1, style));
    emit(emitter, &e);
}

/* A string as plainly as it can be written and still be read as a string. */
static void emit_string(yaml_emitter_t *emitter, struct str s)
{
    yaml_scalar_style_t style = YAML_PLAIN_SCALAR_STYLE;
    if (yaml_scalar(s.n ? s : STR("")).kind != JSON_STRING)
        style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    else if (str_index(s, '\n') >= 0)
        style = YAML_LITERAL_SCALAR_STYLE;
    emit_text(emitter, s, style);
}

static void emit_value(yaml_emitter_t *emitter, const struct value *v)
{
    yaml_event_t e;
    if (v->kind == JSON_STRING) {
        emit_string(emitter, v->s);
    } else if (v->kind == JSON_ARRAY) {
        ensure(yaml_sequence_start_event_initialize(
            &e, NULL, NULL, 1, v->list.n ? YAML_BLOCK_SEQUENCE_STYLE : YAML_FLOW_SEQUENCE_STYLE));
        emit(emitter, &e);
        for (size_t i = 0; i < v->list.n; i++)
            emit_value(emitter, &v->list.at[i]);
        ensure(yaml_sequence_end_event_initialize(&e));
        emit(emitter, &e);
    } else if (v->kind == JSON_OBJECT) {
        ensure(yaml_mapping_start_event_initialize(
            &e, NULL, NULL, 1, v->members.n ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE));
        emit(emitter, &e);
        for (size_t i = 0; i < v->members.n; i++) {
            emit_string(emitter, v->members.at[i].key);
            emit_value(emitter, &v->members.at[i].value);
        }
        ensure(yaml_mapping_end_event_initialize(&e));
        emit(emitter, &e);
    } else {
        _cleanup_buf_ struct buf text = {0};
        value_write(&text, v);
        emit_text(emitter, buf_str(&text), YAML_PLAIN_SCALAR_STYLE);
    }
}

void yaml_write(struct buf *out, const struct value *v)
{
    yaml_emitter_t emitter;
    yaml_event_t e;
    ensure(yaml_emitter_initialize(&emitter));
    yaml_emitter_set_output(&emitter, collect, out);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, -1);
    ensure(yaml_stream_start_event_initialize(&e, YAML_UTF8_ENCODING));
    emit(&emitter, &e);
    ensure(yaml_document_start_event_initialize(&e, NULL, NULL, NULL, 1));
    emit(&emitter, &e);
    emit_value(&emitter, v);
    ensure(yaml_document_end_event_initialize(&e, 1));
    emit(&emitter, &e);
    ensure(yaml_stream_end_event_initialize(&e));
    emit(&emitter, &e);
    yaml_emitter_delete(&emitter);
}

int yaml_from_json(struct str json, struct buf *out, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct value v;
    if (value_parse(&a, json, &v, err) < 0)
        return -1;
    yaml_write(out, &v);
    return 0;
}
