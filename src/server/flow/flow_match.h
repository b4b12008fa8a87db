/* Which requests a FlowSchema is for, and which of its flows a request is of. */
#pragma once
#include "kinds/flowcontrol_v1.h"
#include "server/access/rbac.h"

bool flow_schema_takes(const struct flow_schema *s, const struct attributes *at);
/* Differs between flows, and between schemas. */
uint64_t flow_schema_hash(const struct flow_schema *s, const struct attributes *at);
