/* What is left to a process that gave up privileges. Each test runs in a process of its own.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "security/security.h"

/* Runs fn in a child; returns its wait status. fn returns what is wrong, 0 for nothing. */
static int in_child(int (*fn)(void))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (!child)
		_exit(fn());
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void filter(enum security_filter mode)
{
	const struct security_options o = {.seccomp = mode};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || security_filter(&o))
		_exit(99);
}

static void assert_killed(int (*fn)(void))
{
	int status = in_child(fn);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void assert_fine(int (*fn)(void))
{
	int status = in_child(fn);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int executes(void)
{
	char *const none[] = {NULL};

	filter(FILTER_ON);
	execve("/bin/true", none, none);
	return 1;
}

static int traces(void)
{
	filter(FILTER_ON);
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) ? 1 : 2;
}

static int unshares(void)
{
	filter(FILTER_ON);
	return unshare(CLONE_NEWUSER) ? 1 : 2;
}

static int becomes_root(void)
{
	filter(FILTER_ON);
	return syscall(SYS_setuid, 0) ? 1 : 2;
}

static void test_what_an_intruder_tries_ends_the_process(void **state)
{
	(void)state;
	assert_killed(executes);
	assert_killed(traces);
	assert_killed(unshares);
	assert_killed(becomes_root);
}

static int refused(long r)
{
	return r == -1 && errno == EPERM ? 0 : 1;
}

static int other_calls(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int wrong = 0;

	filter(FILTER_ON);
	wrong += refused(socket(AF_PACKET, SOCK_RAW, 0));
	wrong += refused(socket(AF_XDP, SOCK_RAW, 0));
	wrong += refused(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
	wrong += refused(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
	wrong += refused(kill(getppid(), 0));
	wrong += refused(syscall(SYS_tgkill, getppid(), getppid(), 0));
	wrong += refused(prctl(PR_SET_DUMPABLE, 0));
	wrong += refused(chmod("/tmp", 0777));
	wrong += refused(symlink("a", "/tmp/weir-test-never"));
	wrong += refused(fcntl(0, F_SETOWN, 1));
	/* Memory to write code into and run it. */
	wrong += refused((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	wrong += page == MAP_FAILED || refused(mprotect(page, 4096, PROT_READ | PROT_EXEC));
	/* A process instead of a thread. */
	wrong += refused(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
	return wrong;
}

static void test_what_the_agent_does_not_use_is_refused(void **state)
{
	(void)state;
	assert_fine(other_calls);
}

static void *thread(void *arg)
{
	return arg;
}

static int usual_calls(void)
{
	int wrong = 0, fd;
	void *page, *out = NULL;
	pthread_t t;
	char path[64];

	snprintf(path, sizeof(path), "/tmp/weir-test-%d", getpid());
	filter(FILTER_ON);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	wrong += fd < 0 || write(fd, "x", 1) != 1 || fsync(fd) || rename(path, path) ||
		 unlink(path) || close(fd);
	for (int family = 0; family < 2; family++) {
		fd = socket(family ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		wrong += fd < 0 && errno != EAFNOSUPPORT;
		if (fd >= 0)
			close(fd);
	}
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	wrong += page == MAP_FAILED || munmap(page, 4096);
	/* As a library that is loaded late. */
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	wrong += page == MAP_FAILED || munmap(page, 4096) || close(fd);
	wrong += pthread_create(&t, NULL, thread, path) || pthread_join(t, &out) || out != path;
	return wrong;
}

static void test_files_sockets_and_threads_go_on(void **state)
{
	(void)state;
	assert_fine(usual_calls);
}

static int unfiltered(void)
{
	filter(FILTER_OFF);
	return prctl(PR_GET_SECCOMP) ? 1 : 0;
}

static void test_the_filter_can_be_turned_off(void **state)
{
	(void)state;
	assert_fine(unfiltered);
}

static void *try_execve(void *arg)
{
	char *const none[] = {NULL};

	while (!__atomic_load_n((bool *)arg, __ATOMIC_ACQUIRE))
		usleep(1000);
	execve("/bin/true", none, none);
	return NULL;
}

static int other_thread_executes(void)
{
	static bool go;
	pthread_t t;

	if (pthread_create(&t, NULL, try_execve, &go))
		return 1;
	filter(FILTER_ON);
	__atomic_store_n(&go, true, __ATOMIC_RELEASE);
	pthread_join(t, NULL);
	return 2;
}

static void test_the_filter_holds_in_threads_that_ran_before_it(void **state)
{
	(void)state;
	assert_killed(other_thread_executes);
}

static char allowed_dir[64], other_dir[64];

static int touch(const char *directory, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int restricted(void)
{
	struct security_paths paths = {.bind_tcp = 9};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char path[128], moved[128], *const none[] = {NULL};
	int wrong = 0, fd = socket(AF_INET, SOCK_STREAM, 0);

	snprintf(path, sizeof(path), "%s/flows", allowed_dir);
	snprintf(moved, sizeof(moved), "%s/flows.1", allowed_dir);
	security_may_write(&paths, path);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || security_landlock(&paths))
		return 99;
	wrong += touch(allowed_dir, "flows") != 0;
	wrong += rename(path, moved) != 0;
	wrong += unlink(moved) != 0;
	wrong += touch(other_dir, "flows") != -EACCES;
	wrong += open(other_dir, O_RDONLY) >= 0 || errno != EACCES;
	wrong += open("/etc/hostname", O_RDONLY) < 0 && errno != ENOENT;
	wrong += open("/etc/weir-test", O_WRONLY | O_CREAT, 0600) >= 0 || errno != EACCES;
	wrong += execve("/bin/true", none, none) != -1 || errno != EACCES;
	/* Since Linux 6.7 ports, too. */
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 4)
		wrong += bind(fd, (struct sockaddr *)&to, sizeof(to)) != -1 || errno != EACCES;
	return wrong;
}

static void test_files_out_of_the_settings_are_out_of_reach(void **state)
{
	(void)state;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 2) {
		printf("SKIP test_files_out_of_the_settings_are_out_of_reach: no Landlock here\n");
		skip();
	}
	strcpy(allowed_dir, "/tmp/weir-test-allowed-XXXXXX");
	strcpy(other_dir, "/tmp/weir-test-other-XXXXXX");
	assert_non_null(mkdtemp(allowed_dir));
	assert_non_null(mkdtemp(other_dir));
	assert_fine(restricted);
	rmdir(allowed_dir);
	rmdir(other_dir);
}

static void test_secrets_that_all_may_read(void **state)
{
	struct security_options o = {.secret_files = SECRETS_REFUSE};
	char path[] = "/tmp/weir-test-secret-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, "password: hunter2\n", 18), 18);
	assert_int_equal(security_secret_file(&o, "secret", path, NULL), 0);
	fchmod(fd, 0640);
	assert_int_equal(security_secret_file(&o, "secret", path, NULL), 0);
	fchmod(fd, 0644);
	assert_int_equal(security_secret_file(&o, "secret", path, NULL), -EACCES);
	assert_int_equal(security_secret_file(&o, "settings", path, "hunter2"), -EACCES);
	assert_int_equal(security_secret_file(&o, "settings", path, "hunter3"), 0);
	o.secret_files = SECRETS_WARN;
	assert_int_equal(security_secret_file(&o, "secret", path, NULL), 0);
	close(fd);
	unlink(path);
	assert_int_equal(security_secret_file(&o, "secret", path, NULL), 0);
	assert_int_equal(security_secret_file(&o, "secret", NULL, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_an_intruder_tries_ends_the_process),
		cmocka_unit_test(test_what_the_agent_does_not_use_is_refused),
		cmocka_unit_test(test_files_sockets_and_threads_go_on),
		cmocka_unit_test(test_the_filter_can_be_turned_off),
		cmocka_unit_test(test_the_filter_holds_in_threads_that_ran_before_it),
		cmocka_unit_test(test_files_out_of_the_settings_are_out_of_reach),
		cmocka_unit_test(test_secrets_that_all_may_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
