/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the profile probe counts: which cgroup each CPU is busy for, looked at 49 times a second.
 *
 * Map "counts": hash, __u64 cgroup -> struct profile_counts.
 * Map "drops":  per-CPU array of one __u64: "counts" was full.
 */
#ifndef PROFILE_H
#define PROFILE_H

struct profile_counts {
	__u64 user;
	__u64 kernel;
};

#endif
