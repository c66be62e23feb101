package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"gambolputty/actor/disklog"
)

func (a *app) bufferCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "buffer",
		Short: "Look after a disk buffer",
		Example: `  gambolputty buffer inspect /var/lib/gambolputty/buffer
  gambolputty buffer repair /var/lib/gambolputty/buffer`,
	}
	inspect := &cobra.Command{
		Use:   "inspect DIR",
		Short: "Show what is in a disk buffer and whether it is sound",
		Long: `Shows the segments of a disk buffer, how many records are in them and how many of these have
not been delivered. Nothing is changed, and the buffer may be in use.

The exit code is 3 if something is damaged.`,
		Example: `  gambolputty buffer inspect /var/lib/gambolputty/buffer
  gambolputty buffer inspect /var/lib/gambolputty/buffer --output json`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.inspectBuffer(args[0], a.settings.GetString("output"))
		},
	}
	inspect.Flags().String("output", "text", "text or json")
	repair := &cobra.Command{
		Use:   "repair DIR",
		Short: "Put a disk buffer in order",
		Long: `Cuts off what was not written to the end, writes segments anew that are damaged, and removes
what has been delivered. Damaged segments are kept with the ending .damaged. The buffer must
not be in use. A start of the program does all of it but write segments anew.`,
		Example: `  gambolputty buffer repair /var/lib/gambolputty/buffer`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.repairBuffer(args[0]) },
	}
	c.AddCommand(inspect, repair)
	return c
}

func (a *app) inspectBuffer(dir, output string) error {
	if output != "text" && output != "json" {
		return fmt.Errorf("output must be text or json, got %q", output)
	}
	st, err := disklog.Inspect(dir)
	if err != nil {
		return &exit{exitModule, err.Error()}
	}
	if output == "json" {
		text, err := json.MarshalIndent(st, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintln(a.out, string(text))
	} else {
		a.printBuffer(st)
	}
	if !st.Sound() {
		return &exit{code: exitModule}
	}
	return nil
}

func (a *app) printBuffer(st disklog.State) {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SEGMENT\tBYTES\tBEGUN\tRECORDS\tUNDELIVERED\tDAMAGED\tTORN BYTES\t")
	records, unfinished := 0, 0
	for _, s := range st.Segments {
		if s.Problem != "" {
			fmt.Fprintf(w, "%s\t%d\t%s\t\n", s.Name, s.Bytes, s.Problem)
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%d\t%d\t%d\t\n", s.Name, s.Bytes, s.Created.UTC().Format("2006-01-02 15:04:05"), s.Records, s.Unfinished, s.Damaged, s.Torn)
		records, unfinished = records+s.Records, unfinished+s.Unfinished
	}
	w.Flush() // to a buffer of the standard output
	fmt.Fprintf(a.out, "%d records, %d not delivered\n", records, unfinished)
	if st.DamagedNotes > 0 {
		fmt.Fprintf(a.out, "%d damaged notes of what has been delivered\n", st.DamagedNotes)
	}
	for _, name := range st.Aside {
		fmt.Fprintf(a.out, "%s was set aside\n", name)
	}
	if st.Sound() {
		fmt.Fprintln(a.out, "sound")
		return
	}
	fmt.Fprintln(a.out, "damaged; gambolputty buffer repair puts it in order")
}

func (a *app) repairBuffer(dir string) error {
	if _, err := disklog.Inspect(dir); errors.Is(err, fs.ErrNotExist) {
		return &exit{exitModule, err.Error()} // rather than make one
	}
	r, err := disklog.Repair(disklog.Options{Dir: dir})
	if err != nil {
		return &exit{exitModule, err.Error()}
	}
	if r.Clean() {
		fmt.Fprintf(a.out, "nothing was damaged, %d records are not delivered\n", r.Records)
		return nil
	}
	fmt.Fprintf(a.out, "%d damaged places stepped over, %d torn bytes cut off, %d damaged notes dropped, %d records are not delivered\n", r.Damaged, r.Torn, r.DamagedNotes, r.Records)
	for _, name := range r.Aside {
		fmt.Fprintf(a.out, "%s was set aside, nothing in it can be read\n", name)
	}
	for _, name := range r.Refused {
		fmt.Fprintf(a.out, "%s cannot be read from the disk and was left alone\n", name)
	}
	for _, name := range r.Newer {
		fmt.Fprintf(a.out, "%s is of a later version and was left alone\n", name)
	}
	return nil
}
