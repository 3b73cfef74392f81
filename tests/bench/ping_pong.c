/*
 * ping_pong KIND COUNT: CPU nanoseconds of one operation over the loopback, on standard output.
 *
 *   connect   a TCP connection: made, accepted, closed by both ends
 *   tcp       one byte there and one back, over a connection
 *   udp       one byte there and one back
 *
 * Both ends are this one thread, so that all the work, the network's too, is in its CPU time.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in here;

static void must(int holds, const char *what)
{
	if (!holds) {
		perror(what);
		exit(1);
	}
}

static int bound(int type)
{
	socklen_t length = sizeof(here);
	int fd = socket(AF_INET, type, 0);

	here = (struct sockaddr_in){.sin_family = AF_INET};
	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(fd >= 0 && !bind(fd, (void *)&here, sizeof(here)), "bind");
	must(!getsockname(fd, (void *)&here, &length), "getsockname");
	return fd;
}

static int joined(int type)
{
	int fd = socket(AF_INET, type, 0);

	must(fd >= 0 && !connect(fd, (void *)&here, sizeof(here)), "connect");
	return fd;
}

static void bounce(int from, int to, long count)
{
	char byte = 0;

	while (count--) {
		must(send(from, &byte, 1, 0) == 1 && recv(to, &byte, 1, 0) == 1, "there");
		must(send(to, &byte, 1, 0) == 1 && recv(from, &byte, 1, 0) == 1, "back");
	}
}

static void connections(int listener, long count)
{
	char byte;

	while (count--) {
		int a = joined(SOCK_STREAM);
		int b = accept(listener, 0, 0);

		must(b >= 0, "accept");
		close(a);
		must(recv(b, &byte, 1, 0) == 0, "end");
		close(b);
	}
}

int main(int argc, char **argv)
{
	struct timespec before, after;
	long count = argc == 3 ? atol(argv[2]) : 0;
	int a = -1, b, on = 1;

	must(count > 0, "usage: ping_pong connect|tcp|udp COUNT");
	if (!strcmp(argv[1], "udp")) {
		int first = bound(SOCK_DGRAM);
		struct sockaddr_in one = here;

		a = bound(SOCK_DGRAM);
		must(!connect(first, (void *)&here, sizeof(here)), "connect");
		must(!connect(a, (void *)&one, sizeof(one)), "connect");
		b = first;
	} else {
		b = bound(SOCK_STREAM);
		must(!listen(b, 64), "listen");
		if (!strcmp(argv[1], "tcp")) {
			a = joined(SOCK_STREAM);
			b = accept(b, 0, 0);
			must(!setsockopt(a, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), "nodelay");
			must(!setsockopt(b, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), "nodelay");
		}
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	if (!strcmp(argv[1], "connect"))
		connections(b, count);
	else
		bounce(a, b, count);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	printf("%.1f\n",
	       ((after.tv_sec - before.tv_sec) * 1e9 + (after.tv_nsec - before.tv_nsec)) / count);
	return 0;
}
