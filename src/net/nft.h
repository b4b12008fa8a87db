/* Rule sets: scripts in nft's own language, applied as one transaction by the nft program. */
#pragma once
#include "base/err.h"

/* All of it takes effect, or nothing does. Empty scripts are not run. */
int nft_apply(struct str script, struct err *err);
