/* Whether PEM from outside holds what it is said to. */
#pragma once
#include "base/err.h"

/* Begins with a certificate request (PKCS#10). */
int pem_check_request(struct str pem, struct err *err);
/* Certificates and nothing else, at least one. */
int pem_check_certificates(struct str pem, struct err *err);
