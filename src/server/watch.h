/* Watch streams: events framed from what the objects carry already. */
#pragma once
#include "server/request.h"

/* Has every open watch look whether it is to end: the server is stopping, or what it watches is gone. Any
 * thread. */
void watches_look(struct server *s);
