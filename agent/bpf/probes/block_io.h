/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the block_io probe counts of each request to a block device.
 *
 * Map "counts":  hash, struct block_io_key -> struct block_io_counts.
 * Map "started": LRU hash, address of a request -> struct block_io_started, while it is under way.
 * Map "drops":   per-CPU array of __u64, by enum block_io_drop.
 */
#ifndef BLOCK_IO_H
#define BLOCK_IO_H

#include "durations.h"

#define BLOCK_IO_STARTED_ENTRIES 8192

enum block_io_op {
	BLOCK_IO_READ,
	BLOCK_IO_WRITE,
	BLOCK_IO_DISCARD,
	BLOCK_IO_OTHER,
	/* A flush has no bio, and so belongs to nobody. */
};

enum block_io_drop {
	BLOCK_IO_FULL,		/* "counts" was full */
	BLOCK_IO_UNMATCHED,	/* a request ended whose start was not seen, or forgotten for others */
	BLOCK_IO_ENDS,		/* a request was sent and its end never seen */
	BLOCK_IO_DROPS,
};

struct block_io_key {
	__u64 cgroup;		/* of the bio, in the hierarchy of the io controller (v1: blkio) */
	__u32 op;		/* enum block_io_op */
	__u32 zero;
};

struct block_io_counts {
	__u64 bytes;		/* of requests that ended, as they were sent */
	__u64 errors;		/* requests that failed */
	struct durations latency; /* from being sent to the device to the end */
};

struct block_io_started {
	struct block_io_key key;
	__u64 at;		/* bpf_ktime_get_ns */
	__u64 bytes;
};

_Static_assert(sizeof(struct block_io_key) == 16, "block_io_key has no padding");

#endif
