// cAdvisor from the packages of its module, as its own cmd/cadvisor wires them: the same manager,
// collectors, metric set and default flags, without the web pages and the storage drivers. The
// command itself is a nested module that the Go module proxy does not have.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/google/cadvisor/cache/memory"
	"github.com/google/cadvisor/container"
	_ "github.com/google/cadvisor/container/containerd/install"
	_ "github.com/google/cadvisor/container/crio/install"
	_ "github.com/google/cadvisor/container/docker/install"
	_ "github.com/google/cadvisor/container/podman/install"
	_ "github.com/google/cadvisor/container/systemd/install"
	v2 "github.com/google/cadvisor/info/v2"
	"github.com/google/cadvisor/manager"
	"github.com/google/cadvisor/metrics"
	"github.com/google/cadvisor/utils/sysfs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/utils/clock"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address")
	flag.Parse()

	// cmd/cadvisor.go: ignoreMetrics, what is off unless asked for.
	included := container.AllMetrics.Difference(container.MetricSet{
		container.MemoryNumaMetrics:              struct{}{},
		container.NetworkTcpUsageMetrics:         struct{}{},
		container.NetworkUdpUsageMetrics:         struct{}{},
		container.NetworkAdvancedTcpUsageMetrics: struct{}{},
		container.ProcessSchedulerMetrics:        struct{}{},
		container.ProcessMetrics:                 struct{}{},
		container.HugetlbUsageMetrics:            struct{}{},
		container.ReferencedMemoryMetrics:        struct{}{},
		container.CPUTopologyMetrics:             struct{}{},
		container.ResctrlMetrics:                 struct{}{},
		container.CPUSetMetrics:                  struct{}{},
	})
	// The command splits its flags raw_cgroup_prefix_whitelist and env_metadata_whitelist, both "" by
	// default, at commas: one empty prefix, which every cgroup has.
	found, err := manager.New(memory.New(2*time.Minute, nil), sysfs.NewRealSysFs(),
		manager.HousekeepingConfigFlags, included, http.DefaultClient, []string{""}, []string{""}, "", 0)
	if err != nil {
		log.Fatal(err)
	}
	if err := found.Start(); err != nil {
		log.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		metrics.NewPrometheusCollector(found, metrics.DefaultContainerLabels, included,
			clock.RealClock{}, v2.RequestOptions{IdType: v2.TypeName, Count: 1, Recursive: true}),
		metrics.NewPrometheusMachineCollector(found, included),
	)
	http.Handle("/metrics", promhttp.HandlerFor(registry,
		promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	fmt.Println("serving", *listen)
	log.Fatal(http.ListenAndServe(*listen, nil))
}
