/*
 * kernel_loops KIND COUNT: CPU nanoseconds of one round, on standard output.
 *
 *   syscall   getppid, the cheapest there is
 *   switch    a byte through a pipe to a child on the same CPU and one back: two switches and more
 *
 * switch counts the CPU time of both ends.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int holds, const char *what)
{
	if (!holds) {
		perror(what);
		exit(1);
	}
}

static double cpu_ns(int who)
{
	struct rusage used;

	must(getrusage(who, &used) == 0, "getrusage");
	return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e9 +
	       (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e3;
}

static void echo(int from, int to, long count)
{
	char byte;

	while (count--) {
		must(read(from, &byte, 1) == 1, "read");
		must(write(to, &byte, 1) == 1, "write");
	}
}

int main(int argc, char **argv)
{
	long count = argc == 3 ? atol(argv[2]) : 0, left;
	int there[2], back[2];
	double before;
	char byte = 0;
	cpu_set_t one;
	pid_t child;

	must(count > 0, "usage: kernel_loops syscall|switch COUNT");
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	must(sched_setaffinity(0, sizeof(one), &one) == 0, "sched_setaffinity");
	before = cpu_ns(RUSAGE_SELF);
	if (!strcmp(argv[1], "syscall")) {
		for (left = count; left--;)
			syscall(SYS_getppid);
	} else {
		must(pipe(there) == 0 && pipe(back) == 0, "pipe");
		child = fork();
		must(child >= 0, "fork");
		if (!child) {
			echo(there[0], back[1], count);
			_exit(0);
		}
		for (left = count; left--;) {
			must(write(there[1], &byte, 1) == 1, "write");
			must(read(back[0], &byte, 1) == 1, "read");
		}
		must(waitpid(child, 0, 0) == child, "waitpid");
	}
	printf("%.1f\n", (cpu_ns(RUSAGE_SELF) - before + cpu_ns(RUSAGE_CHILDREN)) / count);
	return 0;
}
