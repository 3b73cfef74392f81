/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Page faults: minor ones, and major ones, which wait for a disk, with how long they took.
 *
 * Map "faults": hash, __u64 cgroup -> struct faults_counts.
 * Map "began":  LRU hash, __u32 thread -> bpf_ktime_get_ns of its last fault.
 * Map "drops":  per-CPU array of one __u64: "faults" was full.
 */
#ifndef FAULTS_H
#define FAULTS_H

#define FAULTS_BEGAN_ENTRIES 8192
#define FAULTS_BUCKETS 32	/* bucket i: 2^i <= ns < 2^(i+1); the last: above too */

struct faults_counts {
	__u64 minor;
	__u64 major;
	__u64 ns;		/* of major faults whose begin was seen, all together */
	__u64 latency[FAULTS_BUCKETS];
};

#endif
