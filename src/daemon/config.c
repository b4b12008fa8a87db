#include "daemon/config.h"

#include <errno.h>
#include <yaml.h>

#include "base/file.h"

enum { CONFIG_MAX = 1024 * 1024 };

static struct str scalar(const yaml_node_t *n)
{
    return n->type == YAML_SCALAR_NODE ? str_slice((const char *)n->data.scalar.value, n->data.scalar.length)
                                       : (struct str){0};
}

/* A value, or each of a list of them. */
static int set(yaml_document_t *doc, const struct flags *f, struct str name, const yaml_node_t *value,
               struct err *err)
{
    if (value->type == YAML_SCALAR_NODE)
        return flags_set(f, name, scalar(value), err);
    if (value->type != YAML_SEQUENCE_NODE)
        return err_set(err, ERR_BAD_REQUEST, STR_FMT ": neither a value nor a list", STR_ARG(name));
    for (yaml_node_item_t *i = value->data.sequence.items.start; i < value->data.sequence.items.top; i++) {
        const yaml_node_t *item = yaml_document_get_node(doc, *i);
        if (item->type != YAML_SCALAR_NODE)
            return err_set(err, ERR_BAD_REQUEST, STR_FMT ": a list of lists", STR_ARG(name));
        if (flags_set(f, name, scalar(item), err) < 0)
            return -1;
    }
    return 0;
}

static int apply(yaml_document_t *doc, const struct flags *f, struct err *err)
{
    const yaml_node_t *root = yaml_document_get_root_node(doc);
    if (!root)
        return 0;
    if (root->type != YAML_MAPPING_NODE)
        return err_set(err, ERR_BAD_REQUEST,
                       "it must be a list of flags and values, as in \"data-dir: /srv/sagong\"");
    for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++)
        if (set(doc, f, scalar(yaml_document_get_node(doc, p->key)), yaml_document_get_node(doc, p->value),
                err) < 0)
            return -1;
    return 0;
}

int config_read(const char *path, bool required, const struct flags *f, struct err *err)
{
    _cleanup_buf_ struct buf text = {0};
    if (!required && !file_exists(path))
        return 0;
    if (file_read(path, CONFIG_MAX, &text, err) < 0)
        return -1;
    yaml_parser_t parser;
    yaml_document_t doc;
    if (!yaml_parser_initialize(&parser))
        return err_set(err, ERR_INTERNAL, "%s: no memory to read it", path);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
    int result;
    if (!yaml_parser_load(&parser, &doc)) {
        result = err_set(err, ERR_BAD_REQUEST, "%s:%zu: %s", path, parser.problem_mark.line + 1,
                         parser.problem ? parser.problem : "not YAML");
    } else {
        result = apply(&doc, f, err);
        if (result < 0)
            err_wrap(err, "%s", path);
        yaml_document_delete(&doc);
    }
    yaml_parser_delete(&parser);
    return result;
}
