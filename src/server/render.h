/* Objects in the rendering that a client asked for: as they are, as rows of a Table, as metadata alone. */
#pragma once
#include "server/request.h"

/* One object as JSON in the request's rendering, whole. For RENDER_TABLE a Table of one row, with its columns
 * when `columns` is set. */
void render_json(struct request *q, struct object *o, bool columns, struct buf *out);
/* What stands in a list's "items" (or a Table's "rows") for it. */
void render_json_item(struct request *q, struct object *o, struct buf *out);
/* The list around the items: everything before the first and behind the last. */
void render_json_head(struct request *q, const struct api_list *list, struct buf *out);
void render_json_tail(struct request *q, struct buf *out);

/* The same in Protobuf: the message of one object, without envelope. */
struct str render_proto(struct request *q, struct object *o, struct buf *scratch);
/* apiVersion and kind that go with it. */
void render_type(struct request *q, struct object *o, struct str *api_version, struct str *kind);
