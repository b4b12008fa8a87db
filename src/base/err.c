#include "base/err.h"

#include <stdarg.h>

static const struct {
    const char *name;
    int code;
} err_reasons[ERR_REASONS] = {
    [ERR_NONE] = {"", 200},
    [ERR_BAD_REQUEST] = {"BadRequest", 400},
    [ERR_UNAUTHORIZED] = {"Unauthorized", 401},
    [ERR_FORBIDDEN] = {"Forbidden", 403},
    [ERR_NOT_FOUND] = {"NotFound", 404},
    [ERR_METHOD_NOT_ALLOWED] = {"MethodNotAllowed", 405},
    [ERR_NOT_ACCEPTABLE] = {"NotAcceptable", 406},
    [ERR_ALREADY_EXISTS] = {"AlreadyExists", 409},
    [ERR_CONFLICT] = {"Conflict", 409},
    [ERR_GONE] = {"Gone", 410},
    [ERR_EXPIRED] = {"Expired", 410},
    [ERR_TOO_LARGE] = {"RequestEntityTooLarge", 413},
    [ERR_UNSUPPORTED_MEDIA_TYPE] = {"UnsupportedMediaType", 415},
    [ERR_INVALID] = {"Invalid", 422},
    [ERR_TOO_MANY_REQUESTS] = {"TooManyRequests", 429},
    [ERR_INTERNAL] = {"InternalError", 500},
    [ERR_SERVER_TIMEOUT] = {"ServerTimeout", 500},
    [ERR_UNAVAILABLE] = {"ServiceUnavailable", 503},
    [ERR_TIMEOUT] = {"Timeout", 504},
    [ERR_UNKNOWN] = {"", 500},
};

const char *err_reason_name(enum err_reason reason)
{
    return err_reasons[reason].name;
}

int err_reason_code(enum err_reason reason)
{
    return err_reasons[reason].code;
}

enum err_reason err_reason_from(struct str name)
{
    for (int r = ERR_NONE + 1; r < ERR_REASONS && name.n; r++)
        if (str_is(name, err_reasons[r].name))
            return (enum err_reason)r;
    return ERR_NONE;
}

void err_clear(struct err *err)
{
    arena_free(&err->arena);
    *err = (struct err){0};
}

static void err_fill(struct err *err, enum err_reason reason, const char *fmt, va_list args)
{
    struct err fresh = {.reason = reason, .code = err_reasons[reason].code};
    fresh.message = arena_vprintf(&fresh.arena, fmt, args); /* before the old goes: it may be an argument */
    err_clear(err);
    *err = fresh;
}

int err_set(struct err *err, enum err_reason reason, const char *fmt, ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, fmt);
    err_fill(err, reason, fmt, args);
    va_end(args);
    return -1;
}

int err_errno(struct err *err, int errno_value, const char *fmt, ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, fmt);
    err_fill(err, ERR_INTERNAL, fmt, args);
    va_end(args);
    err->message = arena_printf(&err->arena, STR_FMT ": %s", STR_ARG(err->message), strerror(errno_value));
    return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, fmt);
    struct str before = arena_vprintf(&err->arena, fmt, args);
    va_end(args);
    err->message = arena_printf(&err->arena, STR_FMT ": " STR_FMT, STR_ARG(before), STR_ARG(err->message));
    return -1;
}

int err_about(struct err *err, struct str group, struct str kind, struct str name)
{
    if (!err)
        return -1;
    err->details.group = arena_str(&err->arena, group);
    err->details.kind = arena_str(&err->arena, kind);
    err->details.name = arena_str(&err->arena, name);
    return -1;
}

void err_add_cause(struct err *err, const char *type, struct str field, const char *fmt, ...)
{
    if (!err)
        return;
    if (err->details.n_causes == err->details.cap_causes) {
        size_t cap = err->details.cap_causes ? err->details.cap_causes * 2 : 4;
        struct err_cause *more = arena_new_n(&err->arena, struct err_cause, cap);
        if (err->details.n_causes)
            memcpy(more, err->details.causes, err->details.n_causes * sizeof *more);
        err->details.causes = more;
        err->details.cap_causes = cap;
    }
    va_list args;
    va_start(args, fmt);
    struct err_cause *c = &err->details.causes[err->details.n_causes++];
    *c = (struct err_cause){type, arena_str(&err->arena, field), arena_vprintf(&err->arena, fmt, args)};
    va_end(args);
}

void err_move(struct err *to, struct err *from)
{
    if (to) {
        err_clear(to);
        *to = *from;
    } else {
        arena_free(&from->arena);
    }
    *from = (struct err){0};
}
