/* Volumes of drivers that Kubernetes once had in itself: what their sources must say. */
#include "api/kind/volume_source.h"
#include <ctype.h>
#include <string.h>

void valid_disk_partition(struct field_errors *e, const struct path *at, int32_t partition)
{
    if (partition < 0 || partition > 255)
        field_invalid_int(e, at, partition, "must be between 1 and 255, inclusive");
}

/* --- iSCSI --- */

/* The names of RFC 3720: iqn.2001-04.com.example:disk, eui.0123456789ABCDEF, naa. and 32 characters. */
static bool is_iscsi_name(struct str s)
{
    if (str_starts(s, STR("iqn"))) {
        ptrdiff_t colon = str_index(s, ':');
        if (s.n < 12 || s.p[3] != '.' || s.p[8] != '-' || s.p[11] != '.' || colon <= 12 ||
            (size_t)colon + 1 == s.n)
            return false;
        for (size_t i = 4; i < 11; i++)
            if (i != 8 && (s.p[i] < '0' || s.p[i] > '9'))
                return false;
        for (size_t i = (size_t)colon + 1; i < s.n; i++)
            if (strchr(",;*&$| \t\n\r\f\v", s.p[i]))
                return false;
        return true;
    }
    size_t n = str_starts(s, STR("eui")) ? 16 : 32;
    if (s.n != n + 4)
        return false;
    for (size_t i = 4; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]))
            return false;
    return true;
}

static void valid_iscsi_name(struct field_errors *e, const struct path *at, struct str s, const char *unknown)
{
    if (!str_starts(s, STR("iqn")) && !str_starts(s, STR("eui")) && !str_starts(s, STR("naa")))
        field_invalid(e, at, s, "%s", unknown);
    else if (!is_iscsi_name(s))
        field_invalid(e, at, s, "must be valid format");
}

/* Both kinds of source have the same fields but for what the reference to the secret refers to. */
_Static_assert(sizeof(struct iscsi_volume_source) == sizeof(struct iscsi_persistent_volume_source), "");

void valid_iscsi_source(struct field_errors *e, const struct path *at, const void *source,
                        const struct volume_scope *scope)
{
    static const char *const starting = "must be valid format starting with iqn, eui, or naa";
    const struct iscsi_volume_source *s = source;
    const struct path *secret = PATH(at, "secretRef");
    bool persistent = scope->persistent;
    if (s->initiator_name && scope->name.n + 1 + s->target_portal.n > 64)
        field_invalid(e, persistent ? PATH(at, "targetportal") : PATH(at->parent, "name"),
                      persistent ? s->target_portal : scope->name,
                      "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if "
                      "iscsi.initiatorName is specified.");
    if (!s->iqn.n)
        field_required(e, PATH(at, "iqn"), "%s", "");
    else
        valid_iscsi_name(e, PATH(at, "iqn"), s->iqn, persistent ? "must be valid format" : starting);
    format_validate_range(e, PATH(at, "lun"), s->lun, 0, 255);
    if ((s->chap_auth_discovery || s->chap_auth_session) && !s->secret_ref)
        field_required(e, secret, "%s", "");
    if (persistent && s->secret_ref && !s->secret_ref->name.n)
        field_required(e, PATH(secret, "name"), "%s", "");
    if (s->initiator_name)
        valid_iscsi_name(e, PATH(at, "initiatorname"), *s->initiator_name, starting);
}

/* --- the others --- */

void valid_fc_source(struct field_errors *e, const struct path *at, const void *source,
                     const struct volume_scope *scope)
{
    const struct fc_volume_source *s = source;
    const struct path *wwns = PATH(at, "targetWWNs"), *lun = PATH(at, "lun");
    (void)scope;
    if (!s->target_wwns.n && !s->wwids.n)
        field_required(e, wwns, "must specify either targetWWNs or wwids, but not both");
    if (s->target_wwns.n && s->wwids.n)
        field_error(e, FIELD_ERROR_INVALID, wwns, valid_bad_list(e, &s->target_wwns),
                    "targetWWNs and wwids can not be specified simultaneously");
    if (s->target_wwns.n && !s->lun)
        field_required(e, lun, "lun is required if targetWWNs is specified");
    else if (s->target_wwns.n)
        format_validate_range(e, lun, *s->lun, 0, 255);
}

void valid_flocker_source(struct field_errors *e, const struct path *at, const void *source,
                          const struct volume_scope *scope)
{
    const struct flocker_volume_source *s = source;
    (void)scope;
    if (!s->dataset_name.n && !s->dataset_uuid.n)
        field_required(e, at, "one of datasetName and datasetUUID is required");
    if (s->dataset_name.n && s->dataset_uuid.n)
        field_invalid(e, at, STR("resource"),
                      "datasetName and datasetUUID can not be specified simultaneously");
    if (str_index(s->dataset_name, '/') >= 0)
        field_invalid(e, PATH(at, "datasetName"), s->dataset_name, "must not contain '/'");
}

void valid_quobyte_source(struct field_errors *e, const struct path *at, const void *source,
                          const struct volume_scope *scope)
{
    static const char *const pairs = "must be a host:port pair or multiple pairs separated by commas";
    const struct quobyte_volume_source *s = source;
    struct str rest = s->registry, pair;
    (void)scope;
    if (!s->registry.n)
        field_required(e, PATH(at, "registry"), "%s", pairs);
    else if (s->tenant.n >= 65)
        field_required(e, PATH(at, "tenant"), "must be a UUID and may not exceed a length of 64 characters");
    else
        while (str_cut(&rest, ',', &pair))
            if (str_index(pair, ':') < 0 || str_index(pair, ':') != str_last_index(pair, ':'))
                field_invalid(e, PATH(at, "registry"), s->registry, "%s", pairs);
    valid_required(e, PATH(at, "volume"), s->volume);
}

/* Options of Kubernetes' own domains are not for users. */
void valid_flex_source(struct field_errors *e, const struct path *at, const void *source,
                       const struct volume_scope *scope)
{
    const struct str_map *options = scope->persistent
                                        ? &((const struct flex_persistent_volume_source *)source)->options
                                        : &((const struct flex_volume_source *)source)->options;
    each (*options, i) {
        struct str key = options->at[i].key, rest = key, domain;
        str_cut(&rest, '/', &domain);
        struct str dotted = arena_printf(&e->arena, "." STR_FMT, STR_ARG(domain));
        for (char *p = (char *)(uintptr_t)dotted.p; p < dotted.p + dotted.n; p++)
            *p = (char)tolower((unsigned char)*p);
        if (str_ends(dotted, STR(".kubernetes.io")) || str_ends(dotted, STR(".k8s.io")))
            field_invalid(e, PATH_OF(PATH(at, "options"), key), key,
                          "kubernetes.io and k8s.io namespaces are reserved");
    }
}

void valid_azure_disk_source(struct field_errors *e, const struct path *at, const void *source,
                             const struct volume_scope *scope)
{
    static const struct str managed =
                                STR_INIT("/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/"
                                         "microsoft.compute/disks/{disk-id}"),
                            blob = STR_INIT("https://{account-name}.blob.core.windows.net/{container-name}/"
                                            "{disk-name}.vhd");
    const struct azure_disk_volume_source *s = source;
    (void)scope;
    if (s->caching_mode)
        valid_supported(e, PATH(at, "cachingMode"), *s->caching_mode,
                        (const struct str[]){STR("None"), STR("ReadOnly"), STR("ReadWrite")}, 3);
    if (!s->kind)
        return;
    valid_supported(e, PATH(at, "kind"), *s->kind,
                    (const struct str[]){STR("Dedicated"), STR("Managed"), STR("Shared")}, 3);
    if (str_is(*s->kind, "Managed") && !str_starts(s->disk_uri, STR("/subscriptions/")))
        field_not_supported(e, PATH(at, "diskURI"), s->disk_uri, &managed, 1);
    if (!str_is(*s->kind, "Managed") && !str_starts(s->disk_uri, STR("https://")))
        field_not_supported(e, PATH(at, "diskURI"), s->disk_uri, &blob, 1);
}

void valid_storageos_source(struct field_errors *e, const struct path *at, const void *source,
                            const struct volume_scope *scope)
{
    const struct storage_os_volume_source *s = source; /* the other kind begins alike */
    (void)scope;
    valid_label_name(e, PATH(at, "volumeName"), s->volume_name);
    if (s->volume_namespace.n)
        valid_label_name(e, PATH(at, "volumeNamespace"), s->volume_namespace);
}

void valid_csi_driver_name(struct field_errors *e, const struct path *at, struct str name)
{
    struct str lower = arena_str(&e->arena, name), messages[FORMAT_MESSAGES];
    valid_required(e, at, name);
    if (name.n > 63)
        field_too_long(e, at, 63);
    for (char *p = (char *)(uintptr_t)lower.p; p < lower.p + lower.n; p++)
        *p = (char)tolower((unsigned char)*p);
    size_t n = format_check(FORMAT_DNS1123_SUBDOMAIN, lower, messages);
    for (size_t i = 0; i < n; i++)
        field_invalid(e, at, name, STR_FMT, STR_ARG(messages[i]));
}
