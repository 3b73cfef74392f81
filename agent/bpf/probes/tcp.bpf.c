// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* Counts what TCP does for each cgroup. */
#include "network_types.h"
#include "tcp.h"

#define DROPS TCP_DROPS
#include "drops.bpf.h"

HASH(tcp, __u64, struct tcp_counts, TCP_MAX_CGROUPS);
HASH(starting, __u64, __u64, TCP_MAX_STARTING);

enum { ESTABLISHED = 1, SYN_SENT = 2, SYN_RECV = 3, CLOSE = 7, LISTEN = 10 };
enum { PROTOCOL_TCP = 6 };
enum { FIN_RECEIVED = 1 };
enum { NETUNREACH = 101, TIMEDOUT = 110, CONNREFUSED = 111, HOSTUNREACH = 113 };

static __always_inline struct tcp_counts *counts_of(__u64 cgroup)
{
	struct tcp_counts *counts = LOOKUP(tcp, &cgroup);

	if (!counts) {
		struct tcp_counts none = {};

		INSERT(tcp, &cgroup, &none);
		counts = LOOKUP(tcp, &cgroup);
		if (!counts)
			drop(TCP_DROPPED_COUNT);
	}
	return counts;
}

static __always_inline __u64 cgroup_of_socket(struct sock *sk)
{
	struct cgroup *cgroup = READ(sk, sk_cgrp_data.cgroup);
	struct kernfs_node *node = READ(cgroup, kn);

	return READ(node, id);
}

static __always_inline void add(__u64 *counter, __u64 much)
{
	__sync_fetch_and_add(counter, much);
}

static __always_inline __u32 failure(int error)
{
	switch (error) {
	case 0:
		return TCP_GIVEN_UP;
	case CONNREFUSED:
		return TCP_REFUSED;
	case TIMEDOUT:
		return TCP_TIMED_OUT;
	case NETUNREACH:
	case HOSTUNREACH:
		return TCP_UNREACHABLE;
	default:
		return TCP_OTHER_FAILURE;
	}
}

/* 1 where the other side ended the stream: the kernel counts its FIN as a byte. */
static __always_inline __u64 fin_received(struct sock *sk)
{
	return READ(sk, __sk_common.skc_flags) >> FIN_RECEIVED & 1;
}

/*
 * A connection that ends. Here and not in tcp_destroy_sock, where the kernel has already cleared the
 * figures of a connection which the program aborted.
 */
static __always_inline void closed(struct sock *sk, struct tcp_counts *counts)
{
	struct tcp_sock *tp = tcp_sock_of(sk);

	if (!tp)
		return;
	add(&counts->bytes_sent, READ(tp, bytes_sent));
	add(&counts->bytes_retransmitted, READ(tp, bytes_retrans));
	add(&counts->bytes_received, READ(tp, bytes_received) - fin_received(sk));
	/* The kernel keeps eighths of a microsecond, and 0 until it has measured. */
	if (READ(tp, srtt_us))
		add_duration(&counts->rtt, READ(tp, srtt_us) * 125ULL);
}

PROGRAM(inet_sock_set_state, on_state)
{
	struct sock *sk = ARGUMENT(struct sock *, 0);
	int from = ARGUMENT(int, 1);
	int to = ARGUMENT(int, 2);
	__u64 key = (__u64)sk;
	__u64 now, *began;
	struct tcp_counts *counts;

	if (READ(sk, sk_protocol) != PROTOCOL_TCP)
		return 0;
	if (to == SYN_SENT) {
		now = bpf_ktime_get_ns();
		if (UPDATE(starting, &key, &now))
			drop(TCP_DROPPED_START);
		return 0;
	}
	if (from == CLOSE || from == LISTEN || (to != ESTABLISHED && to != CLOSE))
		return 0;
	counts = counts_of(cgroup_of_socket(sk));
	if (!counts) {
		/* Only what began is to be forgotten. */
	} else if (from == SYN_SENT && to == ESTABLISHED) {
		add(&counts->connects, 1);
		began = LOOKUP(starting, &key);
		if (began)
			add_duration(&counts->connect, bpf_ktime_get_ns() - *began);
	} else if (from == SYN_SENT) {
		add(&counts->failures[failure(READ(sk, sk_err))], 1);
	} else if (to == ESTABLISHED) {
		add(&counts->accepts, 1);
	} else {
		closed(sk, counts);
	}
	if (from == SYN_SENT)
		DELETE(starting, &key);
	return 0;
}

PROGRAM(tcp_retransmit_skb, on_retransmit)
{
	struct sock *sk = ARGUMENT(struct sock *, 0);
	struct sk_buff *skb = ARGUMENT(struct sk_buff *, 1);
	struct tcp_counts *counts;

	/* Kernels that tell of failures too pass the error. Nothing was sent then. */
	if (HAS(trace_event_raw_tcp_retransmit_skb, err) && ARGUMENT(int, 2))
		return 0;
	counts = counts_of(cgroup_of_socket(sk));
	if (counts)
		add(&counts->retransmits, READ((struct tcp_skb_cb *)&skb->cb, tcp_gso_segs));
	return 0;
}

PROGRAM(tcp_retransmit_synack, on_synack)
{
	struct sock *sk = ARGUMENT(struct sock *, 0);
	struct tcp_counts *counts = counts_of(cgroup_of_socket(sk));

	if (counts)
		add(&counts->retransmits, 1);
	return 0;
}

PROGRAM(tcp_send_reset, on_reset_sent)
{
	struct sock *sk = ARGUMENT(struct sock *, 0);
	struct tcp_sock *tp;
	struct tcp_counts *counts;

	/*
	 * Nobody's, where no socket listens. The helper is asked as well, since kernels that pass 0 and
	 * do not say so (v6.10 to v6.12) have the verifier leave this test out.
	 */
	if (!sk)
		return 0;
	tp = tcp_sock_of(sk);
	if (!tp)
		return 0;
	counts = counts_of(cgroup_of_socket((struct sock *)tp));
	if (counts)
		add(&counts->resets_sent, 1);
	return 0;
}

PROGRAM(tcp_receive_reset, on_reset_received)
{
	struct sock *sk = ARGUMENT(struct sock *, 0);
	struct tcp_counts *counts = counts_of(cgroup_of_socket(sk));

	if (counts)
		add(&counts->resets_received, 1);
	return 0;
}

#ifndef BCC
char LICENSE[] SEC("license") = "GPL";
#endif
