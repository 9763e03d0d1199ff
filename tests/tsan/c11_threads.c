/* C11's threads by way of POSIX's, which the thread sanitizer knows: librdkafka is made of them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A thread that glibc's thrd_create() starts has no state of the sanitizer's and ends with a
 * segmentation fault in its first allocation; what mtx_lock() orders would look like a race. A
 * program that these are linked into has librdkafka call them in glibc's place. The types of both
 * kinds have the same size in glibc, as its own are made the same way. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t), "a mutex has room");
_Static_assert(sizeof(cnd_t) >= sizeof(pthread_cond_t), "a condition has room");

struct start {
	thrd_start_t function;
	void *arg;
};

static int status(int err)
{
	return !err		  ? thrd_success
	       : err == EBUSY	  ? thrd_busy
	       : err == ETIMEDOUT ? thrd_timedout
				  : thrd_error;
}

static void *begin(void *arg)
{
	struct start s = *(struct start *)arg;

	free(arg);
	return (void *)(intptr_t)s.function(s.arg);
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *arg)
{
	struct start *s = malloc(sizeof(*s));
	int err;

	if (!s)
		return thrd_nomem;
	*s = (struct start){function, arg};
	err = pthread_create(thread, NULL, begin, s);
	if (err)
		free(s);
	return status(err);
}

int thrd_join(thrd_t thread, int *result)
{
	void *value;
	int err = pthread_join(thread, &value);

	if (!err && result)
		*result = (int)(intptr_t)value;
	return status(err);
}

int thrd_detach(thrd_t thread)
{
	return status(pthread_detach(thread));
}

int mtx_init(mtx_t *m, int type)
{
	pthread_mutexattr_t a;
	int err;

	pthread_mutexattr_init(&a);
	if (type & mtx_recursive)
		pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
	err = pthread_mutex_init((pthread_mutex_t *)m, &a);
	pthread_mutexattr_destroy(&a);
	return status(err);
}

void mtx_destroy(mtx_t *m)
{
	pthread_mutex_destroy((pthread_mutex_t *)m);
}

int mtx_lock(mtx_t *m)
{
	return status(pthread_mutex_lock((pthread_mutex_t *)m));
}

int mtx_trylock(mtx_t *m)
{
	return status(pthread_mutex_trylock((pthread_mutex_t *)m));
}

int mtx_unlock(mtx_t *m)
{
	return status(pthread_mutex_unlock((pthread_mutex_t *)m));
}

int cnd_init(cnd_t *c)
{
	return status(pthread_cond_init((pthread_cond_t *)c, NULL));
}

void cnd_destroy(cnd_t *c)
{
	pthread_cond_destroy((pthread_cond_t *)c);
}

int cnd_signal(cnd_t *c)
{
	return status(pthread_cond_signal((pthread_cond_t *)c));
}

int cnd_broadcast(cnd_t *c)
{
	return status(pthread_cond_broadcast((pthread_cond_t *)c));
}

int cnd_wait(cnd_t *c, mtx_t *m)
{
	return status(pthread_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m));
}

int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict until)
{
	return status(pthread_cond_timedwait((pthread_cond_t *)c, (pthread_mutex_t *)m, until));
}
