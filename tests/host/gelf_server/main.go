// A receiver of GELF over UDP and TCP, on two free loopback ports, by go-gelf: the library that
// Graylog's makers give away, and that Docker's driver writes with. It puts chunks together,
// decompresses and decodes; every message becomes a line of JSON.
//
//	{"udp":"127.0.0.1:40123","tcp":"127.0.0.1:40124"}
//	{"by":"udp","message":{"version":"1.1","host":"node-1","short_message":"GET / 200",…},
//	 "extra":{"_container_name":"web",…}}
//	{"by":"tcp","error":"json.Unmarshal: …"}
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"sync"

	"github.com/Graylog2/go-gelf/gelf"
)

type line struct {
	UDP     string         `json:"udp,omitempty"`
	TCP     string         `json:"tcp,omitempty"`
	By      string         `json:"by,omitempty"`
	Message *gelf.Message  `json:"message,omitempty"`
	Extra   map[string]any `json:"extra,omitempty"`
	Error   string         `json:"error,omitempty"`
}

var (
	out     = json.NewEncoder(os.Stdout)
	outLock sync.Mutex
)

func say(said line) {
	outLock.Lock()
	defer outLock.Unlock()
	if err := out.Encode(said); err != nil {
		log.Fatal(err)
	}
}

func received(by string, message *gelf.Message, err error) {
	if err != nil {
		say(line{By: by, Error: err.Error()})
		return
	}
	say(line{By: by, Message: message, Extra: message.Extra})
}

func udp(reader *gelf.Reader) {
	for {
		message, err := reader.ReadMessage()
		received("udp", message, err)
	}
}

// The framing of the library's own reader, which it does not export.
func tcp(connection net.Conn) {
	defer connection.Close()
	reader := bufio.NewReader(connection)
	for {
		frame, err := reader.ReadBytes(0)
		if err != nil {
			return
		}
		message := new(gelf.Message)
		err = json.Unmarshal(frame[:len(frame)-1], message)
		received("tcp", message, err)
	}
}

func main() {
	if len(os.Args) > 1 {
		fmt.Println("go-gelf reader")
		return
	}
	reader, err := gelf.NewReader("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	say(line{UDP: reader.Addr(), TCP: listener.Addr().String()})
	go udp(reader)
	for {
		connection, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go tcp(connection)
	}
}
