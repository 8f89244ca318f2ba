// SPDX-License-Identifier: MIT
/* trap.c: see trap.h. Sources: seccomp(2), sigaction(2), syscall(2).
 *
 * A filter has the kernel raise SIGSYS in place of each call, whose number, arguments and result
 * are registers in the handler's context. One instruction is let pass, by its address: the one by
 * which the handler makes the calls that are to be made. */
#include "sweep/trap.h"

#include "io/seccomp_kit.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

enum { NUMBERS_MAX = 64, ARGS = 6 };

/* Defined below, where there is one for the processor: makes a call, by the instruction that ends
 * at trap__passed. */
long trap__call(long number, long a, long b, long c, long d, long e, long f);
extern const char trap__passed[];

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl trap__call\n"
        ".type trap__call, @function\n"
        "trap__call:\n"
        "	endbr64\n"
        "	mov %rdi, %rax\n"
        "	mov %rsi, %rdi\n"
        "	mov %rdx, %rsi\n"
        "	mov %rcx, %rdx\n"
        "	mov %r8, %r10\n"
        "	mov %r9, %r8\n"
        "	mov 8(%rsp), %r9\n"
        "	syscall\n"
        ".globl trap__passed\n"
        "trap__passed:\n"
        "	ret\n"
        ".size trap__call, .-trap__call\n");

static const int arg_registers[ARGS] = { REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9 };

static long arg_of(const ucontext_t *context, int i)
{
	return (long)context->uc_mcontext.gregs[arg_registers[i]];
}

static void set_result(ucontext_t *context, long result)
{
	context->uc_mcontext.gregs[REG_RAX] = result;
}
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl trap__call\n"
        ".type trap__call, %function\n"
        "trap__call:\n"
        "	mov x8, x0\n"
        "	mov x0, x1\n"
        "	mov x1, x2\n"
        "	mov x2, x3\n"
        "	mov x3, x4\n"
        "	mov x4, x5\n"
        "	mov x5, x6\n"
        "	svc #0\n"
        ".globl trap__passed\n"
        "trap__passed:\n"
        "	ret\n"
        ".size trap__call, .-trap__call\n");

static long arg_of(const ucontext_t *context, int i)
{
	return (long)context->uc_mcontext.regs[i];
}

static void set_result(ucontext_t *context, long result)
{
	context->uc_mcontext.regs[0] = (unsigned long)result;
}
#endif

#if defined(__x86_64__) || defined(__aarch64__)

/* LeakSanitizer looks through the process from another, which the filter would hold up for ever. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static trap_fn handle;

static void on_call(int signal, siginfo_t *info, void *context)
{
	const int saved_errno = errno;
	long args[ARGS];
	(void)signal;
	for (int i = 0; i < ARGS; i++)
		args[i] = arg_of(context, i);
	set_result(context, handle(info->si_syscall, args));
	errno = saved_errno;
}

/* A handler of another signal may interrupt this one and make calls, which are trapped in turn. */
static bool catch_calls(void)
{
	struct sigaction action;
	memset(&action, 0, sizeof(action));
	action.sa_sigaction = on_call;
	action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
	return sigaction(SIGSYS, &action, NULL) == 0;
}

/* The address of the instruction is compared half by half, then the number with each in the list;
 * a jump is to so many instructions further on. */
bool trap_calls(const int *numbers, int n, trap_fn fn)
{
	const uint64_t passed = (uint64_t)(uintptr_t)trap__passed;
	const unsigned at = (unsigned)offsetof(struct seccomp_data, instruction_pointer);
	struct sock_filter filter[NUMBERS_MAX + 8] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at), /* the low half: little-endian */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)passed, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(passed >> 32), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_filter *end = filter + 6;
	for (int i = 0; i < n; i++, end++)
		*end = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)numbers[i],
		                                    (unsigned char)(n - i), 0);
	*end++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	*end++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
	handle = fn;
	return catch_calls() && seccomp_install(filter, (unsigned short)(end - filter));
}

long trap_pass(long number, const long *args)
{
	return trap__call(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

#else

bool trap_calls(const int *numbers, int n, trap_fn fn)
{
	(void)numbers;
	(void)n;
	(void)fn;
	return false;
}

long trap_pass(long number, const long *args)
{
	(void)number;
	(void)args;
	return -ENOSYS;
}

#endif
