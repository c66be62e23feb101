//go:build integration && aws

package sqstest

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gambolputty/stages/internal/porttest"
)

// Moto is a server of that kind, which looks at credentials and signatures as AWS does. It
// has the queue q.
type Moto struct {
	URL, KeyID, Secret string
	t                  testing.TB
}

// StartMoto starts one, which the test ends.
func StartMoto(t testing.TB) *Moto {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	port := porttest.Free(t)
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command("python3", "-m", "moto.server", "-H", "127.0.0.1", "-p", fmt.Sprint(port))
	// It believes everybody for the requests that set it up.
	cmd.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join(cache, "gambolputty", "moto"), "INITIAL_NO_AUTH_ACTION_COUNT=4")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("start moto: %v", err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	m := &Moto{URL: fmt.Sprint("http://127.0.0.1:", port), t: t}
	for end := time.Now().Add(time.Minute); !m.works(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("moto does not start, has it been installed by .ci/services?\n%s", text)
		}
	}
	m.setUp()
	return m
}

func (m *Moto) works() bool {
	res, err := http.Get(m.URL + "/moto-api/data.json")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

var tag = regexp.MustCompile(`<(AccessKeyId|SecretAccessKey)>([^<]+)<`)

// setUp makes a user who may do everything with queues, his key, and a queue.
func (m *Moto) setUp() {
	const form = "application/x-www-form-urlencoded"
	m.do("iam", form, "", "Version=2010-05-08&Action=CreateUser&UserName=brian")
	for _, found := range tag.FindAllStringSubmatch(m.do("iam", form, "", "Version=2010-05-08&Action=CreateAccessKey&UserName=brian"), -1) {
		if found[1] == "AccessKeyId" {
			m.KeyID = found[2]
		} else {
			m.Secret = found[2]
		}
	}
	m.do("iam", form, "", "Version=2010-05-08&Action=PutUserPolicy&UserName=brian&PolicyName=p&PolicyDocument=%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22sqs%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D")
	m.do("sqs", "application/x-amz-json-1.0", "AmazonSQS.CreateQueue", `{"QueueName":"q"}`)
}

func (m *Moto) do(service, kind, target, body string) string {
	m.t.Helper()
	req, err := http.NewRequest(http.MethodPost, m.URL+"/", strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x/20260101/eu-west-1/"+service+"/aws4_request, SignedHeaders=host, Signature=00")
	if target != "" {
		req.Header.Set("X-Amz-Target", target)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		m.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		m.t.Fatalf("set up moto: %s %s %v", res.Status, text, err)
	}
	return string(text)
}

// Options are those of a module that uses the queue with a key.
func (m *Moto) Options(id, secret string) string {
	o := strings.Replace(OptionsFor(m.URL, "q"), KeyID, "'"+id+"'", 1)
	return strings.Replace(o, Secret, "'"+secret+"'", 1)
}
