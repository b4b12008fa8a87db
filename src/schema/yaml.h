/* YAML, read into JSON as sigs.k8s.io/yaml does, and written from it. Plain scalars mean what YAML 1.1 says
 * (yes, on, 0777 and 1_000 among it); an alias stands for what it names, but not so often that the text would
 * explode. */
#pragma once
#include "schema/value.h"

/* How many bytes aliases may add, whatever the text says. */
enum { YAML_ALIASED_MOST = 8 << 20 };

/* Reads the first document (others are ignored, as upstream does); none at all is null. Keys of any scalar
 * type become strings; of duplicate keys the last counts. */
int yaml_parse(struct arena *a, struct str yaml, struct value *out, struct err *err);
/* The same, and each duplicate key is told in `strict` (may be NULL), in go-yaml's words. */
int yaml_parse_strict(struct arena *a, struct str yaml, struct value *out, struct strict_errors *strict,
                      struct err *err);
/* Reads all documents into an array; empty ones are left out. */
int yaml_parse_all(struct arena *a, struct str yaml, struct value *out, struct err *err);
/* Adds the first document as compact JSON. */
int yaml_to_json(struct buf *json, struct str yaml, struct strict_errors *strict, struct err *err);

/* Block style, two spaces, keys sorted; strings that would read as something else are quoted. */
void yaml_write(struct buf *out, const struct value *v);
/* The same of a JSON text. */
int yaml_from_json(struct str json, struct buf *out, struct err *err);
