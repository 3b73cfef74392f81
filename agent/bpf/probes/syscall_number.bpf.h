/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#ifndef SYSCALL_NUMBER_BPF_H
#define SYSCALL_NUMBER_BPF_H

#define SYSCALL_UNKNOWN 0xffffffff
#define TS_COMPAT 0x2		/* thread_info.status on x86: a 32-bit call, of another table */

static __always_inline __u32 syscall_number(struct pt_regs___x86 *regs, struct task_struct *current)
{
	struct task_struct___window *task = (void *)current;
	struct pt_regs___arm64 *arm = (void *)regs;

	if (field_exists(regs->orig_ax)) {
		if (task->thread_info.status & TS_COMPAT)
			return SYSCALL_UNKNOWN;
		return regs->orig_ax;
	}
	if (field_exists(arm->syscallno))
		return arm->syscallno;
	return SYSCALL_UNKNOWN;
}

#endif
