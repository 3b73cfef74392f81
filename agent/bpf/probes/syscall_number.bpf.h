/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#ifndef SYSCALL_NUMBER_BPF_H
#define SYSCALL_NUMBER_BPF_H

#define SYSCALL_UNKNOWN 0xffffffff
#define TS_COMPAT 0x2		/* thread_info.status on x86: a 32-bit call, of another table */

static __always_inline __u32 syscall_number(struct pt_regs___x86 *regs, struct task_struct *task)
{
	__u32 number = OPTIONAL(pt_regs___x86, regs, orig_ax, SYSCALL_UNKNOWN);

	/* A task_struct begins with its thread_info. */
	if (OPTIONAL(thread_info___x86, task, status, 0) & TS_COMPAT)
		return SYSCALL_UNKNOWN;
	if (HAS(pt_regs___arm64, syscallno))
		number = OPTIONAL(pt_regs___arm64, regs, syscallno, SYSCALL_UNKNOWN);
	return number;
}

#endif
