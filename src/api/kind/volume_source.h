/* Where volumes come from: the rules of each source, for volumes of pods and persistent volumes alike. */
#pragma once
#include "api/valid.h"

/* What a source's rules look at around it. */
struct volume_scope {
    struct str name;                /* of the volume */
    const struct object_meta *meta; /* the pod's; NULL in a template, and of persistent volumes */
    bool persistent;
};

/* `holder`, of type `t`, has the sources as optional fields, of which one must be set: each is checked, and
 * more than one is refused. */
void valid_volume_source(struct field_errors *e, const struct path *at, const struct type *t,
                         const void *holder, const struct volume_scope *scope);

/* Sources that are files of the API's own: kind/projected.c. */
void valid_mode(struct field_errors *e, const struct path *at, const int32_t *mode);
void valid_secret_source(struct field_errors *e, const struct path *at, const void *source,
                         const struct volume_scope *scope);
void valid_config_map_source(struct field_errors *e, const struct path *at, const void *source,
                             const struct volume_scope *scope);
void valid_downward_source(struct field_errors *e, const struct path *at, const void *source,
                           const struct volume_scope *scope);
void valid_projected_source(struct field_errors *e, const struct path *at, const void *source,
                            const struct volume_scope *scope);
/* Sources that old drivers serve: kind/volume_driver.c. */
void valid_disk_partition(struct field_errors *e, const struct path *at, int32_t partition);
void valid_iscsi_source(struct field_errors *e, const struct path *at, const void *source,
                        const struct volume_scope *scope);
void valid_fc_source(struct field_errors *e, const struct path *at, const void *source,
                     const struct volume_scope *scope);
void valid_flocker_source(struct field_errors *e, const struct path *at, const void *source,
                          const struct volume_scope *scope);
void valid_quobyte_source(struct field_errors *e, const struct path *at, const void *source,
                          const struct volume_scope *scope);
void valid_flex_source(struct field_errors *e, const struct path *at, const void *source,
                       const struct volume_scope *scope);
void valid_azure_disk_source(struct field_errors *e, const struct path *at, const void *source,
                             const struct volume_scope *scope);
void valid_storageos_source(struct field_errors *e, const struct path *at, const void *source,
                            const struct volume_scope *scope);
/* "csi.example.com": the name of a CSI driver. */
void valid_csi_driver_name(struct field_errors *e, const struct path *at, struct str name);
