#include "node/oci/image_spec.h"

#include "node/oci/declare.h"

static const struct field oci_platform_fields[] = {
    ONE(oci_platform, architecture, "architecture", STRING),
    ONE(oci_platform, os, "os", STRING),
    ONE(oci_platform, variant, "variant", STRING),
};
DECLARE(static, oci_platform)

static const struct field oci_descriptor_fields[] = {
    ONE(oci_descriptor, media_type, "mediaType", STRING),
    ONE(oci_descriptor, digest, "digest", STRING),
    ONE(oci_descriptor, size, "size", INT64),
    OPTIONAL_OF(oci_descriptor, platform, "platform", oci_platform),
    MAP(oci_descriptor, annotations, "annotations", STRING),
};
DECLARE(static, oci_descriptor)

static const struct field oci_manifest_fields[] = {
    ONE(oci_manifest, schema_version, "schemaVersion", INT64),
    ONE(oci_manifest, media_type, "mediaType", STRING),
    ONE_OF(oci_manifest, config, "config", oci_descriptor),
    LIST_OF(oci_manifest, layers, "layers", oci_descriptor),
    LIST_OF(oci_manifest, manifests, "manifests", oci_descriptor),
};
DECLARE(, oci_manifest)

static const struct field oci_image_config_fields[] = {
    ONE(oci_image_config, user, "User", STRING),
    ONE(oci_image_config, working_dir, "WorkingDir", STRING),
    ONE(oci_image_config, stop_signal, "StopSignal", STRING),
    LIST(oci_image_config, env, "Env", STRING),
    LIST(oci_image_config, entrypoint, "Entrypoint", STRING),
    LIST(oci_image_config, cmd, "Cmd", STRING),
    MAP(oci_image_config, labels, "Labels", STRING),
};
DECLARE(static, oci_image_config)

static const struct field oci_rootfs_fields[] = {
    ONE(oci_rootfs, type, "type", STRING),
    LIST(oci_rootfs, diff_ids, "diff_ids", STRING),
};
DECLARE(static, oci_rootfs)

static const struct field oci_image_fields[] = {
    ONE(oci_image, architecture, "architecture", STRING),
    ONE(oci_image, os, "os", STRING),
    ONE_OF(oci_image, config, "config", oci_image_config),
    ONE_OF(oci_image, rootfs, "rootfs", oci_rootfs),
};
DECLARE(, oci_image)

static const struct field docker_archive_image_fields[] = {
    ONE(docker_archive_image, config, "Config", STRING),
    LIST(docker_archive_image, repo_tags, "RepoTags", STRING),
    LIST(docker_archive_image, layers, "Layers", STRING),
};
DECLARE(static, docker_archive_image)

static const struct field docker_archive_fields[] = {
    LIST_OF(docker_archive, images, "images", docker_archive_image),
};
DECLARE(, docker_archive)

static const struct field docker_auth_fields[] = {
    ONE(docker_auth, username, "username", STRING),
    ONE(docker_auth, password, "password", STRING),
    ONE(docker_auth, auth, "auth", STRING),
    ONE(docker_auth, identity_token, "identitytoken", STRING),
};
DECLARE(static, docker_auth)

static const struct field docker_config_fields[] = {
    MAP_OF(docker_config, auths, "auths", docker_auth),
};
DECLARE(, docker_config)

static const struct field registry_token_fields[] = {
    ONE(registry_token, token, "token", STRING),
    ONE(registry_token, access_token, "access_token", STRING),
    ONE(registry_token, expires_in, "expires_in", INT64),
};
DECLARE(, registry_token)

static const struct field registry_error_fields[] = {
    ONE(registry_error, code, "code", STRING),
    ONE(registry_error, message, "message", STRING),
};
DECLARE(static, registry_error)

static const struct field registry_errors_fields[] = {
    LIST_OF(registry_errors, errors, "errors", registry_error),
};
DECLARE(, registry_errors)
