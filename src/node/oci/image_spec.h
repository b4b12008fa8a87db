/* What registries and archives say about images: the documents of the OCI image and distribution
 * specifications and their Docker twins, declared as structs with descriptors. What Sagong does not use is
 * left out. */
#pragma once
#include "schema/desc.h"

struct oci_platform {
    struct str architecture, os, variant;
};

struct oci_descriptor {
    struct str media_type, digest;
    int64_t size;
    struct oci_platform *platform;
    struct str_map annotations;
};
struct oci_descriptor_vec {
    struct oci_descriptor *at;
    size_t n;
};

/* An image's manifest (config and layers) or an index of manifests (manifests). */
struct oci_manifest {
    int64_t schema_version;
    struct str media_type;
    struct oci_descriptor config;
    struct oci_descriptor_vec layers, manifests;
};
extern const struct type oci_manifest_type;

struct oci_image_config {
    struct str user, working_dir, stop_signal;
    struct str_vec env, entrypoint, cmd;
    struct str_map labels;
};
struct oci_rootfs {
    struct str type;
    struct str_vec diff_ids;
};
struct oci_image {
    struct str architecture, os;
    struct oci_image_config config;
    struct oci_rootfs rootfs;
};
extern const struct type oci_image_type;

/* manifest.json of `docker save`, as `{"images": ...}`. */
struct docker_archive_image {
    struct str config;
    struct str_vec repo_tags, layers;
};
struct docker_archive_image_vec {
    struct docker_archive_image *at;
    size_t n;
};
struct docker_archive {
    struct docker_archive_image_vec images;
};
extern const struct type docker_archive_type;

/* ~/.docker/config.json, also in secrets of type kubernetes.io/dockerconfigjson. */
struct docker_auth {
    struct str username, password, auth, identity_token;
};
struct docker_auth_entry {
    struct str key;
    struct docker_auth value;
};
struct docker_auth_map {
    struct docker_auth_entry *at;
    size_t n;
};
struct docker_config {
    struct docker_auth_map auths;
};
extern const struct type docker_config_type;

/* What a token server answers (distribution specification, "Token Authentication"). */
struct registry_token {
    struct str token, access_token;
    int64_t expires_in;
};
extern const struct type registry_token_type;

struct registry_error {
    struct str code, message;
};
struct registry_error_vec {
    struct registry_error *at;
    size_t n;
};
struct registry_errors {
    struct registry_error_vec errors;
};
extern const struct type registry_errors_type;

#define OCI_MEDIA_MANIFEST    "application/vnd.oci.image.manifest.v1+json"
#define OCI_MEDIA_INDEX       "application/vnd.oci.image.index.v1+json"
#define DOCKER_MEDIA_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_MEDIA_INDEX    "application/vnd.docker.distribution.manifest.list.v2+json"
