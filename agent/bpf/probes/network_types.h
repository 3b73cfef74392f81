/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* portable.h for the programs that look at sockets and packets: what more they use. */
#ifndef NETWORK_TYPES_H
#define NETWORK_TYPES_H

#include "portable.h"

#ifdef BCC

enum { STATE_TIME_WAIT = 6, STATE_NEW_SYN_RECV = 12 };

/*
 * 0 where it is no whole TCP socket, also where `sk` is 0: what stands for a connection that is not
 * there yet or no more is shorter than a socket. Only for sockets of TCP.
 */
static __always_inline struct tcp_sock *tcp_sock_of(struct sock *sk)
{
	u8 state;

	if (!sk)
		return 0;
	state = READ(sk, __sk_common.skc_state);
	if (state == STATE_TIME_WAIT || state == STATE_NEW_SYN_RECV)
		return 0;
	return (struct tcp_sock *)sk;
}

#else

typedef unsigned short __u16;

struct tcp_sock;

/* enum bpf_func_id: Linux ABI, include/uapi/linux/bpf.h */
static long (*const bpf_skb_load_bytes)(const void *skb, __u32 offset, void *to, __u32 length) =
	(void *)26;
static __u64 (*const bpf_get_socket_cookie)(void *skb) = (void *)46;
static __u64 (*const bpf_skb_cgroup_id)(void *skb) = (void *)79;
/* bpf_skc_to_tcp_sock: 0 where it is no whole TCP socket, also where `sk` is 0. */
static struct tcp_sock *(*const tcp_sock_of)(void *sk) = (void *)137;

/*
 * What a program sees of a packet: likewise. The verifier replaces each access by the kernel's own
 * fields, so the offsets are fixed.
 */
struct bpf_sock {
	__u32 before_dst_port[12];
	__u16 dst_port;		/* network order */
};

struct __sk_buff {
	__u32 len;
	__u32 before_data[18];
	__u32 data;
	__u32 data_end;
	__u32 before_gso_segs[20];
	__u32 gso_segs;
	struct bpf_sock *sk;
};

_Static_assert(__builtin_offsetof(struct __sk_buff, data) == 76, "as in the kernel");
_Static_assert(__builtin_offsetof(struct __sk_buff, gso_segs) == 164, "as in the kernel");
_Static_assert(__builtin_offsetof(struct bpf_sock, dst_port) == 48, "as in the kernel");

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sock_common {
	unsigned long skc_flags;
};

struct sock_cgroup_data {
	struct cgroup *cgroup;	/* since v5.16: before, one number was this or something else */
};

struct sock {
	struct sock_common __sk_common;
	int sk_err;
	__u16 sk_protocol;
	struct sock_cgroup_data sk_cgrp_data;
};

struct inet_sock {
	struct sock sk;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u64 bytes_sent;
	__u64 bytes_received;
	__u64 bytes_retrans;
	__u32 srtt_us;
};

struct sk_buff {
	char cb[48];
};

struct tcp_skb_cb {
	__u16 tcp_gso_segs;
};

/* What the tracepoint tells perf: it has `err` where the program is passed one. */
struct trace_event_raw_tcp_retransmit_skb {
	int err;
};

#pragma clang attribute pop

#endif

#endif
