/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the tcp probe counts, and the layout userspace reads: stated here once, for the CO-RE object,
 * for bcc, and for agent/bpf/tcp.py, which a test compares with this file.
 *
 * Map "tcp":      hash, __u64 cgroup id -> struct tcp_counts, which only rise.
 * Map "starting": hash, __u64 address of a socket that connects -> __u64 when it began, ns.
 * Map "drops":    per-CPU array of __u64, by enum tcp_drop: events lost because a map was full.
 *
 * The cgroup is that of the process which made the socket, or of its listener: an event often comes
 * in an interrupt, where the current process is anybody.
 *
 * Includers define __u32 and __u64 first.
 */
#ifndef TCP_H
#define TCP_H

#include "durations.h"

#define TCP_MAX_CGROUPS 4096
/* Sockets in SYN_SENT at one time. */
#define TCP_MAX_STARTING 8192

/* Why an attempt to connect ended: sk_err at its end. */
enum tcp_failure {
	TCP_REFUSED = 0,	/* ECONNREFUSED: a reset came back */
	TCP_TIMED_OUT = 1,	/* ETIMEDOUT: no answer to any SYN */
	TCP_UNREACHABLE = 2,	/* EHOSTUNREACH, ENETUNREACH */
	TCP_GIVEN_UP = 3,	/* no error: the program closed the socket before */
	TCP_OTHER_FAILURE = 4,
	TCP_FAILURES = 5,
};

enum tcp_drop {
	TCP_DROPPED_COUNT = 0,		/* "tcp" */
	TCP_DROPPED_START = 1,		/* "starting": a connection without a latency */
	TCP_DROPS = 2,
};

struct tcp_counts {
	__u64 connects;			/* SYN_SENT to ESTABLISHED */
	__u64 accepts;			/* SYN_RECV to ESTABLISHED */
	__u64 failures[TCP_FAILURES];	/* SYN_SENT to CLOSE, by enum tcp_failure */
	__u64 resets_sent;
	__u64 resets_received;
	__u64 retransmits;		/* segments sent again, SYN and SYN-ACK too */
	__u64 bytes_sent;		/* of closed sockets; payload, with what was sent again */
	__u64 bytes_retransmitted;	/* likewise */
	__u64 bytes_received;		/* likewise; once each, in order */
	struct durations connect;	/* from the first SYN to ESTABLISHED */
	struct durations rtt;		/* smoothed round trip of a socket as it closed */
};

#endif
