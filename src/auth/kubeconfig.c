#include "auth/kubeconfig.h"

#include <stdio.h>
#include <yaml.h>

#include "base/encode.h"
#include "base/file.h"

enum { FILE_MOST = 1024 * 1024 };

void kubeconfig_free(struct kubeconfig *k)
{
    arena_free(&k->arena);
    *k = (struct kubeconfig){0};
}

/* --- writing --- */

/* As a YAML scalar: JSON's strings are YAML's double-quoted ones. */
static void put_scalar(struct buf *out, const char *key, struct str value)
{
    buf_addf(out, "%s: \"", key);
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if (c == '"' || c == '\\')
            buf_addf(out, "\\%c", c);
        else if (c < 0x20)
            buf_addf(out, "\\x%02x", c);
        else
            buf_add_c(out, (char)c);
    }
    buf_add_lit(out, "\"\n");
}

static void put_data(struct buf *out, const char *key, struct str value)
{
    if (!value.n)
        return;
    buf_addf(out, "%s: ", key);
    encode_base64(out, value);
    buf_add_c(out, '\n');
}

static struct str either(struct str s, struct str fallback)
{
    return s.n ? s : fallback;
}

void kubeconfig_render(const struct kubeconfig *k, struct buf *out)
{
    struct str cluster = either(k->cluster, STR("sagong")), user = either(k->user, STR("admin"));
    struct str context = either(k->context, STR("admin@sagong"));
    buf_add_lit(out, "apiVersion: v1\nkind: Config\nclusters:\n");
    put_scalar(out, "- name", cluster);
    buf_add_lit(out, "  cluster:\n");
    put_scalar(out, "    server", k->server);
    put_data(out, "    certificate-authority-data", k->ca_pem);
    if (k->server_name.n)
        put_scalar(out, "    tls-server-name", k->server_name);
    if (k->insecure)
        buf_add_lit(out, "    insecure-skip-tls-verify: true\n");
    buf_add_lit(out, "users:\n");
    put_scalar(out, "- name", user);
    buf_add_lit(out, "  user:\n");
    put_data(out, "    client-certificate-data", k->cert_pem);
    put_data(out, "    client-key-data", k->key_pem);
    if (k->token.n)
        put_scalar(out, "    token", k->token);
    buf_add_lit(out, "contexts:\n");
    put_scalar(out, "- name", context);
    buf_add_lit(out, "  context:\n");
    put_scalar(out, "    cluster", cluster);
    put_scalar(out, "    user", user);
    if (k->ns.n)
        put_scalar(out, "    namespace", k->ns);
    put_scalar(out, "current-context", context);
}

int kubeconfig_write(const char *path, const struct kubeconfig *k, struct err *err)
{
    _cleanup_buf_ struct buf text = {0};
    kubeconfig_render(k, &text);
    int rc = file_write(path, buf_str(&text), 0600, err);
    explicit_bzero(text.p, text.n); /* it has keys in it */
    return rc;
}

/* --- reading; JSON is YAML --- */

static struct str scalar_of(const yaml_node_t *n)
{
    return n && n->type == YAML_SCALAR_NODE ? str_slice((char *)n->data.scalar.value, n->data.scalar.length)
                                            : (struct str){0};
}

static yaml_node_t *member(yaml_document_t *doc, const yaml_node_t *map, const char *key)
{
    if (!map || map->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++)
        if (str_is(scalar_of(yaml_document_get_node(doc, p->key)), key))
            return yaml_document_get_node(doc, p->value);
    return NULL;
}

static struct str text(yaml_document_t *doc, const yaml_node_t *map, const char *key)
{
    return scalar_of(member(doc, map, key));
}

/* The entry of that name in one of the lists, and in it the member that holds it: {name: x, cluster: {...}}.
 */
static yaml_node_t *named(yaml_document_t *doc, const char *list, struct str name, const char *what)
{
    yaml_node_t *all = member(doc, yaml_document_get_root_node(doc), list);
    if (!all || all->type != YAML_SEQUENCE_NODE)
        return NULL;
    for (yaml_node_item_t *i = all->data.sequence.items.start; i < all->data.sequence.items.top; i++) {
        yaml_node_t *entry = yaml_document_get_node(doc, *i);
        if (str_eq(text(doc, entry, "name"), name))
            return member(doc, entry, what);
    }
    return NULL;
}

/* A value that stands embedded in KEY-data (base64), or in the file that KEY names. */
static int data_or_file(struct kubeconfig *out, yaml_document_t *doc, yaml_node_t *map, const char *key,
                        const char *dir, struct str *value, struct err *err)
{
    struct arena *a = &out->arena;
    _cleanup_buf_ struct buf b = {0};
    struct str data = text(doc, map, arena_printf(a, "%s-data", key).p), path = text(doc, map, key);
    if (data.n) {
        if (decode_base64(&b, data) < 0)
            return err_set(err, ERR_BAD_REQUEST, "kubeconfig: %s-data is not base64", key);
    } else if (path.n) {
        const char *full =
            path.p[0] == '/' ? arena_c(a, path) : arena_printf(a, "%s/" STR_FMT, dir, STR_ARG(path)).p;
        if (file_read(full, FILE_MOST, &b, err) < 0)
            return -1;
    }
    *value = arena_str(a, buf_str(&b));
    return 0;
}

static int resolve(yaml_document_t *doc, const char *dir, struct str context, struct kubeconfig *out,
                   struct err *err)
{
    struct arena *a = &out->arena;
    yaml_node_t *root = yaml_document_get_root_node(doc);
    struct str name = context.n ? context : text(doc, root, "current-context");
    yaml_node_t *c = named(doc, "contexts", name, "context");
    if (!c)
        return err_set(err, ERR_BAD_REQUEST, "kubeconfig: context \"" STR_FMT "\" does not exist",
                       STR_ARG(name));
    struct str cluster_name = text(doc, c, "cluster"), user_name = text(doc, c, "user");
    yaml_node_t *cluster = named(doc, "clusters", cluster_name, "cluster");
    if (!cluster)
        return err_set(err, ERR_BAD_REQUEST, "kubeconfig: cluster \"" STR_FMT "\" does not exist",
                       STR_ARG(cluster_name));
    yaml_node_t *user = named(doc, "users", user_name, "user");
    out->context = arena_str(a, name);
    out->cluster = arena_str(a, cluster_name);
    out->user = arena_str(a, user_name);
    out->ns = arena_str(a, text(doc, c, "namespace"));
    out->server = arena_str(a, text(doc, cluster, "server"));
    out->server_name = arena_str(a, text(doc, cluster, "tls-server-name"));
    out->insecure = str_eq(text(doc, cluster, "insecure-skip-tls-verify"), STR("true"));
    if (!out->server.n)
        return err_set(err, ERR_BAD_REQUEST, "kubeconfig: cluster \"" STR_FMT "\" has no server",
                       STR_ARG(cluster_name));
    if (data_or_file(out, doc, cluster, "certificate-authority", dir, &out->ca_pem, err) < 0 ||
        data_or_file(out, doc, user, "client-certificate", dir, &out->cert_pem, err) < 0 ||
        data_or_file(out, doc, user, "client-key", dir, &out->key_pem, err) < 0 ||
        data_or_file(out, doc, user, "tokenFile", dir, &out->token, err) < 0)
        return -1;
    out->token = str_trim(out->token);
    if (!out->token.n)
        out->token = arena_str(a, text(doc, user, "token"));
    if (!out->token.n && !out->cert_pem.n &&
        (member(doc, user, "exec") || member(doc, user, "auth-provider")))
        return err_set(err, ERR_BAD_REQUEST, "kubeconfig: user \"" STR_FMT "\" needs a plugin: not supported",
                       STR_ARG(user_name));
    return 0;
}

int kubeconfig_parse(struct str content, const char *dir, struct str context, struct kubeconfig *out,
                     struct err *err)
{
    *out = (struct kubeconfig){0};
    yaml_parser_t parser;
    yaml_document_t doc;
    ensure(yaml_parser_initialize(&parser));
    yaml_parser_set_input_string(&parser, (const unsigned char *)(content.n ? content.p : ""), content.n);
    int rc;
    if (!yaml_parser_load(&parser, &doc)) {
        rc = err_set(err, ERR_BAD_REQUEST, "kubeconfig: line %zu: %s", parser.problem_mark.line + 1,
                     parser.problem ? parser.problem : "malformed");
    } else {
        rc = resolve(&doc, dir, context, out, err);
        yaml_document_delete(&doc);
    }
    yaml_parser_delete(&parser);
    if (rc < 0)
        kubeconfig_free(out);
    return rc;
}

int kubeconfig_read(const char *path, struct str context, struct kubeconfig *out, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf content = {0};
    if (file_read(path, FILE_MOST, &content, err) < 0)
        return -1;
    struct str dir = str_from(path);
    ptrdiff_t slash = str_last_index(dir, '/');
    dir = slash < 0 ? STR(".") : str_slice(dir.p, slash ? (size_t)slash : 1);
    int rc = kubeconfig_parse(buf_str(&content), arena_c(&a, dir), context, out, err);
    if (rc < 0)
        err_wrap(err, "%s", path);
    if (content.n)
        explicit_bzero(content.p, content.n);
    return rc;
}
