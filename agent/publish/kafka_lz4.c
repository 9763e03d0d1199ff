/* LZ4 that is quicker than librdkafka has it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * liblz4 trades bytes for time by levels below 0, and librdkafka allows none below 0. Of its levels
 * 0 to 2 mean the same to liblz4, so the last of them is free to stand for one below 0: librdkafka
 * finds our LZ4F_compressBegin() before liblz4's, as it does any function of the program that uses
 * it. Where librdkafka has LZ4 of its own inside, it goes on with level 2, which is as 0. */
#include <dlfcn.h>
#include <lz4frame.h>
#include <stdlib.h>

#include "kafka_lz4.h"

enum {
	FAST_LEVEL = 2,
	ACCELERATION = -10, /* the level for liblz4: beyond it little is gained */
};

int kafka_lz4_fast_level(void)
{
	return FAST_LEVEL;
}

/* liblz4's own. */
typedef LZ4F_errorCode_t begin_function(LZ4F_cctx *, void *, size_t, const LZ4F_preferences_t *);

size_t LZ4F_compressBegin(LZ4F_cctx *cctx, void *to, size_t capacity,
			  const LZ4F_preferences_t *preferences)
{
	static begin_function *begin; /* the same whoever finds it first */
	begin_function *known = __atomic_load_n(&begin, __ATOMIC_RELAXED);
	LZ4F_preferences_t fast;

	if (!known) {
		known = (begin_function *)dlsym(RTLD_NEXT, "LZ4F_compressBegin");
		if (!known)
			abort(); /* we are linked with it */
		__atomic_store_n(&begin, known, __ATOMIC_RELAXED);
	}
	if (preferences && preferences->compressionLevel == FAST_LEVEL) {
		fast = *preferences;
		fast.compressionLevel = ACCELERATION;
		preferences = &fast;
	}
	return known(cctx, to, capacity, preferences);
}
