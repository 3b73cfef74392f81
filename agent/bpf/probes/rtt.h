/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Round trips of open TCP connections: the smoothed one, at each segment that arrives.
 *
 * Map "trips": hash, struct rtt_key -> struct rtt_counts.
 * Map "by_peer": hash, __u64 cgroup -> __u32, of whom each peer is counted for itself.
 * Map "drops": per-CPU array of one __u64: "trips" was full.
 */
#ifndef RTT_H
#define RTT_H

#define RTT_ENTRIES 2048
#define RTT_BUCKETS 32		/* bucket i: 2^i <= ns < 2^(i+1); the last: above too */

struct rtt_key {
	__u64 cgroup;		/* of the socket */
	__u32 family;		/* AF_INET, AF_INET6; 0: all peers together */
	__u32 zero;
	unsigned char peer[16];	/* in network order; of IPv4 the first four bytes */
};

struct rtt_counts {
	__u64 ns;		/* all together */
	__u64 buckets[RTT_BUCKETS];
};

_Static_assert(sizeof(struct rtt_key) == 32, "rtt_key has no padding");

#endif
