#include "api/answer.h"

int answer_not_found(struct err *err, const struct resource *r, struct str name)
{
    err_set(err, ERR_NOT_FOUND, STR_FMT " \"" STR_FMT "\" not found", STR_ARG(r->qualified), STR_ARG(name));
    return err_about(err, r->group, r->plural, name);
}

int answer_exists(struct err *err, const struct resource *r, struct str name)
{
    err_set(err, ERR_ALREADY_EXISTS, STR_FMT " \"" STR_FMT "\" already exists", STR_ARG(r->qualified),
            STR_ARG(name));
    return err_about(err, r->group, r->plural, name);
}

int answer_conflict(struct err *err, const struct resource *r, struct str name, const char *fmt, ...)
{
    _cleanup_arena_ struct arena a = {0};
    va_list args;
    va_start(args, fmt);
    struct str why = arena_vprintf(&a, fmt, args);
    va_end(args);
    err_set(err, ERR_CONFLICT, "Operation cannot be fulfilled on " STR_FMT " \"" STR_FMT "\": " STR_FMT,
            STR_ARG(r->qualified), STR_ARG(name), STR_ARG(why));
    return err_about(err, r->group, r->plural, name);
}

int answer_modified(struct err *err, const struct resource *r, struct str name)
{
    return answer_conflict(
        err, r, name,
        "the object has been modified; please apply your changes to the latest version and try again");
}

int answer_forbidden(struct err *err, const struct resource *r, struct str name, const char *fmt, ...)
{
    _cleanup_arena_ struct arena a = {0};
    va_list args;
    va_start(args, fmt);
    struct str why = arena_vprintf(&a, fmt, args);
    va_end(args);
    struct str quoted = name.n ? arena_printf(&a, " \"" STR_FMT "\"", STR_ARG(name)) : STR("");
    err_set(err, ERR_FORBIDDEN, STR_FMT STR_FMT " is forbidden: " STR_FMT, STR_ARG(r->qualified),
            STR_ARG(quoted), STR_ARG(why));
    return err_about(err, r->group, r->plural, name);
}
