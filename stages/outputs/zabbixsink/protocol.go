package zabbixsink

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// The sender protocol of Zabbix: a head of five bytes, the length of the data as 64 bits in
// little endian order, and the data. See
// https://www.zabbix.com/documentation/current/en/manual/appendix/protocols/header_datalen.
const (
	magic     = "ZBXD\x01"
	headSize  = len(magic) + 8
	maxAnswer = 1 << 20
)

var errNoZabbix = errors.New("the answer is not one of a Zabbix server")

// talk sends a request and reads the answer.
func talk(c io.ReadWriter, body []byte) (answer, error) {
	message := append(make([]byte, 0, headSize+len(body)), magic...)
	message = binary.LittleEndian.AppendUint64(message, uint64(len(body)))
	if _, err := c.Write(append(message, body...)); err != nil {
		return answer{}, err
	}
	head := make([]byte, headSize)
	if _, err := io.ReadFull(c, head); err != nil {
		return answer{}, fmt.Errorf("read the answer: %w", err)
	}
	size := binary.LittleEndian.Uint64(head[len(magic):])
	if string(head[:len(magic)]) != magic || size > maxAnswer {
		return answer{}, errNoZabbix
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(c, text); err != nil {
		return answer{}, fmt.Errorf("read the answer: %w", err)
	}
	return readAnswer(text)
}

// answer is what the server says about a request.
type answer struct{ processed, failed int }

// readAnswer reads {"response":"success","info":"processed: 1; failed: 0; total: 1; ..."}.
func readAnswer(text []byte) (answer, error) {
	var a answer
	var read struct{ Response, Info string }
	if err := json.Unmarshal(text, &read); err != nil {
		return a, errors.New("the answer is no JSON")
	}
	if read.Response != "success" {
		return a, fmt.Errorf("the server says %.200q: %.200q", read.Response, read.Info)
	}
	if _, err := fmt.Sscanf(read.Info, "processed: %d; failed: %d", &a.processed, &a.failed); err != nil {
		return a, fmt.Errorf("the answer makes no sense: %.200q", read.Info)
	}
	return a, nil
}
