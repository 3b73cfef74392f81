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

#define DROPS SCHED_DROPS
#define SLOT_COUNTS struct sched_counts
#include "slots.bpf.h"
#include "log2.bpf.h"

HASH(preempted, struct preemption, __u64, SCHED_PREEMPTED_ENTRIES);
ARRAY(sleepers, struct sleeper, SCHED_SLEEPERS);
ARRAY(settings, struct sched_settings, 1);

#define TASK_INTERRUPTIBLE 0x1
#define TASK_UNINTERRUPTIBLE 0x2
#define TASK_STOPPED_OR_TRACED 0xc
#define TASK_NOLOAD 0x400	/* with UNINTERRUPTIBLE: an idle kernel thread */

static __always_inline __u32 reason_of(struct task_struct *task, __u32 state)
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

static __always_inline void count_preemption(__u64 victim, __u64 taker)
{
	struct preemption key = { .victim = victim, .taker = taker };
	__u64 *seen = LOOKUP(preempted, &key);
	__u64 one = 1;

	if (!seen) {
		if (!INSERT(preempted, &key, &one))
			return;
		seen = LOOKUP(preempted, &key);
	}
	if (seen)
		__sync_fetch_and_add(seen, 1);
	else
		drop(SCHED_PREEMPTED_FULL);
}

/* A task and what is asked about it more than once. */
struct side {
	struct task_struct *task;
	__u64 cgroup;
	__u32 pid;		/* 0: the idle task, which is nobody's */
};

static __always_inline void leave(struct side *prev, struct side *next, int ready, __u32 state,
				  __u32 places)
{
	struct sched_counts *counts = slot_of(prev->cgroup, places);
	__u32 place = prev->pid & (SCHED_SLEEPERS - 1), reason;
	struct sleeper *sleeper;

	if (!counts)
		return;
	if (ready) {
		counts->involuntary++;
		if (!next->pid)
			counts->throttled++;
		else if (next->cgroup != prev->cgroup)
			count_preemption(prev->cgroup, next->cgroup);
		return;
	}
	counts->voluntary++;
	reason = reason_of(prev->task, state);
	sleeper = LOOKUP(sleepers, &place);
	if (!sleeper || reason == SCHED_REASONS)
		return;
	sleeper->pid = prev->pid;
	sleeper->reason = reason;
	sleeper->since = bpf_ktime_get_ns();
}

static __always_inline __u64 run_queue_clock(struct task_struct___window *task)
{
	struct cfs_rq *queue = READ(task, se.cfs_rq);
	struct rq *rq = READ(queue, rq);

	return READ(rq, clock);
}

static __always_inline void arrive(struct side *next, struct sched_settings *set)
{
	struct task_struct___window *task = (struct task_struct___window *)next->task;
	__u64 queued = READ(task, sched_info.last_queued), waited = 0, slept;
	__u32 place = next->pid & (SCHED_SLEEPERS - 1), bucket, reason;
	struct sched_counts *counts = slot_of(next->cgroup, set->places);
	struct sleeper *sleeper;

	if (!counts)
		return;
	/* 0: it was never queued, as it had not left. */
	if (queued) {
		waited = run_queue_clock(task) - queued;
		if ((__s64)waited < 0)
			waited = 0;
		bucket = log2_of(waited);
		if (bucket >= SCHED_BUCKETS)
			bucket = SCHED_BUCKETS - 1;
		counts->waits[bucket & (SCHED_BUCKETS - 1)]++;
		counts->wait_ns += waited;
	}
	sleeper = LOOKUP(sleepers, &place);
	if (!sleeper || sleeper->pid != next->pid)
		return;
	/* Not again, where it leaves without sleeping. */
	sleeper->pid = 0;
	reason = sleeper->reason;
	if (reason >= SCHED_REASONS || sleeper->since < set->opened)
		return;
	slept = bpf_ktime_get_ns() - sleeper->since;
	counts->sleeps[reason & (SCHED_REASONS - 1)]++;
	if (slept > waited)
		counts->sleep_ns[reason & (SCHED_REASONS - 1)] += slept - waited;
}

/* (preempt, prev, next, prev's state) */
PROGRAM(sched_switch, on_switch)
{
	int preempt = ARGUMENT(int, 0) & 1;
	struct side prev = { .task = ARGUMENT(struct task_struct *, 1) };
	struct side next = { .task = ARGUMENT(struct task_struct *, 2) };
	__u32 state = ARGUMENT(__u32, 3), zero = 0;
	struct sched_settings *set = LOOKUP(settings, &zero);

	if (!set)
		return 0;
	prev.pid = READ(prev.task, pid);
	next.pid = READ(next.task, pid);
	prev.cgroup = cgroup_of(prev.task);
	next.cgroup = cgroup_of(next.task);
	if (prev.pid)
		leave(&prev, &next, preempt || !state, state, set->places);
	if (next.pid)
		arrive(&next, set);
	return 0;
}

#ifndef BCC
char LICENSE[] SEC("license") = "GPL";
#endif
