/* Errors. A fallible function returns 0, or -1 with the error in its last argument, `struct err *err` (which
 * may be NULL when the caller does not care why). An error carries all that a Kubernetes Status says: code,
 * reason, message, details and causes (API conventions, "Response Status Kind"). Bad input becomes an error,
 * never a crash. */
#pragma once
#include "base/buf.h"

/* Upstream's metav1.StatusReason values; the code that goes with each stands in err.c. */
enum err_reason {
    ERR_NONE,
    ERR_BAD_REQUEST,
    ERR_UNAUTHORIZED,
    ERR_FORBIDDEN,
    ERR_NOT_FOUND,
    ERR_METHOD_NOT_ALLOWED,
    ERR_NOT_ACCEPTABLE,
    ERR_ALREADY_EXISTS,
    ERR_CONFLICT,
    ERR_GONE,
    ERR_EXPIRED,
    ERR_TOO_LARGE,
    ERR_UNSUPPORTED_MEDIA_TYPE,
    ERR_INVALID,
    ERR_TOO_MANY_REQUESTS,
    ERR_INTERNAL,
    ERR_SERVER_TIMEOUT,
    ERR_UNAVAILABLE,
    ERR_TIMEOUT,
    ERR_UNKNOWN, /* 500, and no reason given: what upstream did not foresee */
    ERR_REASONS
};

/* One of Status.details.causes. */
struct err_cause {
    const char *type;   /* static: "FieldValueInvalid", ... */
    struct str field;   /* "spec.containers[0].name" */
    struct str message; /* for people */
};

struct err {
    enum err_reason reason;
    int code; /* HTTP status; err_set gives the reason's own */
    struct str message;
    struct str other_reason; /* someone else's, in place of `reason`: what a webhook refuses with */
    struct {
        struct str name, group, kind,
            uid; /* kind: the resource's plural, or the kind for Invalid, as upstream */
        int retry_after_s;
        struct err_cause *causes;
        size_t n_causes, cap_causes;
    } details;
    struct arena arena; /* owns every string above */
};

#define _cleanup_err_ _cleanup_(err_clear)

/* Fills `*err` anew (what it held is dropped) and returns -1, so that `return err_set(err, ...)` reads well.
 */
int err_set(struct err *err, enum err_reason reason, const char *fmt, ...) _printf_(3, 4);
/* As err_set with ERR_INTERNAL, and ": " and strerror(errno_value) behind the message. */
int err_errno(struct err *err, int errno_value, const char *fmt, ...) _printf_(3, 4);
/* Puts "text: " before the message: what was being done. Returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) _printf_(2, 3);
/* What the error is about; strings are copied. Returns -1. */
int err_about(struct err *err, struct str group, struct str kind, struct str name);
/* Adds a cause; strings are copied, `type` is static. */
void err_add_cause(struct err *err, const char *type, struct str field, const char *fmt, ...) _printf_(4, 5);
/* Moves `from` (left empty) to `to` (what it held is dropped). */
void err_move(struct err *to, struct err *from);
void err_clear(struct err *err);

/* "NotFound", ...; and back, ERR_NONE when unknown. */
const char *err_reason_name(enum err_reason reason);
enum err_reason err_reason_from(struct str name);
int err_reason_code(enum err_reason reason);
