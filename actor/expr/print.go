package expr

import (
	"strconv"
	"strings"

	"gambolputty/actor/event"
)

// String writes the tree with all parentheses, as the filter command shows it.
func (n *node) String() string {
	if n == nil {
		return ""
	}
	var args []string
	for _, a := range n.args {
		args = append(args, a.String())
	}
	switch n.kind {
	case nodeLiteral:
		return literalText(n.value)
	case nodeRef:
		return "$(" + n.ref.text + ")"
	case nodeInternal:
		return "$(internal." + n.op + ")"
	case nodeEvent, nodeVar:
		return n.op
	case nodeList:
		if n.op == "tuple" {
			return "(" + strings.Join(args, ", ") + ",)"
		}
		return "[" + strings.Join(args, ", ") + "]"
	case nodeDict:
		var pairs []string
		for i := 0; i+1 < len(args); i += 2 {
			pairs = append(pairs, args[i]+": "+args[i+1])
		}
		return "{" + strings.Join(pairs, ", ") + "}"
	case nodeNot:
		return "(not " + args[0] + ")"
	case nodeSign:
		return "(" + n.op + args[0] + ")"
	case nodeIndex:
		return args[0] + "[" + args[1] + "]"
	case nodeSlice:
		return args[0] + "[" + strings.TrimSuffix(strings.Join(args[1:], ":"), ":") + "]"
	case nodeMethod:
		return args[0] + "." + n.op + "(" + strings.Join(args[1:], ", ") + ")"
	case nodeCall:
		return n.op + "(" + strings.Join(args, ", ") + ")"
	case nodeChoice:
		return "(" + args[1] + " if " + args[0] + " else " + args[2] + ")"
	case nodeEach:
		text := "[" + args[0] + " for " + n.op + " in " + args[1]
		if args[2] != "" {
			text += " if " + args[2]
		}
		return text + "]"
	}
	return "(" + strings.Join(args, " "+n.op+" ") + ")"
}

func literalText(v event.Value) string {
	if v.IsString() {
		return "'" + strings.ReplaceAll(strings.Trim(strconv.Quote(v.Str()), `"`), "'", `\'`) + "'"
	}
	return v.Text()
}
