#include "api/options.h"

#include "api/valid.h"

static const char *const options_kinds[] = {
    [API_GET] = "GetOptions",       [API_LIST] = "ListOptions",
    [API_WATCH] = "ListOptions",    [API_CREATE] = "CreateOptions",
    [API_UPDATE] = "UpdateOptions", [API_PATCH] = "PatchOptions",
    [API_DELETE] = "DeleteOptions", [API_DELETE_COLLECTION] = "DeleteOptions",
};

static void check_write(struct field_errors *e, struct api_request *r)
{
    if (r->dry_run_text.n && !str_is(r->dry_run_text, "All"))
        field_error(e, FIELD_ERROR_NOT_SUPPORTED, PATH(NULL, "dryRun"),
                    BAD_RAW(arena_printf(&e->arena, "[\"" STR_FMT "\"]", STR_ARG(r->dry_run_text))),
                    "supported values: \"All\"");
    r->dry_run |= str_is(r->dry_run_text, "All");
    VALID_ONE_OF(e, PATH(NULL, "fieldValidation"), r->field_validation, false, STR(""), STR("Ignore"),
                 STR("Strict"), STR("Warn"));
    if (r->field_manager.n > 128)
        field_too_long(e, PATH(NULL, "fieldManager"), 128);
    for (size_t i = 0; i < r->field_manager.n; i++)
        if ((unsigned char)r->field_manager.p[i] < 0x20 || r->field_manager.p[i] == 0x7f) {
            field_invalid(e, PATH(NULL, "fieldManager"), r->field_manager,
                          "should only contain printable characters");
            break;
        }
    if (r->verb != API_PATCH)
        return;
    if (r->patch_type == API_PATCH_APPLY && !r->field_manager.n)
        field_required(e, PATH(NULL, "fieldManager"), "is required for apply patch");
    if (r->patch_type != API_PATCH_APPLY && r->force)
        field_forbidden(e, PATH(NULL, "force"), "may not be specified for non-apply patch");
}

static void check_list(struct field_errors *e, const struct api_request *r)
{
    const struct path *match = PATH(NULL, "resourceVersionMatch");
    bool not_older = str_is(r->resource_version_match, "NotOlderThan"),
         exact = str_is(r->resource_version_match, "Exact");
    if (r->verb == API_WATCH) {
        if (r->send_initial_events_said && !not_older)
            field_forbidden(e, match,
                            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        if (r->send_initial_events_said && !r->allow_bookmarks)
            field_forbidden(e, PATH(NULL, "allowWatchBookmarks"),
                            "sendInitialEvents requires setting allowWatchBookmarks to true");
        if (r->resource_version_match.n && !r->send_initial_events_said)
            field_forbidden(
                e, match, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
        return;
    }
    if (r->send_initial_events_said)
        field_forbidden(e, PATH(NULL, "sendInitialEvents"), "sendInitialEvents is forbidden for list");
    if (!r->resource_version_match.n)
        return;
    if (!r->resource_version.n)
        field_forbidden(e, match, "resourceVersionMatch is forbidden unless resourceVersion is provided");
    if (r->continue_token.n)
        field_forbidden(e, match, "resourceVersionMatch is forbidden when continue is provided");
    if (!exact && !not_older)
        field_not_supported(e, match, r->resource_version_match,
                            (const struct str[]){STR("Exact"), STR("NotOlderThan"), STR("")}, 3);
    if (exact && str_is(r->resource_version, "0"))
        field_forbidden(e, match, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
}

int options_check(struct api_request *r)
{
    _cleanup_field_errors_ struct field_errors e = {0};
    if (r->verb == API_LIST || r->verb == API_WATCH || r->verb == API_DELETE_COLLECTION)
        check_list(&e, r);
    if (r->verb == API_CONNECT) /* these are looked at by who connects */
        return 0;
    if (r->verb >= API_CREATE)
        check_write(&e, r);
    return field_errors_status(&e, STR("meta.k8s.io"), str_from(options_kinds[r->verb]), STR(""), &r->err);
}

int options_revision(struct str text, int64_t *out, struct err *err)
{
    uint64_t v = 0;
    if (text.n && (!str_to_u64(text, &v) || v > INT64_MAX))
        return err_set(err, ERR_BAD_REQUEST,
                       "Invalid value: \"" STR_FMT "\": strconv.ParseUint: parsing \"" STR_FMT
                       "\": invalid syntax",
                       STR_ARG(text), STR_ARG(text));
    *out = (int64_t)v;
    return 0;
}
