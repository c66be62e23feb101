# Runs the program of an ExecPython module. The first line of the standard input is the program,
# each further line a request; for each of them a line is written to the standard output.
import ast
import json
import os
import signal
import sys
import traceback

NAME = "<program>"


class Event(dict):
    """An event whose keys may be paths; a key that is there as it stands wins."""

    def _steps(self, key):
        if not isinstance(key, str) or "." not in key or dict.__contains__(self, key):
            return None
        return key.split(".")

    @staticmethod
    def _index(steps, node):
        step = steps[0]
        return int(step) if isinstance(node, list) else step

    def _parent(self, steps, create=False):
        node = self
        while len(steps) > 1:
            at = self._index(steps, node)
            if create and isinstance(node, dict) and not dict.__contains__(node, at):
                dict.__setitem__(node, at, {})
            node = dict.__getitem__(node, at) if isinstance(node, dict) else node[at]
            steps = steps[1:]
        return node, self._index(steps, node)

    def __getitem__(self, key):
        steps = self._steps(key)
        if steps is None:
            return dict.__getitem__(self, key)
        try:
            node, at = self._parent(steps)
            if not isinstance(node, (dict, list)):
                raise KeyError(key)
            return node[at]
        except (KeyError, IndexError, TypeError, ValueError):
            raise KeyError(key)

    def __setitem__(self, key, value):
        steps = self._steps(key)
        if steps is None:
            dict.__setitem__(self, key, value)
            return
        node, at = self._parent(steps, True)
        if isinstance(node, list) and at == len(node):
            node.append(value)
        elif isinstance(node, dict):
            dict.__setitem__(node, at, value)
        else:
            node[at] = value

    def __delitem__(self, key):
        steps = self._steps(key)
        if steps is None:
            dict.__delitem__(self, key)
            return
        node, at = self._parent(steps)
        del node[at]

    def __contains__(self, key):
        try:
            self[key]
        except KeyError:
            return False
        return True

    has_key = __contains__

    def get(self, key, default=None):
        try:
            return self[key]
        except KeyError:
            return default

    def setdefault(self, key, default=None):
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key, *default):
        try:
            value = self[key]
        except KeyError:
            if default:
                return default[0]
            raise
        del self[key]
        return value

    def update(self, *args, **named):
        for key, value in dict(*args, **named).items():
            self[key] = value


def first_level(tree):
    """The functions, imports and constants of a program, which on_interval may need."""
    kept = []
    for node in tree.body:
        constant = isinstance(node, ast.Assign) and all(isinstance(t, ast.Name) for t in node.targets)
        if constant:
            try:
                ast.literal_eval(node.value)
            except (ValueError, TypeError, SyntaxError):
                constant = False
        if constant or isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)):
            kept.append(node)
    return kept


def parse(source):
    """The statements of a program, indented or not."""
    lines = [l for l in source.splitlines() if l.strip() and not l.lstrip().startswith("#")]
    if lines and lines[0][:1] in " \t":
        tree = ast.parse("if True:\n" + source + "\n", NAME)
        ast.increment_lineno(tree, -1)
        return ast.Module(tree.body[0].body, [])
    return ast.parse(source + "\n", NAME)


class Program(object):
    def __init__(self, setup):
        self.emitted = []
        self.names = {"state": {}, "emit": self.emitted.append, "__name__": "program"}
        for name in ("base64", "datetime", "hashlib", "json", "math", "random", "re", "string", "time", "uuid"):
            self.names[name] = __import__(name)
        for name in setup["imports"]:
            __import__(name)
            self.names[name.split(".")[0]] = sys.modules[name.split(".")[0]]
        exec(compile(ast.Module(first_level(parse(setup["source"])), []), NAME, "exec"), self.names)
        self.interval = self.names.get(setup["function"])
        shell = ast.parse("def program(event):\n pass\n", NAME)
        shell.body[0].body = parse(setup["source"]).body or shell.body[0].body
        exec(compile(shell, NAME, "exec"), self.names)

    def call(self, function, *args):
        del self.emitted[:]
        answer = {}
        try:
            answer["returned"] = function(*args)
        except Exception as e:
            lines = [f[1] for f in traceback.extract_tb(sys.exc_info()[2]) if f[0] == NAME]
            answer["error"] = "%s%s: %s" % ("line %d: " % lines[-1] if lines else "", type(e).__name__, e)
        answer["emitted"] = list(self.emitted)
        return answer

    def answer(self, request):
        if "event" not in request:
            return self.call(self.interval, self.names["state"])
        event = Event(request["event"])
        answer = self.call(self.names["program"], event)
        if answer.get("returned") is event:
            answer["returned"] = None
        answer["event"] = event
        return answer


def dump(answer):
    try:
        return json.dumps(answer, default=str)
    except Exception as e:
        return json.dumps({"error": "the result cannot be written as JSON: %s" % e})


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the program prints must not get between the answers
    program = None
    for line in iter(requests.readline, b""):
        request = json.loads(line.decode("utf-8", "replace"))
        if program is None:
            try:
                program = Program(request)
                answer = "{}"
            except BaseException as e:
                answer = dump({"error": "".join(traceback.format_exception_only(type(e), e)).strip()})
        else:
            answer = dump(program.answer(request))
        answers.write(answer.encode("ascii") + b"\n")
        answers.flush()


main()
