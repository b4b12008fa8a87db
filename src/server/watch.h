/* Watch streams: events framed from what the objects carry already. */
#pragma once
#include "server/request.h"

/* Ends every open watch (the server is stopping). Any thread. */
void watches_end(struct server *s);
