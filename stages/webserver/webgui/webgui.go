// Package webgui is the web pages that show what the modules of the program do.
package webgui

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/option"
	"gambolputty/stages/webserver/webservertornado"
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
	Summary: "Web pages that show the modules, what flows between them, and what is wrong, and let admins act.",
	Doc:     doc,
	Example: `- WebGui:
    title: loghost
- WebserverTornado
`,
}, Options{Server: "WebserverTornado", Title: "GambolPutty WebGui", Tap: true, Actions: true}, New)

// Options of the WebGui module.
type Options struct {
	Server  string   `opt:"tornado_webserver" doc:"Id of the WebserverTornado that serves the pages."`
	Root    string   `opt:"document_root" null:"true" doc:"Folder whose files take the place of the built-in ones of the same name, such as index.html, login.html or style.css."`
	Title   string   `opt:"title" doc:"Title of the pages."`
	Tap     bool     `opt:"tap" doc:"Let admins watch events as they pass. Without it the web server refuses that altogether."`
	Actions bool     `opt:"actions" doc:"Let admins change things: pause, restart and flush modules, set log levels, stop the program. Without it the web server refuses that altogether."`
	Mask    []string `opt:"mask_fields" doc:"Fields that are shown as *** in the tap and in the log, at every depth."`
}

// Uses names the web server.
func (o *Options) Uses() []actor.Need {
	return []actor.Need{{Option: "tornado_webserver", ID: o.Server, Kinds: []string{"WebserverTornado"}}}
}

// Listens keeps a second WebGui away from the same web server, as both would have the same paths.
func (o *Options) Listens() []actor.Address {
	return []actor.Address{{Option: "tornado_webserver", Network: "unix", Host: "page / of " + o.Server}}
}

// Reads names the folder.
func (o *Options) Reads() []actor.File {
	if o.Root == "" {
		return nil
	}
	return []actor.File{{Option: "document_root", Path: o.Root, Directory: true}}
}

// Validate warns of a folder that has nothing to show.
func (o *Options) Validate() error {
	if info, err := os.Stat(o.Root); o.Root == "" || err != nil || !info.IsDir() {
		return nil // which is found at the start
	}
	if _, err := os.Stat(filepath.Join(o.Root, "index.html")); err != nil {
		return &option.Fault{Code: "W117", Option: "document_root", Message: "holds no index.html, the built-in pages are used"}
	}
	return nil
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

// Open opens the folder.
func (g *gui) Open(context.Context) (err error) {
	if g.opts.Root != "" {
		if g.own, err = os.OpenRoot(g.opts.Root); err != nil {
			return fmt.Errorf("document_root: %w", err)
		}
	}
	return nil
}

// webserver is what the pages need of WebserverTornado, which is a module of its own.
type webserver interface {
	Handle(path string, page http.Handler) error
	HandleOpen(path string, page http.Handler) error
	Base() string
	Restrict(p webservertornado.Policy)
	Logins() (passwords bool, provider string)
	Broken(w http.ResponseWriter, r *http.Request, err error)
}

// pages are the paths that the script of the one page knows. Those that end with a slash have
// more below them.
var pages = []string{"/", "/index.html", "/topology", "/modules/", "/configuration", "/server_configuration", "/logs", "/tap", "/docs", "/docs/", "/test", "/pack"}

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
	server.Restrict(webservertornado.Policy{Title: g.opts.Title, Tap: g.opts.Tap, Actions: g.opts.Actions, Mask: g.opts.Mask})
	frame, err := g.template("index.html")
	if err != nil {
		return err
	}
	login, err := g.template("login.html")
	if err != nil {
		return err
	}
	show := func(w http.ResponseWriter, r *http.Request, t *template.Template, what shown) {
		if err := g.show(w, t, what); err != nil {
			server.Broken(w, r, err)
		}
	}
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		show(w, r, frame, shown{Title: g.opts.Title, Base: server.Base()})
	})
	errs := []error{
		server.HandleOpen("/assets/", http.HandlerFunc(g.asset)),
		server.HandleOpen("/login", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			passwords, provider := server.Logins()
			show(w, r, login, shown{g.opts.Title, server.Base(), r.FormValue("failed") != "", r.FormValue("next"), passwords || provider == "", provider})
		})),
	}
	for _, path := range pages {
		errs = append(errs, server.Handle(path, page))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// shown is what stands in a template.
type shown struct {
	Title, Base string
	Failed      bool
	Next        string
	Passwords   bool   // there are users or tokens
	Provider    string // the host of a provider of logins, or ""
}

func (g *gui) template(name string) (*template.Template, error) {
	text, err := g.read(name)
	if err != nil {
		return nil, err
	}
	t, err := template.New(name).Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

func (g *gui) show(w http.ResponseWriter, t *template.Template, what shown) error {
	var out bytes.Buffer
	if err := t.Execute(&out, what); err != nil {
		return fmt.Errorf("make the page %s: %w", t.Name(), err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(out.Bytes()) // whoever has gone does not read it
	return nil
}

// kinds are the files that anybody gets, because the page of the login needs some of them.
var kinds = []string{".css", ".js", ".svg", ".png", ".ico", ".woff2"}

// asset serves a script, a style or a picture. Browsers ask each time whether it has changed.
func (g *gui) asset(w http.ResponseWriter, r *http.Request) {
	name := path.Base(r.URL.Path)
	text, err := g.read(name)
	if err != nil || !slices.Contains(kinds, path.Ext(name)) {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("ETag", fmt.Sprintf(`W/"%x"`, sha256.Sum256(text)))
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(text))
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
