/* Makes a thread of a running process do one system call, as code that took it over could.
 * SPDX-License-Identifier: Apache-2.0
 *
 * usage: inject TID NAME [ARGUMENT...]
 * An argument is a number, s:TEXT, b:HEX or z:BYTES (memory with that in it, or with zeros). Prints
 * the result, or the error's name; "killed" where the kernel ended the process for it. The thread
 * goes on where it was. x86-64 only. */
#include <elf.h>
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
int main(void)
{
	puts("not on this machine");
	return 77;
}
#else

enum { ROOM = 4096, BELOW = 65536 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static bool poke(pid_t tid, unsigned long at, const unsigned char *bytes, size_t n)
{
	struct iovec from = {(void *)bytes, n}, to = {(void *)at, n};

	return process_vm_writev(tid, &from, 1, &to, 1, 0) == (ssize_t)n;
}

/* The value of an argument; what it points to goes below the stack. */
static unsigned long argument(pid_t tid, const char *text, unsigned long *room)
{
	unsigned char bytes[ROOM] = {0};
	size_t n = 0;

	if (text[1] != ':' || !strchr("sbz", *text))
		return (unsigned long)strtoll(text, NULL, 0);
	if (*text == 's') {
		n = strlen(text + 2) + 1;
		memcpy(bytes, text + 2, n < ROOM ? n : ROOM);
	} else if (*text == 'z') {
		n = (size_t)strtoul(text + 2, NULL, 0);
	} else {
		for (const char *p = text + 2; p[0] && p[1] && n < ROOM; p += 2) {
			const char digits[3] = {p[0], p[1]};

			bytes[n++] = (unsigned char)strtoul(digits, NULL, 16);
		}
	}
	*room -= (n + 63) & ~63UL;
	if (n > ROOM || !poke(tid, *room, bytes, n))
		die("memory of the process");
	return *room;
}

/* Runs until the thread stops again; false when it is no more. */
static bool stopped(pid_t tid)
{
	int status;

	return waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status);
}

static void killed(void)
{
	puts("killed");
	exit(0);
}

int main(int argc, char **argv)
{
	struct user_regs_struct before = {0}, regs;
	unsigned long room, *to[6];
	pid_t tid;
	long text;
	int nr;

	if (argc < 3 || argc > 9)
		return 2;
	tid = (pid_t)atoi(argv[1]);
	nr = seccomp_syscall_resolve_name(argv[2]);
	if (nr < 0) {
		fprintf(stderr, "there is no %s\n", argv[2]);
		return 2;
	}
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) || ptrace(PTRACE_INTERRUPT, tid, NULL, NULL))
		die("ptrace");
	if (!stopped(tid) || ptrace(PTRACE_GETREGS, tid, NULL, &before))
		die("registers");
	regs = before;
	room = (before.rsp - BELOW) & ~63UL;
	to[0] = (unsigned long *)&regs.rdi, to[1] = (unsigned long *)&regs.rsi;
	to[2] = (unsigned long *)&regs.rdx, to[3] = (unsigned long *)&regs.r10;
	to[4] = (unsigned long *)&regs.r8, to[5] = (unsigned long *)&regs.r9;
	for (int i = 0; i < 6; i++)
		*to[i] = i + 3 < argc ? argument(tid, argv[i + 3], &room) : 0;
	regs.rax = (unsigned long)nr;
	regs.orig_rax = (unsigned long)-1; /* no restart of the call that was interrupted */
	errno = 0;
	text = ptrace(PTRACE_PEEKTEXT, tid, regs.rip, NULL);
	if (errno || ptrace(PTRACE_POKETEXT, tid, regs.rip, (text & ~0xffffL) | 0x050f) ||
	    ptrace(PTRACE_SETREGS, tid, NULL, &regs))
		die("code of the process");
	if (ptrace(PTRACE_SINGLESTEP, tid, NULL, NULL) || !stopped(tid) ||
	    ptrace(PTRACE_GETREGS, tid, NULL, &regs))
		killed();
	if (ptrace(PTRACE_POKETEXT, tid, before.rip, text) ||
	    ptrace(PTRACE_SETREGS, tid, NULL, &before) || ptrace(PTRACE_DETACH, tid, NULL, NULL))
		killed();
	if ((long)regs.rax < 0 && (long)regs.rax > -4096)
		printf("%s\n", strerrorname_np((int)-(long)regs.rax));
	else
		printf("%ld\n", (long)regs.rax);
	return 0;
}
#endif
