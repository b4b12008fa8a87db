/* Bearer tokens that are no JWT: random ones, the static token file, bootstrap tokens. */
#pragma once
#include "auth/identity.h"

/* `bytes` random bytes as lower-case hexadecimal, for secrets. */
struct str token_random(struct arena *a, size_t bytes);

/* A static token file (--token-auth-file): CSV lines of token,user,uid[,"group1,group2"]. */
struct token_file;
int token_file_parse(struct str csv, struct token_file **out, struct err *err);
void token_file_free(struct token_file *f);
/* The user of a token, NULL when unknown; belongs to the file. Takes equally long for every wrong token. */
const struct identity *token_file_find(const struct token_file *f, struct str token);

/* Bootstrap tokens: "abcdef.0123456789abcdef" (kubeadm's form), kept in Secrets bootstrap-token-ID of
 * kube-system. */
struct str bootstrap_token_make(struct arena *a);
/* Splits into id and secret; false when it has not that form. */
bool bootstrap_token_split(struct str token, struct str *id, struct str *secret);
/* "system:bootstrap:ID" and its groups: system:bootstrappers and those that the Secret's auth-extra-groups
 * names (with commas between). False when one of those is not of the form system:bootstrappers:NAME: then the
 * token is no good. */
bool bootstrap_token_identity(struct arena *a, struct str id, struct str extra_groups, struct identity *out);

/* Compares without telling through its duration where they differ. */
bool token_equal(struct str a, struct str b);
