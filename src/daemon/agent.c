/* sagong agent: a node of a cluster whose server is elsewhere. */
#define LOG_PART "agent"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/flags.h"
#include "base/log.h"
#include "client/remote.h"
#include "daemon/join.h"
#include "daemon/member.h"
#include "daemon/pidfile.h"
#include "daemon/ranges.h"
#include "daemon/run.h"
#include "kinds/core_v1.h"

struct agent_flags {
    const char *server, *token, *ca_file, *data_dir, *config;
    struct flag_list service_cidr, cluster_cidr;
    bool verbose;
    struct member_flags member;
};

struct agent_parts {
    struct arena arena;
    struct kubeconfig way;
    struct pki_pair ca; /* without its key */
    struct client *client;
    struct member *member;
};

/* The Node object with its addresses, made before the agent starts where it is new: what a serving
 * certificate may say follows from it. */
static int agent_register(struct client *c, const struct member_options *o, struct err *err)
{
    struct node_address addresses[2];
    struct node node = {.metadata = {.name = o->node_name}, .status = {.addresses = {addresses, 0}}};
    for (size_t i = 0; i < o->node_addresses.n; i++)
        addresses[node.status.addresses.n++] =
            (struct node_address){NODE_ADDRESS_TYPE_INTERNAL_IP, o->node_addresses.at[i]};
    _cleanup_err_ struct err made = {0};
    if (client_create(c, &node_resource, (struct str){0}, &node, NULL, &made) == 0)
        return 0;
    if (made.reason != ERR_ALREADY_EXISTS) {
        err_move(err, &made);
        return err_wrap(err, "register the node");
    }
    _cleanup_arena_ struct arena a = {0};
    _cleanup_object_ struct object *o_now = NULL;
    if (client_get(c, &node_resource, (struct str){0}, o->node_name, &o_now, err) < 0)
        return -1;
    struct node *now = object_copy(o_now, &a);
    size_t there = 0;
    for (size_t i = 0; i < now->status.addresses.n; i++)
        for (size_t k = 0; k < o->node_addresses.n; k++)
            there += str_eq(now->status.addresses.at[i].address, o->node_addresses.at[k]);
    if (there == o->node_addresses.n)
        return 0;
    now->status.addresses = node.status.addresses;
    return client_update(c, &node_resource, STR("status"), now, NULL, err);
}

static int agent_up(struct agent_parts *p, const struct agent_flags *f, struct err *err)
{
    if (!f->server || !f->token)
        return err_set(err, ERR_BAD_REQUEST,
                       "--server and --token say which cluster to join; the server's data directory has the "
                       "token in its file agent-token");
    struct member_options o = {
        .flags = &f->member,
        .data_dir = f->data_dir,
        .ca = &p->ca,
    };
    if (ranges_from("cluster-cidr", &f->cluster_cidr, CLUSTER_CIDR, &p->arena, &o.cluster_cidrs, err) < 0 ||
        ranges_from("service-cidr", &f->service_cidr, SERVICE_CIDR, &p->arena, &o.service_cidrs, err) < 0 ||
        pidfile_take(f->data_dir, PIDFILE_NAME, err) < 0 || member_identity(&o, &p->arena, err) < 0)
        return -1;
    struct join_options join = {
        .server = str_from(f->server),
        .token = str_from(f->token),
        .node_name = o.node_name,
        .dir = f->data_dir,
        .ca_file = f->ca_file,
    };
    if (join_cluster(&join, &p->way, err) < 0)
        return -1;
    buf_add_str(&p->ca.cert_pem, p->way.ca_pem);
    struct client_config config = {.server = p->way.server,
                                   .ca_pem = p->way.ca_pem,
                                   .cert_pem = p->way.cert_pem,
                                   .key_pem = p->way.key_pem};
    if (client_remote(&config, &p->client, err) < 0 || agent_register(p->client, &o, err) < 0)
        return -1;
    return member_start(p->client, &o, &p->member, err);
}

static int64_t agent_renew_at(const struct agent_parts *p)
{
    int64_t way = pki_renew_at(p->way.cert_pem), serving = member_renew_at(p->member);
    return way < serving ? way : serving;
}

int agent_main(int argc, char **argv)
{
    struct agent_flags f = {
        .data_dir = "/var/lib/sagong",
        .config = "/etc/sagong/config.yaml",
        .member = MEMBER_FLAGS_DEFAULT,
    };
    struct flag table[] = {
        {"server", FLAG_STR, &f.server, "URL", "the cluster to join: https://ADDRESS:6443"},
        {"token", FLAG_STR, &f.token, "TOKEN", "what the server's file agent-token holds"},
        {"ca-file", FLAG_STR, &f.ca_file, "FILE",
         "the cluster's authority, where the token does not name it"},
        {"data-dir", FLAG_STR, &f.data_dir, "DIR", "where the node keeps its state"},
        {"config", FLAG_STR, &f.config, "FILE", "these flags, as YAML"},
        {"service-cidr", FLAG_LIST, &f.service_cidr, "RANGE[,RANGE]",
         "the addresses of services, as the server has them"},
        {"cluster-cidr", FLAG_LIST, &f.cluster_cidr, "RANGE[,RANGE]",
         "the addresses of pods, as the server has them"},
        {"verbose", FLAG_BOOL, &f.verbose, NULL, "log more"},
        MEMBER_FLAGS(f.member),
    };
    struct flags flags = {
        "sagong agent --server URL --token TOKEN [FLAG...]",
        "Makes this machine a node of a cluster, in the foreground; logs to standard error. Stop it with "
        "Ctrl-C\n"
        "or SIGTERM: containers run on. Every flag may also stand in the configuration file, as NAME: VALUE.",
        table, ARRAY_LEN(table)};
    struct agent_parts parts = {0};
    _cleanup_err_ struct err err = {0};
    int code;
    mallopt(M_ARENA_MAX, 2);
    if (run_prepare(&flags, &f.config, &argc, argv, &code, &err) == 0) {
        if (f.verbose)
            log_set_level(LOG_DEBUG);
        code = agent_up(&parts, &f, &err);
        enum run_end end = code == 0 ? run_until_told(agent_renew_at(&parts)) : RUN_STOP;
        member_stop(parts.member);
        client_free(parts.client);
        kubeconfig_free(&parts.way);
        pki_pair_free(&parts.ca);
        arena_free(&parts.arena);
        if (end == RUN_RENEW)
            code = run_again(argv, &err);
    }
    if (err.reason)
        fprintf(stderr, "sagong agent: " STR_FMT "\n", STR_ARG(err.message));
    return code ? 1 : 0;
}
