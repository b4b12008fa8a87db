/* Who may name users to us in headers. */
#pragma once
#include "schema/desc.h"

/* Kube-apiserver's --requestheader-*. Names of headers in any case. */
struct front_proxy_options {
    struct str ca_pem;            /* who signs proxies' certificates; empty: there are none */
    struct str_vec allowed_names; /* their common names; none: any */
    struct str_vec username_headers, group_headers, uid_headers, extra_prefixes;
};
