// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* sched.bpf.c for bcc: same maps, same names, same counts. docs/probes.md says how it is built. */
#include "sched.h"
#include "window.bcc.h"

BPF_TABLE("array", u32, u64, owners, SLOTS);
BPF_TABLE("hash", u32, u64, claims, SLOTS);
BPF_TABLE("percpu_array", u32, struct sched_counts, slots, SLOTS);
BPF_TABLE("percpu_array", u32, u64, drops, 1);
BPF_TABLE("hash", struct preemption, u64, preempted, SCHED_PREEMPTED_ENTRIES);
BPF_TABLE("array", u32, struct sleeper, sleepers, SCHED_SLEEPERS);
BPF_TABLE("array", u32, u64, opened, 1);

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

static __always_inline struct sched_counts *slot_of(u64 cgroup)
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

#define TASK_INTERRUPTIBLE 0x1
#define TASK_UNINTERRUPTIBLE 0x2
#define TASK_STOPPED_OR_TRACED 0xc
#define TASK_NOLOAD 0x400

/* A bit field has no address. It is in the eight bytes before atomic_flags, on all kernels known. */
static __always_inline int in_iowait(struct task_struct *task)
{
	u64 before = 0;
	const u32 at = __builtin_offsetof(struct task_struct, atomic_flags) - sizeof(before);
	struct task_struct *copy = (void *)&before - at;

	bpf_probe_read_kernel(&before, sizeof(before), (void *)task + at);
	return copy->in_iowait;
}

static __always_inline u32 reason_of(struct task_struct *task, u32 state)
{
	if (in_iowait(task))
		return SCHED_IO;
	if (state & TASK_STOPPED_OR_TRACED)
		return SCHED_STOPPED;
	if (state & TASK_INTERRUPTIBLE)
		return SCHED_INTERRUPTIBLE;
	if ((state & TASK_UNINTERRUPTIBLE) && !(state & TASK_NOLOAD))
		return SCHED_UNINTERRUPTIBLE;
	return SCHED_REASONS;
}

static __always_inline void count_preemption(u64 victim, u64 taker)
{
	struct preemption key = { .victim = victim, .taker = taker };
	u64 *seen = preempted.lookup(&key), one = 1;

	if (!seen) {
		if (!preempted.insert(&key, &one))
			return;
		seen = preempted.lookup(&key);
	}
	if (seen)
		__sync_fetch_and_add(seen, 1);
	else
		drop();
}

static __always_inline void leave(struct task_struct *prev, u32 pid, u64 cgroup, u32 next_pid,
				  u64 taker, int ready, u32 state)
{
	struct sched_counts *counts = slot_of(cgroup);
	u32 place = pid & (SCHED_SLEEPERS - 1), reason;
	struct sleeper *sleeper;

	if (!counts)
		return;
	if (ready) {
		counts->involuntary++;
		if (!next_pid)
			counts->throttled++;
		else if (taker != cgroup)
			count_preemption(cgroup, taker);
		return;
	}
	counts->voluntary++;
	reason = reason_of(prev, state);
	sleeper = sleepers.lookup(&place);
	if (!sleeper || reason == SCHED_REASONS)
		return;
	sleeper->pid = pid;
	sleeper->reason = reason;
	sleeper->since = bpf_ktime_get_ns();
}

static __always_inline u64 run_queue_clock(struct task_struct *task)
{
	struct cfs_rq *queue = READ(task_struct, task, se.cfs_rq);
	struct rq *rq = READ(cfs_rq, queue, rq);

	return READ(rq, rq, clock);
}

static __always_inline void arrive(struct task_struct *next, u32 pid, u64 cgroup)
{
	u64 queued = READ(task_struct, next, sched_info.last_queued), waited = 0, slept;
	u32 place = pid & (SCHED_SLEEPERS - 1), bucket, reason, zero = 0;
	u64 *began = opened.lookup(&zero);
	struct sched_counts *counts = slot_of(cgroup);
	struct sleeper *sleeper;

	if (!counts)
		return;
	if (queued) {
		waited = run_queue_clock(next) - queued;
		if ((s64)waited < 0)
			waited = 0;
		bucket = log2_of(waited);
		if (bucket >= SCHED_BUCKETS)
			bucket = SCHED_BUCKETS - 1;
		counts->waits[bucket & (SCHED_BUCKETS - 1)]++;
		counts->wait_ns += waited;
	}
	sleeper = sleepers.lookup(&place);
	if (!sleeper || sleeper->pid != pid)
		return;
	sleeper->pid = 0;
	reason = sleeper->reason;
	if (reason >= SCHED_REASONS || !began || sleeper->since < *began)
		return;
	slept = bpf_ktime_get_ns() - sleeper->since;
	counts->sleeps[reason & (SCHED_REASONS - 1)]++;
	if (slept > waited)
		counts->sleep_ns[reason & (SCHED_REASONS - 1)] += slept - waited;
}

int on_switch(struct bpf_raw_tracepoint_args *context)
{
	int preempt = context->args[0] & 1;
	struct task_struct *prev = (struct task_struct *)context->args[1];
	struct task_struct *next = (struct task_struct *)context->args[2];
	u32 state = context->args[3];
	u32 pid = READ(task_struct, prev, pid), next_pid = READ(task_struct, next, pid);
	u64 from = cgroup_of(prev), to = cgroup_of(next);

	if (pid)
		leave(prev, pid, from, next_pid, to, preempt || !state, state);
	if (next_pid)
		arrive(next, next_pid, to);
	return 0;
}
