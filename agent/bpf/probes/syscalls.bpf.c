// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Counts the system calls of each cgroup, and those that failed, by class.
 *
 * On the way out alone: one program a call instead of two, and the number is still known.
 */
#include "windows_types.h"
#include "syscalls.h"

#define SLOT_COUNTS struct syscall_counts
#include "slots.bpf.h"
#include "syscall_number.bpf.h"

ARRAY(settings, struct syscalls_settings, 1);

PROGRAM(sys_exit, on_syscall)
{
	__u32 number = syscall_number(ARGUMENT(struct pt_regs___x86 *, 0), CURRENT);
	long value = ARGUMENT(long, 1);
	__u32 zero = 0, class = 0;
	struct syscalls_settings *set = LOOKUP(settings, &zero);
	struct syscall_counts *counts;

	if (!set)
		return 0;
	counts = slot_of(current_cgroup(), set->places);
	if (!counts)
		return 0;
	/* The verifier has to see the mask, which the compiler finds superfluous. */
	if (number < SYSCALL_NUMBERS) {
		asm volatile("" : "+r"(number));
		class = set->class_of[number & (SYSCALL_NUMBERS - 1)] & (SYSCALL_CLASSES - 1);
	}
	counts->calls[class]++;
	if (SYSCALL_FAILED(value))
		counts->errors[class]++;
	return 0;
}

#ifndef BCC
char LICENSE[] SEC("license") = "GPL";
#endif
