/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the bytes probe counts, and the layout userspace reads: stated here once.
 *
 * Map "bytes": per-CPU hash, __u64 cgroup id -> struct bytes_counts, which only rise.
 * Map "drops": per-CPU array of one __u64: packets not counted because "bytes" was full.
 */
#ifndef BYTES_H
#define BYTES_H

#define BYTES_MAX_CGROUPS 4096

struct bytes_counts {
	__u64 received_bytes;	/* from the IP header on */
	__u64 received_packets;
	__u64 sent_bytes;
	__u64 sent_packets;
};

#endif
