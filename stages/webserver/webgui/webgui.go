// Package webgui is the page that shows what the modules of the program do.
package webgui

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"os"
	"path"
	"time"

	"gambolputty/actor"
)

//go:embed webgui.md
var doc string

//go:embed assets
var assets embed.FS

// Spec is the WebGui module.
var Spec = actor.DefineService(actor.Info{
	Name:    "WebGui",
	Aliases: []string{"plugin.WebGui"},
	Role:    actor.StandAlone,
	Summary: "A web page that shows the modules, what flows between them, and what is wrong.",
	Doc:     doc,
	Example: `- WebGui:
    title: loghost
- WebserverTornado
`,
}, Options{Server: "WebserverTornado", Title: "GambolPutty WebGui"}, New)

// Options of the WebGui module.
type Options struct {
	Server string `opt:"tornado_webserver" doc:"Id of the WebserverTornado that serves the page."`
	Root   string `opt:"document_root" null:"true" doc:"Folder whose files take the place of the built-in ones of the same name: index.html, app.js, style.css."`
	Title  string `opt:"title" doc:"Title of the page."`
}

// Uses names the web server.
func (o *Options) Uses() []actor.Need {
	return []actor.Need{{Option: "tornado_webserver", ID: o.Server, Kinds: []string{"WebserverTornado"}}}
}

// Reads names the folder.
func (o *Options) Reads() []actor.File {
	if o.Root == "" {
		return nil
	}
	return []actor.File{{Option: "document_root", Path: o.Root, Directory: true}}
}

type gui struct {
	env   actor.Env
	opts  Options
	files fs.FS // the built-in ones
	own   *os.Root
}

// New makes a WebGui.
func New(env actor.Env, o Options) (actor.Service, error) {
	files, err := fs.Sub(assets, "assets")
	if err != nil {
		return nil, err
	}
	return &gui{env: env, opts: o, files: files}, nil
}

// Open looks for the folder.
func (g *gui) Open(context.Context) (err error) {
	if g.opts.Root != "" {
		if g.own, err = os.OpenRoot(g.opts.Root); err != nil {
			return fmt.Errorf("document_root: %w", err)
		}
	}
	return nil
}

// webserver is what the page needs of WebserverTornado, which is a module of its own.
type webserver interface {
	Handle(path string, page http.Handler) error
}

// Serve hands the pages to the web server, which may be started after this module.
func (g *gui) Serve(ctx context.Context) error {
	for g.env.Phase() == actor.Starting {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return nil
		}
	}
	server, ok := actor.Find[webserver](g.env, g.opts.Server)
	if !ok {
		return fmt.Errorf("there is no web server %s", g.opts.Server)
	}
	for _, name := range []string{"index.html", "app.js", "style.css"} {
		page, err := g.page(name)
		if err != nil {
			return err
		}
		where := "/" + name
		if name == "index.html" {
			where = "/"
		}
		if err := server.Handle(where, page); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

// page serves a file, which is small and kept in memory.
func (g *gui) page(name string) (http.Handler, error) {
	text, err := g.read(name)
	if err != nil {
		return nil, err
	}
	if name == "index.html" {
		t, err := template.New(name).Parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		var out bytes.Buffer
		if err := t.Execute(&out, g.opts); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		text = out.Bytes()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, path.Base(name), time.Time{}, bytes.NewReader(text))
	}), nil
}

func (g *gui) read(name string) ([]byte, error) {
	if g.own != nil {
		if text, err := g.own.ReadFile(name); err == nil {
			return text, nil
		}
	}
	return fs.ReadFile(g.files, name)
}

// Close gives the folder back.
func (g *gui) Close(context.Context) error {
	if g.own == nil {
		return nil
	}
	return g.own.Close()
}
