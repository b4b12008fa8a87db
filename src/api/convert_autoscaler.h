/* HorizontalPodAutoscalers as v1 shows them. v1 knows one metric, the utilization of CPU; whatever else v2
 * says stands in annotations there, in forms that v1 once had, so that nothing is lost on the way and back
 * (upstream: pkg/apis/autoscaling/v1/conversion.go). What of the annotations cannot be read is dropped with
 * them. */
#pragma once
#include "base/arena.h"

/* Both are structs of the kind's two versions; the new one is in `a` and shares with the old one. */
void autoscaler_to_v2(const void *from, void *to, struct arena *a);
void autoscaler_from_v2(const void *from, void *to, struct arena *a);
