// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* tcp.bpf.c for bcc: same maps, same names, same counts. See docs/probes.md. */
#include "tcp.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

BPF_TABLE("hash", u64, struct tcp_counts, tcp, ENTRIES_tcp);
BPF_TABLE("hash", u64, u64, starting, TCP_MAX_STARTING);
BPF_TABLE("percpu_array", u32, u64, drops, TCP_DROPS);

/* Explicit, since bcc's own rewriting of `a->b` does not follow pointers from a raw context. */
#define READ(pointer, field) ({                                                               \
	typeof((pointer)->field) value_ = 0;                                                  \
	bpf_probe_read_kernel(&value_, sizeof(value_), (void *)&(pointer)->field);            \
	value_;                                                                               \
})

enum { ESTABLISHED = 1, SYN_SENT = 2, SYN_RECV = 3, TIME_WAIT = 6, CLOSE = 7, LISTEN = 10, NEW_SYN_RECV = 12 };
enum { PROTOCOL_TCP = 6 };
enum { FIN_RECEIVED = 1 };
enum { NETUNREACH = 101, TIMEDOUT = 110, CONNREFUSED = 111, HOSTUNREACH = 113 };

static __always_inline void drop(__u32 place)
{
	__u64 *dropped = drops.lookup(&place);

	if (dropped)
		__sync_fetch_and_add(dropped, 1);
}

static __always_inline struct tcp_counts *counts_of(__u64 cgroup)
{
	struct tcp_counts *counts = tcp.lookup(&cgroup);

	if (!counts) {
		struct tcp_counts none = {};

		tcp.insert(&cgroup, &none);
		counts = tcp.lookup(&cgroup);
		if (!counts)
			drop(TCP_DROPPED_COUNT);
	}
	return counts;
}

static __always_inline __u64 cgroup_of(struct sock *sk)
{
	struct cgroup *cgroup = READ(sk, sk_cgrp_data.cgroup);
	struct kernfs_node *node = READ(cgroup, kn);

	return READ(node, id);
}

static __always_inline void add(__u64 *counter, __u64 much)
{
	__sync_fetch_and_add(counter, much);
}

static __always_inline void observe(__u64 *slots, __u64 *sum, __u64 ns)
{
	__u32 slot = 0;

#pragma clang loop unroll(disable)
	for (int i = 0; i < TCP_SLOTS - 1; i++)
		slot += ns > TCP_FIRST_BOUND_NS << 2 * i;
	if (slot < TCP_SLOTS)
		add(&slots[slot], 1);
	add(sum, ns);
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
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	add(&counts->bytes_sent, READ(tp, bytes_sent));
	add(&counts->bytes_retransmitted, READ(tp, bytes_retrans));
	add(&counts->bytes_received, READ(tp, bytes_received) - fin_received(sk));
	/* The kernel keeps eighths of a microsecond, and 0 until it has measured. */
	if (READ(tp, srtt_us))
		observe(counts->rtt_slots, &counts->rtt_ns, READ(tp, srtt_us) * 125ULL);
}

int on_state(struct bpf_raw_tracepoint_args *context)
{
	struct sock *sk = (void *)context->args[0];
	int from = (int)context->args[1];
	int to = (int)context->args[2];
	__u64 key = (__u64)sk;
	__u64 now, *began;
	struct tcp_counts *counts;

	if (READ(sk, sk_protocol) != PROTOCOL_TCP)
		return 0;
	if (to == SYN_SENT) {
		now = bpf_ktime_get_ns();
		if (starting.update(&key, &now))
			drop(TCP_DROPPED_START);
		return 0;
	}
	if (from == CLOSE || from == LISTEN || (to != ESTABLISHED && to != CLOSE))
		return 0;
	counts = counts_of(cgroup_of(sk));
	if (!counts) {
		/* Only what began is to be forgotten. */
	} else if (from == SYN_SENT && to == ESTABLISHED) {
		add(&counts->connects, 1);
		began = starting.lookup(&key);
		if (began)
			observe(counts->connect_slots, &counts->connect_ns,
				bpf_ktime_get_ns() - *began);
	} else if (from == SYN_SENT) {
		add(&counts->failures[failure(READ(sk, sk_err))], 1);
	} else if (to == ESTABLISHED) {
		add(&counts->accepts, 1);
	} else {
		closed(sk, counts);
	}
	if (from == SYN_SENT)
		starting.delete(&key);
	return 0;
}

int on_retransmit(struct bpf_raw_tracepoint_args *context)
{
	struct sock *sk = (void *)context->args[0];
	struct sk_buff *skb = (void *)context->args[1];
	struct tcp_counts *counts;

	/* Kernels that tell of failures too pass the error. Nothing was sent then. */
#ifdef HAS_TRACE_EVENT_RAW_TCP_RETRANSMIT_SKB_ERR
	if ((int)context->args[2])
		return 0;
#endif
	counts = counts_of(cgroup_of(sk));
	if (counts)
		add(&counts->retransmits, READ((struct tcp_skb_cb *)&skb->cb, tcp_gso_segs));
	return 0;
}

int on_synack(struct bpf_raw_tracepoint_args *context)
{
	struct sock *sk = (void *)context->args[0];
	struct tcp_counts *counts = counts_of(cgroup_of(sk));

	if (counts)
		add(&counts->retransmits, 1);
	return 0;
}

/* What stands for a connection that is not there yet or no more is shorter than a socket. */
static __always_inline int is_full(struct sock *sk)
{
	u8 state;

	if (!sk)
		return 0;
	state = READ(sk, __sk_common.skc_state);
	return state != TIME_WAIT && state != NEW_SYN_RECV;
}

int on_reset_sent(struct bpf_raw_tracepoint_args *context)
{
	struct sock *sk = (void *)context->args[0];
	struct tcp_counts *counts;

	/* Nobody's, where no socket listens. */
	if (!is_full(sk))
		return 0;
	counts = counts_of(cgroup_of(sk));
	if (counts)
		add(&counts->resets_sent, 1);
	return 0;
}

int on_reset_received(struct bpf_raw_tracepoint_args *context)
{
	struct sock *sk = (void *)context->args[0];
	struct tcp_counts *counts = counts_of(cgroup_of(sk));

	if (counts)
		add(&counts->resets_received, 1);
	return 0;
}

