// SPDX-License-Identifier: MIT

// http-go ROW N PORT [CA]: the rows of HTTP clients by Go's net/http, on one processor, with as
// many idle connections kept as there are requests at once.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	wrong, usageError = 1, 2
	few, many         = 100, 3000
	size              = 1024
)

var (
	n, port, authority = 0, 0, ""
	client             *http.Client
	asked, answered    atomic.Int64
	first, last        int64
	before, after      time.Duration
)

func end(status int, sentence string) {
	fmt.Fprintln(os.Stderr, "http-go: "+sentence)
	os.Exit(status)
}

func cpu() time.Duration {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		end(wrong, "cannot tell the CPU time")
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func urlOf(host int, path string) string {
	if authority != "" {
		return fmt.Sprintf("https://localhost:%d%s", port, path)
	}
	return fmt.Sprintf("http://127.0.%d.%d:%d%s", host/250, host%250+1, port, path)
}

func get(url string) {
	response, err := client.Get(url)
	if err != nil {
		end(wrong, err.Error())
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || len(body) != size || response.StatusCode != 200 {
		end(wrong, "another answer")
	}
}

func openClient(connections int) {
	transport := &http.Transport{MaxIdleConns: connections, MaxIdleConnsPerHost: connections}
	if authority != "" {
		pem, err := os.ReadFile(authority)
		if err != nil {
			end(wrong, err.Error())
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	client = &http.Client{Transport: transport}
}

// all runs work in so many goroutines.
func all(howMany int, work func(i int)) {
	var group sync.WaitGroup
	group.Add(howMany)
	for i := 0; i < howMany; i++ {
		go func(i int) {
			work(i)
			group.Done()
		}(i)
	}
	group.Wait()
}

func measureTime(hosts int) {
	atOnce := few
	if hosts > few {
		atOnce = hosts
	}
	openClient(atOnce)
	first = int64(n/10 + 2*atOnce)
	last = first + int64(n)
	all(atOnce, func(i int) {
		url := urlOf(i%hosts, "/")
		for asked.Add(1) <= last+first {
			get(url)
			switch answered.Add(1) {
			case first:
				before = cpu()
			case last:
				after = cpu()
			}
		}
	})
	fmt.Printf("cpu_us %.3f\n", (after-before).Seconds()*1e6/float64(n))
}

func measureMemory(int) {
	openClient(n)
	get(urlOf(0, "/begin"))
	all(few, func(i int) {
		for host := i; host < n; host += few {
			get(urlOf(host, "/"))
		}
	})
	runtime.GC()
	get(urlOf(0, "/idle"))
	all(n, func(i int) { get(urlOf(i, "/held")) })
}

var rows = []struct {
	name    string
	measure func(hosts int)
	hosts   int
}{
	{"http", measureTime, 1},
	{"http_tls", measureTime, 1},
	{"http_hosts", measureTime, many},
	{"http_memory", measureMemory, 0},
}

func main() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	if len(os.Args) == 2 && os.Args[1] == "--rows" {
		for _, row := range rows {
			fmt.Println(row.name)
		}
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		version := strings.TrimPrefix(runtime.Version(), "go")
		fmt.Printf("Go %s, GOMAXPROCS=%d\n", version, runtime.GOMAXPROCS(0))
		return
	}
	if len(os.Args) == 4 || len(os.Args) == 5 {
		n, _ = strconv.Atoi(os.Args[2])
		port, _ = strconv.Atoi(os.Args[3])
		if len(os.Args) == 5 {
			authority = os.Args[4]
		}
		for _, row := range rows {
			if row.name == os.Args[1] {
				row.measure(row.hosts)
				fmt.Println("ops", n)
				return
			}
		}
	}
	end(usageError, "usage: http-go ROW N PORT [CA], or --rows, or --version")
}
