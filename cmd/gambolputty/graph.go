package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gambolputty/actor"
	"gambolputty/config"
)

func (a *app) graphCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "graph [FILE]",
		Short:   "Draw a configuration",
		Example: "  gambolputty graph pipeline.yml --format mermaid\n  gambolputty graph -c pipeline.yml --format dot | dot -Tsvg > pipeline.svg",
		RunE: func(_ *cobra.Command, args []string) error {
			plan, err := a.load(a.paths(args), false)
			if err != nil {
				return err
			}
			return a.draw(plan, a.settings.GetString("format"))
		},
	}
	conf(c)
	c.Flags().String("format", "text", "text, mermaid, dot or json")
	return c
}

func (a *app) draw(plan *config.Plan, format string) error {
	switch format {
	case "text":
		a.drawText(plan)
	case "mermaid":
		a.drawMermaid(plan)
	case "dot":
		a.drawDot(plan)
	case "json":
		return a.drawJSON(plan)
	default:
		return fmt.Errorf("format must be text, mermaid, dot or json, got %q", format)
	}
	return nil
}

// label says under which condition an edge is taken.
func label(e config.Edge) string {
	var parts []string
	if e.Filter != nil {
		parts = append(parts, strings.Join(strings.Fields(e.Filter.Source()), " "))
	}
	if e.Else {
		parts = append(parts, "else")
	}
	if e.Sample > 0 {
		parts = append(parts, "sample "+strconv.FormatFloat(e.Sample, 'g', -1, 64))
	}
	return strings.Join(parts, ", ")
}

// store says where events wait on an edge; "" is before the receiver only.
func store(e config.Edge) string {
	switch {
	case e.Queue != nil && e.Buffer != nil:
		return fmt.Sprintf("memory for %d events, then disk %s", e.Queue.MaxEvents, e.Buffer.Path)
	case e.Queue != nil:
		return fmt.Sprintf("memory for %d events", e.Queue.MaxEvents)
	case e.Buffer != nil:
		return "disk " + e.Buffer.Path
	}
	return ""
}

// caption is what is written at an edge in a drawing.
func caption(e config.Edge) string {
	l, s := label(e), store(e)
	if l != "" && s != "" {
		return l + "; " + s
	}
	return l + s
}

func (a *app) drawText(plan *config.Plan) {
	for _, m := range plan.Modules {
		fmt.Fprintf(a.out, "%s (%s)\n", title(m), m.Spec.Role)
		for _, e := range m.Edges {
			fmt.Fprintf(a.out, "  -> %s", e.To.ID)
			if l := label(e); l != "" {
				fmt.Fprintf(a.out, "  if %s", l)
			}
			if s := store(e); s != "" {
				fmt.Fprintf(a.out, "  by way of %s", s)
			}
			fmt.Fprintln(a.out)
		}
	}
}

// title names a module, and its class where that says more.
func title(m *config.Module) string {
	if strings.HasPrefix(m.ID, m.Name) {
		return m.ID
	}
	return m.ID + ": " + m.Name
}

// shapes are the brackets of Mermaid around a node, by role.
var shapes = map[actor.Role][2]string{
	actor.Input: {"([", "])"}, actor.Output: {"[(", ")]"}, actor.StandAlone: {"{{", "}}"},
}

func (a *app) drawMermaid(plan *config.Plan) {
	fmt.Fprintln(a.out, "flowchart LR")
	number := map[string]int{}
	for i, m := range plan.Modules {
		number[m.ID] = i
		shape, ok := shapes[m.Spec.Role]
		if !ok {
			shape = [2]string{"[", "]"}
		}
		fmt.Fprintf(a.out, "  n%d%s\"%s\"%s\n", i, shape[0], mermaid(title(m)), shape[1])
	}
	for _, m := range plan.Modules {
		for _, e := range m.Edges {
			arrow := "-->"
			if label(e) != "" {
				arrow = "-.->"
			}
			if c := caption(e); c != "" {
				arrow += fmt.Sprintf("|\"%s\"|", mermaid(c))
			}
			fmt.Fprintf(a.out, "  n%d %s n%d\n", number[m.ID], arrow, number[e.To.ID])
		}
	}
}

func mermaid(s string) string {
	return strings.NewReplacer(`"`, "#quot;", "<", "#lt;", ">", "#gt;", "|", "#124;").Replace(s)
}

func (a *app) drawDot(plan *config.Plan) {
	fmt.Fprint(a.out, "digraph gambolputty {\n  rankdir=LR;\n  node [shape=box];\n")
	for _, m := range plan.Modules {
		fmt.Fprintf(a.out, "  %s [label=%s, tooltip=%s];\n", strconv.Quote(m.ID), strconv.Quote(title(m)), strconv.Quote(string(m.Spec.Role)))
	}
	for _, m := range plan.Modules {
		for _, e := range m.Edges {
			var style []string
			if label(e) != "" {
				style = append(style, "style=dashed")
			}
			if c := caption(e); c != "" {
				style = append(style, "label="+strconv.Quote(c))
			}
			attributes := ""
			if len(style) > 0 {
				attributes = " [" + strings.Join(style, ", ") + "]"
			}
			fmt.Fprintf(a.out, "  %s -> %s%s;\n", strconv.Quote(m.ID), strconv.Quote(e.To.ID), attributes)
		}
	}
	fmt.Fprintln(a.out, "}")
}

func (a *app) drawJSON(plan *config.Plan) error {
	type edge struct {
		From   string  `json:"from"`
		To     string  `json:"to"`
		Filter string  `json:"filter,omitempty"`
		Else   bool    `json:"else,omitempty"`
		Sample float64 `json:"sample,omitempty"`
		Memory int     `json:"memory_events,omitempty"`
		Disk   string  `json:"disk,omitempty"`
	}
	type node struct {
		ID     string     `json:"id"`
		Module string     `json:"module"`
		Role   actor.Role `json:"role"`
		Filter string     `json:"filter,omitempty"`
	}
	out := struct {
		Nodes []node `json:"nodes"`
		Edges []edge `json:"edges"`
	}{[]node{}, []edge{}}
	for _, m := range plan.Modules {
		n := node{ID: m.ID, Module: m.Spec.Name, Role: m.Spec.Role}
		if f := m.Filter(); f != nil {
			n.Filter = f.Source()
		}
		out.Nodes = append(out.Nodes, n)
		for _, e := range m.Edges {
			one := edge{From: m.ID, To: e.To.ID, Else: e.Else, Sample: e.Sample}
			if e.Filter != nil {
				one.Filter = e.Filter.Source()
			}
			if e.Queue != nil {
				one.Memory = e.Queue.MaxEvents
			}
			if e.Buffer != nil {
				one.Disk = e.Buffer.Path
			}
			out.Edges = append(out.Edges, one)
		}
	}
	return a.printJSON(out)
}
