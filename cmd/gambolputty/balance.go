package main

import (
	"log/slog"

	"gambolputty/actor"
)

// figures are the attributes of a log line about a balance.
func figures(b actor.Balance) []any {
	return []any{
		"accepted", b.Accepted, "made", b.Made, "delivered", b.Delivered, "dead_lettered", b.DeadLettered, "dropped", b.Dropped,
		"ended", b.Ended, "absorbed", b.Absorbed, "buffered", b.Buffered, "in_flight", b.InFlight, "lost", b.Lost,
	}
}

// logBalance says at the end what has become of all events.
func logBalance(log *slog.Logger, b actor.Balance) {
	log.Info("balance", figures(b)...)
	if err := b.Err(); err != nil {
		log.Error("events are not accounted for, please report this", "error", err)
	}
}
