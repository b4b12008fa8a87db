#include "node/pod/http_get.h"

#include <pthread.h>

#include "http/fetch.h"

enum { HTTP_GET_BODY_MAX = 10 << 10 };

/* One for all probes of the process: it verifies nothing and carries no credentials. */
static struct fetch *http_get_fetch;
static void http_get_open(void)
{
    struct fetch_options o = {.insecure = true, .user_agent = "kube-probe/1.36"};
    if (fetch_new(&o, &http_get_fetch, NULL) < 0)
        http_get_fetch = NULL;
}

static int http_get_drop(void *arg, struct str bytes)
{
    size_t *got = arg;
    return (*got += bytes.n) > HTTP_GET_BODY_MAX;
}

int http_get(struct str url, const struct str_vec *headers, int64_t timeout_ns, int *status, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, http_get_open);
    if (!http_get_fetch)
        return err_set(err, ERR_INTERNAL, "no HTTP client");
    _cleanup_arena_ struct arena a = {0};
    _cleanup_fetch_response_ struct fetch_response response = {0};
    struct http_header *h = arena_new_n(&a, struct http_header, headers->n / 2);
    for (size_t i = 0; i < headers->n / 2; i++)
        h[i] = (struct http_header){headers->at[2 * i], headers->at[2 * i + 1]};
    size_t got = 0;
    struct fetch_request q = {.url = url,
                              .headers = h,
                              .n_headers = headers->n / 2,
                              .connect_ns = timeout_ns,
                              .timeout_ns = timeout_ns,
                              .max_body = HTTP_GET_BODY_MAX,
                              .data = http_get_drop,
                              .arg = &got};
    if (fetch_do(http_get_fetch, &q, &response, err) < 0)
        return -1;
    *status = response.status;
    return 0;
}
