/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the sched probe counts at each switch from one task to another. Maps "slots" and "drops":
 * slots.h. Nanoseconds.
 *
 * Map "preempted": hash, struct preemption -> __u64: who lost a CPU, to whom, how often.
 * Map "sleepers": array, by the low bits of a pid: who sleeps since when. Two sleepers with the same
 *                 bits: the later one takes the place, and the earlier one's sleep is not counted.
 * Map "settings": array of one struct sched_settings, which the agent fills before it attaches.
 */
#ifndef SCHED_H
#define SCHED_H

#include "slots.h"

/* Bucket i holds 2^i <= nanoseconds < 2^(i+1); the last, all from 4.3 s on. */
#define SCHED_BUCKETS 32
#define SCHED_REASONS 4
#define SCHED_PREEMPTED_ENTRIES 4096
#define SCHED_SLEEPERS 32768

enum sched_reason {
	SCHED_IO,		/* waiting for a block device (in_iowait) */
	SCHED_INTERRUPTIBLE,	/* waiting for an event: data, a lock, a timer, a child */
	SCHED_UNINTERRUPTIBLE,	/* waiting inside the kernel, and not for a block device */
	SCHED_STOPPED,		/* stopped by a signal or a debugger */
	/* None: it ended, or a kernel thread that is idle. */
};

/* Places of map "drops". */
enum sched_drop {
	SCHED_SLOTS_FULL,
	SCHED_PREEMPTED_FULL,
	SCHED_DROPS,
};

struct sched_counts {
	/* Each time a task of this cgroup got a CPU: how long it had been ready to run. */
	__u64 waits[SCHED_BUCKETS];
	__u64 wait_ns;
	/* Each time one left its CPU though it could have gone on. */
	__u64 involuntary;
	/* Of these, to the idle task: the cgroup's quota is used up. */
	__u64 throttled;
	__u64 voluntary;
	/* Sleeps that ended, and how long they were, without the time they then waited for a CPU. */
	__u64 sleeps[SCHED_REASONS];
	__u64 sleep_ns[SCHED_REASONS];
};

struct sched_settings {
	/* bpf_ktime_get_ns of when the programs were attached. A sleep that began before is not
	 * counted, since the task may have run in between. */
	__u64 opened;
	__u64 places;		/* of slots.h, for one CPU */
};

struct preemption {
	__u64 victim;		/* cgroup of the task that could have gone on */
	__u64 taker;		/* cgroup of the task that runs instead; another one */
};

struct sleeper {
	__u32 pid;
	__u32 reason;		/* enum sched_reason */
	__u64 since;		/* bpf_ktime_get_ns */
};

_Static_assert(sizeof(struct preemption) == 16, "preemption has no padding");

#endif
