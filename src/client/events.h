/* Events (`kubectl describe`, `kubectl events`): what happened to an object, for people. Written in the
 * background and never in anyone's way: repeats are counted into one, many alike are combined, and when too
 * many wait or one object is too talkative, further ones are dropped. */
#pragma once
#include "client/client.h"

struct recorder;

/* `component`: "kubelet", "deployment-controller", "default-scheduler"; `host`: the node's name, or empty. */
struct recorder *recorder_new(struct client *c, const char *component, struct str host);
void recorder_free(struct recorder *r);
/* Returns once all events of this client are written or given up, or when clock_mono() is `deadline`. */
void recorder_flush(struct recorder *r, int64_t deadline);

/* What an event is about. */
struct event_subject {
    struct str kind, api_version, ns, name, uid, resource_version;
    struct str field_path; /* "spec.containers{web}", or empty */
};

/* `type`: "Normal" or "Warning"; `field_path`: "spec.containers{web}", or empty. Any thread. */
void recorder_event(struct recorder *r, struct object *about, const char *type, const char *reason,
                    struct str field_path, const char *fmt, ...) _printf_(6, 7);
/* The same about something of which only the name is at hand. */
void recorder_event_about(struct recorder *r, const struct event_subject *about, const char *type,
                          const char *reason, const char *fmt, ...) _printf_(5, 6);
