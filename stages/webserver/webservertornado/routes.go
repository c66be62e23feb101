package webservertornado

import (
	"net/http"
	"net/http/pprof"
)

// route is a path with what is asked of those who want to see it.
type route struct {
	method, path string
	role         string // "" lets everybody in
	changes      bool   // it changes something, so that more is asked than a role
	about        string // one sentence
	do           http.HandlerFunc
}

// routes are all paths but those of the modules that add pages.
func (s *server) routes() []route {
	metrics := route{"GET", "/metrics", "", false, "Counters for Prometheus.", s.metrics()}
	if s.opts.MetricsAuth {
		metrics.role = viewer
	}
	list := []route{
		{"GET", "/healthz", "", false, "Whether events flow.", s.health},
		{"GET", "/readyz", "", false, "Whether all modules have started.", s.ready},
		metrics,
		{"GET", "/rest/server/info", viewer, false, "The machine, the process, and the list of modules.", s.info},
		{"GET", "/actions/get_server_info", viewer, false, "The same under its former path.", s.info},
		{"GET", "/rest/server/statistics", viewer, false, "Events received, by type, and events waiting.", s.statistics},
		{"GET", "/rest/server/configuration", viewer, false, "Every module with all of its options.", s.configuration},
		{"GET", "/api/v1/me", viewer, false, "Who asks, and what he may do.", s.me},
		{"GET", "/api/v1/modules", viewer, false, "State and counters of all modules.", s.modules},
		{"GET", "/api/v1/modules/{id}", viewer, false, "State, counters and options of a module.", s.module},
		{"GET", "/api/v1/modules/{id}/history", viewer, false, "What a module did in each of the last 300 seconds.", s.history},
		{"GET", "/api/v1/statistics", viewer, false, "What the statistics stream said last, for those without WebSockets.", s.latest},
		{"GET", "/api/v1/history", viewer, false, "What the program did in each of the last 300 seconds.", s.history},
		{"POST", "/api/v1/modules/{id}/{command}", admin, true, "Asks a module to pause, resume, restart or flush.", s.command},
		{"GET", "/api/v1/topology", viewer, false, "Modules and what flows between them.", s.topology},
		{"GET", "/api/v1/logs", viewer, false, "The last lines of the log, from a level on, of a module, up to a limit.", s.logs},
		{"PUT", "/api/v1/loglevel", admin, true, "Sets the level of the log for a while.", s.logLevel},
		{"GET", "/api/v1/config", viewer, false, "The text of the configuration with secrets masked.", s.configText},
		{"PUT", "/api/v1/config", admin, true, "Writes the file of the configuration and puts it into effect. If-Match must hold the hash of the former one.", s.putConfig},
		{"POST", "/api/v1/config/validate", viewer, false, "Checks the text of a configuration.", s.validate},
		{"POST", "/api/v1/config/test", admin, false, "Runs lines through a configuration without opening anything.", s.rehearse},
		{"POST", "/api/v1/filter/test", viewer, false, "Tries a filter on an event.", s.tryFilter},
		{"POST", "/api/v1/regex/test", viewer, false, "Tries a regular expression on a text.", s.tryRegex},
		{"GET", "/api/v1/classes", viewer, false, "All kinds of modules.", s.classes},
		{"GET", "/api/v1/classes/{name}", viewer, false, "The description of a kind of module.", s.class},
		{"GET", "/api/v1/pack", viewer, false, "The nodes of the pack, its leader, and what has become of its configuration.", s.packView},
		{"POST", "/api/v1/pack/approve", admin, true, "Lets the revision with a hash be used that waits for approval.", s.approve},
		{"POST", "/api/v1/pack/rollback", admin, true, "Makes a former revision the newest one, by default the one before that which runs, and tells its number.", s.rollback},
		{"GET", "/api/v1/pack/history", viewer, false, "The last revisions, and who did what about them.", s.packHistory},
		{"GET", "/api/v1/pack/diff", viewer, false, "What the revision that waits would change, or one of the history.", s.packDifference},
		{"POST", "/api/v1/pack/step-down", admin, true, "Makes this node, if it was elected, hand the role of the leader to another one.", s.stepDown},
		{"POST", "/api/v1/pack/leave", admin, true, "Makes this node leave the pack, while its events go on.", s.leavePack},
		{"POST", "/api/v1/pack/force-remove", admin, true, "Removes a node that is dead or has left from the pack and from its voters.", s.removeFromPack},
		{"GET", "/api/v1/openapi.json", viewer, false, "This description.", s.openAPI},
		{"POST", "/api/v1/reload", admin, true, "Reads the configuration again, puts it into effect, and tells what has changed.", s.reload},
		{"POST", "/rest/server/restart", admin, true, "The same under its former path, without waiting for it.", s.restart},
		{"POST", "/actions/restart", admin, true, "The same under the oldest path.", s.restart},
		{"POST", "/api/v1/stop", admin, true, "Delivers what is under way and ends the program.", s.stopProgram},
		{"GET", "/websockets/statistics", viewer, false, "WebSocket with what happens, each second.", s.liveStatistics},
		{"GET", "/websockets/get_logs", viewer, false, "WebSocket with the log.", s.liveLogs},
		{"GET", "/websockets/tap", admin, false, "WebSocket with the events that pass a module.", s.liveTap},
	}
	if s.opts.protected() {
		list = append(list,
			route{"POST", "/login", "", false, "Takes the form of the login page.", s.login},
			route{"POST", "/logout", "", false, "Ends the session.", s.logout})
	}
	if s.oidc != nil {
		list = append(list,
			route{"GET", "/login/oidc", "", false, "Begins a login with the provider.", s.sendToProvider},
			route{"GET", callbackPath, "", false, "Ends a login with the provider.", s.backFromProvider})
	}
	if s.opts.Profiles {
		list = append(list,
			route{"GET", "/debug/pprof/", admin, false, "Profiles of the program.", pprof.Index},
			route{"GET", "/debug/pprof/cmdline", admin, false, "The command line.", pprof.Cmdline},
			route{"GET", "/debug/pprof/profile", admin, false, "A profile of the CPU.", pprof.Profile},
			route{"GET", "/debug/pprof/symbol", admin, false, "Names of addresses.", pprof.Symbol},
			route{"GET", "/debug/pprof/trace", admin, false, "A trace.", pprof.Trace})
	}
	return list
}
