package disklog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

// Benchmarks write batches of 256 records of 300 bytes, which is what a busy input hands
// over; everything is finished at once, as with receivers that keep up. In real life an
// event is of that size when it is encoded.
const (
	benchBatch = 256
	benchSize  = 300
)

var benchData = bytes.Repeat([]byte("0123456789"), benchSize/10)

func BenchmarkLog(b *testing.B) {
	for _, p := range []Policy{Always, Never} {
		b.Run(string(p), func(b *testing.B) {
			l, err := Open(Options{Dir: b.TempDir(), Fsync: p})
			if err != nil {
				b.Fatal(err)
			}
			var r Records
			b.SetBytes(benchBatch * benchSize)
			for b.Loop() {
				r.Reset()
				for range benchBatch {
					r.Add(func(to []byte) []byte { return append(to, benchData...) })
				}
				first, err := l.Append(b.Context(), &r)
				if err != nil {
					b.Fatal(err)
				}
				l.Finish(first, benchBatch)
			}
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkPlain writes the same bytes to a file that begins anew every 16 MiB.
func BenchmarkPlain(b *testing.B) {
	for _, p := range []Policy{Always, Never} {
		b.Run(string(p), func(b *testing.B) {
			dir := b.TempDir()
			var f *os.File
			n, size := 0, defaultSegment
			var batch []byte
			b.SetBytes(benchBatch * benchSize)
			for b.Loop() {
				if size >= defaultSegment {
					if f != nil {
						_ = f.Close()
						_ = os.Remove(f.Name())
					}
					var err error
					if f, err = os.Create(filepath.Join(dir, fmt.Sprint(n))); err != nil {
						b.Fatal(err)
					}
					n, size = n+1, 0
				}
				batch = batch[:0]
				for range benchBatch {
					batch = append(batch, benchData...)
				}
				if _, err := f.Write(batch); err != nil {
					b.Fatal(err)
				}
				size += len(batch)
				if p == Always {
					if err := f.Sync(); err != nil {
						b.Fatal(err)
					}
				}
			}
			_ = f.Close()
		})
	}
}

// BenchmarkBolt keeps the same records in a bbolt database, one transaction for a batch and
// one for taking it out.
func BenchmarkBolt(b *testing.B) {
	for _, p := range []Policy{Always, Never} {
		b.Run(string(p), func(b *testing.B) {
			db, err := bbolt.Open(filepath.Join(b.TempDir(), "db"), 0o600, &bbolt.Options{NoSync: p == Never, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType})
			if err != nil {
				b.Fatal(err)
			}
			name, next := []byte("records"), uint64(0)
			key := func(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
			b.SetBytes(benchBatch * benchSize)
			for b.Loop() {
				err := db.Update(func(tx *bbolt.Tx) error {
					k, err := tx.CreateBucketIfNotExists(name)
					if err != nil {
						return err
					}
					k.FillPercent = 1
					for i := range uint64(benchBatch) {
						if err := k.Put(key(next+i), benchData); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
				err = db.Update(func(tx *bbolt.Tx) error {
					for i := range uint64(benchBatch) {
						if err := tx.Bucket(name).Delete(key(next + i)); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
				next += benchBatch
			}
			if err := db.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func BenchmarkRecovery(b *testing.B) {
	dir := b.TempDir()
	l, err := Open(Options{Dir: dir, Fsync: Never})
	if err != nil {
		b.Fatal(err)
	}
	var r Records
	for range benchBatch {
		r.Add(func(to []byte) []byte { return append(to, benchData...) })
	}
	for range 1000 {
		if _, err := l.Append(b.Context(), &r); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(l.Stats().Bytes)
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		l, err := Open(Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
