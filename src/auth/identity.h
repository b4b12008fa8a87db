/* Who someone is, as an authenticator found out: upstream's user.Info. */
#pragma once
#include "base/err.h"

struct identity_extra {
    struct str key;
    struct str *values;
    size_t n_values;
};

struct identity {
    struct str name, uid;
    struct str *groups;
    size_t n_groups;
    struct identity_extra *extra;
    size_t n_extra;
};

/* Of a client certificate that is verified already (DER): common name, organizations as groups, the uid
 * attribute (1.3.6.1.4.1.57683.2), and the extra authentication.kubernetes.io/credential-id. A certificate
 * without a common name is nobody: ERR_UNAUTHORIZED. Everything lives in `a`. */
int identity_of_certificate(struct arena *a, struct str der, struct identity *out, struct err *err);
/* Of a certificate signing request (PEM), without its uid; `names` are the subject alternative names asked
 * for. */
int identity_of_csr(struct arena *a, struct str csr_pem, struct identity *out, struct str **names,
                    size_t *n_names, struct err *err);
void identity_add_group(struct arena *a, struct identity *who, struct str group);
void identity_add_extra(struct arena *a, struct identity *who, struct str key, struct str value);
