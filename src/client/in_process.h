/* The client in the server's own process: its calls join the API's road behind authentication, as a user of
 * their own, and what they answer are the store's own objects, shared. */
#pragma once
#include "api/api.h"
#include "client/client.h"

/* The user is copied; `api` must outlive the client. */
struct client *client_in_process(struct api *api, const struct user *user);
