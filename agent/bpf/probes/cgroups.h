/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Cgroups that are made and removed, and how first processes end.
 *
 * Map "counts": hash, struct cgroups_key -> __u64, only rises. Of the cgroup2 hierarchy.
 * Map "wanted": hash, __u32 -> __u32, what is told: with 0 in it, ends of first processes; with a pid,
 *               the end of that; with CGROUPS_OF | hierarchy, cgroups of that.
 * Map "events": ring of struct cgroup_event; an end of a process without the path.
 * Map "drops":  per-CPU array of __u64, by enum cgroups_drop.
 */
#ifndef CGROUPS_H
#define CGROUPS_H

#define CGROUPS_RING_PAGES 64	/* 256 KiB where a page has 4: 600 cgroups and more at once */
#define CGROUPS_WANTED 16384
#define CGROUPS_PATH 384

#define CGROUPS_OF (1U << 31)	/* no pid is that large */

enum cgroups_what {
	CGROUPS_MADE = 1,
	CGROUPS_REMOVED = 2,
	CGROUPS_ENDED = 3,	/* a process that is wanted, or the first of a pid namespace */
};

enum cgroups_drop {
	CGROUPS_FULL,		/* "counts" was full */
	CGROUPS_UNTOLD,		/* "events" was */
};

struct cgroups_key {
	__u64 cgroup;		/* below which it was */
	__u32 what;		/* CGROUPS_MADE, CGROUPS_REMOVED */
	__u32 zero;
};

struct cgroup_event {
	__u64 cgroup;		/* its number: the inode of its directory. Of a process: in cgroup2 */
	__u32 what;		/* enum cgroups_what */
	__u32 hierarchy;	/* as in /proc/PID/cgroup: 0 is cgroup2 */
	__u32 pid;		/* of a process, as the first pid namespace numbers it */
	__u32 status;		/* of a process, as wait(2) tells it */
	char path[CGROUPS_PATH]; /* from the root of the hierarchy, at most 383 bytes */
};

/* What is told of a process. */
#define CGROUPS_END_SIZE 24

_Static_assert(sizeof(struct cgroups_key) == 16, "cgroups_key has no padding");
_Static_assert(__builtin_offsetof(struct cgroup_event, path) == CGROUPS_END_SIZE, "all before path");

#endif
