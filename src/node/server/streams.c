#include "node/server/streams.h"

#include <stdlib.h>

#include "base/encode.h"
#include "base/thread.h"
#include "node/server/find.h"
#include "node/stream/exec.h"
#include "node/stream/port_forward.h"
#include "node/stream/upgrade.h"

enum { PARTS_MAX = 4, COMMAND_MAX = 4096, RUN_OUTPUT_MAX = 4 << 20 };

/* What stands behind the verb: NAMESPACE/POD[/UID][/CONTAINER]. */
struct target {
    struct str ns, pod, uid, container;
};

static bool read_target(struct http_request *r, struct str rest, bool with_container, struct target *out)
{
    struct str part[PARTS_MAX];
    size_t n = 0, least = with_container ? 3 : 2;
    while (n < PARTS_MAX && str_cut(&rest, '/', &part[n]))
        if (decode_percent(http_arena(r), part[n], false, &part[n]) < 0 || !part[n++].n)
            return false;
    if (rest.n || n < least || n > least + 1)
        return false;
    *out = (struct target){.ns = part[0], .pod = part[1]};
    if (n > least)
        out->uid = part[2];
    if (with_container)
        out->container = part[n - 1];
    return true;
}

/* The query's flags ("1" is true) and the command, a word each. */
static void read_options(struct http_request *r, struct exec_options *o)
{
    struct arena *a = http_arena(r);
    struct str rest = http_query(r), pair, key, value;
    *o = (struct exec_options){.command.at = arena_new_n(a, struct str, COMMAND_MAX)};
    while (str_cut(&rest, '&', &pair)) {
        value = pair;
        str_cut(&value, '=', &key);
        if (decode_percent(a, value, true, &value) < 0)
            continue;
        bool yes = str_is(value, "1");
        if (str_is(key, "input"))
            o->in = yes;
        else if (str_is(key, "output"))
            o->out = yes;
        else if (str_is(key, "error"))
            o->err = yes;
        else if (str_is(key, "tty"))
            o->tty = yes;
        else if ((str_is(key, "command") || str_is(key, "cmd")) && o->command.n < COMMAND_MAX)
            o->command.at[o->command.n++] = value;
    }
    o->err = o->err && !o->tty;
}

static void respond_err(struct http_request *r, const struct err *err)
{
    respond_text(r, err->code, err->message);
}

static void serve_container(struct node_agent *n, struct http_request *r, const struct target *t, bool exec)
{
    struct exec_options o;
    struct found_container found;
    _cleanup_err_ struct err err = {0};
    read_options(r, &o);
    if (!o.in && !o.out && !o.err)
        respond_text(r, 400, STR("you must specify at least 1 of stdin, stdout, stderr"));
    else if (exec && !o.command.n)
        respond_text(r, 400, STR("you must specify a command"));
    else if (find_container(n, t->ns, t->pod, t->uid, t->container, http_arena(r), &found, &err) < 0)
        respond_err(r, &err);
    else if (exec)
        exec_serve(r, n->runtime, found.dir, found.id, &o);
    else
        attach_serve(r, found.dir,
                     &(struct remote_options){.in = o.in, .out = o.out, .err = o.err, .tty = o.tty});
}

static void serve_forward(struct node_agent *n, struct http_request *r, const struct target *t)
{
    struct found_network found;
    _cleanup_err_ struct err err = {0};
    if (find_network(n, t->ns, t->pod, t->uid, http_arena(r), &found, &err) < 0) {
        respond_err(r, &err);
        return;
    }
    struct str pod = arena_printf(http_arena(r), STR_FMT "_" STR_FMT, STR_ARG(t->pod), STR_ARG(t->ns));
    port_forward_serve(r, found.path, pod, found.uid);
}

bool streams_serve(struct node_agent *n, struct http_request *r)
{
    static const struct {
        struct str prefix;
        enum { EXEC, ATTACH, FORWARD } what;
    } paths[] = {
        {STR_INIT("/exec/"), EXEC}, {STR_INIT("/attach/"), ATTACH}, {STR_INIT("/portForward/"), FORWARD}};
    struct str path = http_path(r), method = http_method(r);
    size_t i = 0;
    while (i < ARRAY_LEN(paths) && !str_starts(path, paths[i].prefix))
        i++;
    if (i == ARRAY_LEN(paths))
        return false;
    struct target t;
    if (!str_is(method, "GET") && !str_is(method, "POST"))
        respond_text(r, 405, STR("405: Method Not Allowed"));
    else if (!read_target(r, str_from_at(path, paths[i].prefix.n), paths[i].what != FORWARD, &t))
        respond_text(r, 404, STR("404 page not found"));
    else if (paths[i].what == FORWARD)
        serve_forward(n, r, &t);
    else
        serve_container(n, r, &t, paths[i].what == EXEC);
    return true;
}
