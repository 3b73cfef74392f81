/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What one walk of a cgroup hierarchy writes, and the layout userspace reads: stated here once, for
 * the object and for agent/bpf/sweep.py, which a test compares with this file.
 *
 * Map "records": mmap-able array of struct sweep_record, as many as the hierarchy has cgroups.
 *                What was not read is 0.
 * Map "walked":  mmap-able array of one struct sweep_walked, for the last walk.
 */
#ifndef SWEEP_H
#define SWEEP_H

/* The map's size unless userspace sets another before loading. */
#define SWEEP_MAX_CGROUPS 4096

/* sweep_record.has: which parts were read. */
#define SWEEP_BASE 1	/* usage, user, system: the cgroup2 hierarchy alone */
#define SWEEP_PSI 2
#define SWEEP_CPU 4	/* the cpu controller is on here */
#define SWEEP_MEMORY 8
#define SWEEP_PIDS 16
#define SWEEP_PIDS_EVENTS 32
#define SWEEP_PEAK 64	/* pids.peak, Linux 6.1 */

/* Every member is a __u64: no padding, and one format string in userspace. */
struct sweep_record {
	__u64 id;		/* kernfs id: st_ino of the directory */
	__u64 has;

	/* cgroup.bstat and prev_cputime, ns: cpu.stat before and after the kernel's own scaling */
	__u64 usage;
	__u64 user;
	__u64 system;
	__u64 shown_user;
	__u64 shown_system;

	/* psi_group.total, ns: some and full */
	__u64 cpu_some;
	__u64 cpu_full;
	__u64 memory_some;
	__u64 memory_full;
	__u64 io_some;
	__u64 io_full;

	/* task_group: shares, and cfs_bandwidth in ns; quota is ~0 without a limit */
	__u64 shares;
	__u64 quota;
	__u64 period;
	__u64 nr_periods;
	__u64 nr_throttled;
	__u64 throttled_time;
	__u64 nr_burst;
	__u64 burst_time;

	/* mem_cgroup: page_counter in pages, and memory_events */
	__u64 memory;
	__u64 memory_watermark;
	__u64 memory_min;
	__u64 memory_low;
	__u64 memory_high;
	__u64 memory_max;
	__u64 memory_failcnt;
	__u64 swap;		/* v1: memory and swap together */
	__u64 swap_max;
	__u64 events_low;
	__u64 events_high;
	__u64 events_max;
	__u64 events_oom;
	__u64 events_oom_kill;
	__u64 events_oom_group_kill;
	__u64 soft_limit;	/* v1 */
	__u64 kmem;		/* v1 */

	/* pids_cgroup; limit is a number no pid can have without a limit */
	__u64 pids;
	__u64 pids_watermark;
	__u64 pids_limit;
	__u64 pids_events_max;
};

struct sweep_walked {
	__u64 wanted;		/* SWEEP_BASE | SWEEP_PSI or 0: by userspace, before the walk */
	__u64 records;		/* written */
	__u64 dropped;		/* cgroups there was no room for */
};

#endif
