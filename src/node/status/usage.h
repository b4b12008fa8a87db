/* What this node and its containers use, as control groups and the kernel count it. */
#pragma once
#include "node/agent.h"

struct usage {
    int64_t cpu_ns;  /* since it began; -1: not known, as of all of these */
    int64_t cpu_now; /* billionths of a processor, since it was last asked; -1: asked for the first time */
    int64_t memory, working_set, rss, page_faults, major_page_faults;
    int64_t processes;
};

/* Bytes of a file system, or of what lies below a directory on it. */
struct usage_of_disk {
    int64_t available, capacity, used, inodes, inodes_free;
};

struct usage_of_link {
    struct str name;
    int64_t rx_bytes, rx_errors, tx_bytes, tx_errors;
};

struct usage_of_container {
    struct str name, id, dir, log_path, cgroup;
    int64_t started_ns, pid;
    struct usage usage;
    struct usage_of_disk root, logs; /* filled in by usage_read_disks */
};

struct usage_of_pod {
    struct str ns, name, uid;
    int64_t started_ns;
    struct usage usage;
    struct usage_of_link *links;
    size_t n_links;
    struct usage_of_container *containers;
    size_t n_containers;
};

struct usage_of_node {
    int64_t at_ns;        /* wall clock */
    int64_t started_ns;   /* the machine */
    int64_t memory_total; /* bytes */
    struct usage usage;
    struct usage_of_disk disk;
    struct usage_of_link *links;
    size_t n_links;
    struct usage_of_pod *pods;
    size_t n_pods;
};

/* Rates are told by what was read before. */
struct usage_history;
struct usage_history *usage_history_new(void);
void usage_history_free(struct usage_history *h);

/* Everything but the disks of containers; in `a`. Any thread. */
void usage_read(struct node_agent *n, struct usage_history *h, struct arena *a, struct usage_of_node *out);
/* These too; walks directories, so it blocks. */
void usage_read_disks(struct usage_of_node *u);
