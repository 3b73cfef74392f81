// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Counts, at each switch from one task to another: how long the next one had waited for a CPU, who lost
 * it to whom, and how long the next one had slept, by reason.
 *
 * How long a task waited, the kernel knows itself: it stamps last_queued, by the run queue's clock,
 * when a task is ready, and adds the difference to run_delay right after this tracepoint. So there is
 * no program at sched_wakeup and no stamp of ours, and the sums are those of /proc/PID/schedstat.
 */
#include "windows_types.h"
#include "sched.h"

#define SLOT_VALUE struct sched_counts
#include "slots.bpf.h"
#include "log2.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SCHED_PREEMPTED_ENTRIES);
	__type(key, struct preemption);
	__type(value, __u64);
} preempted SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SCHED_SLEEPERS);
	__type(key, __u32);
	__type(value, struct sleeper);
} sleepers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} opened SEC(".maps");

#define TASK_INTERRUPTIBLE 0x1
#define TASK_UNINTERRUPTIBLE 0x2
#define TASK_STOPPED_OR_TRACED 0xc
#define TASK_NOLOAD 0x400	/* with UNINTERRUPTIBLE: an idle kernel thread */

static __always_inline __u32 reason_of(struct task_struct___window *task, __u32 state)
{
	if (bitfield(task, in_iowait))
		return SCHED_IO;
	if (state & TASK_STOPPED_OR_TRACED)
		return SCHED_STOPPED;
	if (state & TASK_INTERRUPTIBLE)
		return SCHED_INTERRUPTIBLE;
	if ((state & TASK_UNINTERRUPTIBLE) && !(state & TASK_NOLOAD))
		return SCHED_UNINTERRUPTIBLE;
	return SCHED_REASONS;
}

static __always_inline void count_preemption(__u64 victim, __u64 taker)
{
	struct preemption key = { .victim = victim, .taker = taker };
	__u64 *seen = bpf_map_lookup_elem(&preempted, &key);
	__u64 one = 1;

	if (!seen) {
		if (!bpf_map_update_elem(&preempted, &key, &one, BPF_NOEXIST))
			return;
		seen = bpf_map_lookup_elem(&preempted, &key);
	}
	if (seen)
		__sync_fetch_and_add(seen, 1);
	else
		drop();
}

static __always_inline void leave(struct task_struct___window *prev, __u64 cgroup, __u32 next_pid,
				  __u64 taker, int ready, __u32 state)
{
	struct sched_counts *counts = slot_of(cgroup);
	__u32 place = prev->pid & (SCHED_SLEEPERS - 1), reason;
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
	sleeper = bpf_map_lookup_elem(&sleepers, &place);
	if (!sleeper || reason == SCHED_REASONS)
		return;
	sleeper->pid = prev->pid;
	sleeper->reason = reason;
	sleeper->since = bpf_ktime_get_ns();
}

static __always_inline void arrive(struct task_struct___window *next, __u64 cgroup)
{
	__u64 queued = next->sched_info.last_queued, waited = 0, slept;
	__u32 place = next->pid & (SCHED_SLEEPERS - 1), bucket, reason, zero = 0;
	__u64 *began = bpf_map_lookup_elem(&opened, &zero);
	struct sched_counts *counts = slot_of(cgroup);
	struct sleeper *sleeper;

	if (!counts)
		return;
	/* 0: it was never queued, as it had not left. */
	if (queued) {
		waited = next->se.cfs_rq->rq->clock - queued;
		if ((__s64)waited < 0)
			waited = 0;
		bucket = log2_of(waited);
		if (bucket >= SCHED_BUCKETS)
			bucket = SCHED_BUCKETS - 1;
		counts->waits[bucket]++;
		counts->wait_ns += waited;
	}
	sleeper = bpf_map_lookup_elem(&sleepers, &place);
	if (!sleeper || sleeper->pid != (__u32)next->pid)
		return;
	/* Not again, where it leaves without sleeping. */
	sleeper->pid = 0;
	reason = sleeper->reason;
	if (reason >= SCHED_REASONS || !began || sleeper->since < *began)
		return;
	slept = bpf_ktime_get_ns() - sleeper->since;
	counts->sleeps[reason]++;
	if (slept > waited)
		counts->sleep_ns[reason] += slept - waited;
}

/* (preempt, prev, next, prev's state). The idle task, pid 0, is nobody's. */
SEC("tp_btf/sched_switch")
int on_switch(__u64 *context)
{
	int preempt = context[0] & 1;
	struct task_struct *prev = (void *)context[1], *next = (void *)context[2];
	__u32 state = context[3];
	__u64 from = prev->cgroups->dfl_cgrp->kn->id, to = next->cgroups->dfl_cgrp->kn->id;

	if (prev->pid)
		leave((void *)prev, from, next->pid, to, preempt || !state, state);
	if (next->pid)
		arrive((void *)next, to);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
