/* Events (`kubectl describe`, `kubectl events`): what happened to an object, for people. Written in the background,
 * repeats of the last ten minutes counted into one (core/v1 Event.count), never in anyone's way: when too many wait,
 * further ones are dropped. */
#pragma once
#include "client/client.h"

struct recorder;

/* `component`: "kubelet", "deployment-controller", "default-scheduler"; `host`: the node's name, or empty. */
struct recorder *recorder_new(struct client *c, const char *component, struct str host);
void recorder_free(struct recorder *r);
/* `type`: "Normal" or "Warning"; `field_path`: "spec.containers{web}", or empty. Any thread. */
void recorder_event(struct recorder *r, struct object *about, const char *type, const char *reason,
                    struct str field_path, const char *fmt, ...) _printf_(6, 7);
