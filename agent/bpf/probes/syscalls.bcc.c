// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* syscalls.bpf.c for bcc: same maps, same names, same counts. docs/probes.md says how it is built. */
#include "syscalls.h"
#include "window.bcc.h"

BPF_TABLE("array", u32, u64, owners, SLOTS);
BPF_TABLE("hash", u32, u64, claims, SLOTS);
BPF_TABLE("percpu_array", u32, struct syscall_counts, slots, SLOTS);
BPF_TABLE("percpu_array", u32, u64, drops, 1);
BPF_TABLE("array", u32, struct syscall_classes, classes, 1);

static __always_inline int claim(u32 *place, u64 *owner, u64 cgroup)
{
	u64 *first;

	if (claims.insert(place, &cgroup)) {
		first = claims.lookup(place);
		if (!first || *first != cgroup)
			return 0;
	}
	*owner = cgroup;
	return 1;
}

static __always_inline void drop(void)
{
	u32 zero = 0;
	u64 *dropped = drops.lookup(&zero);

	if (dropped)
		__sync_fetch_and_add(dropped, 1);
}

static __always_inline struct syscall_counts *slot_of(u64 cgroup)
{
	u32 place = SLOT_HASH(cgroup);
	int try;

#pragma unroll
	for (try = 0; try < SLOT_TRIES; try++) {
		u64 *owner = owners.lookup(&place);

		if (!owner)
			break;
		if (*owner == cgroup || (!*owner && claim(&place, owner, cgroup)))
			return slots.lookup(&place);
		place = (place + 1) & (SLOTS - 1);
	}
	drop();
	return 0;
}

int on_syscall(struct bpf_raw_tracepoint_args *context)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	long value = context->args[1];
	u32 zero = 0, number, class = 0;
	struct syscall_classes *table = classes.lookup(&zero);
	struct syscall_counts *counts = slot_of(bpf_get_current_cgroup_id());

	if (!counts || !table)
		return 0;
	number = syscall_number((struct pt_regs *)context->args[0], task);
	/* The verifier has to see the mask, which the compiler finds superfluous. */
	if (number < SYSCALL_NUMBERS) {
		asm volatile("" : "+r"(number));
		class = table->of[number & (SYSCALL_NUMBERS - 1)] & (SYSCALL_CLASSES - 1);
	}
	counts->calls[class]++;
	if (SYSCALL_FAILED(value))
		counts->errors[class]++;
	return 0;
}
