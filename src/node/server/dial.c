#include "node/server/dial.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "http/join.h"
#include "node/server/find.h"
#include "node/stream/dial.h"
#include "node/stream/upgrade.h"

#define DIAL_IDLE_NS (4 * 3600 * CLOCK_S)

struct dialing {
    struct dial dial;
    struct http_request *request;
    bool gone; /* so is the client */
};

static void forget(void *arg)
{
    (void)arg;
}

static void dialed(struct dial *d)
{
    struct dialing *x = container_of(d, struct dialing, dial);
    static const struct http_header upgrade = {STR_INIT("upgrade"), STR_INIT("tcp")};
    static const struct http_pipe_events nobody = {.closed = forget};
    struct loop *loop = d->loop;
    if (d->fd >= 0 && !x->gone) {
        http_on_abort(x->request, NULL, NULL);
        join_fd(loop, http_upgrade(x->request, &upgrade, 1, &nobody, NULL), d->fd, DIAL_IDLE_NS);
    } else {
        if (d->fd >= 0)
            close(d->fd);
        respond_text(x->request, 502, d->err.message);
    }
    err_clear(&d->err);
    free(x);
}

static void client_gone(void *arg)
{
    struct dialing *x = arg;
    x->gone = true;
}

/* IP:PORT, [IPv6]:PORT */
static bool read_address(struct str text, struct str *host, int64_t *port)
{
    ptrdiff_t colon = str_last_index(text, ':');
    if (colon <= 0 || !str_to_i64(str_from_at(text, (size_t)colon + 1), port) || *port < 1 || *port > 65535)
        return false;
    *host = str_slice(text.p, (size_t)colon);
    if (host->p[0] == '[' && host->n > 2)
        *host = str_slice(host->p + 1, host->n - 2);
    return true;
}

void dial_serve(struct node_agent *n, struct http_request *r)
{
    struct str query = http_query(r), prefix = STR("address="), host;
    int64_t port;
    if (!str_starts(query, prefix) ||
        decode_percent(http_arena(r), str_from_at(query, prefix.n), true, &query) < 0 ||
        !read_address(query, &host, &port)) {
        respond_text(r, 400, STR("address: must be an address and a port"));
        return;
    }
    if (!http_can_upgrade(r) || !str_is(http_header_get(r, STR("upgrade")), "tcp")) {
        respond_text(r, 400, STR("an upgrade to tcp is required"));
        return;
    }
    if (!find_address(n, host)) {
        respond_text(r, 403, STR("no pod of this node has this address"));
        return;
    }
    struct dialing *x = mem_zalloc(sizeof *x);
    x->request = r;
    x->dial = (struct dial){
        .host = arena_c(http_arena(r), host), .port = (int)port, .loop = http_loop(r), .done = dialed};
    http_on_abort(r, client_gone, x);
    dial_start(&x->dial);
}
