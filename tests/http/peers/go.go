// SPDX-License-Identifier: MIT

// Go's net/http. Arguments: host, port, port with TLS, directory, milliseconds that a connection is
// kept idle, the size of a large field.
package main

import (
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

var directory = os.Args[4]

func number(argument int) int {
	n, err := strconv.Atoi(os.Args[argument])
	if err != nil {
		panic(err)
	}
	return n
}

func name(r *http.Request) string {
	return path.Join(directory, "files", path.Base(r.URL.Path))
}

// Sends a file without saying how long it is.
func stream(w io.Writer, r *http.Request) {
	file, err := os.Open(name(r))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer file.Close()
	// Nothing but a writer is seen of it, or the length would be known again.
	io.Copy(struct{ io.Writer }{w}, file)
}

func flush(w http.ResponseWriter, text string) {
	io.WriteString(w, text)
	w.(http.Flusher).Flush()
}

func packed(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		stream(w, r)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	packer := gzip.NewWriter(w)
	stream(packer, r)
	packer.Close()
}

func redirect(w http.ResponseWriter, r *http.Request) {
	status, _ := strconv.Atoi(path.Base(r.URL.Path))
	w.Header().Set("Location", "../echo")
	w.WriteHeader(status)
}

func half(w http.ResponseWriter, length string) {
	if length != "" {
		w.Header().Set("Content-Length", length)
	}
	flush(w, "half")
}

var places = map[string]http.HandlerFunc{
	"files": func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name(r)) },
	"chunked": func(w http.ResponseWriter, r *http.Request) {
		flush(w, "")
		stream(w, r)
	},
	"close": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Transfer-Encoding", "identity")
		stream(w, r)
	},
	"packed": packed,
	"204":    func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) },
	// What has not been read of a request when an answer begins never will be.
	"echo": func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	},
	"large-head": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Large", strings.Repeat("h", number(6)))
		io.WriteString(w, "large")
	},
	"to":   redirect,
	"slow": func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	"stall": func(w http.ResponseWriter, r *http.Request) {
		half(w, "8")
		<-r.Context().Done()
	},
	"cut": func(w http.ResponseWriter, r *http.Request) {
		half(w, "8")
		panic(http.ErrAbortHandler)
	},
	"cut-chunked": func(w http.ResponseWriter, r *http.Request) {
		half(w, "")
		panic(http.ErrAbortHandler)
	},
}

func serve(w http.ResponseWriter, r *http.Request) {
	_, port, _ := net.SplitHostPort(r.RemoteAddr)
	w.Header().Set("X-Connection", port)
	w.Header().Set("X-Method", r.Method)
	place := places[strings.SplitN(r.URL.Path, "/", 3)[1]]
	if place == nil {
		http.NotFound(w, r)
		return
	}
	place(w, r)
}

func main() {
	server := http.Server{
		Handler:     http.HandlerFunc(serve),
		IdleTimeout: time.Duration(number(5)) * time.Millisecond,
	}
	secure, err := net.Listen("tcp", os.Args[1]+":"+os.Args[3])
	if err != nil {
		panic(err)
	}
	go func() {
		panic(server.ServeTLS(secure, directory+"/certificate.pem", directory+"/key.pem"))
	}()
	plain, err := net.Listen("tcp", os.Args[1]+":"+os.Args[2])
	if err != nil {
		panic(err)
	}
	panic(server.Serve(plain))
}
