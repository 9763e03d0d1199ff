/* The filter of system calls that holds once the agent runs (libseccomp).
 * SPDX-License-Identifier: Apache-2.0
 *
 * Three classes: what the running agent and its libraries use; what only an intruder would try,
 * which ends the process; and all the rest, which fails with EPERM, so that a library that tries
 * something new goes on without it. */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../log.h"
#include "security.h"

static const char *const allowed[] = {
	/* memory */
	"brk",
	"munmap",
	"mremap",
	"madvise",
	"mlock",
	"munlock",
	"memfd_create",
	"membarrier",
	/* threads, time, signals */
	"futex",
	"futex_waitv",
	"set_robust_list",
	"get_robust_list",
	"rseq",
	"exit",
	"exit_group",
	"gettid",
	"getpid",
	"getppid",
	"sched_yield",
	"sched_getaffinity",
	"getcpu",
	"clock_gettime",
	"clock_getres",
	"clock_nanosleep",
	"nanosleep",
	"gettimeofday",
	"time",
	"times",
	"getrusage",
	"sysinfo",
	"uname",
	"getrandom",
	"restart_syscall",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigtimedwait",
	"sigaltstack",
	"set_tid_address",
	"getpriority",
	"setpriority",
	"getrlimit",
	"capget",
	/* files that Landlock and their modes let through */
	"read",
	"readv",
	"pread64",
	"preadv",
	"write",
	"writev",
	"pwrite64",
	"pwritev",
	"lseek",
	"close",
	"close_range",
	"stat",
	"fstat",
	"lstat",
	"newfstatat",
	"statx",
	"statfs",
	"fstatfs",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getcwd",
	"getdents64",
	"mkdir",
	"mkdirat",
	"rmdir",
	"unlink",
	"unlinkat",
	"rename",
	"renameat",
	"renameat2",
	"ftruncate",
	"fallocate",
	"fsync",
	"fdatasync",
	"sync_file_range",
	"fadvise64",
	"flock",
	"dup",
	"dup2",
	"dup3",
	"umask",
	"pipe2",
	"sendfile",
	"copy_file_range",
	/* waiting */
	"poll",
	"ppoll",
	"select",
	"pselect6",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"eventfd2",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_gettime",
	/* network: sockets of some kinds only, see below */
	"connect",
	"accept",
	"accept4",
	"bind",
	"listen",
	"getsockname",
	"getpeername",
	"setsockopt",
	"getsockopt",
	"sendto",
	"sendmsg",
	"sendmmsg",
	"recvfrom",
	"recvmsg",
	"recvmmsg",
	"shutdown",
	/* who we are */
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getresuid",
	"getresgid",
};

static const char *const deadly[] = {
	"execve",
	"execveat",
	"fork",
	"vfork",
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"mount",
	"umount2",
	"move_mount",
	"open_tree",
	"fsopen",
	"fsmount",
	"pivot_root",
	"chroot",
	"setns",
	"unshare",
	"keyctl",
	"add_key",
	"request_key",
	"userfaultfd",
	"perf_event_open",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"open_by_handle_at",
	"personality",
	"reboot",
	"swapon",
	"swapoff",
	"acct",
	"quotactl",
	"iopl",
	"ioperm",
	"modify_ldt",
	"pidfd_getfd",
	"setuid",
	"setgid",
	"setresuid",
	"setresgid",
	"setreuid",
	"setregid",
	"setgroups",
	"capset",
	NULL,
};

static int allow_if(scmp_filter_ctx f, const char *name, unsigned arg, uint64_t value)
{
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(name), 1,
				SCMP_CMP(arg, SCMP_CMP_EQ, value, 0));
}

static int allow_socket(scmp_filter_ctx f, uint64_t family, uint64_t type, uint64_t protocol)
{
	return seccomp_rule_add(
		f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3, SCMP_A0(SCMP_CMP_EQ, family, 0),
		SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, type), SCMP_A2(SCMP_CMP_EQ, protocol, 0));
}

/* New sockets: TCP and UDP, and what the C library asks for addresses of interfaces. None of
 * AF_UNIX: at such sockets others listen who trust root, as container engines do. Ours are open by
 * now. */
static int allow_sockets(scmp_filter_ctx f)
{
	static const uint64_t families[] = {AF_INET, AF_INET6};
	int r = allow_socket(f, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

	for (size_t i = 0; i < sizeof(families) / sizeof(*families) && !r; i++) {
		r = allow_socket(f, families[i], SOCK_STREAM, 0);
		if (!r)
			r = allow_socket(f, families[i], SOCK_STREAM, IPPROTO_TCP);
		if (!r)
			r = allow_socket(f, families[i], SOCK_DGRAM, 0);
		if (!r)
			r = allow_socket(f, families[i], SOCK_DGRAM, IPPROTO_UDP);
	}
	/* Between threads of ours (libcurl wakes its own). */
	if (!r)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 2,
				     SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0),
				     SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM));
	return r;
}

/* No file gets the bits by which who starts it becomes its owner. */
static int allow_files(scmp_filter_ctx f)
{
	static const struct {
		const char *name;
		unsigned mode; /* which argument it is */
	} calls[] = {{"open", 2}, {"openat", 3}, {"fchmod", 1}};
	int r = 0;

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls) && !r; i++)
		r = seccomp_rule_add(
			f, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(calls[i].name), 1,
			SCMP_CMP(calls[i].mode, SCMP_CMP_MASKED_EQ, S_ISUID | S_ISGID, 0));
	return r;
}

/* Calls of which some arguments only are right. */
static int allow_some(scmp_filter_ctx f)
{
	static const uint64_t maps[] = {BPF_MAP_LOOKUP_ELEM,  BPF_MAP_UPDATE_ELEM,
					BPF_MAP_DELETE_ELEM,  BPF_MAP_GET_NEXT_KEY,
					BPF_MAP_LOOKUP_BATCH, BPF_OBJ_GET_INFO_BY_FD,
					BPF_MAP_DELETE_BATCH, BPF_MAP_UPDATE_BATCH};
	static const uint64_t controls[] = {FIONREAD, FIONBIO, FIOCLEX, 0x5401 /* TCGETS */,
					    TIOCGWINSZ};
	static const uint64_t prctls[] = {PR_SET_NAME, PR_GET_NAME, PR_SET_TIMERSLACK,
					  PR_CAPBSET_READ, 0x53564d41 /* PR_SET_VMA */};
	static const uint64_t prots[] = {0, PROT_WRITE, PROT_EXEC};
	const uint64_t self = (uint64_t)getpid();
	int r = allow_sockets(f);

	if (!r)
		r = allow_files(f);
	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps) && !r; i++)
		r = allow_if(f, "bpf", 0, maps[i]);
	for (size_t i = 0; i < sizeof(controls) / sizeof(*controls) && !r; i++)
		r = allow_if(f, "ioctl", 1, controls[i]);
	for (size_t i = 0; i < sizeof(prctls) / sizeof(*prctls) && !r; i++)
		r = allow_if(f, "prctl", 0, prctls[i]);
	/* No memory that can be written and executed: mapped as one or the other, and made
	 * executable never. Libraries that are loaded late are mapped executable, and that is all
	 * they need. */
	for (size_t i = 0; i < sizeof(prots) / sizeof(*prots) && !r; i++)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_WRITE | PROT_EXEC, prots[i]));
	if (!r)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* A limit may be asked for, of this process, and not be set. */
	if (!r)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
				     SCMP_A2_64(SCMP_CMP_EQ, 0, 0));
	/* Signals to our own threads: abort() and pthread_kill(). */
	if (!r)
		r = allow_if(f, "tgkill", 0, self);
	/* fcntl() but for the owner of signals and leases. */
	for (uint64_t command = 0; command <= 7 && !r; command++)
		r = allow_if(f, "fcntl", 1, command);
	if (!r)
		r = allow_if(f, "fcntl", 1, 1030 /* F_DUPFD_CLOEXEC */);
	/* More threads, no processes. clone3() hides its flags in memory: it is not there, and the
	 * C library takes clone(). */
	if (!r)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ,
					     CLONE_THREAD | CLONE_NEWUSER | CLONE_NEWNS,
					     CLONE_THREAD));
	if (!r)
		r = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return r;
}

static int add_rules(scmp_filter_ctx f, bool enforce)
{
	int r = 0, nr;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed) && !r; i++) {
		nr = seccomp_syscall_resolve_name(allowed[i]);
		if (nr != __NR_SCMP_ERROR) /* else one that is newer than the library */
			r = seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 0);
	}
	for (size_t i = 0; enforce && deadly[i] && !r; i++) {
		nr = seccomp_syscall_resolve_name(deadly[i]);
		if (nr != __NR_SCMP_ERROR)
			r = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, nr, 0);
	}
	return r ? r : allow_some(f);
}

int security_filter(const struct security_options *o)
{
	const enum security_filter mode = o->seccomp;
	scmp_filter_ctx f;
	int r;

	if (mode == FILTER_OFF)
		return 0;
	f = seccomp_init(mode == FILTER_LOG ? SCMP_ACT_LOG : SCMP_ACT_ERRNO(EPERM));
	if (!f) {
		log_error("seccomp: out of memory");
		return -ENOMEM;
	}
	r = add_rules(f, mode == FILTER_ON);
	if (!r)
		r = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!r)
		seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a list */
	if (!r)
		r = seccomp_load(f);
	seccomp_release(f);
	if (r)
		log_error(
			"seccomp: the filter of system calls is refused: %s; security.seccomp: off "
			"goes without",
			strerror(-r));
	return r;
}
