/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the bcc sources of the probes that run in windows share. */
#ifndef WINDOW_BCC_H
#define WINDOW_BCC_H

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#include "log2.bpf.h"

/*
 * Explicit, since bcc's own rewriting of `a->b` does not follow pointers from a raw context. And by
 * offsetof: of a struct with aligned members, cfs_rq, `&a->b` came out 16 bytes too far.
 */
#define READ(type, pointer, field) ({                                                         \
	typeof(((struct type *)0)->field) value_ = 0;                                         \
	bpf_probe_read_kernel(&value_, sizeof(value_),                                        \
			      (void *)(pointer) + __builtin_offsetof(struct type, field));    \
	value_;                                                                               \
})

#define TS_COMPAT 0x2
#define SYSCALL_UNKNOWN 0xffffffff

static __always_inline u64 cgroup_of(struct task_struct *task)
{
	struct css_set *set = READ(task_struct, task, cgroups);
	struct cgroup *cgroup = READ(css_set, set, dfl_cgrp);
	struct kernfs_node *node = READ(cgroup, cgroup, kn);

	return READ(kernfs_node, node, id);
}

static __always_inline u32 syscall_number(struct pt_regs *regs, struct task_struct *task)
{
#if defined(__x86_64__)
	if (READ(task_struct, task, thread_info.status) & TS_COMPAT)
		return SYSCALL_UNKNOWN;
	return READ(pt_regs, regs, orig_ax);
#elif defined(__aarch64__)
	return READ(pt_regs, regs, syscallno);
#else
	return SYSCALL_UNKNOWN;
#endif
}

#endif
