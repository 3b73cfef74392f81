// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Counts the system calls of each cgroup, and those that failed, by class.
 *
 * On the way out alone: one program a call instead of two, and the number is still known.
 */
#include "windows_types.h"
#include "syscalls.h"

#define SLOT_VALUE struct syscall_counts
#include "slots.bpf.h"
#include "syscall_number.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct syscall_classes);
} classes SEC(".maps");

SEC("tp_btf/sys_exit")
int on_syscall(__u64 *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	long value = context[1];
	__u32 zero = 0, number = syscall_number((void *)context[0], task), class = 0;
	struct syscall_classes *table = bpf_map_lookup_elem(&classes, &zero);
	struct syscall_counts *counts = slot_of(task->cgroups->dfl_cgrp->kn->id);

	if (!counts || !table)
		return 0;
	if (number < SYSCALL_NUMBERS)
		class = table->of[number] & (SYSCALL_CLASSES - 1);
	counts->calls[class]++;
	if (SYSCALL_FAILED(value))
		counts->errors[class]++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
