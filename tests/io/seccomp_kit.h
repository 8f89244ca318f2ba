/* SPDX-License-Identifier: MIT */
/* A kernel that refuses: makes system calls of this process fail, as containers and older kernels
 * do. See seccomp(2). */
#ifndef SECCOMP_KIT_H
#define SECCOMP_KIT_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef __NR_io_uring_setup
#define __NR_io_uring_setup 425
#endif
#ifndef __NR_process_madvise
#define __NR_process_madvise 440
#endif
#ifndef __NR_epoll_pwait2
#define __NR_epoll_pwait2 441
#endif

enum { ANY_ARGUMENT = -1 };

static inline bool seccomp_install(struct sock_filter *filter, unsigned short length)
{
	const struct sock_fprog program = { length, filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* Makes a system call fail with an error; only when its argument with that number (from 0) has that
 * value, unless the number is ANY_ARGUMENT. False when the system has no such filters. */
static inline bool seccomp_refuse(unsigned call, int error, int argument, unsigned value)
{
	const unsigned at =
		(unsigned)offsetof(struct seccomp_data, args) +
		(argument == ANY_ARGUMENT ? 0u : (unsigned)argument) * (unsigned)sizeof(__u64);
	const unsigned char unless = argument == ANY_ARGUMENT ? 0 : 1;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at), /* the low half: little-endian */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, unless),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return seccomp_install(filter, sizeof filter / sizeof filter[0]);
}

#endif
