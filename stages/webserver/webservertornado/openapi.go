package webservertornado

import (
	"net/http"
	"regexp"
	"strings"
)

var placeholder = regexp.MustCompile(`\{(\w+)\}`)

// openAPI describes all paths in OpenAPI 3.1, made of the routes themselves.
func (s *server) openAPI(w http.ResponseWriter, _ *http.Request) {
	paths := map[string]map[string]any{}
	for _, t := range s.routes() {
		if strings.HasPrefix(t.path, "/debug/") {
			continue
		}
		if paths[t.path] == nil {
			paths[t.path] = map[string]any{}
		}
		paths[t.path][strings.ToLower(t.method)] = t.operation()
	}
	version, _ := build()
	if version == "" {
		version = "unknown"
	}
	s.answer(w, map[string]any{
		"openapi": "3.1.0",
		"info":    map[string]any{"title": "GambolPutty", "version": version},
		"servers": []any{map[string]any{"url": s.base() + "/"}},
		"paths":   paths,
		"components": map[string]any{
			"securitySchemes": map[string]any{
				"token":    map[string]any{"type": "http", "scheme": "bearer"},
				"password": map[string]any{"type": "http", "scheme": "basic"},
				"session":  map[string]any{"type": "apiKey", "in": "cookie", "name": cookieName},
			},
			"schemas": map[string]any{"Error": map[string]any{
				"type":       "object",
				"properties": map[string]any{"error": map[string]any{"type": "string"}, "status": map[string]any{"type": "integer"}},
			}},
		},
	})
}

// operation describes a route.
func (t route) operation() map[string]any {
	wrong := map[string]any{"description": "It was refused; the text says why.",
		"content": map[string]any{"application/json": map[string]any{"schema": map[string]any{"$ref": "#/components/schemas/Error"}}}}
	answers := map[string]any{"2XX": map[string]any{"description": "It was done, or this is it."}, "4XX": wrong}
	if strings.HasPrefix(t.path, "/websockets/") {
		answers = map[string]any{"101": map[string]any{"description": "The WebSocket is open."}, "4XX": wrong, "503": wrong}
	}
	o := map[string]any{"summary": t.about, "responses": answers}
	var given []any
	for _, m := range placeholder.FindAllStringSubmatch(t.path, -1) {
		given = append(given, map[string]any{"name": m[1], "in": "path", "required": true, "schema": map[string]any{"type": "string"}})
	}
	for _, name := range queries[t.path] {
		given = append(given, map[string]any{"name": name, "in": "query", "schema": map[string]any{"type": "string"}})
	}
	if given != nil {
		o["parameters"] = given
	}
	if body, ok := bodies[t.path]; ok && t.method != "GET" {
		o["requestBody"] = map[string]any{"required": true, "content": map[string]any{body[0]: map[string]any{"schema": schemaOf(body[1:])}}}
	}
	if t.role != "" {
		o["security"] = []any{map[string]any{"token": []any{}}, map[string]any{"password": []any{}}, map[string]any{"session": []any{}}}
		o["description"] = "For those with the role " + t.role + "."
		if t.changes {
			o["security"] = []any{map[string]any{"token": []any{}}, map[string]any{"session": []any{}}}
		}
	}
	return o
}

// queries are the parameters of paths that take some.
var queries = map[string][]string{
	"/api/v1/logs":         {"level", "module", "limit"},
	"/api/v1/pack/diff":    {"revision"},
	"/websockets/get_logs": {"level", "module"},
	"/websockets/tap":      {"module", "where", "edge", "filter", "rate", "count"},
}

// bodies are the kinds of texts that paths take, with the names of what is in them.
var bodies = map[string][]string{
	"/api/v1/loglevel":          {"application/json", "module", "level", "seconds"},
	"/api/v1/config":            {"application/yaml"},
	"/api/v1/config/validate":   {"application/yaml"},
	"/api/v1/config/test":       {"application/json", "config", "lines"},
	"/api/v1/pack/approve":      {"application/json", "hash"},
	"/api/v1/pack/rollback":     {"application/json", "n"},
	"/api/v1/filter/test":       {"application/json", "filter", "event"},
	"/api/v1/regex/test":        {"application/json", "pattern", "text"},
	"/api/v1/pack/force-remove": {"application/json", "node"},
	"/login":                    {"application/x-www-form-urlencoded", "user", "password", "next"},
}

func schemaOf(names []string) map[string]any {
	if len(names) == 0 {
		return map[string]any{"type": "string"}
	}
	properties := map[string]any{}
	for _, name := range names {
		properties[name] = map[string]any{}
	}
	return map[string]any{"type": "object", "properties": properties}
}
