/* Content negotiation: which media type an Accept header asks for, and which rendering of an object within it
 * (`application/json;as=Table;v=v1;g=meta.k8s.io`). Upstream: apiserver's endpoints/handlers/negotiation. */
#pragma once
#include "api/api.h"

enum rendering {
    RENDER_OBJECT,
    RENDER_TABLE,
    RENDER_PARTIAL,      /* PartialObjectMetadata */
    RENDER_PARTIAL_LIST, /* PartialObjectMetadataList */
    RENDER_DISCOVERY,    /* APIGroupDiscoveryList, of /api and /apis */
};

struct accept {
    enum media_type media;
    enum rendering rendering;
    bool v1beta1; /* of the rendering's group version; else v1 */
    bool pretty;  /* ";pretty=1" */
};

/* What an endpoint can give. */
enum accept_offer {
    ACCEPT_OBJECTS, /* JSON, YAML, Protobuf; Table and PartialObjectMetadata */
    ACCEPT_STREAM,  /* a watch: JSON and Protobuf frames, and the renderings */
    ACCEPT_CUSTOM,  /* of custom resources: as ACCEPT_OBJECTS, but whole objects have no Protobuf form */
    ACCEPT_CUSTOM_STREAM,
    ACCEPT_PLAIN,     /* JSON, YAML, Protobuf, no renderings */
    ACCEPT_DISCOVERY, /* as ACCEPT_PLAIN, and aggregated discovery */
};

/* Takes the first clause, by quality, that can be served. -1: none can, ERR_NOT_ACCEPTABLE. */
int accept_parse(struct str header, enum accept_offer offer, struct accept *out, struct err *err);

/* The media type of a body by its Content-Type; empty is JSON, as upstream. -1: ERR_UNSUPPORTED_MEDIA_TYPE.
 */
int content_type_parse(struct str header, enum media_type *out, struct err *err);
/* The kind of a PATCH, and the media type that its body is in. */
int content_type_parse_patch(struct str header, enum api_patch_type *out, enum media_type *media,
                             struct err *err);

/* "application/json", ... as Content-Type; `stream`: of a watch. */
struct str media_type_name(enum media_type m, bool stream);

/* Does the client take gzip (Accept-Encoding, RFC 9110 12.5.3)? */
bool accept_gzip(struct str header);
